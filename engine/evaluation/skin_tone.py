"""Skin tone as a number, measured and not classified: the individual typology angle of the cheeks.

Chardon, Cretois, Hourseau, *Skin colour typology and suntanning pathways*, International Journal of Cosmetic
Science 13, 1991. In a photograph the angle is of skin and light together, so it orders people of one set-up
and says little between two.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.alignment import crop_ffhq
from engine.faces.landmarks import Landmarks

MEASURED_PX = 128
CHEEK_RADIUS_PX = 7


def cheek_ita_deg(photograph: Pixels, landmarks: NDArray[np.float32]) -> float:
    """The individual typology angle in degrees, larger for lighter skin.

    photograph: uint8 (H, W, 3) RGB. landmarks: (478, 2), in its pixels. The angle is arctan((L* - 50) / b*)
    of the median CIE L* and b* over a disc on each cheek.
    """
    crop = crop_ffhq(photograph, landmarks, MEASURED_PX)
    inside = np.zeros(crop.image.shape[:2], np.uint8)
    for point in (Landmarks.LEFT_CHEEK_MIDDLE, Landmarks.RIGHT_CHEEK_MIDDLE):
        x, y = (round(float(value)) for value in crop.landmarks[point])
        cv2.circle(inside, (x, y), CHEEK_RADIUS_PX, (1,), cv2.FILLED)
    lab = cv2.cvtColor(crop.image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lightness, _, yellow = np.median(lab[inside > 0], axis=0)
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))
