"""A verdict: what one judge says of one picture. The one type for it, from the engine to the scenes.

This module needs numpy alone, so that programs without a network can have verdicts. Who makes them is
`engine.judges.judging`; the protocol is written out in docs/verdict.md.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Verdict:
    """What a judge says of a picture: the same person as the sitter, or someone else.

    Distances are in the judge's own metric; smaller is more alike.

    Attributes:
        judge: the judge's name.
        threshold: the largest distance that still means *same person*.
        distance: the mean over the perturbations in which the judge found a face; infinite where there is
            none.
        measured: False where the judge found no face, or where the distance is interpolated between
            neighbouring pictures.
        worst_distance: the smallest distance over the perturbations, where the picture looked most like the
            sitter; NaN where it was not kept.
        spread: the standard deviation over the perturbations; NaN where it was not kept.
        faces: in how many perturbations the judge found a face; 0 where that was not kept.
    """

    judge: str
    threshold: float
    distance: float
    measured: bool = True
    worst_distance: float = math.nan
    spread: float = math.nan
    faces: int = 0

    @property
    def same(self) -> bool:
        """Whether the judge takes the picture for the sitter's."""
        return self.distance <= self.threshold

    @property
    def error(self) -> float:
        """The standard error of the mean distance."""
        return self.spread / max(self.faces, 1) ** 0.5


def average_verdict(judge: str, threshold: float, distances: NDArray[np.float64]) -> Verdict:
    """The verdict on one picture from its distances (K,) under K perturbations, NaN where no face was found.

    Perturbations without a face do not count. Where none has a face: infinite distances, spread 0, not
    measured.
    """
    found = distances[~np.isnan(distances)]
    if not len(found):
        return Verdict(judge, threshold, math.inf, False, math.inf, 0.0, 0)
    return Verdict(
        judge, threshold, float(found.mean()), True, float(found.min()), float(found.std()), len(found)
    )
