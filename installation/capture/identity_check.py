"""Whether the face before the camera is still the sitter's, without recognising anybody.

What it can tell:
- A face that jumps, in place or size, further than people move (`Place.reaches`).
- A face that from one moment to the next looks different, and stays so for a second: its picture, 48 px wide,
  no longer resembles that of before (a hand in front of it does that too, but goes), and its proportions have
  changed as well, which light does not do. Of the pairs of strangers among 17 people 93 % correlate less than
  the limit; a picture moved, dimmed or smeared does not.
- A face of clearly other proportions than in the first frames: ten lengths on the mesh
  (engine.faces.proportions). On 14 rendered people and four photographs the limit tells 42 % of strangers,
  and takes 4 % of people for somebody else in another picture of theirs, in other light and pose; within one
  sitting nobody came near it. Blurred and dark frames do not count: there the mesh guesses.

What it cannot tell: a stranger of like proportions who comes to the same place while no face was seen. Only
visitors who stay away for `visit/left_s` are sure to be taken for gone.
"""

from collections import deque
from dataclasses import dataclass, field
from math import hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.alignment import crop_ffhq
from engine.faces.detector import Box
from engine.faces.landmarks import Landmarks
from engine.faces.measurement import (
    HeadPose,
    measure_box,
    measure_brightness,
    measure_sharpness,
    measure_width,
)
from engine.faces.proportions import proportions, unlikeness

# How far a face moves between two sights of it: this many of its own widths, and this many a second more (a
# width is about 15 cm); and by what factor its width changes, little even in seconds, because people behind
# the sitter are just where the sitter would be after some steps back.
LEAP_WIDTHS, SPEED_WIDTHS_PER_S = 1.0, 2.0
LEAP_FACTOR, SPEED_FACTOR_PER_S = 1.5, 0.1

# From one moment to the next.
LOOK_PX = 48
NEXT_WITHIN_S = 0.25
RESEMBLING = 0.55
CHANGED_LOOKS, CHANGED_UNLIKE, CHANGED_TURN_DEG = 10, 1.2, 20.0

# From the first frames to these. Proportions hold for a head held nearly straight in a sharp, light picture
# (sharpness at 48 px: 0.65 and more where nothing moves, and at 0.6 the mesh is off by 2 at most).
STRAIGHT_DEG, SHARP, LIGHT = 18.0, 0.6, 20.0
REFERENCE_FRAMES, COMPARED_FRAMES = 10, 5
UNLIKE = 3.0


@dataclass(frozen=True)
class Place:
    """Where a face was: its box and its width in pixels, and when."""

    box: Box
    width_px: float
    at_s: float

    @classmethod
    def of(cls, points: NDArray[np.float64], at_s: float) -> "Place":
        return cls(measure_box(points), measure_width(points), at_s)

    def reaches(self, other: "Place", gap_s: float) -> bool:
        """Whether the same face can be there `gap_s` later."""
        (x, y), (u, v) = middle(self.box), middle(other.box)
        widths = hypot(u - x, v - y) / self.width_px
        factor = max(other.width_px, self.width_px) / min(other.width_px, self.width_px)
        return (
            widths <= LEAP_WIDTHS + SPEED_WIDTHS_PER_S * gap_s
            and factor <= LEAP_FACTOR + SPEED_FACTOR_PER_S * gap_s
        )


def middle(box: Box) -> tuple[float, float]:
    """The centre (x, y) of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


@dataclass(frozen=True, eq=False)
class _Look:
    """A face in one frame: its luma (48, 48) with NaN beyond the face, its pose, and when.

    clear: whether its mesh can be measured.
    """

    luma: NDArray[np.float32]
    pose: HeadPose
    at_s: float
    clear: bool

    @classmethod
    def of(cls, picture: Pixels, points: NDArray[np.float64], pose: HeadPose, at_s: float) -> "_Look":
        crop = crop_ffhq(picture, points[:, :2], LOOK_PX)
        luma = cv2.cvtColor(crop.image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        area = np.zeros((LOOK_PX, LOOK_PX), np.uint8)
        cv2.fillPoly(area, [np.rint(crop.landmarks[list(Landmarks.FACE_OVAL)]).astype(np.int32)], (1,))
        inside = area.astype(bool)
        luma[~inside] = np.nan
        clear = (
            max(abs(pose.yaw), abs(pose.pitch)) <= STRAIGHT_DEG
            and measure_sharpness(crop.image, inside) >= SHARP
            and measure_brightness(crop.image, inside) >= LIGHT
        )
        return cls(luma, pose, at_s, clear)

    def resembles(self, other: "_Look") -> bool:
        both = np.isfinite(self.luma) & np.isfinite(other.luma)
        one, two = self.luma[both], other.luma[both]
        one, two = one - one.mean(), two - two.mean()
        norm = float(np.sqrt((one @ one) * (two @ two)))
        return norm == 0 or float(one @ two) / norm >= RESEMBLING

    def turned_deg(self, other: "_Look") -> float:
        return max(abs(self.pose.yaw - other.pose.yaw), abs(self.pose.pitch - other.pose.pitch))


@dataclass
class _Change:
    """A sudden change of looks: how the face looked and measured before, and how it measures since."""

    look: _Look
    measured: NDArray[np.float64]
    since: list[NDArray[np.float64]] = field(default_factory=list)


@dataclass
class IdentityCheck:
    """One sitter's face from look to look, some ten a second."""

    _first: list[NDArray[np.float64]] = field(default_factory=list)
    _straight: deque[NDArray[np.float64]] = field(default_factory=lambda: deque(maxlen=COMPARED_FRAMES))
    _look: _Look | None = None
    _measured: NDArray[np.float64] | None = None
    _change: _Change | None = None

    def is_broken_by(self, picture: Pixels, points: NDArray[np.float64], pose: HeadPose, at_s: float) -> bool:
        """Takes the sitter's mesh (478, 3) in the next frame; True where it is somebody else's."""
        measured = proportions(points)
        look = _Look.of(picture, points, pose, at_s)
        if self._has_changed(look, measured):
            return True
        return look.clear and self._change is None and self._is_other(measured)

    def _has_changed(self, look: _Look, measured: NDArray[np.float64]) -> bool:
        before, measured_before = self._look, self._measured
        self._look, self._measured = look, measured
        if self._change is None:
            if before is None or measured_before is None or look.at_s - before.at_s > NEXT_WITHIN_S:
                return False
            if look.turned_deg(before) > CHANGED_TURN_DEG or look.resembles(before):
                return False
            self._change = _Change(before, measured_before)
        elif look.resembles(self._change.look):
            self._change = None
            return False
        if look.turned_deg(self._change.look) <= CHANGED_TURN_DEG:
            self._change.since.append(measured)
        if len(self._change.since) < CHANGED_LOOKS:
            return False
        unlike = unlikeness(np.mean(self._change.since, axis=0), self._change.measured)
        self._change = None
        return unlike > CHANGED_UNLIKE

    def _is_other(self, measured: NDArray[np.float64]) -> bool:
        if len(self._first) < REFERENCE_FRAMES:
            self._first.append(measured)
            return False
        self._straight.append(measured)
        if len(self._straight) < COMPARED_FRAMES:
            return False
        return unlikeness(np.mean(self._straight, axis=0), np.mean(self._first, axis=0)) > UNLIKE
