"""The visit as a state machine: each way through it, and what holds for every sequence of events."""

import ast
import math
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.visit import machine
from installation.visit.effects import (
    CancelSearch,
    DetectFaces,
    Effect,
    EraseVisit,
    OfferDownload,
    RevokeDownload,
    StartCamera,
    StartSearch,
    StopCamera,
    TakePortrait,
)
from installation.visit.events import (
    AnotherFace,
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
    LinkReady,
    PortraitRefused,
    PortraitTaken,
    Pressed,
    Released,
    SearchDone,
    SearchProgress,
    Skipped,
    Tick,
    Touched,
    TrackerFailed,
    TrackerReady,
    WokeUp,
)
from installation.visit.machine import step
from installation.visit.parameters import Timeouts
from installation.visit.participants import Decision, Participant, Sitter
from installation.visit.phases import phases_where
from installation.visit.state import Show, State, countdown_left_s, hold_share, time_left_s
from installation.visit.transitions import LEADS, TRANSITIONS, Cause
from tests.conftest import REPO

TIMEOUTS = Timeouts()
VISIT = phases_where(lambda traits: traits.erases)


class Kiosk:
    """Drives the machine as the stage does, and remembers everything."""

    def __init__(self, timeouts: Timeouts = TIMEOUTS, now_s: float = 0.0) -> None:
        self.timeouts = timeouts
        self.now_s = now_s
        self.state = State()
        self.effects: list[Effect] = []
        self.phases: list[Phase] = []
        self.ids: list[int] = []
        # Kept apart from the machine, to check it: *yes* as the visitor pressed it, and each agreement as
        # (how long it was held, time since the tap before).
        self.taps_s: list[float] = []
        self.down_s: float | None = None
        self.agreements: list[tuple[float, float]] = []
        self.send(EngineReady())

    def send(self, *events: Event) -> list[Effect]:
        done: list[Effect] = []
        for event in events:
            before = self.state
            if isinstance(event, Pressed) and self.down_s is None and before.phase is Phase.CONSENT:
                self.down_s = self.now_s
                self.taps_s.append(self.now_s)
            if isinstance(event, Released):
                self.down_s = None
            self.state, effects = step(before, event, self.now_s, self.timeouts)
            done += effects
            if self.state.phase is not before.phase:
                self.phases.append(self.state.phase)
                if self.state.phase is Phase.CONSENT:
                    self.ids.append(self.state.visit_id)
                if self.state.phase is Phase.PORTRAIT:
                    assert self.down_s is not None, "agreed without *yes*"
                    gap_s = self.taps_s[-1] - self.taps_s[-2] if len(self.taps_s) > 1 else math.inf
                    self.agreements.append((self.now_s - self.down_s, gap_s))
                self.taps_s, self.down_s = [], None
        self.effects += done
        return done

    def pass_s(self, duration_s: float, *each_tick: Event, tick_s: float = 0.25) -> list[Effect]:
        done: list[Effect] = []
        end_s = self.now_s + duration_s
        while self.now_s < end_s:
            self.now_s += tick_s
            done += self.send(*each_tick, Tick())
        return done

    def at(self, phase: Phase) -> bool:
        return self.state.phase is phase

    def onward(self) -> None:
        """What a willing visitor and a good machine do in this phase."""
        visit_id = self.state.visit_id
        match self.state.phase:
            case Phase.ATTRACT:
                self.send(CameraReady(), TrackerReady(), EngineReady(), WokeUp())
            case Phase.CONSENT:
                self.send(Released(), Pressed())
                self.pass_s(self.timeouts.hold_s)
            case Phase.PORTRAIT:
                self.send(PortraitRefused(visit_id))
                self.pass_s(self.timeouts.countdown_s + 0.5, FaceSeen(usable=True))
                self.send(PortraitTaken(visit_id))
            case Phase.SEARCH:
                self.send(SearchProgress(visit_id), SearchDone(visit_id))
            case Phase.BORDER | Phase.JURY | Phase.FAREWELL as phase:
                self.pass_s(self.timeouts.of(phase), FaceSeen())
            case Phase.DOPPELGANGER:
                self.send(LinkReady(visit_id), Pressed())

    def go_to(self, phase: Phase, sitter: Sitter = Sitter.CAMERA) -> "Kiosk":
        while self.state.phase is not phase:
            if self.state.phase is Phase.CONSENT and sitter is Sitter.SYNTHETIC:
                self.send(ChoseSynthetic())
            else:
                self.onward()
        return self


