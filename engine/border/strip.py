"""A continuum ready to be played: its pictures in order, with the leading judge's verdict on each."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.common.arrays import Pixels
from engine.judges.verdict import Verdict

REST = 2  # in thresholds: where the needle rests while the judge sees no face


class NoBorderReason(StrEnum):
    """Why a continuum has no border."""

    ALWAYS = "always"  # recognised in every picture
    NEVER = "never"  # recognised in none
    UNDECIDED = "undecided"  # recognised here and there, or not seen


@dataclass(frozen=True, eq=False)
class Strip:
    """Pictures along a straight continuum with the verdicts of the judge whose border the visit shows.

    The verdicts are kept as columns, because a strip travels between processes in memory that is overwritten
    when the visit is erased; `verdict` gives the one on a picture.

    Attributes:
        pictures: uint8 (N, R, R, 3) RGB.
        t: (N,) ascending, 0 at the start of the continuum (the median face), 1 at the closest match.
        distances: (N,) in the judge's own metric, smaller = more alike; finite.
        measured: (N,) bool, False where the distance is interpolated between measured neighbours, or where
            the judge saw no face and the distance only says where the needle rests (`REST`).
        judge: the judge's name.
        threshold: the largest distance that still means *same person*.
        border: the indices of the last *same person* and the first *someone else*, or None. Both were put to
            the judge, but it need not have seen a face in the second.
    """

    pictures: NDArray[np.uint8]
    t: NDArray[np.float64]
    distances: NDArray[np.float64]
    measured: NDArray[np.bool_]
    judge: str
    threshold: float
    border: tuple[int, int] | None

    def __post_init__(self) -> None:
        count = len(self.pictures)
        if count == 0 or self.pictures.ndim != 4 or self.pictures.dtype != np.uint8:
            raise ValueError("pictures must be uint8 (N, R, R, 3) with at least one picture")
        if any(len(part) != count for part in (self.t, self.distances, self.measured)):
            raise ValueError("t, distances and measured must have one entry for each picture")
        if np.any(np.diff(self.t) < 0):
            raise ValueError("t must ascend")
        if self.border is not None:
            same, other = self.border
            if not self.same[same] or self.same[other] or not self.measured[same]:
                raise ValueError("border must be the index of a measured same person, then of someone else")

    @property
    def same(self) -> NDArray[np.bool_]:
        """(N,) bool: where the judge says *same person*."""
        return self.distances <= self.threshold

    def verdict(self, index: int) -> Verdict:
        """The judge's verdict on one picture."""
        return Verdict(self.judge, self.threshold, float(self.distances[index]), bool(self.measured[index]))

    def rests(self, index: int) -> bool:
        """Whether the needle only rests there, as the judge sees no face: no distance to be written."""
        return not self.measured[index] and bool(self.distances[index] >= REST * self.threshold)

    @property
    def border_pair(self) -> tuple[Pixels, Pixels] | None:
        """The pictures of `border`, uint8 (R, R, 3) RGB each: the *same person* first. None without one."""
        if self.border is None:
            return None
        same, other = self.border
        return self.pictures[same], self.pictures[other]

    @property
    def border_t(self) -> float | None:
        """The middle of the border."""
        return None if self.border is None else float(np.mean([self.t[i] for i in self.border]))

    @property
    def no_border_reason(self) -> NoBorderReason | None:
        """Why there is no border, or None where there is one."""
        if self.border is not None:
            return None
        if np.all(self.same):
            return NoBorderReason.ALWAYS
        return NoBorderReason.UNDECIDED if np.any(self.same) else NoBorderReason.NEVER

    def nearest(self, t: ArrayLike) -> NDArray[np.intp]:
        """The index of the picture nearest to each t, int of the same shape."""
        return np.abs(self.t - np.asarray(t)[..., None]).argmin(axis=-1)
