"""The outline of a face, and a face drawn through it: only what lies within the mesh of the face is drawn.

Hair and neck are not: beside them, and behind them, may be somebody else's face. So the face comes out of the
dark: its light falls off towards the outline, and is nothing on it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.detector import Box, box_centre, box_contains
from engine.faces.landmarks import Landmarks
from engine.faces.measurement import measure_box
from engine.faces.mesh import FaceMesh
from engine.live.crowd.head import width_ratio
from engine.live.frame import Array

# The outline is taken inwards by this share of the face's width, because the mesh is that exact; from there
# the light rises within this one.
INSET_SHARE, RISE_SHARE = 0.02, 0.14
EVEN_SHARE = 0.03
# A mesh and the detection that it belongs to differ in width by less than this.
SAME_RATIO = 1.6


def mesh_of_head(mesh: FaceMesh, picture: Pixels, box: Box) -> NDArray[np.float64] | None:
    """The mesh (478, 3) in pixels of the head in this box; None where there is none, or it is another's."""
    points = mesh.measure(picture, box)
    if points is None:
        return None
    found = measure_box(points)
    own = box_contains(box, box_centre(found)) and width_ratio(found, box) < SAME_RATIO
    return points if own else None


def outline_of(mesh: NDArray[np.float64]) -> Array:
    """Mesh (478, 3) in pixels -> the face's outline, float32 (N, 2)."""
    points = mesh[list(Landmarks.FACE_OVAL), :2].astype(np.float32)
    return np.asarray(cv2.convexHull(points)[:, 0], np.float32)


def draw_face(picture: Pixels, outline: Array, onto: Pixels) -> None:
    """Draws what lies within an outline of a picture over another of the same size, uint8 (H, W, 3) RGB."""
    height, width = picture.shape[:2]
    left, top = np.clip(np.floor(outline.min(axis=0)).astype(int), 0, (width, height))
    right, bottom = np.clip(np.ceil(outline.max(axis=0)).astype(int) + 1, 0, (width, height))
    if right <= left or bottom <= top:
        return
    area = np.s_[top:bottom, left:right]
    light = _light(outline - (left, top), bottom - top, right - left)
    lights = cv2.merge([light] * 3)
    drawn = cv2.multiply(picture[area], lights, dtype=cv2.CV_8U)
    onto[area] = cv2.add(drawn, cv2.multiply(onto[area], 1 - lights, dtype=cv2.CV_8U))


def _light(outline: Array, height: int, width: int) -> Array:
    """float32 (height, width): 0 outside an outline, rising to 1 inside it."""
    inside = np.zeros((height + 2, width + 2), np.uint8)  # with a border: a face that is cut off has an edge
    cv2.fillPoly(inside[1:-1, 1:-1], [np.rint(outline).astype(np.int32)], (1.0,))
    face_px = max(float(np.ptp(outline[:, 0])), 1.0)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    even = cv2.GaussianBlur(depth, (0, 0), EVEN_SHARE * face_px)[1:-1, 1:-1]  # the outline has corners
    rise = np.clip((even / face_px - INSET_SHARE) / RISE_SHARE, 0, 1)
    return np.asarray(rise * rise * (3 - 2 * rise) * inside[1:-1, 1:-1], np.float32)
