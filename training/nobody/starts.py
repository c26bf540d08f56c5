"""Does it help the search to begin where the encoder guesses? Searches from both starts, for several lengths.

    python -m training.nobody.starts weights/nobody.safetensors RENDERS ENCODER PHOTO ...

Prints one table: the search's own distance (mean) and dlib's (median, worst) after so many steps, from
the median face and from the encoder's guess, for the photographs (scikit-image's sample sitter among
them) and for renders that were never trained on. No steps: the median face and the guess themselves. A
search has a learning rate that rises and falls over its length, so each length is a search of its own;
the steps that lead to the guess count.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from engine.common.errors import report_errors_in_one_line
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
from engine.inversion.target import Target, aim_at
from engine.judges.base import Judge
from engine.judges.judging import Reference, judge_pictures, make_reference
from engine.judges.registry import panel
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.encoder import Encoder, load_encoder
from engine.stylegan2.network import Generator, to_uint8
from training.nobody.evaluation.sitters import sitters
from training.nobody.run_folder import add_threads, command_parser

PORTRAIT_PX = 512


@dataclass(frozen=True)
class Sitter:
    """Who is searched, and how the judge knows them."""

    name: str
    target: Target
    reference: Reference


@dataclass(frozen=True)
class Found:
    """Where a search of `steps` ended that began at `start`."""

    sitter: str
    start: str
    steps: int
    loss: float
    distance: float


def search_from_both(
    generator: Generator, encoder: Encoder, judge: Judge, sitter: Sitter, lengths: Sequence[int]
) -> Iterator[Found]:
    """Every length from the median face and from the guess; 0 steps is where a search begins."""
    dtype = fast_dtype(generator.device)
    # Without a start a search begins to optimise at once; it would walk to one, were it the median face.
    starts = {"median": None, "encoder": guess_place(generator, encoder, sitter.target.picture)}
    for name, start in starts.items():
        for steps in lengths:
            place = start or median_face(generator)
            if steps:
                *_, last = search_latent(
                    generator, sitter.target.loss, SearchSettings(steps=steps, dtype=dtype), start
                )
                place = last.place
            with torch.no_grad():
                picture = draw(generator, place)
                loss = float(sitter.target.loss(picture))
            (verdict,) = judge_pictures(judge, sitter.reference, [to_uint8(picture)[0].numpy()])
            yield Found(sitter.name, name, steps, loss, verdict.distance)


def table(found: Sequence[Found]) -> str:
    """Markdown: a line for each length, the two starts beside each other."""
    lines = [
        "| steps | distance, from the median | from the guess | dlib, from the median | from the guess |",
        "|---|---|---|---|---|",
    ]
    for steps in sorted({result.steps for result in found}):
        own = {
            start: [f for f in found if (f.start, f.steps) == (start, steps)]
            for start in ("median", "encoder")
        }
        losses = [f"{np.mean([f.loss for f in group]):.3f}" for group in own.values()]
        judged = [[f.distance for f in group] for group in own.values()]
        distances = [f"{np.median(group):.3f} ({max(group):.3f})" for group in judged]
        lines.append("| " + " | ".join([str(steps), *losses, *distances]) + " |")
    return "\n".join(lines)


@report_errors_in_one_line
def main(words: list[str] | None = None) -> int:
    parser = command_parser("starts", __doc__)
    parser.add_argument("generator", type=Path)
    parser.add_argument("renders", type=Path, help="a tar or a folder of cut-outs")
    parser.add_argument("encoder", type=Path)
    parser.add_argument("photographs", type=Path, nargs="*")
    parser.add_argument("--unseen", type=int, default=8, help="how many unseen renders")
    parser.add_argument("--steps", type=int, nargs="+", default=[0, 25, 50, 100, 200])
    add_threads(parser)
    args = parser.parse_args(words)
    torch.set_num_threads(args.threads)
    found: dict[str, list[Found]] = {"photographs": [], "unseen renders": []}
    generator, (encoder, _) = load_generator(args.generator), load_encoder(args.encoder)
    (judge,) = panel(["dlib"])
    people, photographs = sitters(args.photographs, args.renders, args.unseen)
    with FaceAnalyser() as finder:
        for name, picture in tqdm(people.items(), "sitters"):
            portrait = find_sitter(finder, picture, size_px=PORTRAIT_PX).portrait
            distance = NormalisedLaplacianPyramid()
            target = aim_at(portrait, generator.resolution, distance, generator.device)
            reference = make_reference(judge, [(portrait.image, portrait.landmarks)])
            group = found["photographs" if name in photographs else "unseen renders"]
            sitter = Sitter(name, target, reference)
            group += search_from_both(generator, encoder, judge, sitter, args.steps)
    for name, group in found.items():
        if group:
            print(f"\n{name}\n\n{table(group)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
