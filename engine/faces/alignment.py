"""The FFHQ crop: where a face sits in the pictures that StyleGAN2 is trained on.

Source: Karras, Laine, Aila, *A Style-Based Generator Architecture for Generative Adversarial Networks*,
2019, appendix A, and the script `download_ffhq.py` published with the data set, which fixes the numbers: an
oriented square from the eye centres and the mouth corners, reflected, blurred and faded to the median colour
where the photograph ends. FFHQ takes those points from dlib's 68; here the face mesh stands in for them.

**Convention:** points are (x, y) in pixels, y downwards, with (0, 0) at the outer corner of the top-left
pixel, so that the centre of pixel i is i + 0.5. Unit coordinates run from (0, 0) to (1, 1) over the crop in
the same way. "left" and "right" are the picture's, not the sitter's.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.faces.landmarks import Landmarks


@dataclass(frozen=True)
class Portrait:
    """The FFHQ crop of one face.

    image: uint8 (S, S, 3) RGB.
    landmarks: float32 (N, 2), the given landmarks in pixels of `image`.
    transform: float64 (2, 3), the affine map from pixels of the photograph to unit coordinates of the crop.
    """

    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    transform: NDArray[np.float64]


def ffhq_quad(landmarks: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Mesh (478, 2) in pixels -> corners (4, 2) of the crop: top left, top right, bottom right, bottom left.

    The crop's x axis is the mean of two directions, along the eyes and across the line from eyes to mouth;
    half its side is the larger of 2.0 eye distances and 1.8 eye-to-mouth distances; its centre lies a tenth
    of the way from the eyes to the mouth.

    The eye centres are the means of `Landmarks.LEFT_EYE` and `RIGHT_EYE`, six points each: on 1,200
    FFHQ-aligned renders the crop is then 0.7 % smaller than the true one. The mean over all 16 contour points
    of each eye gives 1.4 %, the eye corners alone 3.0 %.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    left_eye = points[list(Landmarks.LEFT_EYE)].mean(axis=0)
    right_eye = points[list(Landmarks.RIGHT_EYE)].mean(axis=0)
    eyes = (left_eye + right_eye) / 2
    eye_to_eye = right_eye - left_eye
    eye_to_mouth = points[list(Landmarks.MOUTH_CORNERS)].mean(axis=0) - eyes
    x = eye_to_eye - _quarter_turn(eye_to_mouth)
    x *= max(2.0 * np.hypot(*eye_to_eye), 1.8 * np.hypot(*eye_to_mouth)) / np.hypot(*x)
    y = _quarter_turn(x)
    centre = eyes + 0.1 * eye_to_mouth
    return np.stack([centre - x - y, centre + x - y, centre + x + y, centre - x + y])


def ffhq_transform(landmarks: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Mesh (478, 2) -> the affine map (2, 3) from the photograph's pixels to unit coordinates of the crop."""
    top_left, top_right, _, bottom_left = ffhq_quad(landmarks)
    unit_to_photograph = np.column_stack([top_right - top_left, bottom_left - top_left, top_left])
    return np.asarray(cv2.invertAffineTransform(unit_to_photograph), np.float64)


