"""How a head is turned, from a detector's six points alone: no mesh, no pixel, nothing that identifies."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.detector import Box, DetectedHead, HeadPoints, box_centre

# Least squares on 450 renders of known faces, against `engine.faces.measurement.measure_pose`; on 149 others
# yaw deviates by 3.1 degrees (R2 .92), pitch by 4.9 (R2 .38), because foreheads and noses differ. Degrees for
# one width of the box: of the nose's, the mouth's and the sum of both ears' place beside or below the middle
# between the eyes, and a constant.
_YAW_DEG = (66.1, -3.7, -50.4, 0.0)
_PITCH_DEG = (-107.0, -21.4, 28.4, 21.2)


# A box is so many times as wide as the points' mean distance from their middle, and its middle lies so many
# of its widths below theirs: as of the detector's network for larger distances.
BOX_SPREADS, BELOW_WIDTHS = 3.17, 0.05


# So near to an edge of the picture, in its widths, a face is not shown as it is: who comes in there may stand
# before it before they are found themselves.
EDGE_WIDTHS = 0.25
# Two heads nearer to each other than this overlap, or soon will: one is hidden by the other, and who comes
# out on which side is not known. A face reaches half a width from its middle, long hair 1.0 to 1.1.
APART_WIDTHS = 1.6


class Turn(NamedTuple):
    """Angles in degrees, signs as of `engine.faces.measurement.HeadPose`."""

    yaw: float
    pitch: float
    roll: float


def turn_of(head: DetectedHead) -> Turn:
    """How a head is turned."""
    points = head.points_px
    left, right = points[HeadPoints.LEFT_EYE], points[HeadPoints.RIGHT_EYE]
    along = (right - left) / max(float(np.hypot(*(right - left))), 1e-6)
    upright = (points - (left + right) / 2) @ np.array([along, [-along[1], along[0]]]).T
    shares = upright / box_width(head.box_px)
    x, y = shares[:, 0], shares[:, 1]
    return Turn(_weighted(x, _YAW_DEG), _weighted(y, _PITCH_DEG), float(np.degrees(np.arctan2(*along[::-1]))))


def _weighted(places: NDArray[np.float64], weights: tuple[float, float, float, float]) -> float:
    nose, mouth, ears, constant = weights
    ends = places[HeadPoints.LEFT_EAR] + places[HeadPoints.RIGHT_EAR]
    return float(nose * places[HeadPoints.NOSE] + mouth * places[HeadPoints.MOUTH] + ears * ends + constant)


def steadied(head: DetectedHead) -> DetectedHead:
    """The head with a box about its six points, at least as wide as the detector's.

    The two networks of the detector, and parts of a picture of different sizes, give boxes of one face that
    differ by up to a quarter in width and a tenth of it in place; their points by a third of that.
    """
    middle = head.points_px.mean(axis=0)
    spread = float(np.sqrt(((head.points_px - middle) ** 2).sum(axis=1).mean()))
    half = max(BOX_SPREADS * spread, box_width(head.box_px)) / 2
    roll = np.radians(turn_of(head).roll)
    x, y = middle + 2 * half * BELOW_WIDTHS * np.array([-np.sin(roll), np.cos(roll)])
    return head._replace(box_px=(float(x - half), float(y - half), float(x + half), float(y + half)))


def similarity(points: NDArray[np.float64], onto: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn, scale and shift (2, 3) that bring points (N, 2) nearest to others, by least squares."""
    a, b = points @ [1, 1j], onto @ [1, 1j]
    middle_a, middle_b = a.mean(), b.mean()
    factor = np.vdot(a - middle_a, b - middle_b) / max(np.vdot(a - middle_a, a - middle_a).real, 1e-9)
    shift = middle_b - factor * middle_a
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def box_width(box: Box) -> float:
    """The width of a box in pixels, at least one."""
    return max(box[2] - box[0], 1.0)


def distance_in_widths(a: Box, b: Box) -> float:
    """How far apart the centres of two boxes are, in widths of the wider one."""
    (x0, y0), (x1, y1) = box_centre(a), box_centre(b)
    return float(np.hypot(x1 - x0, y1 - y0)) / max(box_width(a), box_width(b))


def width_ratio(a: Box, b: Box) -> float:
    """The wider box's width over the other's, 1 and more."""
    ratio = box_width(a) / box_width(b)
    return max(ratio, 1 / ratio)


def are_near(a: Box, b: Box) -> bool:
    """Whether two heads are nearer to each other than `APART_WIDTHS` of their mean width."""
    reach_px = APART_WIDTHS * (box_width(a) + box_width(b)) / 2
    return distance_in_widths(a, b) * max(box_width(a), box_width(b)) < reach_px


def is_at_the_edge(box: Box, picture: Pixels) -> bool:
    """Whether a head is cut off by an edge of the picture, uint8 (H, W, 3), or nearly so."""
    near_px, (height, width) = EDGE_WIDTHS * box_width(box), picture.shape[:2]
    return min(box[0], box[1], width - box[2], height - box[3]) < near_px