def kinds(effects: Iterable[Effect]) -> list[type]:
    return [type(effect) for effect in effects]


# --- the way through ---


def test_a_whole_visit_in_order() -> None:
    kiosk = Kiosk()
    for _ in Phase:
        kiosk.onward()
    assert kiosk.phases == [*list(Phase)[1:], Phase.ATTRACT]
    assert kiosk.effects == [
        StartCamera(),
        DetectFaces(True),
        TakePortrait(1),
        StartSearch(1, Sitter.CAMERA),
        OfferDownload(1),
        DetectFaces(False),
        StopCamera(),
        EraseVisit(1),
    ]
    assert kiosk.state.reason == "the visit is over"


def test_without_a_camera_no_camera_is_touched() -> None:
    kiosk = Kiosk().go_to(Phase.CONSENT)
    kiosk.go_to(Phase.DOPPELGANGER, Sitter.SYNTHETIC).go_to(Phase.ATTRACT)
    assert kiosk.effects == [StartSearch(1, Sitter.SYNTHETIC), OfferDownload(1), EraseVisit(1)]
    assert not kiosk.state.consented


@pytest.mark.parametrize("sitter", Sitter)
def test_farewell_knows_only_who_was_not_looked_at(sitter: Sitter) -> None:
    """It says that a photograph is gone to nobody of whom there was none; attract knows nobody."""
    kiosk = Kiosk().go_to(Phase.CONSENT).go_to(Phase.FAREWELL, sitter)
    assert kiosk.state.is_synthetic is (sitter is Sitter.SYNTHETIC)
    assert not kiosk.state.consented
    assert kiosk.go_to(Phase.ATTRACT).state.participants == ()


# --- consent ---


def test_a_hold_has_to_be_long_enough() -> None:
    kiosk = Kiosk().go_to(Phase.CONSENT)
    kiosk.send(Pressed())
    kiosk.pass_s(TIMEOUTS.hold_s - 0.25)
    assert hold_share(kiosk.state, kiosk.now_s, TIMEOUTS) == pytest.approx(0.875)
    kiosk.send(Released())
    kiosk.pass_s(5)
    assert kiosk.at(Phase.CONSENT)
    assert hold_share(kiosk.state, kiosk.now_s, TIMEOUTS) == 0
    kiosk.send(Pressed())
    kiosk.pass_s(TIMEOUTS.hold_s)
    assert kiosk.at(Phase.PORTRAIT)


def test_a_frame_that_comes_late_agrees_to_nothing() -> None:
    kiosk = Kiosk().go_to(Phase.CONSENT)
    kiosk.send(Pressed())
    kiosk.now_s += 10
    kiosk.send(Released(), Tick())
    assert kiosk.at(Phase.CONSENT)


def test_a_key_that_repeats_is_one_hold_and_no_tap() -> None:
    kiosk = Kiosk(TIMEOUTS.model_copy(update={"double_tap_s": 1.0})).go_to(Phase.CONSENT)
    kiosk.send(Pressed())
    kiosk.pass_s(1.75, Pressed())
    assert kiosk.at(Phase.CONSENT)
    kiosk.pass_s(0.25, Pressed())
    assert kiosk.at(Phase.PORTRAIT)


def test_a_double_tap_agrees_only_where_it_may_and_in_time() -> None:
    def tap_twice(double_tap_s: float, between_s: float) -> Phase:
        kiosk = Kiosk(TIMEOUTS.model_copy(update={"double_tap_s": double_tap_s})).go_to(Phase.CONSENT)
        kiosk.send(Pressed(), Released())
        kiosk.now_s += between_s
        kiosk.send(Pressed(), Released())
        return kiosk.state.phase

    assert tap_twice(1.0, 0.5) is Phase.PORTRAIT
    assert tap_twice(1.0, 1.5) is Phase.CONSENT
    assert tap_twice(0.0, 0.0) is Phase.CONSENT


def test_the_press_that_wakes_is_not_the_one_that_agrees() -> None:
    kiosk = Kiosk()
    kiosk.send(Pressed())
    kiosk.pass_s(10)
    assert kiosk.at(Phase.CONSENT)
    kiosk.send(Released())
    assert kiosk.at(Phase.CONSENT)


