"""A camera whose frame is a function of time: files and the synthetic sitter."""

import math
import time
from collections.abc import Callable
from typing import Protocol

from engine.common.arrays import Pixels
from hardware.camera.base import Frame

# A virtual clock counts in fractions such as 1/60 s: a time this close to the next frame counts as reached.
ROUNDING_S = 1e-6


class Footage(Protocol):
    """What such a camera shows."""

    def picture_at(self, time_s: float) -> Pixels:
        """uint8 (H, W, 3) RGB, the picture `time_s` >= 0 seconds after the beginning. Raises CameraError."""

    def close(self) -> None: ...


class TimedCamera:
    """Gives a frame of its footage `rate_hz` times a second, the first one at once.

    Which frame depends on the time alone: `frame_at` on a virtual clock is exact to the frame, in any order
    of calls. `read` is for a thread on the clock `now`: it waits for the next frame, and drops those for
    which it is too late.
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
        return self._frame(math.floor((time_s + ROUNDING_S) * self._rate_hz), began_s=0.0)

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
