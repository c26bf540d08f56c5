"""Whether a head looks as it did a moment ago: a small grey picture of it is looked for in the newest frame.

Only of people who have agreed: it can take a decision away, and give none.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.faces.detector import Box, box_centre
from engine.live.crowd.head import box_width

PATCH_PX = 16
# Boxes of one face differ from frame to frame by a tenth of their width.
SLACK_PX = 3


@dataclass(frozen=True, eq=False)
class Patch:
    """How a head looked. grey: uint8 (16, 16). face_px: the width of the box that it was taken from."""

    grey: Pixels
    face_px: float


def patch_of(picture: Pixels, box: Box) -> Patch:
    """The patch in a box of a picture uint8 (H, W, 3) RGB."""
    return Patch(_small(picture, box, box_width(box), PATCH_PX), box_width(box))


def likeness(patch: Patch, picture: Pixels, box: Box) -> float:
    """How well the patch is found in and about a box: the highest correlation, -1 to 1."""
    searched = _small(picture, box, patch.face_px, PATCH_PX + 2 * SLACK_PX)
    found = cv2.matchTemplate(searched, patch.grey, cv2.TM_CCOEFF_NORMED)
    return float(np.nan_to_num(found).max())


def _small(picture: Pixels, box: Box, face_px: float, side_px: int) -> Pixels:
    """Grey, uint8 (side_px, side_px): about a box, so that `face_px` become `PATCH_PX`."""
    side, (x, y) = max(1, round(face_px * side_px / PATCH_PX)), box_centre(box)
    part = cv2.getRectSubPix(picture, (side, side), (x - 0.5, y - 0.5))
    small = cv2.resize(part, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
