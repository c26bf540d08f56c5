"""Which part of the camera's picture the mirror shows: a square that follows the face, eased. Pure."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from engine.common.arrays import Pixels

Box = tuple[float, float, float, float]

# A face is framed as in the generator's pictures: the square is so many times as high as its box.
_CLOSE = 1.9
# The middle of that square is above the middle of the box by this share of the box's height.
_RAISED = 0.06


@dataclass(frozen=True)
class Window:
    """A square of the camera's picture, in its pixels."""

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
        """On the way to another window."""
        share = 1 - math.exp(-passed_s / ease_s) if ease_s > 0 else 1.0
        return Window(
            self.x + share * (other.x - self.x),
            self.y + share * (other.y - self.y),
            self.side + share * (other.side - self.side),
        )

    def shares(self, box: Box, width: int, height: int) -> Box:
        """A box given in shares of the whole picture, in shares of the window."""
        left, top = self.x - self.side / 2, self.y - self.side / 2
        x0, y0, x1, y1 = box
        return (
            (x0 * width - left) / self.side,
            (y0 * height - top) / self.side,
            (x1 * width - left) / self.side,
            (y1 * height - top) / self.side,
        )


def window_for(width: int, height: int, box: Box | None, close: bool) -> Window:
    """What the mirror should show: as much as it can, around the face; `close`: the face as in a portrait."""
    if box is None:
        return Window(width / 2, height / 2, min(width, height))
    x0, y0, x1, y1 = box
    tall = (y1 - y0) * height
    x, y = (x0 + x1) / 2 * width, (y0 + y1) / 2 * height - _RAISED * tall
    return Window(x, y, _CLOSE * tall if close else math.inf).inside(width, height)


def reflect(image: Pixels, window: Window, size_px: int) -> Pixels:
    """The window of the camera's picture, uint8 (size_px, size_px, 3)."""
    side = max(round(window.side), 1)
    # Between pixels, so that a slow move is even; much faster than warping.
    part = cv2.getRectSubPix(image, (side, side), (window.x - 0.5, window.y - 0.5))
    return np.asarray(cv2.resize(part, (size_px, size_px), interpolation=cv2.INTER_LINEAR), np.uint8)
