"""Keeps a verdict from flickering where a sweep stays near a border."""

import math

from engine.border.strip import Strip

MIN_VERDICT_S = 1 / 3
"""The verdict changes no sooner than this after its last change: nothing on the screen flashes above 3 Hz."""


class CalmVerdict:
    """Picks the picture of a sweep that is shown: the one asked for, unless its verdict changes too soon.

    A head that steers trembles, and near a border a judge may change its mind several times within a few
    pictures. Then the last picture stays.
    """

    def __init__(self) -> None:
        self._strip: Strip | None = None
        self._index = 0
        self._changed_s = -math.inf  # when the verdict last changed

    def index(self, strip: Strip, index: int, now_s: float) -> int:
        """The index of the picture of `strip` to show at `now_s`, where `index` is asked for."""
        if self._strip is strip and strip.same[index] != strip.same[self._index]:
            if now_s - self._changed_s < MIN_VERDICT_S:
                return self._index
            self._changed_s = now_s
        self._strip, self._index = strip, index
        return index