def test_who_is_about_to_agree_is_not_interrupted() -> None:
    kiosk = Kiosk(TIMEOUTS.model_copy(update={"hold_s": 5.0, "consent_s": 20.0})).go_to(Phase.CONSENT)
    kiosk.pass_s(19)
    kiosk.send(Pressed())
    kiosk.pass_s(5)
    assert kiosk.at(Phase.PORTRAIT)


def test_a_touch_gives_more_time() -> None:
    for phase in (Phase.CONSENT, Phase.DOPPELGANGER):
        kiosk = Kiosk().go_to(phase)
        kiosk.pass_s(TIMEOUTS.of(phase) - 1, FaceSeen())
        assert time_left_s(kiosk.state, kiosk.now_s, TIMEOUTS) == 1
        kiosk.send(Touched())
        assert time_left_s(kiosk.state, kiosk.now_s, TIMEOUTS) == TIMEOUTS.of(phase)


@pytest.mark.parametrize("phase", [*VISIT, Phase.FAREWELL])
def test_staff_cutting_a_phase_short_never_agree_for_a_visitor(phase: Phase) -> None:
    kiosk = Kiosk().go_to(phase)
    kiosk.send(Skipped())
    onward = {Phase.BORDER: Phase.JURY, Phase.JURY: Phase.DOPPELGANGER, Phase.DOPPELGANGER: Phase.FAREWELL}
    assert kiosk.at(onward.get(phase, Phase.ATTRACT))


# --- the portrait ---


def test_the_countdown_survives_a_blink_but_not_a_look_away() -> None:
    kiosk = Kiosk().go_to(Phase.PORTRAIT)
    assert countdown_left_s(kiosk.state, kiosk.now_s, TIMEOUTS) is None
    kiosk.pass_s(2, FaceSeen(usable=True))
    kiosk.pass_s(0.25, FaceSeen(usable=False))
    kiosk.pass_s(0.25, FaceSeen(usable=True))
    left_s = countdown_left_s(kiosk.state, kiosk.now_s, TIMEOUTS)
    assert left_s == pytest.approx(0.75)
    kiosk.pass_s(1, FaceSeen(usable=False))
    assert countdown_left_s(kiosk.state, kiosk.now_s, TIMEOUTS) is None
    assert TakePortrait not in kinds(kiosk.pass_s(2.75, FaceSeen(usable=True)))
    assert kiosk.pass_s(0.75, FaceSeen(usable=True)) == [TakePortrait(1)]


def test_a_refused_portrait_is_taken_again() -> None:
    kiosk = Kiosk().go_to(Phase.PORTRAIT)
    assert kiosk.pass_s(10, FaceSeen(usable=True)) == [TakePortrait(1)]
    kiosk.send(PortraitRefused(1))
    assert kiosk.pass_s(2, FaceSeen(usable=True)) == []
    assert kiosk.pass_s(2, FaceSeen(usable=True)) == [TakePortrait(1)]


def test_a_portrait_nobody_asked_for_is_ignored() -> None:
    kiosk = Kiosk().go_to(Phase.PORTRAIT)
    assert kiosk.send(PortraitTaken(1)) == []
    assert kiosk.at(Phase.PORTRAIT)


# --- the ways back ---


BREAKS = [
    (phase, event)
    for phase in VISIT
    for event in (EngineFailed(), CameraFailed(), Halted())
    if (phase, event) != (Phase.DOPPELGANGER, EngineFailed())
]


@pytest.mark.parametrize(("phase", "event"), BREAKS)
def test_what_breaks_ends_the_visit_and_erases_it(phase: Phase, event: Event) -> None:
    kiosk = Kiosk().go_to(phase)
    effects = kiosk.send(event)
    assert kiosk.at(Phase.ATTRACT)
    assert effects[-1] == EraseVisit(1)
    assert (CancelSearch(1) in effects) == (phase is Phase.SEARCH)
    assert (StopCamera() in effects) == (phase is not Phase.CONSENT)


def test_the_picture_stays_without_an_engine_and_for_no_longer_than_with_one() -> None:
    kiosk = Kiosk().go_to(Phase.DOPPELGANGER)
    assert kiosk.send(EngineFailed()) == []
    kiosk.pass_s(TIMEOUTS.doppelganger_s - 0.25, FaceSeen())
    assert kiosk.at(Phase.DOPPELGANGER)
    assert kiosk.pass_s(0.25, FaceSeen())[-1] == EraseVisit(1)
    assert kiosk.at(Phase.FAREWELL)
    kiosk.pass_s(TIMEOUTS.farewell_s)
    kiosk.send(WokeUp())
    assert kiosk.at(Phase.ATTRACT) and kiosk.state.resting


