"""What judges make of changed photographs: whom they still recognise, and how alike the pictures look.

Every judge knows each person by a reference (another photograph, or the original itself), and is asked about
the original and about the changed picture under the protocol of docs/verdict.md, each in its own alignment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.faces.alignment import Portrait
from engine.judges.base import Judge
from engine.judges.calibration import Rate
from engine.judges.judging import Reference, make_reference
from engine.judges.perturbations import perturbations
from engine.judges.verdict import average_verdict
from engine.perceptual.frechet import FEWEST_FOR_FRECHET, frechet_distance, pooled_features
from engine.perceptual.visible_change import picture_likeness
from engine.stylegan2.encoder import Encoder

COMPARED_PX = 256
"""Pictures are compared as FFHQ crops of this size, portraits have it."""


@dataclass(frozen=True, eq=False)
class Pair:
    """The crops of one pair, `COMPARED_PX` wide. known_by: what the judges' reference is made of; may be the
    original itself. changed: None where no face was found in the changed picture. beside: the changed picture
    in the original's crop, None where the two pictures have different sizes."""

    known_by: Portrait
    original: Portrait
    changed: Portrait | None
    beside: Portrait | None


@dataclass(frozen=True)
class Recognition:
    """What one judge makes of one side of all pairs: the originals, or the changed pictures.

    recognised: of its own people, those whom it calls the same. found_first: those whose own reference is
    nearer than everybody else's. strangers: of the pairs with somebody else's reference, those that it calls
    the same. distance: the median of its own people, in the judge's metric.
    """

    recognised: Rate
    found_first: Rate
    strangers: Rate
    distance: float


@dataclass(frozen=True)
class JudgeComparison:
    """One judge before and after the change."""

    before: Recognition
    after: Recognition


@dataclass(frozen=True)
class Likeness:
    """How alike both pictures of the pairs look: medians, and the Fréchet distance of the two sets by the
    encoder's features, None of fewer than three pairs. compared: how many pairs show a face in both."""

    compared: int
    rmse: float | None
    psnr_db: float | None
    ssim: float | None
    frechet: float | None


def compare(judge: Judge, pairs: Sequence[Pair], seed: int = 0) -> JudgeComparison:
    """Asks a judge. A picture without a face is infinitely far away. Raises NoUsableFace where the judge sees
    no face in a picture that people are known by."""
    references = [
        make_reference(judge, [(pair.known_by.image, pair.known_by.landmarks)], seed) for pair in pairs
    ]
    sides = ([pair.original for pair in pairs], [pair.changed for pair in pairs])
    return JudgeComparison(
        *(_recognition(judge, _distances(judge, side, references, seed)) for side in sides)
    )


def compare_pictures(pairs: Sequence[Pair], encoder: Encoder) -> Likeness:
    """Measures how alike the pictures look, as far as both show a face."""
    shown = [(pair.original.image, (pair.beside or pair.changed)) for pair in pairs if pair.changed]
    couples = [(original, other.image) for original, other in shown if other is not None]
    if not couples:
        return Likeness(0, None, None, None, None)
    figures = [picture_likeness(changed, original) for original, changed in couples]
    medians = {name: float(np.median([each[name] for each in figures])) for name in figures[0]}
    frechet = None
    if len(couples) >= FEWEST_FOR_FRECHET:
        before, after = (pooled_features(encoder, np.stack(side)) for side in zip(*couples, strict=True))
        # Of equal sets it is 0 but for rounding, which may fall below.
        frechet = max(0.0, frechet_distance(before, after))
    return Likeness(len(couples), medians["rmse"], medians["psnr_db"], medians["ssim"], frechet)


def _distances(
    judge: Judge, side: Sequence[Portrait | None], references: Sequence[Reference], seed: int
) -> NDArray[np.float64]:
    """Distances (N, N) of each picture (rows) to each reference; infinite where there is no face."""
    found = np.full((len(side), len(references)), np.inf)
    for row, shot in enumerate(side):
        if shot is None:
            continue
        alignment = judge.align(shot.image, shot.landmarks)
        embeddings = judge.describe([shot.image], alignment, perturbations(seed))[0]
        for column, reference in enumerate(references):
            each = judge.distance(embeddings, reference.embedding)
            found[row, column] = average_verdict(judge.name, judge.threshold, each).distance
    return found


def _recognition(judge: Judge, distances: NDArray[np.float64]) -> Recognition:
    people = len(distances)
    own = np.diag(distances)
    others = np.where(np.eye(people, dtype=bool), np.inf, distances)
    strangers = int((others <= judge.threshold).sum())
    return Recognition(
        recognised=Rate(int((own <= judge.threshold).sum()), people),
        found_first=Rate(int((own < others.min(axis=1)).sum()), people),
        strangers=Rate(strangers, people * (people - 1)),
        distance=float(np.median(own)),
    )
