"""The middle of all faces becomes the visitor: the pictures of a search, one after the other."""

import math

from engine.common.arrays import Pixels
from installation.stage.view import SearchStatus

_STAGES = ("search", "tuning")  # whose pictures lead from the median face to the closest match
_KEPT = 128  # pictures at most; then every second one is dropped
_LAG_S = 1.2  # how far what is shown stays behind what has come, so that no picture is jumped over
_SWING_S = 14.0  # from the match back to the median face, and to the match again


class Becoming:
    """Shows the median face, then follows the engine's pictures; then it goes back, and returns."""

    def __init__(self) -> None:
        self._pictures: list[Pixels] = []
        self._median: Pixels | None = None
        self._place = 0.0  # in the pictures, of the one that is shown; 0 is the median face
        self._swung_s: float | None = None  # since the search is over

    @property
    def picture(self) -> Pixels | None:
        """The picture to show, uint8 (R, R, 3) RGB; None before there is one."""
        return self._pictures[min(round(self._place), len(self._pictures) - 1)] if self._pictures else None

    @property
    def is_median(self) -> bool:
        """Whether the median face is shown, and it has not begun to change."""
        return self._median is not None and self.picture is self._median and self._swung_s is None

    def step(
        self,
        median: Pixels | None,
        search: SearchStatus | None,
        may_begin: bool,
        passed_s: float,
        motionless: bool = False,
    ) -> None:
        """Takes note of what has come, and goes on by `passed_s`.

        median: the median face, uint8 (R, R, 3) RGB, where it is at hand. may_begin: whether the median face
        has been held for long enough. motionless: stays at the match instead of going back.
        """
        if not self._pictures and median is not None:
            self._median = median
            self._pictures.append(median)
        self._add(search)
        last = len(self._pictures) - 1
        if last < 0 or not (may_begin or self._median is None):
            return
        if self._swung_s is None:
            self._place += (1 - math.exp(-passed_s / _LAG_S)) * (last - self._place)
            is_over = search is not None and search.stage not in (*_STAGES, "faces", "reference")
            if is_over and last - self._place < 0.5:
                self._swung_s = 0.0
            return
        self._swung_s += 0.0 if motionless else passed_s
        self._place = last * (1 + math.cos(2 * math.pi * self._swung_s / _SWING_S)) / 2

    def _add(self, search: SearchStatus | None) -> None:
        if search is None or search.picture is None or search.stage not in _STAGES:
            return
        if not self._pictures or self._pictures[-1] is not search.picture:
            self._pictures.append(search.picture)
        if len(self._pictures) > _KEPT:
            self._pictures = [*self._pictures[:-1:2], self._pictures[-1]]
            self._place /= 2
