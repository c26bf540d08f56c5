"""A camera that shows a person who does not exist, for visitors who want to take part without a camera.

The pictures are those of the embedded generator, but this module loads none: the caller hands in a function
that gives them.
"""

import math
import time
from collections.abc import Callable

import cv2
import numpy as np

from engine.common.arrays import Pixels
from hardware.camera.settings import CameraSettings
from hardware.camera.timed import TimedCamera

# The grey level of the wall, and the share of the camera's height that the picture takes: the face is then as
# large as that of somebody who stands where the floor is marked.
GROUND = 40
SHARE = 0.6
# The picture fades into the wall over this share of its width.
FEATHER = 0.08
# The picture moves a little to the left and right, since nobody stands still.
SWAY_SHARE = 0.008
SWAY_PERIOD_S = 7.0


class SyntheticSource:
    """A camera before a synthetic sitter.

    sitter: time in seconds -> uint8 (R, R, 3) RGB in FFHQ framing. It is called once for each frame, on the
    camera's thread, so it should have its pictures ready.
    """

    def __init__(self, sitter: Callable[[float], Pixels], now: Callable[[], float] = time.monotonic) -> None:
        self._sitter = sitter
        self._now = now

    def open(self, settings: CameraSettings) -> TimedCamera:
        room = Room(self._sitter, settings.width_px, settings.height_px)
        return TimedCamera("synthetic sitter", room, settings.rate_hz, self._now)


class Room:
    """The sitter before a grey wall, (height_px, width_px, 3), swaying a little."""

    def __init__(self, sitter: Callable[[float], Pixels], width_px: int, height_px: int) -> None:
        self._sitter = sitter
        self._size_px = width_px, height_px
        self._side_px = round(SHARE * min(self._size_px))
        ramp = np.minimum(1.0, np.arange(self._side_px) / max(1.0, FEATHER * self._side_px))
        edge = np.minimum(ramp, ramp[::-1]).astype(np.float32)
        edge = edge * edge * (3 - 2 * edge)
        self._opacity = (edge[:, None] * edge[None, :])[..., None]
        self._picture: Pixels | None = None
        self._card: Pixels | None = None

    def picture_at(self, time_s: float) -> Pixels:
        width, height = self._size_px
        side = self._side_px
        sway = SWAY_SHARE * side * math.sin(2 * math.pi * time_s / SWAY_PERIOD_S)
        left, top = (width - side) // 2 + round(sway), (height - side) // 2
        image = np.full((height, width, 3), GROUND, np.uint8)
        image[top : top + side, left : left + side] = self._card_of(self._sitter(time_s))
        return image

    def close(self) -> None:
        self._picture = self._card = None

    def _card_of(self, picture: Pixels) -> Pixels:
        if self._card is None or picture is not self._picture:
            size = (self._side_px, self._side_px)
            shrinks = picture.shape[0] > self._side_px
            scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
            faded = GROUND + (scaled.astype(np.float32) - GROUND) * self._opacity
            self._card = np.rint(faded).astype(np.uint8)
            self._picture = picture
        return self._card
