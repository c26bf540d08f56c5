"""Smooth displacements of a face: brows, the corners of the mouth, pucker, and how the head goes along."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from engine.faces.landmarks import Landmarks
from engine.faces.measurement import measure_width
from engine.live.expression import Mesh
from engine.live.frame import Array, Frame
from engine.live.rigs.flows import edge_fade, face_hull

BROW_POINTS = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107)
RIGHT_BROW_POINTS = (285, 295, 282, 283, 276, 300, 293, 334, 296, 336)

# The mesh measures less than what is drawn: what is drawn is so much more.
BROWS_GAIN, SMILE_GAIN, PUCKER_GAIN = 1.8, 1.25, 4.0


@lru_cache(maxsize=8)
def pixel_grid(side_px: int, map_px: int) -> Array:
    """float32 (map_px, map_px, 2): the x and y, in pixels of a picture of `side_px`, of a coarser map's
    pixels. Not to be written to."""
    at = (np.arange(map_px, dtype=np.float32) + 0.5) * (side_px / map_px) - 0.5
    grid = np.stack(np.meshgrid(at, at), axis=-1)
    grid.setflags(write=False)
    return grid


def expression_fields(mesh: Mesh, side_px: int, map_px: int) -> dict[str, Array]:
    """What one unit of these numbers of `Motion` adds to the place of each pixel: (map_px, map_px, 2)."""
    grid = pixel_grid(side_px, map_px)
    points, width_px = mesh[:, :2], measure_width(mesh)
    corners = points[list(Landmarks.MOUTH_CORNERS)]
    frame = Frame.between(corners[0], corners[1])
    right, down = (axis.astype(np.float32) for axis in frame.axes)
    near_left, near_right = (_about(grid, corner[None], 0.17 * width_px) for corner in corners)
    brows = np.maximum(
        _about(grid, points[list(BROW_POINTS)], 0.09 * width_px),
        _about(grid, points[list(RIGHT_BROW_POINTS)], 0.09 * width_px),
    )
    u, v = frame.inside(grid[..., 0], grid[..., 1])
    middle = (points[Landmarks.UPPER_LIP_INNER] + points[Landmarks.LOWER_LIP_INNER]) / 2
    line = float(frame.axes[1] @ (middle - frame.origin))
    gap_px = float(np.hypot(*(points[Landmarks.UPPER_LIP_INNER] - points[Landmarks.LOWER_LIP_INNER])))
    beyond_gap = np.sign(v - line) * np.maximum(np.abs(v - line) - gap_px / 2, 0)
    about_lips = np.exp(
        -(((u - frame.length_px / 2) / (0.5 * frame.length_px)) ** 2)
        - ((v - line) / (0.35 * frame.length_px)) ** 2
    )
    return {
        "brows": np.float32(-BROWS_GAIN * width_px) * brows[..., None] * down,
        "mouth_width": np.float32(width_px / 2) * (near_right - near_left)[..., None] * right,
        "smile": np.float32(-SMILE_GAIN * width_px) * (near_left + near_right)[..., None] * down,
        "pucker": (PUCKER_GAIN * about_lips * beyond_gap)[..., None] * down,
    }


def head_weight(mesh: Mesh, side_px: int, map_px: int) -> Array:
    """float32 (map_px, map_px): how far each pixel goes along with the head: 1 on it, 0 at the edges."""
    hull = face_hull(mesh[:, :2] * (map_px / side_px), map_px, 1.3)
    soft = cv2.GaussianBlur(hull, (0, 0), 0.08 * map_px)
    return np.asarray(soft * edge_fade(map_px), np.float32)


def _about(grid: Array, points: Sequence | np.ndarray, sigma_px: float) -> Array:
    """1 at the nearest of the points (N, 2), falling with the distance from it as a Gaussian."""
    away = np.min(
        [((grid - point.astype(np.float32)) ** 2).sum(axis=-1) for point in np.asarray(points)], axis=0
    )
    return np.asarray(np.exp(-away / (2 * sigma_px**2)), np.float32)
