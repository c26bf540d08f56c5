"""Pictures that stand in for a camera: one, an animation, or those of a folder one after the other."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.common.errors import UsageError, printable
from engine.photographs.animation import Animation
from engine.photographs.folder import picture_files
from engine.photographs.photograph import load_photograph, opened_picture
from hardware.camera.base import CameraError, CameraState
from hardware.camera.timed import ROUNDING_S


class Still:
    """One picture at all times."""

    def __init__(self, picture: Pixels) -> None:
        self._picture = picture

    def picture_at(self, time_s: float) -> Pixels:
        return self._picture

    def close(self) -> None:
        pass


class Moving:
    """An animation in a loop, one of its pictures at a time. Raises UsageError where it cannot be read."""

    def __init__(self, path: Path, side_px: int) -> None:
        self._animation = Animation(path)
        self._side_px = side_px
        self._number = 0
        self._picture = shrunk(self._animation.picture(0), side_px)

    def picture_at(self, time_s: float) -> Pixels:
        number = self._animation.number_at(time_s + ROUNDING_S)
        if number != self._number:
            try:
                self._picture = shrunk(self._animation.picture(number), self._side_px)
            except UsageError as error:
                raise CameraError(CameraState.GARBAGE, str(error)) from None
            self._number = number
        return self._picture

    def close(self) -> None:
        self._animation.close()


class Folder:
    """The pictures in a folder by name, each for `picture_s`, in a loop. Holds one of them at a time.

    Files that are no pictures are passed over, and reported in one line each. Where one turns out later to be
    damaged, the next one is shown in its time. Raises UsageError where no file can be read.
    """

    def __init__(self, path: Path, side_px: int, picture_s: float, report: Callable[[str], None]) -> None:
        self._folder = path
        self._side_px = side_px
        self._picture_s = picture_s
        self._report = report
        self._paths = [file for file in picture_files(path, report=report) if self._is_picture(file)]
        self._number = 0
        try:
            self._picture = self._read(0)
        except CameraError as error:
            raise UsageError(str(error)) from None

    def picture_at(self, time_s: float) -> Pixels:
        number = int((time_s + ROUNDING_S) / self._picture_s) % len(self._paths)
        if number != self._number:
            self._picture = self._read(number)
            self._number = number
        return self._picture

    def close(self) -> None:
        pass

    def _is_picture(self, path: Path) -> bool:
        try:
            with opened_picture(path):
                return True
        except UsageError as error:
            self._report(f"passed over: {error}")
            return False

    def _read(self, number: int) -> Pixels:
        for path in (*self._paths[number:], *self._paths[:number]):
            try:
                return shrunk(load_photograph(path), self._side_px)
            except UsageError as error:
                self._report(f"passed over: {error}")
        raise CameraError(
            CameraState.GARBAGE,
            f"camera folder {printable(self._folder)} holds no picture that can be read: put JPEG, PNG or "
            "HEIC files into it, not into folders below.",
        )


def shrunk(image: Pixels, side_px: int) -> Pixels:
    """An image whose longer side is at most `side_px`, by area averaging."""
    scale = side_px / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
