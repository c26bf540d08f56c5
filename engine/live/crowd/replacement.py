"""Replaces a head in the room by that of a nobody, in the light of the room.

Of the head itself five numbers are used beside box and points: the mean colour of the face, and how much
brighter it is towards its side and its chin. All its pixels are overwritten before the nobody is drawn: what
the nobody does not cover shows the ground about the head, continued.
"""

from dataclasses import astuple, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.detector import DetectedHead, box_centre
from engine.live.crowd.head import box_width, similarity, turn_of
from engine.live.crowd.nobodies import Cutout
from engine.live.frame import Array

# What counts as the head, in widths of the detector's box about its centre: an ellipse with hair and ears.
HEAD_ACROSS, HEAD_ABOVE, HEAD_BELOW = 0.75, 1.0, 0.7
# Its edge is soft outside it by this much.
SOFT_SHARE = 0.12
# Where the light is measured: the middle of the face.
FACE_ACROSS, FACE_ALONG = 0.32, 0.42
# The light is taken over within these limits: a gain of each colour, and of one side over the other.
GAIN_LIMITS, SIDE_LIMITS = (0.1, 4.0), (0.4, 1.6)


@dataclass(frozen=True)
class Light:
    """How a face is lit. red, green, blue: its mean colour, 0 to 255. across, down: how much brighter it
    becomes over a width of the box to the right and downwards, as a share of its brightness."""

    red: float
    green: float
    blue: float
    across: float
    down: float

    def mixed(self, other: "Light", share: float) -> "Light":
        """With a share of another one."""
        mine, yours = np.array(astuple(self)), np.array(astuple(other))
        return Light(*(mine + share * (yours - mine)).tolist())


def measure_light(picture: Pixels, head: DetectedHead) -> Light:
    """Of the face in a picture uint8 (H, W, 3) RGB."""
    (x, y), width_px = box_centre(head.box_px), box_width(head.box_px)
    side = 2 * max(2, round(0.5 * width_px))
    part = cv2.getRectSubPix(picture, (side, side), (x - 0.5, y - 0.5))
    small = cv2.resize(part, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float64)
    at = (np.arange(32) + 0.5) / 32 - 0.5
    u, v = np.meshgrid(at, at)
    inside = (u / FACE_ACROSS) ** 2 + (v / FACE_ALONG) ** 2 < 1
    red, green, blue = small[inside].mean(axis=0).tolist()
    plane = np.column_stack([np.ones(inside.sum()), u[inside], v[inside]])
    middle, across, down = np.linalg.lstsq(plane, small[inside].mean(axis=1), rcond=None)[0]
    level = max(float(middle), 1.0)
    return Light(red, green, blue, float(across) / level, float(down) / level)


def replace_head(picture: Pixels, head: DetectedHead, nobody: Cutout, light: Light) -> Pixels:
    """The picture uint8 (H, W, 3) RGB with another head; nothing of the pixels of the first is in it."""
    left, top, right, bottom = _area(head, picture.shape[1], picture.shape[0])
    if right - left < 2 or bottom - top < 2:
        return picture
    part = picture[top:bottom, left:right]
    core, soft = _head_mask(head, left, top, part.shape[0], part.shape[1])
    ground = _continued(part, core)
    drawn = part + soft[..., None] * (ground - part)
    place = similarity(nobody.head.points_px - 0.5, head.points_px - (left + 0.5, top + 0.5))
    size = (right - left, bottom - top)
    alpha = _warped(nobody.alpha, place, size) * np.maximum(soft, core)
    lit = _relit(nobody.picture, nobody.head, light)
    drawn += alpha[..., None] * (_warped(lit, place, size) - drawn)
    replaced = picture.copy()
    replaced[top:bottom, left:right] = np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
    return replaced


def erase_head(picture: Pixels, head: DetectedHead) -> Pixels:
    """The picture uint8 (H, W, 3) RGB without a head: what surrounds it is continued in its place."""
    left, top, right, bottom = _area(head, picture.shape[1], picture.shape[0])
    if right - left < 2 or bottom - top < 2:
        return picture
    part = picture[top:bottom, left:right]
    core, soft = _head_mask(head, left, top, part.shape[0], part.shape[1])
    erased = picture.copy()
    erased[top:bottom, left:right] = np.rint(part + soft[..., None] * (_continued(part, core) - part))
    return erased


