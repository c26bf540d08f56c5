"""A camera that fails on command, for tests and rehearsals: unplug it, freeze it, cover its lens."""

import threading
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any, cast

import numpy as np

from hardware.camera.base import Camera, CameraError, CameraState, Frame, PulledCamera, Source
from hardware.camera.settings import CameraSettings

# How late the frames of Fault.LATE are.
LATE_S = 5.0


class Fault(StrEnum):
    """What can be wrong with a camera."""

    HANG = "hang"
    """`read` does not come back until the fault is over."""
    REPEAT = "repeat"
    """The same frame again and again, with new times."""
    LATE = "late"
    """New frames, taken long ago."""
    BLACK = "black"
    VANISH = "vanish"
    """Unplugged: reading fails, and so does opening."""
    MOVE = "move"
    """Unplugged and back at once, under the next number; the fault is over then."""
    RESIZE = "resize"
    """Half as wide and half as high."""
    GARBAGE = "garbage"
    """Arrays that are no images."""


class FaultySource:
    """Wraps any source; `fault` (None: it works) can be set at any moment and from any thread.

    Its camera counts as a real one. So that two frames are never equal, every second one has the last bit of
    each pixel inverted.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._changed = threading.Condition()
        self._fault: Fault | None = None
        self.number = 0
        self.opened = 0

    @property
    def fault(self) -> Fault | None:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def open(self, settings: CameraSettings) -> "FaultyCamera":
        if self.fault is Fault.VANISH:
            raise CameraError(CameraState.MISSING, "The faulty camera is unplugged: plug it in.")
        if self.fault is Fault.MOVE:
            self.number += 1
            self.fault = None
        self.opened += 1
        return FaultyCamera(self, self._source.open(settings), f"faulty camera {self.number}")

    def wait_while_hanging(self) -> None:
        """Blocks while the fault is HANG."""
        with self._changed:
            self._changed.wait_for(lambda: self._fault is not Fault.HANG)


class FaultyCamera:
    """The camera of a FaultySource; can be polled where the wrapped camera can."""

    live = True

    def __init__(self, source: FaultySource, inner: Camera, name: str) -> None:
        self.name = name
        self._source = source
        self._inner = inner
        self._repeated: Frame | None = None

    def read(self) -> Frame:
        self._source.wait_while_hanging()
        return self._with_fault(self._inner.read())

    def frame_at(self, time_s: float) -> Frame:
        """As the wrapped camera's. Where `read` would hang, this raises CameraError: it cannot wait."""
        if self._source.fault is Fault.HANG:
            raise CameraError(CameraState.HUNG, "The faulty camera hangs: pull its plug and put it back.")
        return self._with_fault(cast(PulledCamera, self._inner).frame_at(time_s))

    def close(self) -> None:
        self._repeated = None
        self._inner.close()

    def _with_fault(self, frame: Frame) -> Frame:
        fault = self._source.fault
        if fault in (Fault.VANISH, Fault.MOVE):
            raise CameraError(CameraState.MISSING, "The faulty camera is unplugged: plug it in.")
        noisy = replace(frame, image=frame.image ^ np.uint8(frame.index & 1))
        if fault is not Fault.REPEAT:
            self._repeated = None
        elif self._repeated is None:
            self._repeated = noisy
        if self._repeated is not None:
            return replace(noisy, image=self._repeated.image)
        return _CORRUPTIONS[fault](noisy) if fault in _CORRUPTIONS else noisy


def _without_image(frame: Frame) -> Frame:
    height, width = frame.image.shape[:2]
    kinds: list[Any] = [None, np.zeros((0, 0, 3), np.uint8), np.zeros((height, width)), np.full(3, np.nan)]
    return replace(frame, image=kinds[frame.index % len(kinds)])


_CORRUPTIONS: dict[Fault, Callable[[Frame], Frame]] = {
    Fault.LATE: lambda frame: replace(frame, captured_s=frame.captured_s - LATE_S),
    Fault.BLACK: lambda frame: replace(frame, image=np.zeros_like(frame.image)),
    Fault.RESIZE: lambda frame: replace(frame, image=np.ascontiguousarray(frame.image[::2, ::2])),
    Fault.GARBAGE: _without_image,
}
