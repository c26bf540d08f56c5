"""Checks whether a frame from a camera can be used."""

import zlib

import numpy as np

from engine.common.arrays import Pixels
from hardware.camera.base import CameraState, Frame

# The noise of a sensor reaches higher than this even in a dark room; a covered or dead one does not.
BLACK_MAX = 12
SMALLEST_SIDE_PX = 16
# Every eighth row tells two pictures apart: no sensor repeats a whole row, much less ninety of them.
_ROWS = 8


class Inspector:
    """Checks the frames of one opened camera, one after the other; remembers a checksum, never pixels."""

    def __init__(self, live: bool, max_age_s: float) -> None:
        self._live = live
        self._max_age_s = max_age_s
        self._size: tuple[int, ...] | None = None
        self._captured_s = -np.inf
        self._checksum: int | None = None

    def fault(self, frame: Frame, now_s: float) -> CameraState | None:
        """What is wrong with a frame as it came from the camera, or None.

        GARBAGE: not uint8 (H, W, 3), or smaller than 16 px. The others are for real cameras only.
        RESIZED: another size than the frame before.
        BLACK: nothing brighter than 12 of 255.
        OPENING: the first frame, which may have waited in the driver since the camera was last open; only a
            second, different one shows that the camera works.
        OLD: taken too long ago, or no later than the frame before, or the same pixels again.
        """
        if not _is_picture(frame.image):
            return CameraState.GARBAGE
        if not self._live:
            return None
        size, captured_s, rows = frame.image.shape, frame.captured_s, frame.image[::_ROWS]
        checksum = zlib.crc32(np.ascontiguousarray(rows).data)
        advanced = captured_s > self._captured_s and checksum != self._checksum
        first, resized = self._size is None, self._size not in (None, size)
        self._size, self._captured_s, self._checksum = size, captured_s, checksum
        if resized:
            return CameraState.RESIZED
        if int(rows.max()) <= BLACK_MAX:
            return CameraState.BLACK
        if first:
            return CameraState.OPENING
        if not advanced or abs(frame.age_s(now_s)) > self._max_age_s:
            return CameraState.OLD
        return None


def _is_picture(image: Pixels | object) -> bool:
    return (
        isinstance(image, np.ndarray)
        and image.dtype == np.uint8
        and image.ndim == 3
        and image.shape[2] == 3
        and min(image.shape[:2]) >= SMALLEST_SIDE_PX
    )
