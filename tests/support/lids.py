"""Draws the lids of a face over its eyes, further than they are: narrow eyes, and shut ones."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels

# Of each eye, from corner to corner: the upper lid, the lower lid, the brow.
EYES = (
    (
        (33, 246, 161, 160, 159, 158, 157, 173, 133),
        (33, 7, 163, 144, 145, 153, 154, 155, 133),
        (46, 53, 52, 65, 55),
    ),
    (
        (362, 398, 384, 385, 386, 387, 388, 466, 263),
        (362, 382, 381, 380, 374, 373, 390, 249, 263),
        (285, 295, 282, 283, 276),
    ),
)
MEETING_SHARE = 0.65  # where shut lids meet: this far down from the upper lid to the lower one


def with_lids(picture: Pixels, landmarks: NDArray[np.float32], opening: float) -> Pixels:
    """A face uint8 (H, W, 3) with mesh (478, 2), its eyes opened to a share of what they are; 0: shut.

    Column by column, the skin below the brow and above the cheek is drawn out over the eye; what remains
    between the lids stays as it is.
    """
    height, width = picture.shape[:2]
    rows = np.arange(height, dtype=np.float32)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), rows)
    for lids in EYES:
        upper, lower, brow = (landmarks[list(line)][np.argsort(landmarks[list(line), 0])] for line in lids)
        eye_px = upper[-1, 0] - upper[0, 0]
        for column in range(int(upper[0, 0]) + 1, int(upper[-1, 0]) + 1):
            top, bottom, start = (
                float(np.interp(column, line[:, 0], line[:, 1])) for line in (upper, lower, brow)
            )
            start, end = min(start, top - 0.15 * eye_px), bottom + 0.35 * eye_px
            meeting = top + MEETING_SHARE * (bottom - top)
            new_top, new_bottom = (meeting + opening * (edge - meeting) for edge in (top, bottom))
            skin_above = np.interp(rows, [start, new_top], [start, top])
            skin_below = np.interp(rows, [new_bottom, end], [bottom, end])
            source = np.where(rows < new_top, skin_above, np.where(rows > new_bottom, skin_below, rows))
            inside = (rows >= start) & (rows <= end)
            y[inside, column] = source[inside]
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR), np.uint8)
