"""The identity check: whether the face before the camera is still the sitter's, without a face recogniser.

What it detects:
- A face that jumps, in position or size, further than people move (`FacePosition.can_reach`).
- A face whose appearance changes from one moment to the next, and stays changed for a second: its picture,
  48 px wide, no longer correlates with the one before (a hand in front of the face does that too, but goes
  away), and its proportions have changed as well, which light does not do. Of the pairs of strangers among 17
  people 93 % correlate less than the limit; a picture moved, dimmed or smeared does not.
- A face of clearly other proportions than in the first frames: ten lengths on the mesh
  (`engine.faces.proportions`). On 14 rendered people and four photographs the limit detects 42 % of
  strangers, and takes 4 % of people for somebody else in another picture of theirs, in other light and pose;
  within one visit nobody came near it. Blurred and dark frames are left out: there the mesh is unreliable.

Whoever comes to the same position after no face was seen for longer is doubtful until a picture or the
proportions are like those before: that ends no visit, but what is doubtful is not shown.

What it cannot detect: a stranger of similar looks or proportions who comes to the same position while no face
was seen. Only visitors who stay away for `visit/left_s` are certain to be taken for gone.
"""

from collections import deque
from dataclasses import dataclass, field
from math import hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.alignment import crop_ffhq
from engine.faces.detector import Box, box_centre
from engine.faces.landmarks import Landmarks
from engine.faces.measurement import (
    HeadPose,
    measure_box,
    measure_brightness,
    measure_sharpness,
    measure_width,
)
from engine.faces.proportions import proportions, unlikeness
from engine.live.crowd.likeness import likeness, patch_of
from engine.live.crowd.tracks import LEAST_LIKENESS

# How far a face can move between two observations: this many of its own widths at once, and this many more a
# second (a width is about 15 cm). And by what factor its width can change. A longer absence counts no
# more than this: people behind the sitter are just where the sitter would be after some steps.
MAX_JUMP_WIDTHS, MAX_SPEED_WIDTHS_PER_S = 1.0, 2.0
MAX_WIDTH_FACTOR, MAX_WIDTH_FACTOR_PER_S = 1.5, 0.1
MOVES_FOR_S = 0.25

# A sudden change: the side of the compared picture, the longest gap between the two observations, the
# correlation that counts as the same appearance.
APPEARANCE_PX = 48
MAX_GAP_S = 0.5
MIN_CORRELATION = 0.55
# It is confirmed after so many observations without too large a turn of the head, where the proportions
# differ by more than this (in ordinary deviations, see `engine.faces.proportions.unlikeness`).
CONFIRMING_OBSERVATIONS, MAX_UNLIKENESS_AT_CHANGE, MAX_TURN_DEG = 10, 1.2, 20.0

# The slow comparison of proportions with the first frames. It holds for a head held nearly straight in a
# sharp, light picture (sharpness at 48 px: 0.65 and more where nothing moves; at 0.6 the mesh is off by 2 at
# most).
MAX_ANGLE_DEG, MIN_SHARPNESS, MIN_BRIGHTNESS = 18.0, 0.6, 20.0
REFERENCE_FRAMES, COMPARED_FRAMES = 10, 5
MAX_UNLIKENESS = 3.0
# After an absence the sitter is known by the middle of that picture, or by the proportions of so many
# observations.
RETURN_OBSERVATIONS = 5
FACE_BOX: Box = (10.0, 12.0, 38.0, 40.0)