def _warped(picture: Array | Pixels, place: NDArray[np.float64], size: tuple[int, int]) -> Array:
    scale = float(np.hypot(*place[0, :2]))
    source = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 0.7 else picture
    return np.asarray(cv2.warpAffine(source, place, size), np.float32)


def _area(head: DetectedHead, width: int, height: int) -> tuple[int, int, int, int]:
    """The part of the picture that the replacement may change: left, top, right, bottom."""
    (x, y), reach = box_centre(head.box_px), 2.0 * box_width(head.box_px)
    left, top = max(0, int(x - reach)), max(0, int(y - reach))
    return left, top, min(width, int(x + reach) + 1), min(height, int(y + reach) + 1)


def _head_mask(head: DetectedHead, left: int, top: int, height: int, width: int) -> tuple[Array, Array]:
    """float32 (height, width): 1 within the head; and the same with a soft edge around it."""
    (x, y), unit = box_centre(head.box_px), box_width(head.box_px)
    roll = np.radians(turn_of(head).roll)
    u, v = np.meshgrid((np.arange(width) + left + 0.5 - x) / unit, (np.arange(height) + top + 0.5 - y) / unit)
    across, along = np.cos(roll) * u + np.sin(roll) * v, np.cos(roll) * v - np.sin(roll) * u
    radius = np.hypot(across / HEAD_ACROSS, along / np.where(along < 0, HEAD_ABOVE, HEAD_BELOW))
    core = (radius <= 1).astype(np.float32)
    soft = np.clip(1 - (radius - 1) / SOFT_SHARE, 0, 1)
    return core, np.asarray(soft * soft * (3 - 2 * soft), np.float32)


def _continued(part: Pixels, hidden: Array) -> Array:
    """The part uint8 (H, W, 3), and where it is hidden its surroundings, float32: nothing hidden is read.

    Known colours are averaged to ever coarser pictures; from the coarsest on each fills gaps of the finer.
    """
    known = np.asarray(1 - hidden, np.float32)
    levels: list[tuple[Array, Array]] = [(np.asarray(part * known[..., None], np.float32), known)]
    while min(levels[-1][1].shape) > 2 and (levels[-1][1] == 0).any():
        levels.append((_halved(levels[-1][0]), _halved(levels[-1][1])))
    colours, weights = levels[-1]
    filled = colours / np.maximum(weights, 1e-3)[..., None]
    for colours, weights in levels[-2::-1]:
        wide = cv2.resize(filled, (weights.shape[1], weights.shape[0]), interpolation=cv2.INTER_LINEAR)
        wide = cv2.GaussianBlur(wide, (0, 0), 1.0)
        share = weights[..., None]
        filled = np.asarray(share * (colours / np.maximum(share, 1e-3)) + (1 - share) * wide, np.float32)
    return filled


def _halved(picture: Array) -> Array:
    size = (-(-picture.shape[1] // 2), -(-picture.shape[0] // 2))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _relit(picture: Pixels, head: DetectedHead, light: Light) -> Pixels:
    """A nobody's picture in another light: each colour, and each side, brighter or darker."""
    own = measure_light(picture, head)
    (x, y), unit = box_centre(head.box_px), box_width(head.box_px)
    gains = np.array([light.red, light.green, light.blue]) / np.maximum([own.red, own.green, own.blue], 1.0)
    rows, columns = np.indices(picture.shape[:2], np.float32)
    u, v = np.clip((columns - x) / unit, -0.7, 0.7), np.clip((rows - y) / unit, -0.7, 0.7)
    sides = np.clip(1 + (light.across - own.across) * u + (light.down - own.down) * v, *SIDE_LIMITS)
    lit = picture * np.clip(gains, *GAIN_LIMITS) * sides[..., None]
    return np.asarray(np.clip(lit, 0, 255), np.uint8)
