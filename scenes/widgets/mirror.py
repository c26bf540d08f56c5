"""The part of the camera's picture that the mirror shows: a square that follows the face smoothly. Pure."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from engine.common.arrays import Pixels

Box = tuple[float, float, float, float]

# The side of a close window as a multiple of the box's height: framed as in the generator's pictures.
_CLOSE = 1.9
# How far that window's centre is above the box's centre, as a share of the box's height.
_RAISED = 0.06


@dataclass(frozen=True)
class Window:
    """A square of the camera's picture: its centre and side, in the picture's pixels."""

    x: float
    y: float
    side: float

    def inside(self, width: int, height: int) -> "Window":
        """The nearest window that lies inside a picture."""
        side = min(self.side, width, height)
        return Window(
            min(max(self.x, side / 2), width - side / 2), min(max(self.y, side / 2), height - side / 2), side
        )

    def towards(self, other: "Window", passed_s: float, ease_s: float) -> "Window":
        """The window after moving towards another for `passed_s`, with time constant `ease_s`."""
        share = 1 - math.exp(-passed_s / ease_s) if ease_s > 0 else 1.0
        return Window(
            self.x + share * (other.x - self.x),
            self.y + share * (other.y - self.y),
            self.side + share * (other.side - self.side),
        )

    def shares(self, box: Box, width: int, height: int) -> Box:
        """Converts a box from shares of the whole picture to shares of the window."""
        left, top = self.x - self.side / 2, self.y - self.side / 2
        x0, y0, x1, y1 = box
        return (
            (x0 * width - left) / self.side,
            (y0 * height - top) / self.side,
            (x1 * width - left) / self.side,
            (y1 * height - top) / self.side,
        )


def window_for(width: int, height: int, box: Box | None, close: bool) -> Window:
    """The window to show: the largest one around the face, or with `close` one framed as a portrait."""
    if box is None:
        return Window(width / 2, height / 2, min(width, height))
    x0, y0, x1, y1 = box
    tall = (y1 - y0) * height
    x, y = (x0 + x1) / 2 * width, (y0 + y1) / 2 * height - _RAISED * tall
    return Window(x, y, _CLOSE * tall if close else math.inf).inside(width, height)


def reflect(image: Pixels, window: Window, size_px: int) -> Pixels:
    """The window of the camera's picture, uint8 (size_px, size_px, 3)."""
    side = max(round(window.side), 1)
    # Subpixel accurate, so that slow motion is smooth; much faster than warping.
    part = cv2.getRectSubPix(image, (side, side), (window.x - 0.5, window.y - 0.5))
    return np.asarray(cv2.resize(part, (size_px, size_px), interpolation=cv2.INTER_LINEAR), np.uint8)
