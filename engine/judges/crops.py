"""From a picture in FFHQ framing to the crop that a judge looks at.

Coordinates here count from the corner: (0, 0) is the top-left corner of an array, so the centre of its first
pixel is (0.5, 0.5). Unit coordinates run from (0, 0) to (1, 1) over the FFHQ crop, whatever its resolution.
"""

import cv2
import numpy as np
from numpy.typing import NDArray


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation, scale and shift (2, 3) that brings points (N, 2) nearest to others in the least squares.

    Umeyama (1991) without reflection; in the plane it is one complex division.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    x, y = (source - source_mean).T
    u, v = (target - target_mean).T
    z, w = x + 1j * y, u + 1j * v
    turn = np.vdot(z, w) / np.vdot(z, z).real
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([linear, target_mean - linear @ source_mean])


def compose(after: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    """The affine map (2, 3) that applies `before`, then `after`."""
    linear = after[:, :2] @ before[:, :2]
    return np.column_stack([linear, after[:, :2] @ before[:, 2] + after[:, 2]])


def density_px(alignment: NDArray[np.float64]) -> int:
    """How many pixels the whole FFHQ crop is wide at the scale of the judge's crop."""
    return round(float(np.sqrt(abs(np.linalg.det(alignment[:, :2])))))


def reduce_to(picture: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """A square picture reduced to `size_px` by area means; a smaller one is returned as it is.

    It keeps the later warp free of aliasing and brings portrait and picture to one resolution.
    """
    if picture.shape[0] <= size_px:
        return picture
    return cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def cut(picture: NDArray[np.uint8], alignment: NDArray[np.float64], crop_px: int) -> NDArray[np.uint8]:
    """The crop uint8 (crop_px, crop_px, 3) of a square picture uint8 (R, R, 3).

    `alignment` (2, 3) maps unit coordinates to the crop's. Bilinear; beyond the picture its edge is repeated.
    """
    size_px = picture.shape[0]
    # OpenCV counts from the centre of the first pixel: unit = (index + 0.5) / R and index = crop - 0.5.
    to_unit = np.array([[1 / size_px, 0, 0.5 / size_px], [0, 1 / size_px, 0.5 / size_px]])
    matrix = compose(alignment, to_unit)
    matrix[:, 2] -= 0.5
    return cv2.warpAffine(
        picture, matrix, (crop_px, crop_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.uint8, copy=False)
