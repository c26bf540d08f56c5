"""The difference of two pictures: its mean, and by how much it is magnified."""

import numpy as np
import pytest

from engine.border.difference import Difference, difference_factor


def test_difference_is_magnified_by_a_stated_power_of_two() -> None:
    dark = np.zeros((8, 8, 3), np.uint8)
    for difference, factor in ((1, 128), (30, 8), (200, 1)):
        bright = np.full_like(dark, difference)
        assert difference_factor(dark, bright) == factor
        assert Difference.between(dark, bright).magnified(factor).max() == difference * factor


def test_mean_and_clipping_of_a_difference() -> None:
    dark = np.zeros((8, 8, 3), np.uint8)
    apart = Difference.between(np.full_like(dark, 2), dark)
    assert apart.mean_levels == 2 and (apart.picture == 2).all()
    assert (apart.magnified(200) == 255).all()
    one = dark.copy()
    one[0, 0, 0] = 1
    assert Difference.between(dark, one).mean_levels == pytest.approx(1 / 192)
