"""How two pictures differ, and by how much the difference can be magnified to be seen."""

from dataclasses import dataclass

import cv2
import numpy as np

from engine.common.arrays import Pixels


@dataclass(frozen=True, eq=False)
class Difference:
    """The absolute difference of two pictures.

    picture: uint8 (R, R, 3) RGB, channel by channel. factor: how many times it can be magnified. mean_levels:
    its mean in grey levels of 255.
    """

    picture: Pixels
    factor: int
    mean_levels: float

    @classmethod
    def between(cls, first: Pixels, second: Pixels) -> "Difference":
        """The difference of two pictures of one size, uint8 (R, R, 3) RGB each."""
        apart = np.abs(first.astype(np.int16) - second)
        return cls(apart.astype(np.uint8), difference_factor(first, second), float(apart.mean()))

    def magnified(self, gain: float) -> Pixels:
        """The difference `gain` times brighter, clipped at white: uint8 (R, R, 3) RGB."""
        return np.asarray(cv2.convertScaleAbs(self.picture, alpha=gain), np.uint8)


def identical_share(first: Pixels, second: Pixels) -> float:
    """The share, 0 to 1, of the R * R * 3 values that two pictures uint8 (R, R, 3) have in common."""
    return float(np.mean(first == second))


def difference_factor(first: Pixels, second: Pixels) -> int:
    """How many times the difference of two pictures can be magnified: a power of two up to 128.

    The largest one at which all but 0.2 % of the values stay below white.
    """
    high = float(np.quantile(np.abs(first.astype(np.int16) - second), 0.998))
    return next((factor for factor in (128, 64, 32, 16, 8, 4, 2) if high * factor <= 255), 1)
