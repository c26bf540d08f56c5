"""A continuum ready to be played: its pictures in order, and what the leading judge says of each."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

REST = 2  # in thresholds: where the needle rests while the judge sees no face


class NoBorderReason(StrEnum):
    """Why a way has no border."""

    ALWAYS = "always"  # recognised in every picture
    NEVER = "never"  # recognised in none
    UNDECIDED = "undecided"  # recognised here and there, or not seen


@dataclass(frozen=True, eq=False)
class Strip:
    """Pictures along the straight continuum with the verdicts of the judge whose border the visit shows.

    pictures: uint8 (N, R, R, 3) RGB.  t: (N,) ascending, 0 at the median face, 1 at the closest match.
    distances: (N,) in the judge's own metric, smaller = more alike.  same: (N,) bool, the verdicts.
    judged: (N,) bool, False where the distance is interpolated between judged neighbours, or the judge saw no
    face and it only says where the needle rests.
    border: the indices of the last *same person* and the first *someone else*, or None. Both were put to the
    judge, but it need not have seen a face in the second.
    """

    pictures: NDArray[np.uint8]
    t: NDArray[np.float64]
    distances: NDArray[np.float64]
    same: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    judge: str
    threshold: float
    border: tuple[int, int] | None

    def __post_init__(self) -> None:
        count = len(self.pictures)
        if count == 0 or self.pictures.ndim != 4 or self.pictures.dtype != np.uint8:
            raise ValueError("pictures must be uint8 (N, R, R, 3) with at least one picture")
        if any(len(part) != count for part in (self.t, self.distances, self.same, self.judged)):
            raise ValueError("t, distances, same and judged must have one entry for each picture")
        if np.any(np.diff(self.t) < 0):
            raise ValueError("t must ascend")
        if self.border is not None:
            same, other = self.border
            if not self.same[same] or self.same[other] or not self.judged[same]:
                raise ValueError("border must be the index of a judged same person, then of someone else")

    def rests(self, index: int) -> bool:
        """Whether the needle only rests there, as the judge sees no face: no distance to be written."""
        return not self.judged[index] and bool(self.distances[index] >= REST * self.threshold)

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
