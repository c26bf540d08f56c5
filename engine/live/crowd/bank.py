"""Nobodies in all their poses, drawn before they are needed: a live picture has no time to draw them."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.mesh import FaceMesh
from engine.live.crowd.head import Turn, similarity
from engine.live.crowd.nobodies import Cutout, Nobodies
from engine.live.crowd.outline import draw_face, outline_of
from engine.live.frame import Array

YAWS_DEG, PITCHES_DEG = (-24.0, -16.0, -8.0, 0.0, 8.0, 16.0, 24.0), (-9.0, 0.0, 9.0)
# A head goes over to the next pose when it is nearer to that by so many degrees: its turn trembles.
STAY_DEG = 3.0
# A bank of these many people is 45 MB at 256 px, and is drawn in 12 s.
PEOPLE = 8

PoseNumber = tuple[int, int]
"""Of a yaw and of a pitch, as in `YAWS_DEG` and `PITCHES_DEG`."""


@dataclass(frozen=True, eq=False)
class Pose:
    """A nobody, turned. picture: uint8 (R, R, 3) RGB. outline: of the face, float32 (N, 2). points_px:
    float64 (6, 2), as of `DetectedHead`. Both are in pixels of the picture."""

    picture: Pixels
    outline: Array
    points_px: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bank:
    """poses: of each nobody, by number, every pose."""

    poses: Mapping[int, Mapping[PoseNumber, Pose]]


def make_bank(nobodies: Nobodies, mesh: FaceMesh, people: int = PEOPLE) -> Bank:
    """Draws the nobodies 1 to `people` in every pose."""
    poses: dict[int, dict[PoseNumber, Pose]] = {}
    for number in range(1, people + 1):
        poses[number] = {
            (i, j): pose_of(nobodies.cutout(number, Turn(yaw, pitch, 0.0)), mesh)
            for i, yaw in enumerate(YAWS_DEG)
            for j, pitch in enumerate(PITCHES_DEG)
        }
    return Bank(poses)


def pose_of(cutout: Cutout, mesh: FaceMesh) -> Pose:
    """A nobody with the outline of the face; that of the six points' box where the mesh finds none."""
    points = mesh.measure(cutout.picture, cutout.head.box_px)
    if points is None:
        x0, y0, x1, y1 = cutout.head.box_px
        angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
        around = np.column_stack([np.cos(angles), np.sin(angles)])
        outline = (around * ((x1 - x0) / 2, (y1 - y0) / 2) + ((x0 + x1) / 2, (y0 + y1) / 2)).astype(
            np.float32
        )
        return Pose(cutout.picture, outline, cutout.head.points_px)
    return Pose(cutout.picture, outline_of(points), cutout.head.points_px)


def pose_nearest(turn: Turn, before: PoseNumber | None = None) -> PoseNumber:
    """The pose that is most like a turn; the one before as long as no other is clearly nearer."""
    return (
        _nearest(YAWS_DEG, turn.yaw, before[0] if before else None),
        _nearest(PITCHES_DEG, turn.pitch, before[1] if before else None),
    )


def _nearest(places: tuple[float, ...], angle: float, before: int | None) -> int:
    distances = [abs(place - angle) for place in places]
    nearest = int(np.argmin(distances))
    return before if before is not None and distances[before] - distances[nearest] < STAY_DEG else nearest


def draw_pose(pose: Pose, points_px: NDArray[np.float64], onto: Pixels) -> Array:
    """Draws a nobody's face onto a picture uint8 (H, W, 3) RGB so that its six points lie on these; returns
    its outline there, float32 (N, 2)."""
    return draw_placed(pose.picture, pose.outline, similarity(pose.points_px, points_px), onto)


def draw_placed(picture: Pixels, outline: Array, place: NDArray[np.float64], onto: Pixels) -> Array:
    """Draws what lies within an outline of a picture onto another one, moved by an affine map (2, 3); returns
    the outline there. Both pictures are uint8 (H, W, 3) RGB, of any size."""
    placed = np.asarray(outline @ place[:, :2].T + place[:, 2], np.float32)
    height, width = onto.shape[:2]
    left, top = np.clip(np.floor(placed.min(axis=0)).astype(int), 0, (width, height)).tolist()
    right, bottom = np.clip(np.ceil(placed.max(axis=0)).astype(int) + 1, 0, (width, height)).tolist()
    if right <= left or bottom <= top:
        return placed
    # OpenCV counts from the centre of the top-left pixel, points here from its outer corner.
    shifted = place.copy()
    shifted[:, 2] += place[:, :2] @ [0.5, 0.5] - (left + 0.5, top + 0.5)
    scale = float(np.sqrt(abs(np.linalg.det(place[:, :2]))))
    source = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 0.7 else picture
    warped = cv2.warpAffine(source, shifted, (right - left, bottom - top), flags=cv2.INTER_CUBIC)
    draw_face(np.asarray(warped, np.uint8), placed - (left, top), onto[top:bottom, left:right])
    return placed
