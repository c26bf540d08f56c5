"""Nobodies in all their poses, and how one is put in somebody's place.

A live picture has no time to draw them with the generator (`engine.live.crowd.bank_drawing`), and needs no
generator to show them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.live.crowd.head import Turn, similarity
from engine.live.crowd.outline import draw_face
from engine.live.frame import Array

YAWS_DEG, PITCHES_DEG = (-24.0, -16.0, -8.0, 0.0, 8.0, 16.0, 24.0), (-9.0, 0.0, 9.0)
# A head goes over to the next pose when it is nearer to that by so many degrees: its turn trembles.
STAY_DEG = 3.0
# So many are in a bank: six people take part, and the detector may see a face where there is none. At 256 px
# they are 45 MB; on a busy machine drawing them has taken 120 s of processor time.
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


Poses = Mapping[PoseNumber, Pose]


@dataclass(frozen=True, eq=False)
class Bank:
    """poses: of each nobody, by number, every pose."""

    poses: Mapping[int, Poses] = field(default_factory=dict)

    def with_nobody(self, number: int, poses: Poses) -> "Bank":
        """With one nobody more, or again."""
        return Bank({**self.poses, number: poses})

    def without(self, numbers: Collection[int]) -> "Bank":
        """Without some nobodies."""
        return Bank({number: poses for number, poses in self.poses.items() if number not in numbers})


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
