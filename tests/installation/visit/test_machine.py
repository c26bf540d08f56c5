"""The visit as a state machine: each way through it."""

import math

import pytest

from installation.settings.phase import Phase
from installation.visit.effects import (
    BeginMeeting,
    CancelSearch,
    CompleteResult,
    DetectFaces,
    Effect,
    EndMeeting,
    EraseVisit,
    OfferDownload,
    RevokeDownload,
    StartCamera,
    StartSearch,
    StopCamera,
    TakePortrait,
)
from installation.visit.endings import Ending
from installation.visit.events import (
    AnotherFace,
    CameraFailed,
    CameraReady,
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
    ResultCompleted,
    RigMade,
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
from installation.visit.participants import Sitter
from installation.visit.state import State, countdown_left_s, hold_share, time_left_s
from tests.support.visit_driver import TIMEOUTS, VISIT, VisitDriver, kinds

# --- the way through ---


def test_a_whole_visit_in_order() -> None:
    driver = VisitDriver()
    for _ in Phase:
        driver.onward()
    assert driver.phases == [*list(Phase)[1:], Phase.ATTRACT]
    assert driver.effects == [
        StartCamera(),
        DetectFaces(True),
        TakePortrait(1),
        StartSearch(1, Sitter.CAMERA),
        BeginMeeting(1),
        EndMeeting(1),
        OfferDownload(1),
        DetectFaces(False),
        StopCamera(),
        EraseVisit(1),
    ]
    assert driver.state.reason == "the visit is over"


def test_without_a_camera_no_camera_is_touched() -> None:
    driver = VisitDriver().go_to(Phase.CONSENT)
    driver.go_to(Phase.DOPPELGANGER, Sitter.SYNTHETIC).go_to(Phase.ATTRACT)
    assert Phase.MEETING not in driver.phases
    start = StartSearch(1, Sitter.SYNTHETIC)
    assert driver.effects == [start, EndMeeting(1), OfferDownload(1), EraseVisit(1)]
    assert not driver.state.consented


@pytest.mark.parametrize("sitter", Sitter)
def test_farewell_knows_only_who_was_not_looked_at(sitter: Sitter) -> None:
    """It says that a photograph is gone to nobody of whom there was none; attract knows nobody."""
    driver = VisitDriver().go_to(Phase.CONSENT).go_to(Phase.FAREWELL, sitter)
    assert driver.state.is_synthetic is (sitter is Sitter.SYNTHETIC)
    assert not driver.state.consented
    assert driver.go_to(Phase.ATTRACT).state.participants == ()


# --- consent ---


def test_a_hold_has_to_be_long_enough() -> None:
    driver = VisitDriver().go_to(Phase.CONSENT)
    driver.send(Pressed())
    driver.pass_s(TIMEOUTS.hold_s - 0.25)
    assert hold_share(driver.state, driver.now_s, TIMEOUTS) == pytest.approx(0.875)
    driver.send(Released())
    driver.pass_s(5)
    assert driver.at(Phase.CONSENT)
    assert hold_share(driver.state, driver.now_s, TIMEOUTS) == 0
    driver.send(Pressed())
    driver.pass_s(TIMEOUTS.hold_s)
    assert driver.at(Phase.PORTRAIT)


def test_a_frame_that_comes_late_agrees_to_nothing() -> None:
    driver = VisitDriver().go_to(Phase.CONSENT)
    driver.send(Pressed())
    driver.now_s += 10
    driver.send(Released(), Tick())
    assert driver.at(Phase.CONSENT)


def test_a_key_that_repeats_is_one_hold_and_no_tap() -> None:
    driver = VisitDriver(TIMEOUTS.model_copy(update={"double_tap_s": 1.0})).go_to(Phase.CONSENT)
    driver.send(Pressed())
    driver.pass_s(1.75, Pressed())
    assert driver.at(Phase.CONSENT)
    driver.pass_s(0.25, Pressed())
    assert driver.at(Phase.PORTRAIT)


def test_a_double_tap_agrees_only_where_it_may_and_in_time() -> None:
    def tap_twice(double_tap_s: float, between_s: float) -> Phase:
        driver = VisitDriver(TIMEOUTS.model_copy(update={"double_tap_s": double_tap_s})).go_to(Phase.CONSENT)
        driver.send(Pressed(), Released())
        driver.now_s += between_s
        driver.send(Pressed(), Released())
        return driver.state.phase

    assert tap_twice(1.0, 0.5) is Phase.PORTRAIT
    assert tap_twice(1.0, 1.5) is Phase.CONSENT
    assert tap_twice(0.0, 0.0) is Phase.CONSENT


def test_the_press_that_wakes_is_not_the_one_that_agrees() -> None:
    driver = VisitDriver()
    driver.send(Pressed())
    driver.pass_s(10)
    assert driver.at(Phase.CONSENT)
    driver.send(Released())
    assert driver.at(Phase.CONSENT)


def test_who_is_about_to_agree_is_not_interrupted() -> None:
    driver = VisitDriver(TIMEOUTS.model_copy(update={"hold_s": 5.0, "consent_s": 20.0})).go_to(Phase.CONSENT)
    driver.pass_s(19)
    driver.send(Pressed())
    driver.pass_s(5)
    assert driver.at(Phase.PORTRAIT)


def test_a_touch_gives_more_time() -> None:
    for phase in (Phase.CONSENT, Phase.DOPPELGANGER):
        driver = VisitDriver().go_to(phase)
        driver.pass_s(TIMEOUTS.of(phase) - 1, FaceSeen())
        assert time_left_s(driver.state, driver.now_s, TIMEOUTS) == 1
        driver.send(Touched())
        assert time_left_s(driver.state, driver.now_s, TIMEOUTS) == TIMEOUTS.of(phase)


@pytest.mark.parametrize("phase", [*VISIT, Phase.FAREWELL])
def test_staff_cutting_a_phase_short_never_agree_for_a_visitor(phase: Phase) -> None:
    driver = VisitDriver().go_to(phase)
    driver.send(Skipped())
    onward = {
        Phase.CONSENT: Phase.ATTRACT,
        Phase.BORDER: Phase.JURY,
        Phase.JURY: Phase.MEETING,
        Phase.MEETING: Phase.DOPPELGANGER,
        Phase.FAREWELL: Phase.ATTRACT,
    }
    assert driver.at(onward.get(phase, Phase.FAREWELL))


# --- the portrait ---


def test_the_countdown_survives_a_blink_but_not_a_look_away() -> None:
    driver = VisitDriver().go_to(Phase.PORTRAIT)
    assert countdown_left_s(driver.state, driver.now_s, TIMEOUTS) is None
    driver.pass_s(2, FaceSeen(usable=True))
    driver.pass_s(0.25, FaceSeen(usable=False))
    driver.pass_s(0.25, FaceSeen(usable=True))
    left_s = countdown_left_s(driver.state, driver.now_s, TIMEOUTS)
    assert left_s == pytest.approx(0.75)
    driver.pass_s(1, FaceSeen(usable=False))
    assert countdown_left_s(driver.state, driver.now_s, TIMEOUTS) is None
    assert TakePortrait not in kinds(driver.pass_s(2.75, FaceSeen(usable=True)))
    assert driver.pass_s(0.75, FaceSeen(usable=True)) == [TakePortrait(1)]


def test_a_refused_portrait_is_taken_again() -> None:
    driver = VisitDriver().go_to(Phase.PORTRAIT)
    assert driver.pass_s(10, FaceSeen(usable=True)) == [TakePortrait(1)]
    driver.send(PortraitRefused(1))
    assert driver.pass_s(2, FaceSeen(usable=True)) == []
    assert driver.pass_s(2, FaceSeen(usable=True)) == [TakePortrait(1)]


def test_a_portrait_nobody_asked_for_is_ignored() -> None:
    driver = VisitDriver().go_to(Phase.PORTRAIT)
    assert driver.send(PortraitTaken(1)) == []
    assert driver.at(Phase.PORTRAIT)


# --- the ways back ---


SHOWS_RESULT = (Phase.BORDER, Phase.JURY, Phase.MEETING, Phase.DOPPELGANGER)
BREAKS = [
    (phase, event, ending)
    for phase in VISIT
    for event, ending in (
        (EngineFailed(), Ending.ENGINE_FAILED),
        (CameraFailed(), Ending.CUT_SHORT if phase is Phase.DOPPELGANGER else Ending.CAMERA_FAILED),
        (Halted(), None),
    )
    if not (phase in SHOWS_RESULT and event == EngineFailed())
]


@pytest.mark.parametrize(("phase", "event", "ending"), BREAKS)
def test_what_breaks_ends_the_visit_and_erases_it(phase: Phase, event: Event, ending: Ending | None) -> None:
    driver = VisitDriver().go_to(phase)
    effects = driver.send(event)
    assert driver.at(Phase.FAREWELL if ending else Phase.ATTRACT)
    assert driver.state.ending is ending
    assert effects[-1] == EraseVisit(1)
    assert (CancelSearch(1) in effects) == (phase is Phase.SEARCH)
    assert (StopCamera() in effects) == (phase is not Phase.CONSENT)


@pytest.mark.parametrize(
    ("phase", "wait_s", "ending"),
    [
        (Phase.PORTRAIT, TIMEOUTS.portrait_s, Ending.NO_PORTRAIT),
        (Phase.SEARCH, TIMEOUTS.silence_s, Ending.ENGINE_FAILED),
        (Phase.DOPPELGANGER, TIMEOUTS.doppelganger_s, Ending.COMPLETE),
    ],
)
def test_farewell_knows_how_the_visit_has_ended(phase: Phase, wait_s: float, ending: Ending) -> None:
    driver = VisitDriver().go_to(phase)
    driver.pass_s(wait_s - 0.25, FaceSeen())
    assert driver.at(phase) and driver.state.ending is None
    driver.pass_s(0.25, FaceSeen())
    assert driver.at(Phase.FAREWELL) and driver.state.ending is ending
    assert ending.is_failure == (phase is not Phase.DOPPELGANGER)
    driver.pass_s(TIMEOUTS.farewell_s)
    assert driver.at(Phase.ATTRACT) and driver.state.ending is None


def test_a_search_that_takes_too_long_has_not_found_anybody() -> None:
    driver = VisitDriver().go_to(Phase.SEARCH)
    while driver.at(Phase.SEARCH):
        driver.send(SearchProgress(1))
        driver.pass_s(1, FaceSeen())
    assert driver.at(Phase.FAREWELL) and driver.state.ending is Ending.NOT_FOUND


@pytest.mark.parametrize("phase", SHOWS_RESULT)
def test_the_visit_goes_on_without_an_engine_with_what_has_been_found(phase: Phase) -> None:
    driver = VisitDriver().go_to(phase)
    assert driver.send(EngineFailed()) == []
    assert driver.at(phase)
    assert CompleteResult not in kinds(driver.go_to(Phase.FAREWELL).effects)


def searching_beyond_the_border() -> VisitDriver:
    """The border is known, the nearest picture is looked for."""
    driver = VisitDriver().go_to(Phase.SEARCH)
    driver.send(SearchProgress(1), SearchDone(1))
    assert driver.at(Phase.SEARCH)
    return driver


def test_the_border_begins_when_everything_is_found() -> None:
    driver = searching_beyond_the_border()
    driver.pass_s(5, FaceSeen())
    assert driver.at(Phase.SEARCH)
    assert driver.send(ResultCompleted(0)) == []
    assert driver.send(ResultCompleted(1)) == []
    assert driver.at(Phase.BORDER)


@pytest.mark.parametrize("event", [EngineFailed(), Skipped()])
def test_what_cuts_the_search_short_once_the_border_is_known_leads_on(event: Event) -> None:
    driver = searching_beyond_the_border()
    assert driver.send(event) == [CompleteResult(1)]
    assert driver.at(Phase.BORDER)


@pytest.mark.parametrize(
    ("times", "hears", "after_s"),
    [
        ({}, True, TIMEOUTS.nearest_s),
        ({"nearest_s": 600.0}, False, TIMEOUTS.silence_s),
        ({"nearest_s": 600.0, "search_s": 50.0}, True, 50.0),
    ],
    ids=["nearest_s", "silence_s", "search_s"],
)
def test_the_nearest_picture_is_waited_for_only_so_long(times: dict, hears: bool, after_s: float) -> None:
    driver = VisitDriver(TIMEOUTS.model_copy(update=times)).go_to(Phase.SEARCH)
    driver.send(SearchDone(1))
    news = [FaceSeen(), SearchProgress(1)] if hears else [FaceSeen()]
    assert driver.pass_s(after_s - 0.25, *news) == [] and driver.at(Phase.SEARCH)
    assert driver.pass_s(0.25, *news) == [CompleteResult(1)] and driver.at(Phase.BORDER)


# On two cores, benchmarks/results/visit-cpu.md: the border is known, and everything is found, after so long.
BORDER_S, COMPLETE_S = 45.0, 73.0


@pytest.mark.parametrize(
    ("slower", "after_s", "effects", "ending"),
    [
        (1.0, COMPLETE_S, [], None),
        (2.0, 2 * COMPLETE_S, [], None),
        (3.0, 3 * COMPLETE_S, [], None),
        (4.0, 4 * BORDER_S + TIMEOUTS.nearest_s, [CompleteResult(1)], None),
        (10.0, TIMEOUTS.search_s, [], Ending.NOT_FOUND),
        (math.inf, TIMEOUTS.silence_s, [], Ending.ENGINE_FAILED),
    ],
    ids=["none", "2x", "3x", "4x", "10x", "dead"],
)
def test_every_delay_of_the_engine_ends_with_a_picture_or_a_sentence(
    slower: float, after_s: float, effects: list[Effect], ending: Ending | None
) -> None:
    """The table in docs/visit.md."""
    driver = VisitDriver().go_to(Phase.SEARCH)
    began_s, before = driver.now_s, len(driver.effects)
    while driver.at(Phase.SEARCH):
        elapsed_s = driver.now_s - began_s
        if slower < math.inf:
            driver.send(SearchProgress(1))
            if elapsed_s == slower * BORDER_S:
                driver.send(SearchDone(1))
            if elapsed_s == slower * COMPLETE_S:
                driver.send(ResultCompleted(1))
        if driver.at(Phase.SEARCH):
            driver.pass_s(0.5, FaceSeen(), tick_s=0.5)
    assert driver.now_s - began_s == after_s and driver.state.ending is ending
    if ending is None:
        assert driver.at(Phase.BORDER) and driver.effects[before:] == effects
        driver.go_to(Phase.DOPPELGANGER)
    else:
        assert driver.at(Phase.FAREWELL) and ending.is_failure


@pytest.mark.parametrize("phase", [Phase.BORDER, Phase.JURY])
def test_nothing_waits_for_a_rig_that_is_late(phase: Phase) -> None:
    """Nor is there a meeting where curators have none, or with what was made for another visit."""

    def after_jury(rig_of: int | None, meeting_s: float = 20.0) -> tuple[Phase, float]:
        driver = VisitDriver(TIMEOUTS.model_copy(update={"meeting_s": meeting_s})).go_to(Phase.SEARCH)
        driver.send(SearchDone(1), ResultCompleted(1))
        while driver.state.phase in (Phase.BORDER, Phase.JURY):
            if driver.at(phase) and rig_of is not None:
                driver.send(RigMade(rig_of))
            driver.pass_s(1, FaceSeen())
        return driver.state.phase, driver.now_s

    meeting, at_s = after_jury(rig_of=1)
    assert meeting is Phase.MEETING
    for rig_of, meeting_s in ((None, 20.0), (0, 20.0), (1, 0.0)):
        assert after_jury(rig_of, meeting_s) == (Phase.DOPPELGANGER, at_s)


def test_the_next_visit_has_no_rig_of_the_last_one() -> None:
    driver = VisitDriver().go_to(Phase.MEETING)
    assert driver.send(Halted())[-1] == EraseVisit(1)
    assert not driver.go_to(Phase.PORTRAIT).state.rig_made


def test_who_walks_away_beyond_the_border_is_forgotten_all_the_same() -> None:
    driver = searching_beyond_the_border()
    assert CompleteResult not in kinds(driver.pass_s(TIMEOUTS.left_s))
    assert driver.at(Phase.ATTRACT) and CancelSearch(1) in driver.effects


def test_a_camera_that_fails_beside_the_code_leaves_the_phone_its_pictures() -> None:
    driver = VisitDriver().go_to(Phase.DOPPELGANGER)
    driver.send(LinkReady(1), CameraFailed())
    assert driver.at(Phase.FAREWELL) and driver.state.ending is Ending.CUT_SHORT
    assert RevokeDownload not in kinds(driver.effects)


def test_the_picture_stays_without_an_engine_and_for_no_longer_than_with_one() -> None:
    driver = VisitDriver().go_to(Phase.DOPPELGANGER)
    driver.send(EngineFailed())
    driver.pass_s(TIMEOUTS.doppelganger_s - 0.25, FaceSeen())
    assert driver.at(Phase.DOPPELGANGER)
    assert driver.pass_s(0.25, FaceSeen())[-1] == EraseVisit(1)
    assert driver.at(Phase.FAREWELL)
    driver.pass_s(TIMEOUTS.farewell_s)
    driver.send(WokeUp())
    assert driver.at(Phase.ATTRACT) and driver.state.resting


@pytest.mark.parametrize("phase", VISIT[1:])
def test_who_walks_away_is_forgotten(phase: Phase) -> None:
    driver = VisitDriver().go_to(phase)
    left_s = TIMEOUTS.left_doppelganger_s if phase is Phase.DOPPELGANGER else TIMEOUTS.left_s
    driver.pass_s(left_s - 0.25)
    assert driver.at(phase)
    assert driver.pass_s(0.25)[-1] == EraseVisit(1)
    assert driver.at(Phase.ATTRACT)
    assert RevokeDownload not in kinds(driver.effects)


@pytest.mark.parametrize("phase", VISIT)
def test_another_face_ends_the_visit_until_the_picture_is_shown(phase: Phase) -> None:
    """And says so: whoever is still there, and was not recognised, is not left without a word."""
    driver = VisitDriver().go_to(phase)
    effects = driver.send(AnotherFace())
    stays = phase in (Phase.CONSENT, Phase.DOPPELGANGER)
    assert driver.at(phase if stays else Phase.FAREWELL)
    assert driver.state.ending is (None if stays else Ending.ANOTHER_FACE)
    assert stays or effects[-1] == EraseVisit(1)


def test_whoever_is_there_keeps_the_picture() -> None:
    """A phone hides the sitter, a friend stands beside: it counts that they are there, and no more."""
    driver = VisitDriver().go_to(Phase.DOPPELGANGER)
    driver.pass_s(TIMEOUTS.left_doppelganger_s - 1)
    assert driver.send(AnotherFace()) == [DetectFaces(True, anybody=True)]
    driver.pass_s(TIMEOUTS.left_doppelganger_s - 1)
    assert driver.at(Phase.DOPPELGANGER)
    driver.pass_s(1)
    assert driver.at(Phase.ATTRACT)


@pytest.mark.parametrize("phase", VISIT)
def test_no_is_no_everywhere(phase: Phase) -> None:
    driver = VisitDriver().go_to(phase)
    effects = driver.send(Declined())
    assert effects[-1] == EraseVisit(1)
    assert (RevokeDownload(1) in effects) == (phase is Phase.DOPPELGANGER)
    assert driver.at(Phase.ATTRACT if phase is Phase.CONSENT else Phase.FAREWELL)


def test_forget_on_the_phone() -> None:
    driver = VisitDriver().go_to(Phase.DOPPELGANGER)
    assert driver.send(Forget(0)) == []
    assert driver.send(Forget(1))[-2:] == [RevokeDownload(1), EraseVisit(1)]
    assert driver.at(Phase.FAREWELL)


def test_a_silent_engine_is_given_up() -> None:
    driver = VisitDriver().go_to(Phase.SEARCH)
    driver.pass_s(TIMEOUTS.silence_s - 1, FaceSeen())
    driver.send(SearchProgress(1))
    driver.pass_s(TIMEOUTS.silence_s - 0.25, FaceSeen())
    assert driver.at(Phase.SEARCH)
    effects = driver.pass_s(0.25, FaceSeen())
    assert CancelSearch(1) in effects
    assert driver.state.reason == "the engine hangs"


def test_the_piece_rests_until_engine_and_camera_are_well() -> None:
    state, _ = step(State(), WokeUp(), 0, TIMEOUTS)
    assert state.resting and state.phase is Phase.ATTRACT
    driver = VisitDriver().go_to(Phase.PORTRAIT)
    driver.send(CameraFailed())
    driver.pass_s(TIMEOUTS.farewell_s)
    driver.send(WokeUp(), Touched(), Pressed())
    assert driver.at(Phase.ATTRACT)
    driver.send(CameraReady(), EngineFailed(), WokeUp())
    assert driver.at(Phase.ATTRACT)
    driver.send(EngineReady(), TrackerFailed(), WokeUp())
    assert driver.at(Phase.ATTRACT)
    driver.send(TrackerReady(), WokeUp())
    assert driver.at(Phase.CONSENT)
    driver.send(TrackerFailed())
    assert driver.at(Phase.CONSENT)


def test_a_synthetic_visit_needs_no_camera() -> None:
    driver = VisitDriver().go_to(Phase.CONSENT).go_to(Phase.BORDER, Sitter.SYNTHETIC)
    driver.send(CameraFailed(), AnotherFace(), FaceSeen())
    assert driver.at(Phase.BORDER)
    driver.go_to(Phase.FAREWELL).pass_s(20)
    driver.send(WokeUp())
    assert driver.at(Phase.ATTRACT) and driver.state.resting


def test_results_of_a_visit_that_ended_are_ignored() -> None:
    driver = VisitDriver().go_to(Phase.SEARCH)
    driver.send(Declined())
    driver.go_to(Phase.SEARCH)
    before = driver.state
    assert before.visit_id == 2
    assert driver.send(SearchProgress(1), SearchDone(1), PortraitTaken(1), LinkReady(1), Forget(1)) == []
    assert driver.state == before


def test_the_link_is_shown_for_its_whole_time() -> None:
    driver = VisitDriver().go_to(Phase.DOPPELGANGER)
    driver.pass_s(TIMEOUTS.doppelganger_s - 1, FaceSeen())
    driver.send(LinkReady(1))
    assert driver.state.link_ready
    driver.pass_s(10, FaceSeen())
    driver.send(LinkReady(1))
    assert time_left_s(driver.state, driver.now_s, TIMEOUTS) == TIMEOUTS.doppelganger_s - 10
