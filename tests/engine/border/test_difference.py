"""The difference of two pictures: the share that is equal, and what moved."""

import numpy as np
import pytest

from engine.border.difference import identical_share, spotlight, what_moved


def test_identical_share_counts_values_not_pixels() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    other = picture.copy()
    other[0, 0, 0] = 200
    assert identical_share(picture, picture) == 1.0
    assert identical_share(picture, other) == 1 - 1 / 192
    assert identical_share(picture, picture + np.uint8(1)) == 0.0


def scattered(levels: int, share: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures (96, 96, 3): single values in the upper left sixth differ, and a few all over."""
    random = np.random.default_rng(1)
    first = random.integers(60, 190, (96, 96, 3)).astype(np.uint8)
    second = first.copy()
    second[random.random(first.shape) < 0.01] += 1
    patch = random.random((24, 24, 3)) < share
    second[16:40, 16:40][patch] += np.uint8(levels)
    return first, second


@pytest.mark.parametrize("levels", [1, 40])
def test_what_moved_is_found_whether_it_is_one_level_or_many(levels: int) -> None:
    first, second = scattered(levels)
    mask = what_moved(first, second)
    assert mask.shape == (96, 96) and mask.dtype == np.float32
    assert mask.min() >= 0 and mask.max() == pytest.approx(1)
    assert mask[20:36, 20:36].mean() > 0.6
    mask[10:46, 10:46] = 0
    assert mask.mean() < 0.02


def test_nothing_moved_between_equal_pictures() -> None:
    first, _ = scattered(1)
    assert not what_moved(first, first).any()
    assert not what_moved(first, first + np.uint8(1)).any()  # everywhere alike: no part of the face


def test_spotlight_keeps_what_moved_and_darkens_the_rest() -> None:
    picture = np.full((4, 4, 3), (200, 100, 40), np.uint8)
    mask = np.zeros((4, 4), np.float32)
    mask[0] = 1
    lit = spotlight(picture, mask)
    assert np.array_equal(lit[0], picture[0])
    assert np.all(lit[1:] == lit[1:, :, :1]) and lit[1:].max() < 60
    assert np.array_equal(spotlight(picture, mask, share=0), picture)
    half = spotlight(picture, mask, share=0.5)
    assert np.all(half[1:] > lit[1:]) and half[1, 0, 0] < 200
