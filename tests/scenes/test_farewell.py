"""The farewell."""

import pytest

from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts, languages
from installation.stage.canvas import Canvas
from installation.visit.endings import Ending
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


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("ending", Ending)
def test_a_visit_without_a_picture_ends_with_a_sentence(
    language: str, ending: Ending, values: Registry
) -> None:
    text, canvas = Texts.load(language), Canvas(*WIDE)
    play(canvas, Phase.FAREWELL, 6.0, values, language, ending=ending)
    drawn = " ".join(each.words for each in canvas.drawn_items)
    failures = [each for each in Ending if each.is_failure]
    assert [each for each in failures if text(f"farewell.{each}") in drawn] == [ending] * ending.is_failure
    assert not canvas.truncated_texts