@pytest.mark.parametrize("phase", VISIT[1:])
def test_who_walks_away_is_forgotten(phase: Phase) -> None:
    kiosk = Kiosk().go_to(phase)
    left_s = TIMEOUTS.left_doppelganger_s if phase is Phase.DOPPELGANGER else TIMEOUTS.left_s
    kiosk.pass_s(left_s - 0.25)
    assert kiosk.at(phase)
    assert kiosk.pass_s(0.25)[-1] == EraseVisit(1)
    assert kiosk.at(Phase.ATTRACT)
    assert RevokeDownload not in kinds(kiosk.effects)


@pytest.mark.parametrize("phase", VISIT)
def test_another_face_ends_the_visit_until_the_picture_is_shown(phase: Phase) -> None:
    kiosk = Kiosk().go_to(phase)
    kiosk.send(AnotherFace())
    stays = phase in (Phase.CONSENT, Phase.DOPPELGANGER)
    assert kiosk.at(phase if stays else Phase.ATTRACT)


def test_whoever_is_there_keeps_the_picture() -> None:
    """A phone hides the sitter, a friend stands beside: it counts that they are there, and no more."""
    kiosk = Kiosk().go_to(Phase.DOPPELGANGER)
    kiosk.pass_s(TIMEOUTS.left_doppelganger_s - 1)
    assert kiosk.send(AnotherFace()) == [DetectFaces(True, anybody=True)]
    kiosk.pass_s(TIMEOUTS.left_doppelganger_s - 1)
    assert kiosk.at(Phase.DOPPELGANGER)
    kiosk.pass_s(1)
    assert kiosk.at(Phase.ATTRACT)


@pytest.mark.parametrize("phase", VISIT)
def test_no_is_no_everywhere(phase: Phase) -> None:
    kiosk = Kiosk().go_to(phase)
    effects = kiosk.send(Declined())
    assert effects[-1] == EraseVisit(1)
    assert (RevokeDownload(1) in effects) == (phase is Phase.DOPPELGANGER)
    assert kiosk.at(Phase.ATTRACT if phase is Phase.CONSENT else Phase.FAREWELL)


def test_forget_on_the_phone() -> None:
    kiosk = Kiosk().go_to(Phase.DOPPELGANGER)
    assert kiosk.send(Forget(0)) == []
    assert kiosk.send(Forget(1))[-2:] == [RevokeDownload(1), EraseVisit(1)]
    assert kiosk.at(Phase.FAREWELL)


def test_a_silent_engine_is_given_up() -> None:
    kiosk = Kiosk().go_to(Phase.SEARCH)
    kiosk.pass_s(TIMEOUTS.silence_s - 1, FaceSeen())
    kiosk.send(SearchProgress(1))
    kiosk.pass_s(TIMEOUTS.silence_s - 0.25, FaceSeen())
    assert kiosk.at(Phase.SEARCH)
    effects = kiosk.pass_s(0.25, FaceSeen())
    assert CancelSearch(1) in effects
    assert kiosk.state.reason == "the engine hangs"


def test_the_piece_rests_until_engine_and_camera_are_well() -> None:
    state, _ = step(State(), WokeUp(), 0, TIMEOUTS)
    assert state.resting and state.phase is Phase.ATTRACT
    kiosk = Kiosk().go_to(Phase.PORTRAIT)
    kiosk.send(CameraFailed(), WokeUp(), Touched(), Pressed())
    assert kiosk.at(Phase.ATTRACT)
    kiosk.send(CameraReady(), EngineFailed(), WokeUp())
    assert kiosk.at(Phase.ATTRACT)
    kiosk.send(EngineReady(), TrackerFailed(), WokeUp())
    assert kiosk.at(Phase.ATTRACT)
    kiosk.send(TrackerReady(), WokeUp())
    assert kiosk.at(Phase.CONSENT)
    kiosk.send(TrackerFailed())
    assert kiosk.at(Phase.CONSENT)