def apply_affine(
    transform: NDArray[np.floating[Any]], points: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Affine map (2, 3), points (N, 2) -> mapped points (N, 2)."""
    return np.asarray(points, dtype=np.float64) @ transform[:, :2].T + transform[:, 2]


def crop_ffhq(
    photograph: NDArray[np.uint8], landmarks: NDArray[np.floating[Any]], size_px: int = 512
) -> Portrait:
    """Photograph uint8 (H, W, 3) RGB and its mesh (478, 2) -> `Portrait` of size_px x size_px.

    Shrinking is antialiased: a whole-number area average leaves at least two pixels for each pixel of the
    crop, the warp keeps all of them, and a Lanczos filter brings the crop to its size, in the manner of
    FFHQ. Enlarging is bicubic.
    """
    quad, transform = ffhq_quad(landmarks), ffhq_transform(landmarks)
    source, source_from_photograph = _surroundings(photograph, quad, size_px)
    side_px = np.hypot(*(quad[1] - quad[0])) * source_from_photograph[0, 0]
    supersampling = max(1, math.ceil(side_px / size_px - 0.01))
    crop_from_source = (
        np.diag([supersampling * size_px, supersampling * size_px, 1.0])
        @ _square(transform)
        @ np.linalg.inv(_square(source_from_photograph))
    )
    image = _warp(source, crop_from_source[:2], supersampling * size_px)
    if supersampling > 1:
        image = np.asarray(Image.fromarray(image).resize((size_px, size_px), Image.Resampling.LANCZOS))
    return Portrait(
        image=image,
        landmarks=(apply_affine(transform, landmarks) * size_px).astype(np.float32),
        transform=transform,
    )


def _quarter_turn(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the x axis towards the y axis; on the screen, where y runs down, clockwise."""
    return np.array([-vector[1], vector[0]])


def _square(transform: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.vstack([transform, [0.0, 0.0, 1.0]])


def _warp(source: NDArray[np.uint8], transform: NDArray[np.float64], size_px: int) -> NDArray[np.uint8]:
    """OpenCV counts from the centre of the top-left pixel, this module from its outer corner."""
    shifted = transform.copy()
    shifted[:, 2] += transform[:, :2] @ [0.5, 0.5] - 0.5
    warped = cv2.warpAffine(
        source, shifted, (size_px, size_px), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)


def _surroundings(
    photograph: NDArray[np.uint8], quad: NDArray[np.float64], size_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """What the crop needs of the photograph: cut out, shrunk, and continued where the photograph ends.

    Returns the source picture uint8 (h, w, 3) and the affine map (2, 3) from the photograph's pixels to its
    own.
    """
    height, width = photograph.shape[:2]
    side_px = float(np.hypot(*(quad[1] - quad[0])))
    margin_px = 0.1 * side_px + 3
    low, high = quad.min(axis=0) - margin_px, quad.max(axis=0) + margin_px
    left, top = (math.floor(v) for v in np.clip(low, 0, [width - 1, height - 1]))
    right, bottom = (math.ceil(v) for v in np.clip(high, [left + 1, top + 1], [width, height]))
    source = photograph[top:bottom, left:right]

    shrink = int(side_px / size_px / 2)
    scale = np.ones(2)
    if shrink > 1:
        size = np.maximum(1, np.round(np.array([right - left, bottom - top]) / shrink)).astype(int)
        scale = size / [right - left, bottom - top]
        source = np.asarray(cv2.resize(source, size.tolist(), interpolation=cv2.INTER_AREA), np.uint8)

    # How far the crop reaches over the photograph's left, top, right and bottom end.
    beyond = np.concatenate([-quad.min(axis=0), quad.max(axis=0) - [width, height]])
    offset = np.zeros(2)
    if beyond.max() > 0:
        pads = np.ceil(np.maximum(beyond + margin_px, 0.3 * side_px) * np.tile(scale, 2)).astype(int)
        source = _continued(source, pads, blur_px=0.02 * side_px * scale[0])
        offset = pads[:2].astype(float)
    return source, np.column_stack([np.diag(scale), offset - scale * [left, top]])


def _continued(picture: NDArray[np.uint8], pads: NDArray[np.int_], blur_px: float) -> NDArray[np.uint8]:
    """The picture reflected over its borders by `pads` (left, top, right, bottom) pixels, as FFHQ does it.

    Towards the outer edge it is blurred, from a third of the pad inside the picture on, and then faded to the
    median colour, which is reached at the outer edge.
    """
    left, top, right, bottom = pads.tolist()
    reflected = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_REFLECT_101)
    blurred = cv2.GaussianBlur(reflected, (0, 0), sigmaX=blur_px).astype(np.float32)
    continued = reflected.astype(np.float32)
    height, width = continued.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    # Depth into the pad: 1 at the outer edge, 0 where the picture begins, negative inside it.
    depth_x = 1 - np.minimum(x / left, (width - 1 - x) / right)
    depth_y = 1 - np.minimum(y / top, (height - 1 - y) / bottom)
    depth = np.maximum(depth_x[None, :], depth_y[:, None])[..., None]
    continued += (blurred - continued) * np.clip(3 * depth + 1, 0, 1)
    median = np.median(picture, axis=(0, 1)).astype(np.float32)
    continued += (median - continued) * np.clip(depth, 0, 1)
    return np.clip(np.rint(continued), 0, 255).astype(np.uint8)
