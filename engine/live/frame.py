"""Coordinates along a line of the face, such as from one corner of an eye to the other.

**Convention:** points are (x, y) in pixels of the picture, y downwards. In a frame, u runs along its line
from the left end (u = 0) to the right one (u = `length_px`), v across it, downwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Curve:
    """v as a function of u: linear between its points, level beyond its ends. u ascends."""

    u: NDArray[np.float64]
    v: NDArray[np.float64]

    def at(self, u: Array) -> Array:
        """v at each u, of any shape."""
        return np.interp(u, self.u, self.v).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Frame:
    """A line of the face. origin: (2,), its left end. axes: (2, 2), in rows the directions of u and v."""

    origin: NDArray[np.float64]
    axes: NDArray[np.float64]
    length_px: float

    @classmethod
    def between(cls, left: NDArray[np.floating[Any]], right: NDArray[np.floating[Any]]) -> Self:
        """From a left point (2,) to a right one."""
        start, line = np.asarray(left, np.float64), np.asarray(right - left, np.float64)
        length_px = float(np.hypot(*line))
        along = line / length_px
        return cls(start, np.array([along, [-along[1], along[0]]]), length_px)

    def inside(self, x: Array, y: Array) -> tuple[Array, Array]:
        """x, y of any shape -> u, v."""
        (a, b), (c, d) = self.axes.astype(np.float32)
        x, y = x - np.float32(self.origin[0]), y - np.float32(self.origin[1])
        return a * x + b * y, c * x + d * y

    def outside(self, u: Array, v: Array) -> tuple[Array, Array]:
        """u, v of any shape -> x, y."""
        (a, b), (c, d) = self.axes.astype(np.float32)
        x0, y0 = self.origin.astype(np.float32)
        return a * u + c * v + x0, b * u + d * v + y0

    def curve(self, points: NDArray[np.floating[Any]], line: Sequence[int]) -> Curve:
        """The curve through some of the points (N, 2), from left to right."""
        u, v = self.axes @ (points[list(line)] - self.origin).T
        order = np.argsort(u)
        return Curve(u[order], v[order])
