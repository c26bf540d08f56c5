"""What the canvas draws with: pictures scaled to the screen, masks, noise, and the dashes of a line. Pure."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels


def dashes(points: NDArray[np.float64], pattern_px: Sequence[float]) -> list[NDArray[np.float64]]:
    """The dashes of a polyline (N, 2), each (M, 2); `pattern_px` alternates the lengths of dash and gap."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    edges = np.arange(0.0, along[-1], sum(pattern_px))[:, None] + np.cumsum([0.0, *pattern_px[:-1]])
    edges = np.append(edges.ravel(), along[-1])
    dashes = []
    for start, end in zip(edges[0:-1:2], edges[1::2], strict=False):
        stops = np.concatenate([[start], along[(along > start) & (along < end)], [end]])
        dashes.append(np.stack([np.interp(stops, along, axis) for axis in points.T], axis=1))
    return dashes


def scaled(picture: Pixels, size: tuple[int, int], fade_edges: bool, antialias: bool) -> Pixels:
    """uint8 (H, W, 3) RGB -> uint8 (h, w, 4); `size` is (w, h)."""
    if (picture.shape[1], picture.shape[0]) != size:
        how = _interpolation(size[0] / picture.shape[1], antialias)
        picture = np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
    shades = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), np.uint8)
    if fade_edges:
        cv2.multiply(shades, edge_mask(size), dst=shades, scale=1 / 255)
    return shades


def _interpolation(scale: float, antialias: bool) -> int:
    """Bicubic to enlarge; area averaging to shrink, or linear above half the size without `antialias`."""
    if scale > 1:
        return cv2.INTER_CUBIC
    return cv2.INTER_AREA if antialias or scale <= 0.5 else cv2.INTER_LINEAR


@lru_cache(maxsize=8)
def edge_mask(size: tuple[int, int]) -> Pixels:
    """The opacity of a picture with faded edges, uint8 (h, w, 4): 255 inside, 0 at the edge."""
    shade = cv2.resize(_edge_mask_square(), size, interpolation=cv2.INTER_LINEAR)
    return as_rgbx(shade)


def as_rgbx(grey: NDArray[Any]) -> Pixels:
    """uint8 (h, w) -> (h, w, 4)."""
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGBA), np.uint8)


@cache
def _edge_mask_square(side: int = 540) -> Pixels:
    y, x = np.mgrid[-1 : 1 : complex(0, side), -1 : 1 : complex(0, side)]
    # A superellipse, between an ellipse and the square: the face stays whole, the corners fade.
    outwards = (np.abs(x) ** 3 + np.abs(y) ** 3) ** (1 / 3)
    left = np.clip((1 - outwards) / 0.3, 0, 1)
    return np.rint(255 * left * left * (3 - 2 * left)).astype(np.uint8)


@lru_cache(maxsize=2)
def noise(size: tuple[int, int]) -> NDArray[np.uint16]:
    """Dithering noise below one step of 8-bit grey, uint16 (h, w)."""
    return np.random.default_rng(0).integers(0, 256, size[::-1], np.uint16)