@dataclass(frozen=True)
class FacePosition:
    """Where a face was: its box and its width in pixels, and when, on the camera's clock."""

    box: Box
    width_px: float
    at_s: float

    @classmethod
    def from_mesh(cls, points: NDArray[np.float64], at_s: float) -> "FacePosition":
        """The position of a mesh (478, 3)."""
        return cls(measure_box(points), measure_width(points), at_s)

    def can_reach(self, other: "FacePosition", gap_s: float) -> bool:
        """Whether the same face can be at the other position `gap_s` later."""
        gap_s = min(gap_s, MOVES_FOR_S)
        (x0, y0), (x1, y1) = box_centre(self.box), box_centre(other.box)
        moved_widths = hypot(x1 - x0, y1 - y0) / self.width_px
        factor = max(other.width_px, self.width_px) / min(other.width_px, self.width_px)
        return (
            moved_widths <= MAX_JUMP_WIDTHS + MAX_SPEED_WIDTHS_PER_S * gap_s
            and factor <= MAX_WIDTH_FACTOR + MAX_WIDTH_FACTOR_PER_S * gap_s
        )


@dataclass(frozen=True, eq=False)
class _Appearance:
    """A face in one frame.

    picture: uint8 (48, 48, 3). luma: float32 (48, 48), 0 to 255, NaN beyond the face's outline.
    at_s: on the camera's clock. is_measurable: whether its proportions can be relied on.
    """

    picture: Pixels
    luma: NDArray[np.float32]
    pose: HeadPose
    at_s: float
    is_measurable: bool

    @classmethod
    def of(cls, picture: Pixels, points: NDArray[np.float64], pose: HeadPose, at_s: float) -> "_Appearance":
        """The face with the mesh `points` (478, 3) in a frame, uint8 (H, W, 3) RGB."""
        crop = crop_ffhq(picture, points[:, :2], APPEARANCE_PX)
        luma = cv2.cvtColor(crop.image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        area = np.zeros((APPEARANCE_PX, APPEARANCE_PX), np.uint8)
        cv2.fillPoly(area, [np.rint(crop.landmarks[list(Landmarks.FACE_OVAL)]).astype(np.int32)], (1,))
        inside = area.astype(bool)
        luma[~inside] = np.nan
        is_measurable = (
            max(abs(pose.yaw), abs(pose.pitch)) <= MAX_ANGLE_DEG
            and measure_sharpness(crop.image, inside) >= MIN_SHARPNESS
            and measure_brightness(crop.image, inside) >= MIN_BRIGHTNESS
        )
        return cls(crop.image, luma, pose, at_s, is_measurable)

    def resembles(self, other: "_Appearance") -> bool:
        """Whether the two pictures correlate (Pearson) where both show the face."""
        both = np.isfinite(self.luma) & np.isfinite(other.luma)
        a, b = self.luma[both], other.luma[both]
        a, b = a - a.mean(), b - b.mean()
        norm = float(np.sqrt((a @ a) * (b @ b)))
        return norm == 0 or float(a @ b) / norm >= MIN_CORRELATION

    def is_like(self, other: "_Appearance") -> bool:
        """The same more strictly, by local contrast: whatever light makes faces alike does not count."""
        found = likeness(patch_of(self.picture, FACE_BOX), other.picture, FACE_BOX)
        return self.turned_deg(other) <= MAX_TURN_DEG and found >= LEAST_LIKENESS

    def turned_deg(self, other: "_Appearance") -> float:
        """The larger difference of yaw and pitch."""
        return max(abs(self.pose.yaw - other.pose.yaw), abs(self.pose.pitch - other.pose.pitch))


@dataclass
class _Change:
    """A sudden change that is not confirmed yet.

    before: the appearance before it. proportions_before: as `engine.faces.proportions` gives them.
    proportions_since: those of each observation since.
    """

    before: _Appearance
    proportions_before: NDArray[np.float64]
    proportions_since: list[NDArray[np.float64]] = field(default_factory=list)


@dataclass
class _Return:
    """Somebody came where the sitter was before an absence.

    before: the sitter's appearances, the last one and the last straight one.
    proportions_since: those of the clear observations since.
    """

    before: list[_Appearance]
    proportions_since: deque[NDArray[np.float64]] = field(
        default_factory=lambda: deque(maxlen=RETURN_OBSERVATIONS)
    )


@dataclass
class IdentityCheck:
    """Follows one sitter's face over observations, five to ten a second."""

    _first: list[NDArray[np.float64]] = field(default_factory=list)
    _recent: deque[NDArray[np.float64]] = field(default_factory=lambda: deque(maxlen=COMPARED_FRAMES))
    _last: _Appearance | None = None
    _last_proportions: NDArray[np.float64] | None = None
    _straight: _Appearance | None = None
    _change: _Change | None = None
    _return: _Return | None = None

    @property
    def is_doubtful(self) -> bool:
        """Whether a sudden change is not confirmed yet, or who came back not known again: observations should
        come quickly."""
        return self._change is not None or self._return is not None

    def is_someone_else(
        self, picture: Pixels, points: NDArray[np.float64], pose: HeadPose, at_s: float
    ) -> bool:
        """Takes the next observation; True where the face is not the sitter's any more.

        picture: the frame, uint8 (H, W, 3) RGB. points: the mesh (478, 3) in its pixels. at_s: on the
        camera's clock.
        """
        measured = proportions(points)
        appearance = _Appearance.of(picture, points, pose, at_s)
        self._look_who_returned(appearance, measured)
        if self._has_changed(appearance, measured):
            return True
        if appearance.is_measurable and not self.is_doubtful:
            self._straight = appearance
        return appearance.is_measurable and self._change is None and self._has_other_proportions(measured)

    def _look_who_returned(self, appearance: _Appearance, measured: NDArray[np.float64]) -> None:
        """Doubts who comes after an absence, until they are like the sitter before it."""
        if self._last is not None and self._return is None and appearance.at_s - self._last.at_s > MAX_GAP_S:
            known = [self._last] if self._change is None else [self._change.before]
            self._return = _Return(known if self._straight is None else [*known, self._straight])
        if self._return is None:
            return
        if appearance.is_measurable:
            self._return.proportions_since.append(measured)
        is_known = any(before.is_like(appearance) for before in self._return.before)
        if is_known or self._has_the_proportions(self._return.proportions_since):
            self._return = None

    def _has_the_proportions(self, since: deque[NDArray[np.float64]]) -> bool:
        """Whether those of enough observations are like the first ones."""
        if len(since) < RETURN_OBSERVATIONS or len(self._first) < REFERENCE_FRAMES:
            return False
        unlike = unlikeness(np.mean(since, axis=0), np.mean(self._first, axis=0))
        return unlike <= MAX_UNLIKENESS_AT_CHANGE

    def _has_changed(self, appearance: _Appearance, measured: NDArray[np.float64]) -> bool:
        """Whether a sudden change of appearance has been confirmed."""
        before, measured_before = self._last, self._last_proportions
        self._last, self._last_proportions = appearance, measured
        if self._change is None:
            if before is None or measured_before is None or appearance.at_s - before.at_s > MAX_GAP_S:
                return False
            if appearance.turned_deg(before) > MAX_TURN_DEG or appearance.resembles(before):
                return False
            self._change = _Change(before, measured_before)
        elif appearance.resembles(self._change.before):
            self._change = None
            return False
        if appearance.turned_deg(self._change.before) <= MAX_TURN_DEG:
            self._change.proportions_since.append(measured)
        if len(self._change.proportions_since) < CONFIRMING_OBSERVATIONS:
            return False
        mean = np.mean(self._change.proportions_since, axis=0)
        unlike = unlikeness(mean, self._change.proportions_before)
        self._change = None
        return unlike > MAX_UNLIKENESS_AT_CHANGE

    def _has_other_proportions(self, measured: NDArray[np.float64]) -> bool:
        """Whether the last frames differ clearly from the first ones."""
        if len(self._first) < REFERENCE_FRAMES:
            self._first.append(measured)
            return False
        self._recent.append(measured)
        if len(self._recent) < COMPARED_FRAMES:
            return False
        return unlikeness(np.mean(self._recent, axis=0), np.mean(self._first, axis=0)) > MAX_UNLIKENESS