def test_a_synthetic_visit_needs_no_camera() -> None:
    kiosk = Kiosk().go_to(Phase.CONSENT).go_to(Phase.BORDER, Sitter.SYNTHETIC)
    kiosk.send(CameraFailed(), AnotherFace(), FaceSeen())
    assert kiosk.at(Phase.BORDER)
    kiosk.go_to(Phase.FAREWELL).pass_s(20)
    kiosk.send(WokeUp())
    assert kiosk.at(Phase.ATTRACT) and kiosk.state.resting


def test_results_of_a_visit_that_ended_are_ignored() -> None:
    kiosk = Kiosk().go_to(Phase.SEARCH)
    kiosk.send(Declined())
    kiosk.go_to(Phase.SEARCH)
    before = kiosk.state
    assert before.visit_id == 2
    assert kiosk.send(SearchProgress(1), SearchDone(1), PortraitTaken(1), LinkReady(1), Forget(1)) == []
    assert kiosk.state == before


def test_the_link_is_shown_for_its_whole_time() -> None:
    kiosk = Kiosk().go_to(Phase.DOPPELGANGER)
    kiosk.pass_s(TIMEOUTS.doppelganger_s - 1, FaceSeen())
    kiosk.send(LinkReady(1))
    assert kiosk.state.link_ready
    kiosk.pass_s(10, FaceSeen())
    kiosk.send(LinkReady(1))
    assert time_left_s(kiosk.state, kiosk.now_s, TIMEOUTS) == TIMEOUTS.doppelganger_s - 10


# --- what holds for every sequence ---

