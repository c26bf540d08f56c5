"""The state of the show: open or closed, black or not, and the language of the visit."""

import pytest

from installation.settings.phase import Phase
from installation.visit.events import (
    BlackoutChanged,
    Event,
    LanguageChosen,
    Pressed,
    ShowClosed,
    ShowOpened,
    Touched,
    WokeUp,
)
from installation.visit.phases import TRAITS
from tests.support.visit_driver import VisitDriver

WAKING = [WokeUp(), Touched(), Pressed()]


@pytest.mark.parametrize("waking", WAKING)
@pytest.mark.parametrize(
    ("closes", "opens"),
    [(ShowClosed(), ShowOpened()), (BlackoutChanged(True), BlackoutChanged(False))],
)
def test_no_visit_begins_in_a_closed_or_black_show(waking: Event, closes: Event, opens: Event) -> None:
    driver = VisitDriver()
    driver.send(closes, waking)
    assert driver.at(Phase.ATTRACT) and not driver.state.can_begin
    driver.send(opens, waking)
    assert driver.at(Phase.CONSENT)


def test_a_black_show_that_is_also_closed_stays_closed() -> None:
    driver = VisitDriver()
    driver.send(ShowClosed(), BlackoutChanged(True), BlackoutChanged(False), WokeUp())
    assert driver.at(Phase.ATTRACT)


@pytest.mark.parametrize("phase", list(Phase)[1:])
def test_closing_alone_ends_no_visit(phase: Phase) -> None:
    """Whoever closes the show also halts the visit, by an event of its own."""
    driver = VisitDriver().go_to(phase)
    assert driver.send(ShowClosed(), BlackoutChanged(True)) == [] and driver.at(phase)
    while not driver.at(Phase.ATTRACT):
        driver.onward()
    assert not driver.state.show.is_open and driver.state.show.is_black


def test_a_language_is_chosen_for_one_visit() -> None:
    driver = VisitDriver()
    driver.send(LanguageChosen("de"), Touched())
    assert driver.at(Phase.CONSENT) and driver.state.language == "de"
    driver.send(LanguageChosen("fr"))
    driver.go_to(Phase.FAREWELL)
    assert driver.state.language == "fr"
    assert driver.go_to(Phase.ATTRACT).state.language is None


def test_every_phase_has_its_traits() -> None:
    assert set(TRAITS) == set(Phase)
