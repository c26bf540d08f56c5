"""The picture of a group and its film: faces come together, and none in it comes from anybody's own face."""

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.live.crowd.decision import Decision
from engine.pipeline.group_portrait import GroupPortrait, PublishedFace
from installation.outputs.films.scene_film import FPS, HEIGHT_PX, WIDTH_PX
from installation.outputs.group.film import BECOMING_S, DARK_S, DURATION_S, MEDIAN_S, frames
from installation.outputs.group.signs import GAP_WIDTHS, group_view
from installation.settings.texts import Texts

FACE_PX = 60
REAL, INVENTED, MEDIAN = (200, 40, 40), (40, 200, 40), (40, 40, 200)


def portrait(*lefts: int) -> GroupPortrait:
    """Faces as squares: the first is real, all others come from the median face."""
    picture, origin = np.zeros((400, 1280, 3), np.uint8), np.zeros((400, 1280, 3), np.uint8)
    faces = []
    for number, left in enumerate(lefts):
        choice = Decision.ANONYMOUS if number else Decision.REAL
        area = np.s_[100 : 100 + FACE_PX, left : left + FACE_PX]
        picture[area] = INVENTED if number else REAL
        if number:
            origin[area] = MEDIAN
        corners = [(left, 100), (left + FACE_PX, 100), (left + FACE_PX, 100 + FACE_PX), (left, 100 + FACE_PX)]
        faces.append(PublishedFace(choice, choice, np.array(corners, np.float32)))
    return GroupPortrait(picture, origin, tuple(faces))


def columns_of(picture: Pixels, colour: tuple[int, int, int]) -> np.ndarray:
    return np.nonzero((np.abs(picture.astype(int) - colour).max(axis=2) < 30).any(axis=0))[0]


@pytest.mark.parametrize("right", [300, 1200])
def test_faces_far_apart_come_together(right: int) -> None:
    view = group_view(portrait(20, right))
    first, second = columns_of(view.picture, REAL), columns_of(view.picture, INVENTED)
    scale = len(first) / FACE_PX
    assert second.min() - first.max() == pytest.approx(GAP_WIDTHS * FACE_PX * scale, abs=4)
    np.testing.assert_array_equal(columns_of(view.origin, MEDIAN), second)


def test_faces_side_by_side_stay_as_they_are() -> None:
    view = group_view(portrait(20, 90))
    first, second = columns_of(view.picture, REAL), columns_of(view.picture, INVENTED)
    assert second.min() - first.max() == pytest.approx(10 * len(first) / FACE_PX, abs=3)


def test_without_any_face_the_picture_is_black() -> None:
    nobody = PublishedFace(Decision.ANONYMOUS, None)
    black = np.zeros((40, 60, 3), np.uint8)
    view = group_view(GroupPortrait(black, black, (nobody,)))
    assert not view.picture.any() and view.picture.shape[0] == view.picture.shape[1]


def test_the_film_goes_from_the_dark_by_the_median_face_to_the_picture() -> None:
    drawn = [frame[:WIDTH_PX].copy() for frame in frames(group_view(portrait(20, 200)), Texts.load("en"))]
    assert len(drawn) == round(DURATION_S * FPS)
    assert not drawn[0].any()
    median = drawn[round((DARK_S + MEDIAN_S / 2) * FPS)]
    assert len(columns_of(median, MEDIAN)) and not len(columns_of(median, REAL))
    last = drawn[round((DARK_S + MEDIAN_S + BECOMING_S) * FPS) + 1]
    assert len(columns_of(last, REAL)) and len(columns_of(last, INVENTED))
    assert not len(columns_of(last, MEDIAN))
    assert HEIGHT_PX > WIDTH_PX