UNBIDDEN: list[Event] = [
    WokeUp(), Touched(), Pressed(), Released(), Declined(), ChoseSynthetic(), FaceSeen(), FaceSeen(True),
    AnotherFace(), CameraFailed(), CameraReady(), EngineFailed(), EngineReady(), Halted(), Skipped(), Tick(),
    TrackerFailed(), TrackerReady(),
]  # fmt: skip
RESULTS: list[Callable[[int], Event]] = [
    PortraitTaken, PortraitRefused, SearchProgress, SearchDone, LinkReady, Forget,
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


def play(kiosk: Kiosk, moves: list) -> Kiosk:
    for move in moves:
        match move:
            case "onward":
                kiosk.onward()
            case float():
                kiosk.now_s += move
                kiosk.send(Tick())
            case (result, ago):
                kiosk.send(result(kiosk.state.visit_id - ago))
            case event:
                kiosk.send(event)
    return kiosk


@given(MOVES, TIMES)
@settings(max_examples=300)
def test_time_alone_leads_back_to_attract(moves: list, timeouts: Timeouts) -> None:
    kiosk = play(Kiosk(timeouts), moves)
    in_phase_s = kiosk.now_s
    bound_s = sum(getattr(timeouts, name) for name in Timeouts.model_fields)
    while not kiosk.at(Phase.ATTRACT):
        kiosk.now_s += 1
        kiosk.send(Tick())
        assert kiosk.now_s - in_phase_s < bound_s + len(Phase), f"stuck in {kiosk.state}"


@given(MOVES, TIMES)
@settings(max_examples=300)
def test_no_face_is_processed_without_consent(moves: list, timeouts: Timeouts) -> None:
    kiosk = Kiosk(timeouts)
    detecting = filming = False
    for move in moves:
        before = len(kiosk.effects)
        play(kiosk, [move])
        for effect in kiosk.effects[before:]:
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
        assert detecting == filming == kiosk.state.consented
        assert not detecting or kiosk.state.phase in VISIT[1:]
    assert kinds(kiosk.effects).count(StartCamera) == len(kiosk.agreements)
    for held_s, gap_s in kiosk.agreements:
        assert held_s >= timeouts.hold_s or gap_s < timeouts.double_tap_s


@given(MOVES, TIMES)
@settings(max_examples=300)
def test_every_visit_is_erased_once_and_no_id_comes_twice(moves: list, timeouts: Timeouts) -> None:
    kiosk = play(Kiosk(timeouts), moves)
    erased = [effect.visit_id for effect in kiosk.effects if isinstance(effect, EraseVisit)]
    begun = kiosk.ids if kiosk.state.phase not in VISIT else kiosk.ids[:-1]
    assert erased == begun
    assert len(set(kiosk.ids)) == len(kiosk.ids)
    alive = 0
    for effect in kiosk.effects:
        # After its erasing, nothing is done for a visit any more.
        visit_id = getattr(effect, "visit_id", None)
        assert visit_id is None or visit_id > alive
        if isinstance(effect, EraseVisit):
            alive = effect.visit_id


@given(MOVES, st.sampled_from([-(2.0**30), 2.0**20, 2.0**31]))
@settings(max_examples=100)
def test_the_clock_may_begin_anywhere(moves: list, zero_s: float) -> None:
    here, there = play(Kiosk(), moves), play(Kiosk(now_s=zero_s), moves)
    assert here.phases == there.phases
    assert here.effects == there.effects


@given(MOVES)
@settings(max_examples=100)
def test_only_the_table_changes_the_phase(moves: list) -> None:
    kiosk = play(Kiosk(), moves)
    allowed = {(phase, row.to) for row in TRANSITIONS for phase in row.phases}
    assert set(zip([Phase.ATTRACT, *kiosk.phases], kiosk.phases, strict=False)) <= allowed


def once(test: Any, *arguments: object) -> None:
    test.hypothesis.inner_test(*arguments)


def test_the_gates_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that forgets a timeout gets stuck, one that skips consent is caught."""
    leads = dict(LEADS)
    stuck = {key: row for key, row in leads.items() if key != (Phase.FAREWELL, Cause.TIME_UP)}
    monkeypatch.setattr(machine, "LEADS", stuck)
    with pytest.raises(AssertionError, match="stuck"):
        once(test_time_alone_leads_back_to_attract, ["onward"] * 7, TIMEOUTS)
    woken = leads[Phase.ATTRACT, Cause.WOKEN]
    hasty = leads | {(Phase.ATTRACT, Cause.WOKEN): replace(woken, to=Phase.PORTRAIT)}
    monkeypatch.setattr(machine, "LEADS", hasty)
    with pytest.raises(AssertionError, match=r"agreed without"):
        once(test_no_face_is_processed_without_consent, [WokeUp()], TIMEOUTS)
    with pytest.raises(AssertionError):
        once(test_only_the_table_changes_the_phase, [WokeUp()])
    with pytest.raises(AssertionError):
        once(test_every_visit_is_erased_once_and_no_id_comes_twice, [WokeUp(), Declined()], TIMEOUTS)


# --- the table and the page ---


def test_the_table_says_everything_once_and_uses_all_it_names() -> None:
    seen = [(phase, row.cause) for row in TRANSITIONS for phase in row.phases]
    assert len(seen) == len(set(seen))
    assert {row.cause for row in TRANSITIONS} == set(Cause)
    assert {row.to for row in TRANSITIONS} == set(Phase)


PURE = ("phases", "participants", "parameters", "events", "effects", "state", "transitions", "machine")


@pytest.mark.parametrize("module", PURE)
def test_the_state_machine_is_pure(module: str) -> None:
    path = Path(machine.__file__).with_name(f"{module}.py")
    tree = ast.parse(path.read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported <= {
        "math", "collections.abc", "dataclasses", "enum", "typing", "pydantic",
        "installation.settings.parameters", "installation.settings.phase",
        *(f"installation.visit.{each}" for each in PURE),
    }  # fmt: skip


def test_the_state_holds_nothing_but_numbers_and_words() -> None:
    """No picture, no measurement of a face: those could survive the visit in it."""
    plain = (Phase, str, float, int, bool, float | None, str | None, Decision, Sitter)
    assert {field.type for field in fields(Participant)} <= {*plain}
    assert {field.type for field in fields(Show)} <= {*plain}
    assert {field.type for field in fields(State)} <= {*plain, tuple[Participant, ...], Show}


def in_words(phases: tuple[Phase, ...]) -> str:
    return phases[0] if len(phases) == 1 else f"{phases[0]} … {phases[-1]}"


def test_the_page_shows_the_table_and_the_times() -> None:
    page = (REPO / "docs/visit.md").read_text("utf-8")
    rows = [
        f"| {in_words(row.phases)} | {row.cause.value} | {row.to} | {row.reason} |" for row in TRANSITIONS
    ]
    times = [
        f"| `{each.address.partition('/')[2]}` | {each.default:g} s | {each.range} | {each.description} |"
        for each in Registry(Timeouts).parameters.values()
    ]
    for lines in (rows, times):
        assert "\n".join(lines) in page, "docs/visit.md must hold:\n" + "\n".join(lines)
    for row in TRANSITIONS:
        first, last = list(Phase).index(row.phases[0]), list(Phase).index(row.phases[-1])
        assert row.phases == tuple(Phase)[first : last + 1], "… in the table means all between"
