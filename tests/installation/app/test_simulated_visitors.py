"""A simulated visitor before a kiosk in which nothing can begin."""

import logging
from types import SimpleNamespace
from typing import cast

import pytest
from pygame import Rect

from engine.live.crowd.decision import Decision
from installation.app.session import Session
from installation.app.simulated_visitors import RESTING_LIMIT_S, SimulatedVisitors
from installation.settings.phase import Phase
from installation.stage.view import Action, ChooseFace, Touchable
from installation.visit.endings import Ending
from installation.visit.events import Event, FaceChosen, Pressed, Released, WokeUp
from installation.visit.state import State


def visitors_at(
    now_s: float, state: State, caplog: pytest.LogCaptureFixture
) -> tuple[SimulatedVisitors, str]:
    visitors = SimulatedVisitors(1)
    caplog.set_level(logging.WARNING)
    session = cast(Session, SimpleNamespace(state=state))
    events = visitors.events(session, {}, now_s)
    assert events == ([] if visitors.stop_requested else [WokeUp()])
    return visitors, caplog.text


@pytest.mark.parametrize(
    ("state", "absent"),
    [(State(engine_ready=False), "engine"), (State(engine_ready=True, camera_failed=True), "camera")],
)
def test_gives_up_and_says_what_is_not_ready(
    state: State, absent: str, caplog: pytest.LogCaptureFixture
) -> None:
    visitors, text = visitors_at(RESTING_LIMIT_S + 1, state, caplog)
    assert visitors.stop_requested and f"the {absent} is not ready" in text


def test_waits_where_everything_is_ready(caplog: pytest.LogCaptureFixture) -> None:
    visitors, text = visitors_at(RESTING_LIMIT_S + 1, State(engine_ready=True), caplog)
    assert not visitors.stop_requested and text == ""


@pytest.mark.parametrize("ending", Ending)
def test_a_visit_that_the_machine_breaks_off_has_not_come_to_its_end(ending: Ending) -> None:
    visitors = SimulatedVisitors(1)
    for state in (State(phase=Phase.CONSENT), State(phase=Phase.FAREWELL, ending=ending)):
        visitors.events(cast(Session, SimpleNamespace(state=state)), {}, 1.0)
    assert (visitors.begun, visitors.finished) == (1, 0 if ending.is_failure else 1)


def test_together_each_answers_in_turn_and_then_says_yes() -> None:
    visitors = SimulatedVisitors(1, together=True)
    session = cast(Session, SimpleNamespace(state=State(phase=Phase.PORTRAIT, with_others=True)))
    place = Rect(0, 0, 10, 10)
    did: list[Event] = []
    for number in (4, 7, 2, 9):
        signs: dict[Touchable, Rect] = {ChooseFace(number, decision): place for decision in Decision}
        did += visitors.events(session, signs, 1.0)
        assert visitors.events(session, signs, 1.1) == []
        assert visitors.events(session, {**signs, Action.YES: place}, 1.2) == [Pressed(), Released()]
    assert did == [
        FaceChosen(4, Decision.REAL),
        FaceChosen(7, Decision.DOPPELGANGER),
        FaceChosen(2, Decision.ANONYMOUS),
        FaceChosen(9, Decision.REAL),
    ]
