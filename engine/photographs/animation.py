"""Plays picture files that move: GIF, PNG, WebP and AVIF animations."""

import io
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.common.errors import printable
from engine.photographs.photograph import identify, opened_picture, read_pixels

FORMATS = ("GIF", "PNG", "WEBP", "AVIF")
# As browsers do where a file asks for no time or nearly none.
SHORTEST_S, INSTEAD_S = 0.02, 0.1


def is_animation(path: Path) -> bool:
    """Whether a picture file holds pictures to be shown one after the other. Raises UsageError."""
    with opened_picture(path) as image:
        return image.format in FORMATS and getattr(image, "n_frames", 1) > 1


class Animation:
    """An animation in memory as it is coded; its pictures are decoded one by one, as photographs are.

    Raises UsageError where it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._name = printable(path)
        self._image = identify(io.BytesIO(path.read_bytes()), self._name)
        durations_s = []
        for number in range(getattr(self._image, "n_frames", 1)):
            self.picture(number)  # only then its duration is known, and that it can be read
            duration_s = self._image.info.get("duration", 0) / 1000
            durations_s.append(duration_s if duration_s >= SHORTEST_S else INSTEAD_S)
        self._ends_s = list(accumulate(durations_s))

    def number_at(self, time_s: float) -> int:
        """Which picture is shown `time_s` after the beginning, over and over."""
        return min(bisect_right(self._ends_s, time_s % self._ends_s[-1]), len(self._ends_s) - 1)

    def picture(self, number: int) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) sRGB, as `load_photograph` gives it. Raises UsageError."""
        return read_pixels(self._image, self._name, number)

    def close(self) -> None:
        self._image.close()
