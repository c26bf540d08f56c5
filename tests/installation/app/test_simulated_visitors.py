"""A simulated visitor before a kiosk in which nothing can begin."""

import logging
from types import SimpleNamespace
from typing import cast

import pytest

from installation.app.session import Session
from installation.app.simulated_visitors import RESTING_LIMIT_S, SimulatedVisitors
from installation.visit.events import WokeUp
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
