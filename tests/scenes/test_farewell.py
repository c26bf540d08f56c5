"""The farewell."""

import pytest

from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts, languages
from installation.stage.canvas import Canvas
from installation.visit.participants import Sitter
from tests.support.scene_checks import WIDE
from tests.support.scene_views import play


@pytest.mark.parametrize("language", languages())
def test_farewell_takes_leave_of_no_photograph_that_never_was(language: str, values: Registry) -> None:
    text, canvas = Texts.load(language), Canvas(*WIDE)
    gone = text("farewell.photographs"), text("farewell.measurements")
    for sitter in (None, Sitter.SYNTHETIC):
        play(canvas, Phase.FAREWELL, 6.0, values, language, sitter=sitter)
        told = " ".join(each.words for each in canvas.drawn_items)
        assert all((line in told) == (sitter is None) for line in gone)
        assert (text("farewell.photographs_nobody") in told) == (sitter is Sitter.SYNTHETIC)
