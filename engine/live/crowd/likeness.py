"""Whether a head looks as it did a moment ago: a small picture of it is looked for in the newest frame.

Compared is what stands out from its surroundings, relative to how much everything there does: light from a
side, from above or behind the head makes all faces alike, and is taken out so. Both halves must be alike, the
one with the eyes and the one with the mouth: a mask or a cap covers one of them. Only of people who have
agreed: it can take a decision away, and give none.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.detector import Box, box_centre
from engine.live.crowd.head import box_width

PATCH_PX = 24
# Boxes of one face differ from frame to frame by a sixth of their width.
SLACK_PX = 4
# How far the surroundings of a pixel reach, and a deviation in grey levels that is as likely noise.
SURROUNDINGS_PX, NOISE_LEVELS = 2.0, 3.0


@dataclass(frozen=True, eq=False)
class Patch:
    """How a head looked. detail: float32 (24, 24). face_px: the width of the box that it was taken from."""

    detail: NDArray[np.float32]
    face_px: float


def patch_of(picture: Pixels, box: Box) -> Patch:
    """The patch in a box of a picture uint8 (H, W, 3) RGB."""
    return Patch(_detail(picture, box, box_width(box), PATCH_PX), box_width(box))


def likeness(patch: Patch, picture: Pixels, box: Box) -> float:
    """How well the less alike half of the patch, upper or lower, is found in and about a box: the highest
    correlation, -1 to 1."""
    searched = _detail(picture, box, patch.face_px, PATCH_PX + 2 * SLACK_PX)
    middle = PATCH_PX // 2
    upper = _correlation(patch.detail[:middle], searched[: middle + 2 * SLACK_PX])
    return min(upper, _correlation(patch.detail[middle:], searched[middle:]))


def _correlation(part: NDArray[np.float32], searched: NDArray[np.float32]) -> float:
    found = cv2.matchTemplate(searched, part, cv2.TM_CCOEFF_NORMED)
    return float(np.nan_to_num(found).max())


def _detail(picture: Pixels, box: Box, face_px: float, side_px: int) -> NDArray[np.float32]:
    """The local contrast, float32 (side_px, side_px): about a box, so that `face_px` become `PATCH_PX`."""
    side, (x, y) = max(1, round(face_px * side_px / PATCH_PX)), box_centre(box)
    part = cv2.getRectSubPix(picture, (side, side), (x - 0.5, y - 0.5))
    small = cv2.resize(part, (side_px, side_px), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    contrast = grey - cv2.GaussianBlur(grey, (0, 0), SURROUNDINGS_PX)
    power = cv2.GaussianBlur(contrast**2, (0, 0), SURROUNDINGS_PX)
    return np.asarray(contrast / np.sqrt(power + NOISE_LEVELS**2), np.float32)
