"""The enlarged doppelgänger: what the filters do, and that only one that holds is given."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.pipeline.enlargement import ENLARGED_PX, FILTERS, enlarge


def detailed(size_px: int = 256) -> Pixels:
    """Edges and fine lines, as a face has them."""
    random = np.random.default_rng(3)
    picture = cv2.GaussianBlur(random.integers(0, 255, (size_px, size_px, 3)).astype(np.float32), (0, 0), 1.2)
    picture = (picture - 127) * 2.5 + 127
    cv2.circle(picture, (size_px // 2, size_px // 2), size_px // 4, (220.0, 170.0, 150.0), 3)
    return np.clip(picture, 0, 255).astype(np.uint8)


def reduced_error(picture: Pixels, enlarged: Pixels) -> float:
    """How far the enlarged picture, reduced again, is from the one that was judged, in grey levels."""
    reduced = cv2.resize(enlarged, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    return float(np.abs(reduced.astype(int) - picture).mean())


def test_the_enlarged_picture_reduced_again_is_the_judged_one() -> None:
    picture = detailed()
    found = enlarge(picture, lambda pictures: [True] * len(pictures))
    assert found is not None and found.filter == next(iter(FILTERS))
    assert found.picture.shape == (ENLARGED_PX, ENLARGED_PX, 3) and found.picture.dtype == np.uint8
    plain = np.asarray(
        cv2.resize(picture, (ENLARGED_PX, ENLARGED_PX), interpolation=cv2.INTER_LANCZOS4), np.uint8
    )
    assert reduced_error(picture, found.picture) < 0.25 * reduced_error(picture, plain)


@pytest.mark.parametrize(("refused", "name"), [(0, "lanczos-corrected"), (1, "lanczos"), (2, None)])
def test_a_picture_that_does_not_hold_is_made_more_gently_or_not_at_all(
    refused: int, name: str | None
) -> None:
    judged: list[Pixels] = []

    def holds(pictures: Sequence[Pixels]) -> list[bool]:
        judged.extend(pictures)
        return [len(judged) > refused] * len(pictures)

    found = enlarge(detailed(), holds)
    assert (found.filter if found else None) == name
    assert len(judged) == min(refused + 1, len(FILTERS))
    assert found is None or np.array_equal(found.picture, judged[-1])  # the very picture that was judged


def test_a_large_picture_is_not_enlarged() -> None:
    def holds(pictures: Sequence[Pixels]) -> list[bool]:
        raise AssertionError("nobody is asked")

    assert enlarge(np.zeros((ENLARGED_PX, ENLARGED_PX, 3), np.uint8), holds) is None
