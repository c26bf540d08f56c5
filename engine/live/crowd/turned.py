"""Heads that lie or are upside down, near people who are shown: the detector finds upright ones only.

What surrounds those people is turned by a quarter, a half and three quarters; four such pictures, side by
side, cost one look.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.detector import Box, DetectedHead, box_centre, box_contains
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.live.crowd.head import box_width, steadied

# So many widths of a box are looked at, drawn at this size. A face as wide as the box is then 16 %
# of what the detector looks at, which finds 95 % of those of 12 %.
SURROUNDINGS, CELL_PX = 3.0, 160
CELLS = 2  # across and down
QUARTERS = (1, 2, 3)


def turned_heads(
    detector: MediaPipeDetector, picture: Pixels, number: int, guarded: list[Box]
) -> list[DetectedHead]:
    """The heads about some boxes that are turned by about 90, 180 or 270 degrees.

    In one frame four pairs of a box and a turn are looked at, in the next others, by its `number`.
    What lies within one of the boxes is not found: it is taken for the person of that box.

    picture: uint8 (H, W, 3) RGB.
    """
    pairs = [(box, quarters) for box in guarded for quarters in QUARTERS]
    count = CELLS * CELLS
    looked = [pairs[(count * number + i) % len(pairs)] for i in range(min(count, len(pairs)))]
    if not looked:
        return []
    sheet = np.zeros((CELLS * CELL_PX, CELLS * CELL_PX, 3), np.uint8)
    for index, (box, quarters) in enumerate(looked):
        left, top = _corner(index)
        sheet[top : top + CELL_PX, left : left + CELL_PX] = np.rot90(_surroundings(picture, box), quarters)
    heads = []
    for head in detector.detect_heads(sheet, (0, 0, CELLS * CELL_PX, CELLS * CELL_PX)):
        for index, (box, quarters) in enumerate(looked):
            left, top = _corner(index)
            x0, y0, x1, y1 = head.box_px
            if x0 < left or y0 < top or x1 > left + CELL_PX or y1 > top + CELL_PX:
                continue
            points = _turned_back(head.points_px - (left, top), quarters)
            scale = SURROUNDINGS * box_width(box) / CELL_PX
            found = (points - CELL_PX / 2) * scale + box_centre(box)
            middle, half = found.mean(axis=0), scale * (x1 - x0) / 2
            x, y = middle.tolist()
            own = steadied(DetectedHead(head.score, (x - half, y - half, x + half, y + half), found))
            if not any(box_contains(each, box_centre(own.box_px)) for each in guarded):
                heads.append(own)
    return heads


def _corner(index: int) -> tuple[int, int]:
    """Left and top of a cell."""
    return index % CELLS * CELL_PX, index // CELLS * CELL_PX


def _surroundings(picture: Pixels, box: Box) -> Pixels:
    """A square about a box, uint8 (`CELL_PX`, `CELL_PX`, 3)."""
    (x, y), side = box_centre(box), max(2, round(SURROUNDINGS * box_width(box)))
    part = cv2.getRectSubPix(picture, (side, side), (x - 0.5, y - 0.5))
    return np.asarray(cv2.resize(part, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _turned_back(points: NDArray[np.float64], quarters: int) -> NDArray[np.float64]:
    """Points (N, 2) of a square of `CELL_PX` that was turned by `np.rot90`, as they were before."""
    for _ in range(quarters):
        points = np.column_stack([CELL_PX - points[:, 1], points[:, 0]])
    return points
