"""People who do not exist in motion before a camera, and which pixels are whose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.common.arrays import Pixels

WIDTH, HEIGHT = 1280, 720
RATE_HZ = 30
# A render is so many times as wide as the face in it.
RENDER_WIDTHS = 1.9
GROUND = -1
NOISE = 3.0  # standard deviation in grey levels


@dataclass(frozen=True)
class Walker:
    """Somebody of the renders. path: seconds -> x, y of the middle of the head and the face's width, in
    pixels; None while they are not there. turned: clockwise, degrees."""

    render: Path
    path: Callable[[float], tuple[float, float, float] | None]
    turned: float = 0.0


@dataclass(frozen=True, eq=False)
class Scene:
    """A frame: picture uint8 (H, W, 3) RGB; owners int8 (H, W): the number of the walker, or `GROUND`."""

    picture: Pixels
    owners: NDArray[np.int8]


@cache
def _render(path: Path) -> NDArray[np.float32]:
    rgba = np.array(Image.open(path).convert("RGBA"), np.float32)
    rgba[..., :3] *= rgba[..., 3:] / 255
    return rgba


@cache
def ground(width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """A room of coloured rectangles."""
    random = np.random.default_rng(3)
    picture = np.full((height, width, 3), 110, np.uint8)
    for _ in range(40):
        x, y = random.integers(0, (width, height))
        w, h = random.integers(30, 300, 2)
        picture[y : y + h, x : x + w] = random.integers(40, 190, 3)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 3), np.uint8)


@cache
def _noise(height: int, width: int) -> NDArray[np.int16]:
    """A sensor's noise for two frames, one below the other."""
    noise = np.random.default_rng(0).normal(0, NOISE, (2 * height, width, 3))
    return np.asarray(noise.round(), np.int16)


def scene(
    walkers: Sequence[Walker], at_s: float, size: tuple[int, int] = (WIDTH, HEIGHT), light: float = 1.0
) -> Scene:
    """The frame at a time, of a width and height; later walkers stand before earlier ones. light: of how much
    of it the camera, whose noise stays the same, sees."""
    width, height = size
    picture = ground(width, height).copy()
    owners = np.full((height, width), GROUND, np.int8)
    for number, walker in enumerate(walkers):
        place = walker.path(at_s)
        if place is not None:
            _draw(walker, place, picture, owners, number)
    if light != 1.0:
        picture = np.asarray(cv2.convertScaleAbs(picture, alpha=light), np.uint8)
    start = round(at_s * 1000) * 37 % height
    noisy = picture + _noise(height, width)[start : start + height]
    return Scene(np.clip(noisy, 0, 255).astype(np.uint8), owners)


def _draw(
    walker: Walker,
    place: tuple[float, float, float],
    picture: Pixels,
    owners: NDArray[np.int8],
    number: int,
) -> None:
    x, y, face_px = place
    source = _render(walker.render)
    scale = face_px * RENDER_WIDTHS / source.shape[1]
    half = int(0.72 * face_px * RENDER_WIDTHS) + 2
    left, top = round(x) - half, round(y) - half
    turn = np.asarray(cv2.getRotationMatrix2D((128, 128), -walker.turned, scale), np.float64)
    turn[:, 2] += (x - left - 128, y - top - 128)
    if scale < 0.6:
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), 0.4 / scale), np.float32)
    drawn = cv2.warpAffine(source, turn, (2 * half, 2 * half))
    height, width = owners.shape
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + 2 * half, width), min(top + 2 * half, height)
    if x0 >= x1 or y0 >= y1:
        return
    drawn = drawn[y0 - top : y1 - top, x0 - left : x1 - left]
    opaque = drawn[..., 3:] / 255
    below = picture[y0:y1, x0:x1]
    below[:] = (drawn[..., :3] + (1 - opaque) * below).clip(0, 255)
    owners[y0:y1, x0:x1][opaque[..., 0] > 0.02] = number
