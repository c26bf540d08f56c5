"""Alignment by five points of the face: the template of 112 px that ArcFace and SFace share, and others."""

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.landmarks import Landmarks
from engine.judges.base import Affine
from engine.judges.crops import similarity

TEMPLATE_PX = 112
# insightface's `arcface_dst`, also in OpenCV's FaceRecognizerSF; given there as indices, here from the
# corner.
TEMPLATE = (
    np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
    )
    + 0.5
)


def five_point_alignment(
    portrait: Pixels, landmarks: NDArray[np.float32], crop_px: int = TEMPLATE_PX
) -> Affine:
    """Unit coordinates of the portrait -> crop (2, 3), by least squares; the template scales with
    `crop_px`."""
    return align_points(portrait, landmarks, TEMPLATE * (crop_px / TEMPLATE_PX))


def align_points(portrait: Pixels, landmarks: NDArray[np.float32], template: NDArray[np.float64]) -> Affine:
    """The same for any template (5, 2) in pixels of the crop."""
    points = landmarks[list(Landmarks.FIVE_POINTS)].astype(np.float64) / portrait.shape[0]
    return similarity(points, template)
