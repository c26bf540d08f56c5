"""What holds for every sequence of events that the visit's state machine can be sent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installation.settings.phase import Phase
from installation.visit import machine
from installation.visit.effects import (
    DetectFaces,
    EraseVisit,
    StartCamera,
    StartSearch,
    StopCamera,
    TakePortrait,
)
from installation.visit.events import (
    AnotherFace,
    BlackoutChanged,
    CameraFailed,
    CameraReady,
    ChoseSynthetic,
    Declined,
    EngineFailed,
    EngineReady,
    Event,
    FaceSeen,
    Forget,
    Halted,
    LanguageChosen,
    LinkReady,
    PortraitRefused,
    PortraitTaken,
    Pressed,
    Released,
    ResultCompleted,
    RigMade,
    SearchDone,
    SearchProgress,
    ShowClosed,
    ShowOpened,
    Skipped,
    Tick,
    Touched,
    TrackerFailed,
    TrackerReady,
    WokeUp,
)
from installation.visit.parameters import Timeouts
from installation.visit.participants import Sitter
from installation.visit.transitions import LEADS, TRANSITIONS, Cause
from tests.support.visit_driver import TIMEOUTS, VISIT, VisitDriver, kinds

# --- what holds for every sequence ---

UNBIDDEN: list[Event] = [
    WokeUp(), Touched(), Pressed(), Released(), Declined(), ChoseSynthetic(), FaceSeen(), FaceSeen(True),
    AnotherFace(), CameraFailed(), CameraReady(), EngineFailed(), EngineReady(), Halted(), Skipped(), Tick(),
    TrackerFailed(), TrackerReady(), ShowOpened(), ShowClosed(), BlackoutChanged(True),
    BlackoutChanged(False), LanguageChosen("de"),
]  # fmt: skip
RESULTS: list[Callable[[int], Event]] = [
    PortraitTaken, PortraitRefused, SearchProgress, SearchDone, ResultCompleted, RigMade, LinkReady,
    Forget,
]  # fmt: skip

# A move is an event, a result of this visit or an earlier one, time, or whatever leads on from here.
MOVES = st.lists(
    st.one_of(
        st.just("onward"),
        st.sampled_from(UNBIDDEN),
        st.tuples(st.sampled_from(RESULTS), st.integers(0, 2)),
        st.integers(1, 400).map(lambda eighths: eighths / 8),
    ),
    max_size=40,
)
TIMES = st.builds(
    Timeouts,
    hold_s=st.sampled_from([0.5, 2.0, 5.0]),
    double_tap_s=st.sampled_from([0.0, 1.0]),
    countdown_s=st.sampled_from([0.0, 3.0]),
    lapse_s=st.sampled_from([0.5, 2.0]),
    left_s=st.sampled_from([4.0, 60.0]),
    consent_s=st.sampled_from([20.0, 300.0]),
)


def play(driver: VisitDriver, moves: list) -> VisitDriver:
    for move in moves:
        match move:
            case "onward":
                driver.onward()
            case float():
                driver.now_s += move
                driver.send(Tick())
            case (result, ago):
                driver.send(result(driver.state.visit_id - ago))
            case event:
                driver.send(event)
    return driver


@given(MOVES, TIMES)
@settings(max_examples=300)
def test_time_alone_leads_back_to_attract(moves: list, timeouts: Timeouts) -> None:
    driver = play(VisitDriver(timeouts), moves)
    in_phase_s = driver.now_s
    bound_s = sum(getattr(timeouts, name) for name in Timeouts.model_fields)
    while not driver.at(Phase.ATTRACT):
        driver.now_s += 1
        driver.send(Tick())
        assert driver.now_s - in_phase_s < bound_s + len(Phase), f"stuck in {driver.state}"


@given(MOVES, TIMES)
@settings(max_examples=300)
def test_no_face_is_processed_without_consent(moves: list, timeouts: Timeouts) -> None:
    driver = VisitDriver(timeouts)
    detecting = filming = False
    for move in moves:
        before = len(driver.effects)
        play(driver, [move])
        for effect in driver.effects[before:]:
            match effect:
                case DetectFaces(on):
                    detecting = on
                case StartCamera():
                    filming = True
                case StopCamera():
                    filming = False
                case TakePortrait():
                    assert filming and detecting
                case StartSearch(_, sitter):
                    assert (sitter is Sitter.CAMERA) == detecting
        assert detecting == filming == driver.state.consented
        assert not detecting or driver.state.phase in VISIT[1:]
    assert kinds(driver.effects).count(StartCamera) == len(driver.agreements)
    for held_s, gap_s in driver.agreements:
        assert held_s >= timeouts.hold_s or gap_s < timeouts.double_tap_s


@given(MOVES, TIMES)
@settings(max_examples=300)
def test_every_visit_is_erased_once_and_no_id_comes_twice(moves: list, timeouts: Timeouts) -> None:
    driver = play(VisitDriver(timeouts), moves)
    erased = [effect.visit_id for effect in driver.effects if isinstance(effect, EraseVisit)]
    begun = driver.ids if driver.state.phase not in VISIT else driver.ids[:-1]
    assert erased == begun
    assert len(set(driver.ids)) == len(driver.ids)
    alive = 0
    for effect in driver.effects:
        # After its erasing, nothing is done for a visit any more.
        visit_id = getattr(effect, "visit_id", None)
        assert visit_id is None or visit_id > alive
        if isinstance(effect, EraseVisit):
            alive = effect.visit_id


@given(MOVES, st.sampled_from([-(2.0**30), 2.0**20, 2.0**31]))
@settings(max_examples=100)
def test_the_clock_may_begin_anywhere(moves: list, zero_s: float) -> None:
    here, there = play(VisitDriver(), moves), play(VisitDriver(now_s=zero_s), moves)
    assert here.phases == there.phases
    assert here.effects == there.effects


@given(MOVES)
@settings(max_examples=100)
def test_only_the_table_changes_the_phase(moves: list) -> None:
    driver = play(VisitDriver(), moves)
    allowed = {(phase, row.to) for row in TRANSITIONS for phase in row.phases}
    assert set(zip([Phase.ATTRACT, *driver.phases], driver.phases, strict=False)) <= allowed


def once(test: Any, *arguments: object) -> None:
    test.hypothesis.inner_test(*arguments)


def test_the_gates_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that forgets a timeout gets stuck, one that skips consent is caught."""
    leads = dict(LEADS)
    stuck = {key: row for key, row in leads.items() if key != (Phase.FAREWELL, Cause.TIME_UP)}
    monkeypatch.setattr(machine, "LEADS", stuck)
    with pytest.raises(AssertionError, match="stuck"):
        once(test_time_alone_leads_back_to_attract, ["onward"] * 8, TIMEOUTS)
    woken = leads[Phase.ATTRACT, Cause.WOKEN]
    hasty = leads | {(Phase.ATTRACT, Cause.WOKEN): replace(woken, to=Phase.PORTRAIT)}
    monkeypatch.setattr(machine, "LEADS", hasty)
    with pytest.raises(AssertionError, match=r"agreed without"):
        once(test_no_face_is_processed_without_consent, [WokeUp()], TIMEOUTS)
    with pytest.raises(AssertionError):
        once(test_only_the_table_changes_the_phase, [WokeUp()])
    with pytest.raises(AssertionError):
        once(test_every_visit_is_erased_once_and_no_id_comes_twice, [WokeUp(), Declined()], TIMEOUTS)
