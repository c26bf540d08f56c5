"""Finds rendered people in a generator made of nobody: those who play in attract, and sit without a camera.

    python -m training.nobody.people weights/nobody.safetensors RENDERS weights/nobody-encoder.safetensors \\
        --export weights/nobody-people.safetensors --sheet weights/nobody/people.png

Random people whom a judge tells from the median face are mostly those that dissolve. Somebody whom the
generator was taught, searched as a sitter is, does not. Taken are those whose match dlib clearly tells from
the median face, each as unlike all before as can be; or those renders that `--names` names.

A place in W+ alone draws them softly. So each one's detail is learned into the noise maps that a visit's
tuning fills, too; the weights stay, since they would make the file a hundred times larger. The file
(`engine.pipeline.people_file`) names the generator by its sha256: a new generator needs a new file. It is
written anew with each person, and what is in it already serves as a beginning (`--begin`).
"""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from engine.common.errors import DoppelgangerError, NoUsableFace, UsageError, report_errors_in_one_line
from engine.faces.acceptance import FaceLimits, choose_sitter
from engine.faces.analyser import FaceAnalyser
from engine.inversion.projection import (
    Place,
    SearchSettings,
    draw,
    fast_dtype,
    guess_place,
    median_face,
    search_latent,
    tune,
)
from engine.inversion.target import aim_at
from engine.judges.base import Judge
from engine.judges.registry import panel
from engine.live.rigs.photograph import framed
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.pipeline.people import CLEARLY
from engine.pipeline.people_file import load_people, render_names, save_people
from engine.stylegan2.checkpoint import generator_sha256, load_generator
from engine.stylegan2.encoder import Encoder, load_encoder
from engine.stylegan2.network import Generator, to_uint8
from training.nobody.compose import COMPOSITION_DIMS, compose
from training.nobody.dataset import held_out, load_cutouts
from training.nobody.evaluation.embeddings import distances, embeddings
from training.nobody.evaluation.sharpness import fine_energy
from training.nobody.run_folder import add_threads, command_parser
from training.nobody.sheets import banded_sheet

log = logging.getLogger(__name__)

# The latent follows slowly: what structure is left it shall take, and leave the detail to the maps.
SETTINGS = SearchSettings(steps=200, tuning_steps=80, tuning_rate=0.0, pivot_rate=0.03)
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


@dataclass(frozen=True, eq=False)
class Found:
    """A render that was found in the generator. picture: uint8 (R, R, 3), as the generator draws it there."""

    name: str
    place: Place
    picture: Array


def search(
    generator: Generator,
    encoder: Encoder,
    finder: FaceAnalyser,
    photograph: Array,
    begin: Place | None = None,
) -> Place:
    """Where somebody on a photograph uint8 (R, R, 3) in FFHQ framing lies in W+, and their noise maps.

    begin: where they lie by an earlier search; only a place without maps is searched on.
    Raises NoUsableFace where the installation would not take the photograph.
    """
    if begin is not None and begin.offsets:
        return begin
    face = choose_sitter(finder.find(photograph), LIMITS)
    target = aim_at(
        framed(photograph, face, generator.resolution),
        generator.resolution,
        NormalisedLaplacianPyramid(),
        generator.device,
    )
    settings = replace(SETTINGS, dtype=fast_dtype(generator.device))
    if begin is None:
        start = guess_place(generator, encoder, target.picture)
        *_, last = search_latent(generator, target.loss, settings, start)
        begin = last.place
    *_, tuned = tune(generator, target.loss, begin, settings)
    return tuned.place


def find(
    generator: Generator,
    encoder: Encoder,
    judge: Judge,
    renders: Mapping[str, Array],
    names: Sequence[str] = (),
    begin: Mapping[str, Place] = MappingProxyType({}),
) -> Iterator[Found]:
    """People on renders uint8 (R, R, 3), by name. names: those to take; none: as unlike as can be.

    begin: by name, where an earlier search has found somebody.
    """
    median = embeddings(judge, to_uint8(draw(generator, median_face(generator))).numpy())
    far = CLEARLY * judge.threshold
    with FaceAnalyser() as finder:
        for name in names or _unlike(judge, renders, median, far + SEARCH_LOSS * judge.threshold):
            try:
                place = search(generator, encoder, finder, renders[name], begin.get(name))
            except NoUsableFace:
                log.warning("passed over: the installation would not take %s", name)
                continue
            with torch.no_grad():
                (picture,) = to_uint8(draw(generator, place)).numpy()
            distance = float(distances(embeddings(judge, picture[None]), median)[0, 0])
            if distance > far:
                yield Found(name, place, picture)
            else:
                log.warning("passed over: the match of %s is near the median face (%.3f)", name, distance)


