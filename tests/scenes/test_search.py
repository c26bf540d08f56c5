"""The search: whom it is said to look for."""

import re

import pytest

from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.stage.canvas import Canvas
from installation.stage.view import SearchStatus
from installation.visit.participants import Sitter
from tests.support.scene_checks import WIDE
from tests.support.scene_views import play


@pytest.mark.parametrize("sitter", Sitter)
def test_who_takes_part_unseen_is_not_searched_for(sitter: Sitter, values: Registry) -> None:
    canvas = Canvas(*WIDE)
    told = ""
    for stage in ("faces", "reference", "search", "tuning", "judging", "doppelganger", "film"):
        play(canvas, Phase.SEARCH, 2.0, values, search=SearchStatus(stage, 0.5, None), sitter=sitter)
        told += " ".join(each.words for each in canvas.drawn_items)
    assert (re.search(r"\byou\b", told) is None) == (sitter is Sitter.SYNTHETIC)
