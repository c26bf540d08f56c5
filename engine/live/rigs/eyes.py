"""Lids and gaze: draws an eye that is shut or looks aside over the picture of an open one.

The eyeball stays in its place and the lid slides over it, so that an eye has two layers: skin, drawn out from
the brow to the new edge of the lid, and the eyeball below that edge, with its iris shifted.

**Convention:** points are (x, y) in pixels of the picture, y downwards; see `engine.live.frame`.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.faces.landmarks import Landmarks
from engine.live.frame import Array, Curve, Frame

UPPER_LIDS = (Landmarks.LEFT_LIDS[:9], Landmarks.RIGHT_LIDS[:9])
LOWER_LIDS = tuple((*lids[8:], lids[0]) for lids in (Landmarks.LEFT_LIDS, Landmarks.RIGHT_LIDS))
BROWS = ((46, 53, 52, 65, 55), (285, 295, 282, 283, 276))
# Where a lid is drawn out from, at least so far above its edge, in widths of the eye: from the brow's lower
# side, and never so near that skin is drawn out to much more than twice its height.
LEAST_SKIN = 0.25
# How far a shut lid reaches over the lower one, which the mesh draws a little too high, in widths of the eye.
OVERLAP = 0.03
# The mesh measures less than what is drawn: what is drawn is so much more.
GAZE_GAIN = 1.7
# The area about an eye in which something moves, in widths of the eye.
REACH = 0.3


@dataclass(frozen=True, eq=False)
class Eye:
    """One eye at rest: its frame from corner to corner, the edges of its lids, the lower side of its brow."""

    frame: Frame
    upper: Curve
    lower: Curve
    brow: Curve

    @classmethod
    def of(cls, points: NDArray[np.floating[Any]], side: int) -> Self:
        """The left (0) or right (1) eye of a mesh (478, 2)."""
        upper, lower = UPPER_LIDS[side], LOWER_LIDS[side]
        frame = Frame.between(points[upper[0]], points[upper[-1]])
        edge, brow = frame.curve(points, upper), frame.curve(points, BROWS[side])
        top = np.interp(edge.u, brow.u, brow.v)
        skin = Curve(edge.u, np.minimum(top, edge.v - LEAST_SKIN * frame.length_px))
        return cls(frame, edge, frame.curve(points, lower), skin)

    def box(self) -> NDArray[np.float64]:
        """(4, 2): corners of the area in which something moves."""
        u = np.array([-REACH, 1 + REACH, 1 + REACH, -REACH]) * self.frame.length_px
        top, bottom = self.brow.v.min(), self.lower.v.max() + REACH * self.frame.length_px
        x, y = self.frame.outside(u.astype(np.float32), np.array([top, top, bottom, bottom], np.float32))
        return np.stack([x, y], axis=1)

    def skin(self, x: Array, y: Array, closed: float) -> tuple[Array, Array, Array]:
        """The layer of skin at pixels x, y: where each comes from, and how much of it is seen, 0 to 1."""
        u, v = self.frame.inside(x, y)
        brow, upper, lower = (curve.at(u) for curve in (self.brow, self.upper, self.lower))
        lower += np.float32(OVERLAP * closed * self.frame.length_px) * (lower > upper)
        edge = upper + np.float32(closed) * (lower - upper)
        share = (v - brow) / np.maximum(edge - brow, 1e-3)
        inside = (share > 0) & (v < lower)
        source_v = np.where(inside, brow + (upper - brow) * _drawn_out(share, edge, upper, brow), v)
        opening = np.clip(lower - upper, 0.0, 1.0)
        seen = 1 - opening * np.clip(v - edge + 0.5, 0, 1) * np.clip(lower - v + 0.5, 0, 1)
        source_x, source_y = self.frame.outside(u, source_v)
        return source_x, source_y, np.asarray(seen, np.float32)

    def eyeball(self, x: Array, y: Array, gaze: float) -> tuple[Array, Array]:
        """Where each pixel x, y of the eyeball comes from. gaze: as in `Motion`."""
        u, v = self.frame.inside(x, y)
        along = np.clip(2 * u / self.frame.length_px - 1, -1, 1)
        shift = np.float32(GAZE_GAIN * gaze * self.frame.length_px) * (1 - along**4)
        return self.frame.outside(u - shift, v)


def _drawn_out(share: Array, edge: Array, upper: Array, brow: Array) -> Array:
    """Where on the way from brow to lid at rest, 0 to 1, the skin lies that is seen at `share` of it.

    Brow and lashes keep their size: most is drawn out in the middle.
    """
    stretch = (edge - brow) / np.maximum(upper - brow, 1e-3)
    return stretch * share - 6 * (stretch - 1) * (share**2 / 2 - share**3 / 3)
