"""A visit with more than one participant: each event concerns the one it names.

No event adds a second participant yet; what a visit with two would do is settled here, as far as the state
machine knows of it. Portrait, search and download are still those of the first participant alone.
"""

from dataclasses import replace

import pytest

from engine.live.crowd.decision import Decision
from installation.settings.phase import Phase
from installation.visit.effects import EraseVisit, TakePortrait
from installation.visit.events import AnotherFace, CameraFailed, Declined, FaceSeen, Tick
from installation.visit.participants import Participant, Sitter
from tests.support.visit_driver import TIMEOUTS, VisitDriver

SECOND = 7


def with_two(phase: Phase, second: Sitter = Sitter.CAMERA) -> VisitDriver:
    """A visit in that phase, which a second participant has joined."""
    driver = VisitDriver().go_to(phase)
    other = Participant(SECOND, Decision.ANONYMOUS, second, driver.now_s)
    driver.state = replace(driver.state, participants=(*driver.state.participants, other))
    return driver


def test_a_face_that_is_seen_is_that_of_the_participant_it_names() -> None:
    driver = with_two(Phase.BORDER)
    first, second = driver.state.participants
    driver.now_s += 3
    driver.send(FaceSeen(participant_id=SECOND))
    assert driver.state.participants == (first, replace(second, last_seen_s=driver.now_s))


def test_the_visit_goes_on_while_one_of_them_is_there() -> None:
    driver = with_two(Phase.BORDER)
    driver.pass_s(TIMEOUTS.left_s + 1, FaceSeen(participant_id=SECOND))
    assert driver.at(Phase.BORDER)
    driver.pass_s(TIMEOUTS.left_s)
    assert driver.at(Phase.ATTRACT) and driver.state.reason == "who walks away withdraws"
    assert driver.effects[-1] == EraseVisit(1) and driver.state.participants == ()


@pytest.mark.parametrize("event", [FaceSeen(True, participant_id=99), AnotherFace(participant_id=99)])
def test_an_event_about_somebody_who_takes_no_part_changes_nothing(event: FaceSeen | AnotherFace) -> None:
    driver = with_two(Phase.BORDER)
    before = driver.state
    assert driver.send(event) == [] and driver.state == before


def test_another_face_in_anybodys_place_ends_the_visit() -> None:
    driver = with_two(Phase.BORDER)
    driver.send(AnotherFace(participant_id=SECOND))
    assert driver.at(Phase.FAREWELL) and driver.state.reason == "this face has not agreed"


def test_the_portrait_is_that_of_the_first_participant() -> None:
    driver = with_two(Phase.PORTRAIT)
    seconds_s = TIMEOUTS.countdown_s + 1
    assert driver.pass_s(seconds_s, FaceSeen(), FaceSeen(True, participant_id=SECOND)) == []
    assert driver.pass_s(seconds_s, FaceSeen(True), FaceSeen(participant_id=SECOND)) == [TakePortrait(1)]


def test_a_synthetic_second_participant_is_neither_looked_for_nor_missed() -> None:
    driver = with_two(Phase.BORDER, Sitter.SYNTHETIC)
    before = driver.state
    assert driver.send(FaceSeen(participant_id=SECOND)) == [] and driver.state == before
    driver.now_s += TIMEOUTS.left_s
    driver.send(Tick())
    assert driver.at(Phase.ATTRACT)


def test_farewell_keeps_whoever_was_not_looked_at() -> None:
    driver = with_two(Phase.BORDER, Sitter.SYNTHETIC)
    driver.send(Declined())
    assert driver.at(Phase.FAREWELL)
    assert [each.participant_id for each in driver.state.participants] == [SECOND]


def test_a_visit_with_one_visitor_needs_the_camera() -> None:
    driver = with_two(Phase.BORDER, Sitter.SYNTHETIC)
    driver.send(CameraFailed())
    assert driver.at(Phase.FAREWELL)


def test_everybody_gets_a_doppelganger_today() -> None:
    for sitter in Sitter:
        driver = VisitDriver().go_to(Phase.CONSENT).go_to(Phase.SEARCH, sitter)
        assert [each.decision for each in driver.state.participants] == [Decision.DOPPELGANGER]
