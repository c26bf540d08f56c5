"""Finds rendered people in a generator made of nobody: those who play in attract, and sit without a camera.

    python -m training.nobody.people weights/nobody.safetensors RENDERS weights/nobody-encoder.safetensors \\
        --export weights/nobody-people.safetensors --sheet weights/nobody/people.png

Random people whom a judge tells from the median face are mostly those that dissolve. Somebody whom the
generator was taught, searched as a sitter is, does not. Taken are those whose match dlib clearly tells from
the median face, each as unlike all before as can be. The file holds their places in W+
(`engine.pipeline.people`) and names the generator by its sha256: a new generator needs a new file. It is
written anew with each person.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from engine.common.errors import DoppelgangerError, NoUsableFace, report_errors_in_one_line
from engine.faces.acceptance import FaceLimits
from engine.faces.analyser import FaceAnalyser
from engine.faces.sitter import find_sitter
from engine.inversion.projection import (
    SearchSettings,
    draw,
    fast_dtype,
    guess_place,
    median_face,
    search_latent,
)
from engine.inversion.target import aim_at
from engine.judges.base import Judge
from engine.judges.registry import panel
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.pipeline.people import CLEARLY, save_people
from engine.stylegan2.checkpoint import generator_sha256, load_generator
from engine.stylegan2.encoder import Encoder, load_encoder
from engine.stylegan2.network import Generator, to_uint8
from training.nobody.compose import COMPOSITION_DIMS, compose
from training.nobody.dataset import held_out, load_cutouts
from training.nobody.evaluation.embeddings import distances, embeddings
from training.nobody.run_folder import add_threads, command_parser
from training.nobody.sheets import banded_sheet

PORTRAIT_PX = 512
LIMITS = FaceLimits(max_yaw_deg=30.0)  # photographs may have 40; a synthetic sitter follows no guidance
SEARCH_LOSS = 0.08  # share of the threshold by which a match lies nearer to the median face than its render
COMPOSITION_SPREAD = 0.6  # of grounds and exposures, relative to the training pictures

Array = NDArray[Any]


def in_contrast(found: Array, first: int) -> Iterator[int]:
    """Rows of embeddings (N, D), `first` and then always the one farthest from all before."""
    nearest = distances(found, found[first : first + 1])[:, 0]
    yield first
    for _ in range(len(found) - 1):
        following = int(nearest.argmax())
        yield following
        nearest = np.minimum(nearest, distances(found, found[following : following + 1])[:, 0])


def search(generator: Generator, encoder: Encoder, finder: FaceAnalyser, photograph: Array) -> torch.Tensor:
    """Where somebody on a photograph uint8 (R, R, 3) lies in W+ (1, num_ws, w_dim), found as a sitter is.

    Raises NoUsableFace where the installation would not take the photograph.
    """
    portrait = find_sitter(finder, photograph, LIMITS, PORTRAIT_PX).portrait
    target = aim_at(portrait, generator.resolution, NormalisedLaplacianPyramid(), generator.device)
    start = guess_place(generator, encoder, target.picture)
    settings = SearchSettings(steps=200, dtype=fast_dtype(generator.device))
    *_, last = search_latent(generator, target.loss, settings, start)
    return last.place.latent.half().float().cpu()  # as the file keeps it


def find(
    generator: Generator, encoder: Encoder, judge: Judge, photographs: Array
) -> Iterator[tuple[torch.Tensor, Array]]:
    """Latents (1, num_ws, w_dim) and pictures uint8 (R, R, 3) of people on photographs uint8 (N, R, R, 3)."""
    median = embeddings(judge, to_uint8(draw(generator, median_face(generator))).numpy())
    far = CLEARLY * judge.threshold
    found = embeddings(judge, photographs)
    from_median = distances(found, median)[:, 0]
    rows = np.flatnonzero(from_median > far + SEARCH_LOSS * judge.threshold)
    if not len(rows):
        raise DoppelgangerError("None of the renders is far enough from the median face.")
    with FaceAnalyser() as finder:
        for row in rows[list(in_contrast(found[rows], int(from_median[rows].argmax())))]:
            try:
                latent = search(generator, encoder, finder, photographs[row])
            except NoUsableFace:
                continue
            with torch.no_grad():
                picture = to_uint8(generator.synthesis(latent.to(generator.device))).numpy()
            if distances(embeddings(judge, picture), median)[0, 0] > far:
                yield latent, picture[0]


@report_errors_in_one_line
def main(words: list[str] | None = None) -> int:
    parser = command_parser("people", __doc__)
    parser.add_argument("generator", type=Path)
    parser.add_argument("renders", type=Path, help="a tar or a folder of cut-outs that it was taught")
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--count", type=int, default=15)
    parser.add_argument("--export", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, help="a picture of them all, five in a row")
    add_threads(parser)
    args = parser.parse_args(words)
    torch.set_num_threads(args.threads)
    generator, (encoder, _) = load_generator(args.generator), load_encoder(args.encoder)
    (judge,) = panel(["dlib"])
    names, cutouts = load_cutouts(args.renders, generator.resolution)
    taught = torch.from_numpy(~held_out(names))
    random = torch.Generator().manual_seed(0)
    composition = COMPOSITION_SPREAD * torch.randn(len(names), COMPOSITION_DIMS, generator=random)
    photographs = to_uint8(compose(cutouts[taught], composition[taught])).numpy()
    sha256 = generator_sha256(args.generator)
    latents, pictures = [], []
    for latent, picture in tqdm(find(generator, encoder, judge, photographs), "people", args.count):
        latents.append(latent)
        pictures.append(picture)
        save_people(torch.cat(latents), args.export, sha256)
        if args.sheet:
            banded_sheet([picture[None] for picture in pictures], across=5).save(args.sheet)
        if len(latents) == args.count:
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
