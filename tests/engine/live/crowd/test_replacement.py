"""Nothing of a replaced head is left."""

from pathlib import Path

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.detector import DetectedHead, box_centre
from engine.live.crowd.head import box_width
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Cutout
from engine.live.crowd.replacement import (
    HEAD_ABOVE,
    HEAD_ACROSS,
    HEAD_BELOW,
    Light,
    measure_light,
    replace_head,
)
from tests.support.crowd_kit import Walker, scene

SIDE = 480


@pytest.fixture(scope="module")
def found(faces: list[Path], lookout: Lookout) -> tuple[Pixels, DetectedHead]:
    picture = scene([Walker(faces[11], lambda _: (240, 240, 160))], 0.0, (SIDE, SIDE)).picture
    (head,) = lookout.search(picture)
    return picture, head


@pytest.fixture(scope="module")
def nobody(faces: list[Path], lookout: Lookout) -> Cutout:
    picture = scene([Walker(faces[30], lambda _: (128, 128, 135))], 0.0, (256, 256)).picture
    (head,) = lookout.search(picture)
    alpha = np.zeros((256, 256), np.float32)
    alpha[40:230, 50:206] = 1
    return Cutout(picture, alpha, head)


def inside_head(head: DetectedHead) -> np.ndarray:
    """bool (SIDE, SIDE): the middle of the head, where the soft edge has not begun."""
    (x, y), unit = box_centre(head.box_px), box_width(head.box_px)
    rows, columns = np.indices((SIDE, SIDE))
    u, v = (columns + 0.5 - x) / unit, (rows + 0.5 - y) / unit
    return np.asarray(np.hypot(u / HEAD_ACROSS, v / np.where(v < 0, HEAD_ABOVE, HEAD_BELOW)) < 0.9)


def test_what_was_in_the_head_makes_no_difference(found: tuple[Pixels, DetectedHead], nobody: Cutout) -> None:
    picture, head = found
    light = measure_light(picture, head)
    other = picture.copy()
    other[inside_head(head)] = np.random.default_rng(0).integers(0, 255, (inside_head(head).sum(), 3))
    drawn = replace_head(picture, head, nobody, light)
    np.testing.assert_array_equal(drawn, replace_head(other, head, nobody, light))
    assert np.abs(drawn.astype(int) - picture)[inside_head(head)].mean() > 10


def test_the_room_stays_as_it_is(found: tuple[Pixels, DetectedHead], nobody: Cutout) -> None:
    picture, head = found
    drawn = replace_head(picture, head, nobody, measure_light(picture, head))
    changed = (drawn != picture).any(axis=2)
    far = np.ones_like(changed)
    (x, y), unit = box_centre(head.box_px), box_width(head.box_px)
    far[int(y - 1.3 * unit) : int(y + unit), int(x - unit) : int(x + unit)] = False
    assert not changed[far].any()


def test_the_nobody_takes_the_light_of_the_room(found: tuple[Pixels, DetectedHead], nobody: Cutout) -> None:
    picture, head = found
    dark, bright = (Light(level, 0.8 * level, 0.7 * level, 0.0, 0.0) for level in (50.0, 170.0))
    measured = [measure_light(replace_head(picture, head, nobody, light), head) for light in (dark, bright)]
    for light, level in zip(measured, (50, 170), strict=True):
        assert light.red == pytest.approx(level, rel=0.25)
        assert light.blue / light.red == pytest.approx(0.7, abs=0.1)


@pytest.mark.parametrize("x", [-30.0, 0.0, SIDE - 1.0, SIDE + 400.0])
def test_a_head_that_is_cut_off_by_the_edge(
    found: tuple[Pixels, DetectedHead], nobody: Cutout, x: float
) -> None:
    picture, head = found
    moved = (x - box_centre(head.box_px)[0], 0.0)
    box = (head.box_px[0] + moved[0], head.box_px[1], head.box_px[2] + moved[0], head.box_px[3])
    cut = DetectedHead(head.score, box, head.points_px + moved)
    drawn = replace_head(picture, cut, nobody, Light(120.0, 100.0, 90.0, 0.0, 0.0))
    assert drawn.shape == picture.shape
    assert (drawn != picture).any() == (x < SIDE + 100)
