"""A camera whose picture is a function of time: files and the synthetic sitter."""

import math
import time
from collections.abc import Callable
from typing import Protocol

from engine.common.arrays import Pixels
from hardware.camera.base import Frame

# A virtual clock counts in fractions such as 1/60 s: what is this close to the next moment has reached it.
_ROUNDING_S = 1e-6


class Footage(Protocol):
    """What such a camera looks at."""

    def picture_at(self, time_s: float) -> Pixels:
        """uint8 (H, W, 3) RGB, the picture `time_s` >= 0 seconds after the beginning. Raises CameraError."""

    def close(self) -> None: ...


class TimedCamera:
    """Takes a picture of its footage `rate_hz` times a second, the first one at once.

    Which picture that is depends on nothing but the time: `frame_at` on a virtual clock is exact to the
    frame, in whatever order it is asked. `read` is for a thread on the wall clock `now`: it waits for the
    next picture, and leaves out those for which it is too late.
    """

    live = False

    def __init__(
        self, name: str, footage: Footage, rate_hz: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self._footage = footage
        self._rate_hz = rate_hz
        self._now = now
        self._began_s = now()
        self._next = 0

    def frame_at(self, time_s: float) -> Frame:
        return self._frame(math.floor((time_s + _ROUNDING_S) * self._rate_hz), began_s=0.0)

    def read(self) -> Frame:
        time.sleep(max(0.0, self._began_s + self._next / self._rate_hz - self._now()))
        due = math.floor((self._now() - self._began_s) * self._rate_hz)
        frame = self._frame(max(due, self._next), self._began_s)
        self._next = frame.index + 1
        return frame

    def close(self) -> None:
        self._footage.close()

    def _frame(self, index: int, began_s: float) -> Frame:
        moment_s = index / self._rate_hz
        return Frame(self._footage.picture_at(moment_s), began_s + moment_s, index)
