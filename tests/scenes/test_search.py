"""The search: whom it is said to look for, and what it shows meanwhile."""

import re
from dataclasses import replace

import numpy as np
import pytest

from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.view import SearchStatus
from installation.visit.participants import Sitter
from scenes.search import Search
from tests.support.scene_checks import WIDE, assert_on_screen, index_of
from tests.support.scene_views import make_view, play, somebody


@pytest.mark.parametrize("sitter", Sitter)
def test_who_takes_part_unseen_is_not_searched_for(sitter: Sitter, values: Registry) -> None:
    canvas = Canvas(*WIDE)
    told = ""
    for stage in ("faces", "reference", "search", "tuning", "judging", "doppelganger", "film"):
        play(canvas, Phase.SEARCH, 2.0, values, search=SearchStatus(stage, 0.5, None), sitter=sitter)
        told += " ".join(each.words for each in canvas.drawn_items)
    assert (re.search(r"\byou\b", told) is None) == (sitter is Sitter.SYNTHETIC)


def test_it_begins_at_the_median_face_and_says_so(values: Registry) -> None:
    canvas, found = Canvas(*WIDE), somebody().result
    told = Texts.load("en")("search.middle")
    for at_s, is_told in ((2.0, True), (6.0, False)):
        play(canvas, Phase.SEARCH, at_s, values, people=(found.median,))
        assert (told in " ".join(each.words for each in canvas.drawn_items)) == is_told


def test_who_waits_for_an_engine_is_told_the_place_in_the_queue(values: Registry) -> None:
    canvas = Canvas(*WIDE)
    for place in (3, None):
        play(canvas, Phase.SEARCH, 6.0, values, search=SearchStatus("faces", 0.0, None, place))
        said = " ".join(each.words for each in canvas.drawn_items)
        assert ("Your place in the queue: 3" in said) == (place == 3)


def test_once_the_border_is_known_the_median_way_is_ridden_with_its_verdicts(values: Registry) -> None:
    """To and fro for as long as it takes, from the match to the median face and back."""
    canvas, found = Canvas(640, 360), somebody().result
    begun = replace(found, nearest=None, doppelganger=None, complete=False)
    scene, places = Search(), []
    scene.enter(make_view(Phase.SEARCH, 0.0, values))
    for frame in range(15 * 40):
        view = make_view(Phase.SEARCH, frame / 15, values, result=begun)
        scene.update(view)
        canvas.clear()
        scene.draw(canvas, view)
        for one in scene.shown():
            assert_on_screen(canvas, one.picture)
            assert one.verdict == found.median.verdict(index_of(found.median.pictures, one.picture))
            places.append(one.t)
    assert places[0] == 1.0 and places.count(0.0) >= 3
    arrivals = np.flatnonzero(np.diff((np.array(places) == 1.0).astype(int)) == 1)
    assert len(arrivals) >= 2
