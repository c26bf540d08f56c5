"""Draws nobodies in every pose, before they are needed (`engine.live.crowd.bank`)."""

from collections.abc import Callable, Sequence

import numpy as np

from engine.common.arrays import Pixels
from engine.common.errors import NoUsableFace
from engine.faces.alignment import crop_ffhq
from engine.faces.detector import Box
from engine.faces.mesh import FaceMesh
from engine.judges.base import Judge
from engine.live.crowd.bank import PITCHES_DEG, YAWS_DEG, Pose, Poses
from engine.live.crowd.head import Turn
from engine.live.crowd.nobodies import Cutout, Nobodies
from engine.live.crowd.outline import outline_of
from engine.live.crowd.resemblance import Resemblance, Shot
from engine.live.rigs.directions import face_box

# At this size nobodies are compared with doppelgängers.
COMPARED_PX = 256


class BankPainter:
    """Draws nobodies for a bank, and says which of them look like a doppelgänger. Keeps nothing of that one.

    Not to be shared between threads.
    """

    def __init__(self, nobodies: Nobodies, mesh: FaceMesh, judges: Sequence[Judge]) -> None:
        self._nobodies, self._mesh = nobodies, mesh
        self._resemblance = Resemblance(judges)

    def draw(self, number: int, check: Callable[[], None] = lambda: None) -> Poses:
        """A nobody in every pose, as `draw_poses`; from then on it is compared. Raises NoUsableFace where it
        cannot be: nobody would know whom it looks like."""
        poses = draw_poses(self._nobodies, self._mesh, number, check)
        straight = self._nobodies.cutout(number, Turn(0.0, 0.0, 0.0))
        shot = self._shot(straight.picture, straight.head.box_px)
        if shot is None:
            raise NoUsableFace("none", "The nobody has no face that can be compared.")
        self._resemblance.add(number, shot)
        return poses

    def alike(self, doppelganger: Pixels) -> frozenset[int]:
        """The nobodies that a judge takes, or nearly takes, for a doppelgänger uint8 (R, R, 3) RGB; all of
        them where it cannot be compared."""
        shot = self._shot(doppelganger, face_box(len(doppelganger)))
        return self._resemblance.numbers if shot is None else self._resemblance.alike(shot)

    def _shot(self, picture: Pixels, box: Box) -> Shot | None:
        points = self._mesh.measure(picture, box)
        if points is None:
            return None
        crop = crop_ffhq(picture, points[:, :2], COMPARED_PX)
        return crop.image, crop.landmarks


def draw_poses(
    nobodies: Nobodies, mesh: FaceMesh, number: int, check: Callable[[], None] = lambda: None
) -> Poses:
    """Draws one nobody in every pose. check: called before each pose; what it raises ends the drawing, and
    the poses drawn so far need not be drawn again."""
    poses = {}
    for i, yaw in enumerate(YAWS_DEG):
        for j, pitch in enumerate(PITCHES_DEG):
            check()
            poses[i, j] = pose_of(nobodies.cutout(number, Turn(yaw, pitch, 0.0)), mesh)
    return poses


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