def _unlike(judge: Judge, renders: Mapping[str, Array], median: Array, far: float) -> Iterator[str]:
    """The names of renders farther from the median face's embedding than that, as unlike as can be."""
    found = embeddings(judge, np.stack(list(renders.values())))
    from_median = distances(found, median)[:, 0]
    rows = np.flatnonzero(from_median > far)
    if not len(rows):
        raise DoppelgangerError("None of the renders is far enough from the median face.")
    names = list(renders)
    for row in rows[list(in_contrast(found[rows], int(from_median[rows].argmax())))]:
        yield names[row]


@report_errors_in_one_line
def main(words: list[str] | None = None) -> int:
    parser = command_parser("people", __doc__)
    parser.add_argument("generator", type=Path)
    parser.add_argument("renders", type=Path, help="a tar or a folder of cut-outs that it was taught")
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--count", type=int, default=15)
    parser.add_argument("--names", nargs="+", default=[], help="these renders, in this order")
    parser.add_argument(
        "--begin", type=Path, nargs="+", default=[], help="earlier files of people of this generator"
    )
    parser.add_argument("--export", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, help="a picture of them all, five in a row")
    add_threads(parser)
    args = parser.parse_args(words)
    torch.set_num_threads(args.threads)
    generator, (encoder, _) = load_generator(args.generator), load_encoder(args.encoder)
    (judge,) = panel(["dlib"])
    sha256 = generator_sha256(args.generator)
    renders = _composed(args.renders, generator.resolution)
    if unknown := [name for name in args.names if name not in renders]:
        raise UsageError(f"{args.renders}: holds no {unknown[0]} that the generator was taught.")
    begin: dict[str, Place] = {}
    for path in args.begin:
        people, of = load_people(path, generator)
        if of != sha256:
            raise UsageError(f"{path}: its people lie in another generator; leave it out.")
        begin |= dict(zip(render_names(path), people, strict=False))
    count = len(args.names) or args.count
    found: list[Found] = []
    for each in tqdm(find(generator, encoder, judge, renders, args.names, begin), "people", count):
        found.append(each)
        save_people([e.place for e in found], args.export, sha256, [e.name for e in found])
        if args.sheet:
            banded_sheet([e.picture[None] for e in found], across=5).save(args.sheet)
        if len(found) == count:
            break
    if found:
        print(figures(generator, judge, found, renders))
    return 0


@torch.no_grad()
def figures(generator: Generator, judge: Judge, found: Sequence[Found], renders: Mapping[str, Array]) -> str:
    """A table: how sharp each is, as a share of the render's fine energy, and how far from the render."""
    soft = np.concatenate([to_uint8(draw(generator, Place(each.place.latent))).numpy() for each in found])
    sharp, own = np.stack([each.picture for each in found]), np.stack([renders[each.name] for each in found])
    energies = [fine_energy(pictures) / fine_energy(own) for pictures in (soft, sharp)]
    target = embeddings(judge, own)
    apart = [np.diag(distances(embeddings(judge, pictures), target)) for pictures in (soft, sharp)]
    rows = zip([each.name for each in found], *energies, *apart, strict=True)
    lines = [f"{name:12}{a:8.3f}{b:8.3f}{c:12.3f}{d:8.3f}" for name, a, b, c, d in rows]
    middle = [float(np.median(each)) for each in (*energies, *apart)]
    lines.append("{:12}{:8.3f}{:8.3f}{:12.3f}{:8.3f}".format("median", *middle))
    return "\n".join([f"{'render':12}{'sharp: W+':>8}{'maps':>7}{'dlib: W+':>12}{'maps':>8}", *lines])


def _composed(path: Path, resolution: int) -> dict[str, Array]:
    """The renders that the generator was taught, before grounds, by name: uint8 (R, R, 3)."""
    names, cutouts = load_cutouts(path, resolution)
    taught = ~held_out(names)
    random = torch.Generator().manual_seed(0)
    composition = COMPOSITION_SPREAD * torch.randn(len(names), COMPOSITION_DIMS, generator=random)
    pictures = to_uint8(compose(cutouts[taught], composition[taught])).numpy()
    return dict(zip(np.array(names)[taught].tolist(), pictures, strict=True))


if __name__ == "__main__":
    sys.exit(main())
