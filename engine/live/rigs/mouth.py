"""The mouth: opens it by pulling the jaw down and paints what is then inside, or shuts an open one.

Upper and lower lip are two layers that part along the line between them; nothing is drawn out between them.
What the picture shows between the lips at rest, such as teeth, stays with the upper lip; below it a dark
mouth is painted, with the edge of the upper teeth where it is open wide. Where lips that are apart at rest
come together, they slide over what lies between them until they meet.

**Convention:** points are (x, y) in pixels of the picture, y downwards; see `engine.live.frame`.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.faces.landmarks import Landmarks
from engine.live.frame import Array, Curve, Frame

UPPER_LIP = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_LIP = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
# Of an opening, the upper lip takes this share and the lower one the rest; the chin follows the lower lip by
# this share of its way.
UPPER_SHARE, CHIN_SHARE = 0.08, 0.8
# Colours of the mouth's inside in full light, RGB: the palate, the tongue, the teeth.
PALATE, TONGUE, TEETH = (34.0, 12.0, 13.0), (165.0, 80.0, 76.0), (196.0, 184.0, 168.0)
# The teeth that show, in widths of the mouth, and the opening from which they begin to.
TEETH_HEIGHT, TEETH_FROM = 0.1, 0.1
BISECTIONS = 8
# How far above the lips something moves at most, in widths of the mouth.
MOVES_ABOVE = 0.3
# Of a gap that shuts, the upper lip comes down by this share and the lower one rises by the rest. The skin
# below moves along as far as this share of the way to the chin.
UPPER_SHUTS, CHIN_SHUTS = 0.4, 0.8
# How dark the line is between lips that meet, 1 is none, and how wide, in widths of the mouth.
SEAM, SEAM_WIDTH = 0.55, 0.02


@dataclass(frozen=True, eq=False)
class Mouth:
    """A mouth at rest.

    frame: from corner to corner. upper, lower: inner edges of the lips. nose_px: from the upper lip towards
    the nose, as far as skin moves. chin_px: from the lower lip to the chin. jaw_px: half the width of the
    jaw. below_px: from the chin to where nothing moves. light: of the face, 0 to 1.
    """

    frame: Frame
    upper: Curve
    lower: Curve
    nose_px: float
    chin_px: float
    jaw_px: float
    below_px: float
    light: float

    @classmethod
    def of(cls, points: NDArray[np.floating[Any]], height_px: int, light: float) -> Self:
        """The mouth of a mesh (478, 2) in a picture of this height."""
        frame = Frame.between(points[UPPER_LIP[0]], points[UPPER_LIP[-1]])
        upper, lower = frame.curve(points, UPPER_LIP), frame.curve(points, LOWER_LIP)
        nose_px = float(np.hypot(*(points[Landmarks.NOSE_BASE] - points[Landmarks.UPPER_LIP_INNER])))
        nose_px = min(nose_px, MOVES_ABOVE * frame.length_px)
        chin_px = float(np.hypot(*(points[Landmarks.CHIN] - points[Landmarks.LOWER_LIP_INNER])))
        jaw = points[Landmarks.RIGHT_JAW] - points[Landmarks.LEFT_JAW]
        below_px = max(float(height_px - points[Landmarks.CHIN, 1]), 1.2 * chin_px)
        return cls(frame, upper, lower, nose_px, chin_px, float(np.hypot(*jaw)) / 2, below_px, light)

    def box(self) -> NDArray[np.float64]:
        """(4, 2): corners of the area in which something moves."""
        middle, half = self.frame.length_px / 2, 1.25 * self.jaw_px
        u = np.array([middle - half, middle + half, middle + half, middle - half], np.float32)
        top = min(float(self.upper.v.min()), 0.0) - MOVES_ABOVE * self.frame.length_px
        bottom = float(self.lower.v.max()) + self.chin_px + self.below_px
        x, y = self.frame.outside(u, np.array([top, top, bottom, bottom], np.float32))
        return np.stack([x, y], axis=1)

    def lips_box(self, opened_px: float) -> NDArray[np.float64]:
        """(4, 2): corners of the area in which the lips' edges lie, and what is seen between them."""
        margin = 0.05 * self.frame.length_px
        u = np.array([-margin, self.frame.length_px + margin] * 2, np.float32)
        top = min(float(self.upper.v.min()), 0.0) - margin - max(opened_px, 0.0) * UPPER_SHARE
        bottom = max(float(self.lower.v.max()), 0.0) + margin + max(opened_px, 0.0)
        x, y = self.frame.outside(u, np.array([top, top, bottom, bottom], np.float32))
        return np.stack([x, y], axis=1)

    def parted(self, x: Array, y: Array, opened_px: float) -> tuple[Array, Array, Array]:
        """The upper and the lower layer at pixels x, y of shape S.

        Where each pixel comes from (*S, 2), in the upper layer with all that is above the lower lip, and in
        the lower one; and how many pixels it lies below the edge between them, S.
        opened_px: by how far the lips part in the middle, or, below 0, come together.
        """
        u, v = self.frame.inside(x, y)
        if opened_px < 0:
            gap = np.maximum(self.lower.at(u) - self.upper.at(u), 0) * np.float32(self._shut(opened_px))
            edges = (
                self.upper.at(u) + np.float32(UPPER_SHUTS) * gap,
                self.lower.at(u) - np.float32(1 - UPPER_SHUTS) * gap,
            )
            above, below = edges[0] - v, v - edges[1]
            upper_v = v - np.float32(UPPER_SHUTS) * gap * _fading(above / np.float32(self.nose_px))
            lower_v = v + np.float32(1 - UPPER_SHUTS) * gap * _fading(
                below / np.float32(CHIN_SHUTS * self.chin_px)
            )
        else:
            drop = np.float32((1 - UPPER_SHARE) * opened_px)
            above = np.clip(1 + (v - self.upper.at(u)) / (0.35 * self.frame.length_px), 0, 1)
            upper_v = v + np.float32(UPPER_SHARE * opened_px) * self._opening(u) * above
            lower_v = self._pulled_down(u, v, drop)
            below = v - (self.lower.at(u) + drop * self._opening(u))
        upper, lower = (np.stack(self.frame.outside(u, at), axis=-1) for at in (upper_v, lower_v))
        return upper, lower, below

    def _pulled_down(self, u: Array, v: Array, drop: np.float32) -> Array:
        """From which v each point of the lower lip and the chin comes; smooth above the lip, too."""
        lip = self.lower.at(u)
        # The way back along a column, on which places never change their order: by bisection.
        low, high = v - drop, v
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            too_low = middle + drop * self._follows(u, middle - lip) > v
            low, high = np.where(too_low, low, middle), np.where(too_low, middle, high)
        return (low + high) / 2

    def inside(self, x: Array, y: Array, opened_px: float) -> tuple[Array, Array]:
        """The inside of the mouth at pixels x, y of shape S: RGB (*S, 3), and how much of it is seen, S."""
        u, v = self.frame.inside(x, y)
        opening = self._opening(u)
        raised = np.float32(UPPER_SHARE * opened_px) * opening
        top = self.lower.at(u) - raised  # the picture's own inside ends here
        bottom = self.lower.at(u) + np.float32((1 - UPPER_SHARE) * opened_px) * opening
        depth = np.clip((v - top) / np.maximum(bottom - top, 1e-3), 0, 1)
        across = np.clip(np.abs(2 * u / self.frame.length_px - 1), 0, 1)

        tongue = np.clip((depth - 0.35) / 0.65, 0, 1) * (1 - across**2)
        colour = np.asarray(PALATE, np.float32) * (1 - tongue[..., None]) + (
            np.asarray(TONGUE, np.float32) * tongue[..., None]
        )
        open_share = np.clip((opened_px / self.frame.length_px - TEETH_FROM) / 0.15, 0, 1)
        own_px = float(np.max(self.lower.v - np.interp(self.lower.u, self.upper.u, self.upper.v)))
        hidden = np.clip(own_px / (TEETH_HEIGHT * self.frame.length_px), 0, 1)  # its own teeth are seen
        teeth_px = np.float32(TEETH_HEIGHT * self.frame.length_px * open_share * (1 - hidden)) * np.sqrt(
            np.clip(1 - (across / 0.8) ** 2, 0, 1)
        )
        softness_px = max(0.05 * self.frame.length_px, 0.7)
        teeth = np.clip((teeth_px - (v - top)) / softness_px + 0.5, 0, 1) * np.clip(teeth_px, 0, 1)
        shade = (1 - 0.65 * across**2) * (0.75 + 0.25 * np.clip((v - top) / np.maximum(teeth_px, 1e-3), 0, 1))
        colour += teeth[..., None] * (shade[..., None] * np.asarray(TEETH, np.float32) - colour)
        seen = np.clip(v - top + 0.5, 0, 1) * np.clip(bottom - v + 0.5, 0, 1) * np.clip(bottom - top, 0, 1)
        return colour * np.float32(self.light), seen

    @property
    def gap_px(self) -> float:
        """How far the lips are apart at rest, where they are furthest apart."""
        return float(np.max(self.lower.v - np.interp(self.lower.u, self.upper.u, self.upper.v)).clip(0))

    def upper_seen(self, x: Array, y: Array, opened_px: float) -> Array:
        """How much of the upper lip is seen at pixels x, y of lips that come together: 1 above its edge."""
        u, v = self.frame.inside(x, y)
        upper, lower = self.upper.at(u), self.lower.at(u)
        edge = upper + np.float32(UPPER_SHUTS * self._shut(opened_px)) * np.maximum(lower - upper, 0)
        return np.clip(edge - v + 0.5, 0, 1)

    def seam(self, x: Array, y: Array, opened_px: float) -> Array:
        """How light pixels x, y are by the line between lips that meet: 1 away from it."""
        u, v = self.frame.inside(x, y)
        upper, lower = self.upper.at(u), self.lower.at(u)
        gap = np.maximum(lower - upper, 0)
        away = np.abs(v - (upper + np.float32(UPPER_SHUTS) * gap)) / np.float32(
            max(SEAM_WIDTH * self.frame.length_px, 0.7)
        )
        meets = np.clip(gap, 0, 1) * np.float32(np.clip(4 * self._shut(opened_px) - 3, 0, 1))
        return 1 - np.float32(1 - SEAM) * meets * np.exp(-away * away)

    def _shut(self, opened_px: float) -> float:
        """The share of the gap at rest that is shut."""
        return min(-opened_px / self.gap_px, 1.0) if self.gap_px > 0 else 0.0

    def _opening(self, u: Array) -> Array:
        """How much of an opening the lips have at u: all in the middle, nothing at the corners."""
        across = np.clip(2 * u / self.frame.length_px - 1, -1, 1)
        return _arched(across)

    def _follows(self, u: Array, below: Array) -> Array:
        """How far a point `below` pixels below the lower lip's inner edge follows the lip, 0 to 1."""
        depth = np.clip(below / self.chin_px, 0, 1)
        half = self.frame.length_px / 2 + depth * (1.15 * self.jaw_px - self.frame.length_px / 2)
        across = np.clip((u - self.frame.length_px / 2) / half, -1, 1)
        along = _arched(across)
        rest = np.clip((below - self.chin_px) / self.below_px, 0, 1)
        fading = 1 - rest * rest * (3 - 2 * rest)
        return along * (1 - (1 - CHIN_SHARE) * depth) * fading


def _arched(across: Array) -> Array:
    """1 at 0, 0 at -1 and 1, and an arch between: the power of 3/4 of a parabola."""
    parabola = 1 - across * across
    root = np.sqrt(parabola)
    return np.asarray(root * np.sqrt(root), np.float32)


def _fading(away: Array) -> Array:
    """1 at 0 and before, 0 from 1 on, and smooth between."""
    share = np.clip(away, 0, 1)
    return np.asarray(1 - share * share * (3 - 2 * share), np.float32)
