"""How a verdict is reached: the one protocol for every judge, written out in docs/verdict.md.

A verdict is the mean over K fixed perturbations of the distance between a picture and a reference, which is
itself the mean embedding over the portrait's perturbations (and over several portraits, where there are
several). *Same* means that this mean distance is at most the judge's threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.common.errors import NoUsableFace
from engine.judges.base import Affine, Judge
from engine.judges.perturbations import WORST_CASE, Perturbation, perturbations

K = 8
"""Perturbations a verdict; why eight, in docs/verdict.md."""

REFERENCE_K = 16
"""Perturbations of each portrait in the reference."""


@dataclass(frozen=True)
class Reference:
    """The sitter as one judge knows them: `alignment` (2, 3) of every picture, `embedding` (D,)."""

    alignment: Affine
    embedding: NDArray[np.float32]


@dataclass(frozen=True)
class Verdict:
    """What a judge says of a picture.

    distance: mean over the perturbations, in the judge's metric. same: whether that is within the threshold.
    worst_distance: the smallest, where the picture looked most like the sitter. spread: standard deviation
    over the perturbations. seen: how many of them the judge found a face in, which are those that count.
    Where it finds none in the picture: infinite distances, spread 0, not same.
    """

    distance: float
    same: bool
    worst_distance: float
    spread: float
    seen: int

    @property
    def error(self) -> float:
        """The standard error of the mean distance."""
        return self.spread / max(self.seen, 1) ** 0.5


def make_reference(
    judge: Judge,
    portraits: Sequence[tuple[Pixels, NDArray[np.float32]]],
    seed: int = 0,
    k: int = REFERENCE_K,
) -> Reference:
    """The reference from one or more portraits.

    portraits: pairs of a picture uint8 (R, R, 3) RGB and landmarks (478, 2) in its pixels. Each is embedded
    in its own alignment; the first one is the visit's portrait, whose alignment all pictures share. Raises
    NoUsableFace if the judge sees a face in none of them.
    """
    alignments = [judge.align(picture, landmarks) for picture, landmarks in portraits]
    changes = perturbations(seed, k)
    seen = [
        judge.describe([picture], alignment, changes)[0]
        for (picture, _), alignment in zip(portraits, alignments, strict=True)
    ]
    embeddings = np.concatenate(seen)
    if np.isnan(embeddings).any(axis=1).all():
        raise NoUsableFace(
            "none", f"The judge {judge.name} sees no face in the portrait: take another photograph."
        )
    return Reference(alignments[0], judge.centre(embeddings))


def judge_pictures(
    judge: Judge, reference: Reference, pictures: Sequence[Pixels], seed: int = 0, k: int = K
) -> list[Verdict]:
    """One verdict for each picture uint8 (R, R, 3) RGB, all under the same perturbations."""
    distances = _distances(judge, reference, pictures, perturbations(seed, k))
    return [_verdict(row, judge.threshold) for row in distances]


def judge_worst_case(
    judge: Judge,
    reference: Reference,
    pictures: Sequence[Pixels],
    changes: Sequence[Perturbation] = WORST_CASE,
) -> list[Verdict]:
    """The same under the harsher list; a doppelgänger holds while `worst_distance` is above the threshold."""
    distances = _distances(judge, reference, pictures, changes)
    return [_verdict(row, judge.threshold) for row in distances]


def _distances(
    judge: Judge, reference: Reference, pictures: Sequence[Pixels], changes: Sequence[Perturbation]
) -> NDArray[np.float64]:
    if not pictures:
        return np.zeros((0, len(changes)))
    return judge.distance(judge.describe(pictures, reference.alignment, changes), reference.embedding)


def _verdict(distances: NDArray[np.float64], threshold: float) -> Verdict:
    seen = distances[~np.isnan(distances)]
    if not len(seen):
        return Verdict(float("inf"), False, float("inf"), 0.0, 0)
    mean = float(seen.mean())
    return Verdict(mean, mean <= threshold, float(seen.min()), float(seen.std()), len(seen))
