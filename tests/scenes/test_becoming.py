"""The middle of all faces becomes the visitor: which picture of a search is shown when."""

import numpy as np

from engine.common.arrays import Pixels
from installation.stage.view import SearchStatus
from scenes.widgets.becoming import Becoming

FRAME_S = 1 / 30
MEDIAN = np.zeros((4, 4, 3), np.uint8)


def picture(level: int) -> Pixels:
    return np.full((4, 4, 3), level, np.uint8)


def play(becoming: Becoming, seconds: float, search: SearchStatus | None, may_begin: bool) -> list[int]:
    """The grey levels shown, frame by frame."""
    levels = []
    for _ in range(round(seconds / FRAME_S)):
        becoming.step(MEDIAN, search, may_begin, FRAME_S)
        assert becoming.picture is not None
        levels.append(int(becoming.picture[0, 0, 0]))
    return levels


def test_the_median_face_is_held_and_no_picture_is_jumped_over() -> None:
    becoming, shown = Becoming(), []
    assert becoming.picture is None
    for level in range(1, 61):  # ten pictures a second
        status = SearchStatus("search", level / 60, picture(level))
        shown += play(becoming, 0.1, status, may_begin=level > 20)
        assert becoming.is_median == (shown[-1] == 0)
    assert shown[: 20 * 3] == [0] * 60
    assert shown == sorted(shown) and max(np.diff(shown)) <= 2
    shown += play(becoming, 8.0, SearchStatus("tuning", 1.0, picture(61)), may_begin=True)
    assert shown[-1] == 61


def test_while_the_judges_are_asked_it_goes_back_and_returns_and_shows_none_of_their_pictures() -> None:
    becoming = Becoming()
    for level in range(1, 31):
        play(becoming, 0.1, SearchStatus("search", level / 30, picture(level)), may_begin=True)
    shown = play(becoming, 24.0, SearchStatus("judging", 0.9, picture(200)), may_begin=True)
    assert max(shown) == 30 and min(shown) == 0 and 30 in shown[shown.index(0) :]
    assert np.abs(np.diff(shown)).max() <= 2
    assert not becoming.is_median


def test_of_a_long_search_only_so_many_pictures_are_kept() -> None:
    becoming = Becoming()
    for level in range(1, 1001):
        becoming.step(MEDIAN, SearchStatus("search", 0.5, picture(level % 251)), True, FRAME_S)
    assert len(becoming._pictures) <= 128 and becoming._pictures[0] is MEDIAN
    assert becoming._pictures[-1][0, 0, 0] == 1000 % 251


def test_without_the_median_face_it_begins_with_the_first_picture() -> None:
    becoming = Becoming()
    becoming.step(None, SearchStatus("faces", 0.0, None), False, FRAME_S)
    assert becoming.picture is None
    becoming.step(None, SearchStatus("search", 0.1, picture(7)), False, FRAME_S)
    assert becoming.picture is not None and becoming.picture[0, 0, 0] == 7 and not becoming.is_median
