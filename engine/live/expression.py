"""Measures a face's expression on its mesh, and the motion between two such measurements.

**Convention:** as in `engine.live.motion`.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from engine.faces.landmarks import Landmarks
from engine.faces.measurement import eye_aspect_ratio, measure_pose, measure_width
from engine.live.motion import Motion

Mesh = NDArray[np.float64]
"""float64 (478, 3): x, y and depth in pixels, depth growing away from the camera."""

UPPER_LIP_TOP, LOWER_LIP_BOTTOM = 0, 17
# The share of its opening at rest at which a lid is taken for shut: the mesh follows lids only in part
# (`engine.faces.measurement.measure_eyes_open`).
SHUT_SHARE = 0.55


@dataclass(frozen=True)
class Expression:
    """A face as it is measured in one picture: nothing of it is relative to anybody's neutral.

    yaw_deg, pitch_deg, roll_deg: see `engine.faces.measurement.HeadPose`. x_px, y_px: the middle between the
    eyes. width_px: of the face. left_eye, right_eye: height of the opening over its width. brows: height
    above the eyes. gaze: of the irises, -0.5 left to 0.5 right corner of the eye. jaw: the gap between the
    inner lips. mouth_width: between the corners. corners: height of the corners above the base of the nose,
    negative. lips: thickness of both over the mouth's width.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    x_px: float
    y_px: float
    width_px: float
    left_eye: float
    right_eye: float
    brows: float
    gaze: float
    jaw: float
    mouth_width: float
    corners: float
    lips: float


def measure(mesh: Mesh) -> Expression:
    """Measures a mesh. Lengths are those in space, so that turning the head hardly changes them."""
    pose = measure_pose(mesh)
    width_px = measure_width(mesh)

    def length(a: int, b: int) -> float:
        return float(np.linalg.norm(mesh[a] - mesh[b]))

    across, down = _axes(mesh)
    left_eye, right_eye = (
        eye_aspect_ratio(mesh[list(eye)]) for eye in (Landmarks.LEFT_EYE, Landmarks.RIGHT_EYE)
    )
    eyes = mesh[[*Landmarks.LEFT_EYE, *Landmarks.RIGHT_EYE]].mean(axis=0)
    brows = np.mean(
        [
            (mesh[corner] - mesh[brow]) @ down
            for brow, corner in (
                (Landmarks.LEFT_BROW, Landmarks.LEFT_EYE_INNER),
                (Landmarks.RIGHT_BROW, Landmarks.RIGHT_EYE_INNER),
            )
        ]
    )
    gaze = np.mean(
        [
            (mesh[iris] - (mesh[left] + mesh[right]) / 2) @ across / length(left, right)
            for iris, left, right in Landmarks.IRISES
        ]
    )
    mouth_px = length(*Landmarks.MOUTH_CORNERS)
    corners = (mesh[Landmarks.NOSE_BASE] - mesh[list(Landmarks.MOUTH_CORNERS)].mean(axis=0)) @ down
    lips = length(UPPER_LIP_TOP, Landmarks.UPPER_LIP_INNER) + length(
        Landmarks.LOWER_LIP_INNER, LOWER_LIP_BOTTOM
    )
    return Expression(
        *pose,
        x_px=float(eyes[0]),
        y_px=float(eyes[1]),
        width_px=width_px,
        left_eye=left_eye,
        right_eye=right_eye,
        brows=float(brows) / width_px,
        gaze=float(gaze),
        jaw=length(Landmarks.UPPER_LIP_INNER, Landmarks.LOWER_LIP_INNER) / width_px,
        mouth_width=mouth_px / width_px,
        corners=float(corners) / width_px,
        lips=lips / mouth_px,
    )


def neutral(expressions: Sequence[Expression]) -> Expression:
    """What rests of a face that was measured several times: the median of each number.

    Of lids and lips it is not the median: whoever blinks opens them again, and a mouth that speaks is shut in
    between. Their openings at rest are the 75th and the 10th percentile.
    """
    numbers = np.array([astuple(expression) for expression in expressions])
    shares = {"left_eye": 75, "right_eye": 75, "jaw": 10}
    return Expression(
        *(
            float(np.percentile(column, shares.get(field.name, 50)))
            for field, column in zip(fields(Expression), numbers.T, strict=True)
        )
    )


def motion_between(rest: Expression, now: Expression) -> Motion:
    """How a face has moved from `rest` to `now`, not limited to any range."""
    width_px = rest.width_px

    def lid(opening: float, opening_at_rest: float) -> float:
        shut = (1 - opening / max(opening_at_rest, 1e-6)) / (1 - SHUT_SHARE)
        return min(max(shut, 0.0), 1.0)

    return Motion(
        yaw_deg=now.yaw_deg - rest.yaw_deg,
        pitch_deg=now.pitch_deg - rest.pitch_deg,
        roll_deg=(now.roll_deg - rest.roll_deg + 180) % 360 - 180,
        x=(now.x_px - rest.x_px) / width_px,
        y=(now.y_px - rest.y_px) / width_px,
        scale=now.width_px / width_px - 1,
        brows=now.brows - rest.brows,
        left_lid=lid(now.left_eye, rest.left_eye),
        right_lid=lid(now.right_eye, rest.right_eye),
        gaze=now.gaze - rest.gaze,
        jaw=now.jaw - rest.jaw,
        mouth_width=now.mouth_width - rest.mouth_width,
        smile=now.corners - rest.corners,
        pucker=now.lips - rest.lips,
    )


def _axes(mesh: Mesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (3,): from the left to the right half of the face, and from forehead to chin."""
    across = (mesh[list(Landmarks.RIGHT_HALF)] - mesh[list(Landmarks.LEFT_HALF)]).mean(axis=0)
    across /= np.linalg.norm(across)
    down = mesh[Landmarks.NOSE_BASE] - mesh[Landmarks.FOREHEAD_TOP]
    down -= across * (across @ down)
    return across, down / np.linalg.norm(down)
