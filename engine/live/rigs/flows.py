"""Dense flow between pictures of one head, kept to the face and carried outwards.

Source: Kroeger et al., *Fast Optical Flow using Dense Inverse Search*, 2016 (OpenCV's DIS).
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.live.frame import Array

# Outside the face the flow between two generated heads trembles, and hair would ripple. So it is kept within
# the mesh's hull, enlarged; smoothed there; and what lies outside takes the mean of the face about it, which
# fades where the face is far. Widths of the Gaussians in pixels at 256 px.
HULL_SCALE = 1.25
INSIDE_PX, OUTSIDE_PX = 8.0, 30.0
FAR_WEIGHT = 0.02
EDGE_SHARE = 0.12


def face_hull(points: NDArray[np.floating[Any]], side_px: int, scale: float) -> Array:
    """float32 (S, S): 1 within the hull of a mesh (N, 2), enlarged about its middle, 0 outside."""
    hull = cv2.convexHull(points.astype(np.float32))
    middle = hull.mean(axis=0)
    mask = np.zeros((side_px, side_px), np.float32)
    cv2.fillPoly(mask, [(middle + scale * (hull - middle)).astype(np.int32)], (1.0,))
    return mask


def flow_back(rest: Pixels, moved: Pixels, face: Array) -> Array:
    """For each pixel of `moved` the way (x, y) to where it lies in `rest`: float32 (S, S, 2), in pixels.

    rest, moved: uint8 (S, S, 3) RGB. face: (S, S), see `face_hull`.
    """
    before, after = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (rest, moved))
    found = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(after, before, None)  # type: ignore[call-overload]
    return carried_outwards(np.asarray(found, np.float32), face)


def carried_outwards(flow: Array, face: Array) -> Array:
    """The face's own flow, smoothed, and outside the face what it is on average nearby."""
    unit = len(flow) / 256
    inside = _spread(flow, face, INSIDE_PX * unit, 1e-4)
    outside = _spread(inside, face, OUTSIDE_PX * unit, FAR_WEIGHT)
    soft = cv2.GaussianBlur(face, (0, 0), INSIDE_PX * unit)[..., None]
    return np.asarray((outside + soft * (inside - outside)) * edge_fade(len(flow))[..., None], np.float32)


def edge_fade(side_px: int) -> Array:
    """float32 (S, S): 0 at the picture's edges, 1 inside, so that nothing is pulled in from beyond."""
    away = (np.minimum(np.arange(side_px), np.arange(side_px)[::-1]) / (EDGE_SHARE * side_px)).clip(0, 1)
    fade = (away * away * (3 - 2 * away)).astype(np.float32)
    return np.asarray(np.multiply.outer(fade, fade))


def _spread(flow: Array, weight: Array, sigma_px: float, least: float) -> Array:
    """Normalised convolution: the weighted mean about each pixel, towards zero where no weight is near."""
    mean = cv2.GaussianBlur(flow * weight[..., None], (0, 0), sigma_px)
    return np.asarray(mean / (cv2.GaussianBlur(weight, (0, 0), sigma_px) + least)[..., None], np.float32)


@dataclass(frozen=True, eq=False)
class Flows:
    """Flows by how far a head has turned.

    amounts: (K,) degrees, ascending, with 0. flows: (K, S, S, 2). aside: (K,) degrees by which each turns the
    head about the other axis.
    """

    amounts: NDArray[np.float64]
    flows: Array
    aside: NDArray[np.float64]

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest amount."""
        return float(self.amounts[0]), float(self.amounts[-1])

    def at(self, amount: float) -> Array:
        """The flow (S, S, 2) at an amount, between its two neighbours; beyond the range that of its end."""
        place = float(np.interp(amount, self.amounts, np.arange(len(self.amounts))))
        low = min(int(place), len(self.amounts) - 2)
        share = np.float32(place - low)
        return (1 - share) * self.flows[low] + share * self.flows[low + 1]

    def aside_at(self, amount: float) -> float:
        """How far the flow at an amount turns the head about the other axis, in degrees."""
        return float(np.interp(amount, self.amounts, self.aside))
