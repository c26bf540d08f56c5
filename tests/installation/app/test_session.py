"""The session between the visit and its helpers, which here only note what is asked of them."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

from engine.border.strip import NoBorderReason, Strip
from engine.common.errors import MachineError
from engine.pipeline.result import JudgeResult, PortrayalResult
from engine.runtime.messages import Failed, ProgressUpdate, Queued, Ready, ResultExtended, ResultReady
from installation.app.control_adapter import ControlAdapter
from installation.app.registration import load_scenes, registry_of
from installation.app.session import Session
from installation.app.visitor_data import VisitorData
from installation.delivery.messages import Ended, Forgotten, LinkEvent, Lost, Offered
from installation.delivery.pictures import TakeHomePictures
from installation.settings.configuration import Stage
from installation.settings.phase import Phase
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.view import View
from installation.visit.events import (
    AnotherFace,
    BlackoutChanged,
    ChoseSynthetic,
    Declined,
    Event,
    Halted,
    Pressed,
    Released,
    ShowClosed,
    ShowOpened,
    Skipped,
    Tick,
    Touched,
    WokeUp,
)
from installation.visit.parameters import DeliveryParameters, Timeouts
from installation.visit.participants import Participant
from installation.workers.engine_backend import ProcessBackend
from installation.workers.engine_client import EngineClient


class Notes:
    """Answers every call with nothing, and remembers what was called."""

    sighting = None

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.arguments: dict[str, tuple[object, ...]] = {}

    def __getattr__(self, name: str) -> Any:
        def note(*arguments: object) -> tuple[()]:
            self.asked.append(name)
            self.arguments[name] = arguments
            return ()

        return note


class NotedDelivery:
    """A delivery whose news a test writes."""

    def __init__(self) -> None:
        self.offered: list[tuple[TakeHomePictures, DeliveryParameters]] = []
        self.revoked: list[int] = []
        self.news: list[LinkEvent] = []

    def offer(self, pictures: TakeHomePictures, agreed: DeliveryParameters) -> None:
        self.offered.append((pictures, agreed))

    def revoke(self, visit_id: int) -> None:
        self.revoked.append(visit_id)

    def poll(self) -> Sequence[LinkEvent]:
        news, self.news = self.news, []
        return news


class Visited:
    """A session on a time of its own; `do` lets it have events."""

    def __init__(self) -> None:
        self.registry = registry_of(load_scenes(Stage().scenes).values())
        self.registry.set("delivery/gives", "doppelganger")
        self.camera, self.tracker, self.engine = Notes(), Notes(), Notes()
        self.delivery = NotedDelivery()
        parts: Any = (self.camera, self.tracker, self.engine, self.delivery)
        self.session = Session(self.registry, *parts)
        self.session._on_engine_reply(Ready(), 0.0)
        self.now_s = 0.0

    def is_in(self, phase: Phase) -> bool:
        return self.session.state.phase is phase

    def do(self, *events: Event, after_s: float = 0.1) -> None:
        for event in events:
            self.now_s += after_s
            self.session.handle(event, self.now_s)
        self.session.update(self.now_s)

    def hold_yes(self) -> None:
        self.do(Pressed())
        self.do(Tick(), after_s=3.0)
        self.do(Released())

    def until_border(self) -> int:
        """A visit without a camera that finds everything; returns its number."""
        number = self.find(complete=True)
        assert self.is_in(Phase.BORDER)
        return number

    def find(self, complete: bool) -> int:
        """A visit without a camera, until the border is known; returns its number.

        complete: whether the nearest picture has been found, too.
        """
        self.do(WokeUp(), ChoseSynthetic())
        number = self.session.state.visit_id
        pictures, t, distances = np.zeros((2, 4, 4, 3), np.uint8), np.array([0.0, 1.0]), np.array([0.7, 0.3])
        strip = Strip(pictures, t, distances, np.ones(2, bool), "dlib", 0.6, border=(1, 0))
        found = PortrayalResult(strip, None, (), pictures[0] if complete else None, complete)
        self.session._on_engine_reply(ResultReady(number, found), self.now_s)
        return number

    def on_to_doppelganger(self) -> None:
        self.do(Skipped(), Skipped())
        assert self.is_in(Phase.DOPPELGANGER)


@pytest.fixture
def visited() -> Visited:
    return Visited()


class FakeControl:
    """A control that hands out the given events once."""

    def __init__(self, *events: object) -> None:
        self.events = list(events)

    def drain(self, _: float) -> list[object]:
        events, self.events = self.events, []
        return events


def blackout(visited: Visited, on: bool) -> None:
    control: Any = FakeControl(Halted(), BlackoutChanged(True)) if on else FakeControl(BlackoutChanged(False))
    adapter = ControlAdapter(control, dict)
    for event in adapter.events(visited.session, {}, visited.now_s):
        visited.do(event)


def test_in_the_dark_nobody_agrees_to_what_cannot_be_read(visited: Visited) -> None:
    blackout(visited, True)
    visited.hold_yes()
    visited.hold_yes()
    assert visited.is_in(Phase.ATTRACT) and "turn_on" not in visited.camera.asked
    blackout(visited, False)  # the control: in the light the same leads to the camera
    visited.hold_yes()
    visited.hold_yes()
    assert visited.is_in(Phase.PORTRAIT) and "turn_on" in visited.camera.asked


def test_what_curators_turn_after_yes_is_for_the_next_visitor(visited: Visited) -> None:
    number = visited.until_border()
    visited.registry.set("delivery/life_s", 3600.0)
    visited.registry.set("delivery/gives", "everything")
    visited.on_to_doppelganger()
    visited.do(Halted())
    next_number = visited.until_border()
    visited.session._downloads._film_worker.drop()
    visited.on_to_doppelganger()
    told = [(pictures.visit_id, agreed.gives, agreed.life_s) for pictures, agreed in visited.delivery.offered]
    assert told == [(number, "doppelganger", 600), (next_number, "everything", 3600)]
    assert not any(pictures.is_real for pictures, _ in visited.delivery.offered)  # without a camera


def test_whoever_stands_beside_a_raised_phone_is_not_followed(visited: Visited) -> None:
    asked: list[tuple[bool, ...]] = []
    tracker: Any = visited.tracker
    tracker.watch = lambda *how: asked.append(how)
    visited.session.state = replace(
        visited.session.state, phase=Phase.DOPPELGANGER, participants=(Participant(),)
    )
    visited.do(AnotherFace())
    assert visited.is_in(Phase.DOPPELGANGER) and asked == [(True, True)]


@pytest.mark.parametrize("seen", [True, False])
def test_only_a_code_that_was_seen_outlives_the_visit(visited: Visited, seen: bool) -> None:
    number = visited.until_border()
    visited.on_to_doppelganger()
    if seen:
        visited.delivery.news.append(Offered(visit_id=number, url="http://10.0.0.7:8080/D/X", lives_s=600))
        visited.do(Tick())
    visited.do(Skipped())
    assert visited.is_in(Phase.FAREWELL)
    assert visited.delivery.revoked == ([] if seen else [number])


class Playing:
    """A scene of the visit on a small screen."""

    def __init__(self, visited: Visited, phase: Phase) -> None:
        self.visited, self.scene, self.canvas = visited, load_scenes(Stage().scenes)[phase], Canvas(640, 360)
        self.scene.enter(self.view())

    def view(self) -> View:
        return self.visited.session.view(self.visited.now_s)

    def words_after(self, seconds: float) -> str:
        """What can be read so much later."""
        for _ in range(round(seconds / 0.1)):
            self.visited.do(Tick())
            self.scene.update(self.view())
        self.canvas.clear()
        self.scene.draw(self.canvas, self.view())
        return " ".join(each.words for each in self.canvas.drawn_items)


def test_a_closed_show_invites_nobody(visited: Visited) -> None:
    """A touch would do nothing: the screen says so."""
    text = Texts.load("en")
    for is_open in (True, False):
        visited.do(ShowOpened() if is_open else ShowClosed())
        words = Playing(visited, Phase.ATTRACT).words_after(2)
        assert (text("attract.closed") in words) is not is_open
        visited.do(Touched())
        assert visited.is_in(Phase.CONSENT if is_open else Phase.ATTRACT)
        visited.do(Declined())


@pytest.mark.parametrize("why", ["expired", "spent", "too many"])
def test_a_code_that_leads_nowhere_any_more_leaves_the_screen(
    visited: Visited, why: Literal["expired", "spent", "too many"]
) -> None:
    number, text = visited.until_border(), Texts.load("en")
    visited.on_to_doppelganger()
    shown = Playing(visited, Phase.DOPPELGANGER)
    visited.delivery.news.append(Offered(visit_id=number, url="http://10.0.0.7:8080/D/X", lives_s=600))
    assert text("doppelganger.keep") in shown.words_after(7)
    visited.delivery.news.append(Ended(visit_id=number, why=why))
    words = shown.words_after(0.1)
    assert text("doppelganger.done") in words
    assert not any(text(f"doppelganger.{key}") in words for key in ("making", "scan", "keep", "forget"))
    visited.do(Pressed())
    assert text("farewell.pictures") in Playing(visited, Phase.FAREWELL).words_after(6)


@pytest.mark.parametrize("gone", [Lost, Forgotten])
def test_farewell_promises_no_link_that_has_just_gone(
    visited: Visited, gone: type[Lost] | type[Forgotten]
) -> None:
    number = visited.until_border()
    visited.on_to_doppelganger()
    visited.delivery.news.append(Offered(visit_id=number, url="http://10.0.0.7:8080/D/X", lives_s=600))
    visited.do(Tick())
    visited.do(Pressed())
    assert visited.is_in(Phase.FAREWELL) and visited.session.view(visited.now_s).participant.link
    visited.delivery.news.append(gone(visit_id=number))
    visited.do(Tick())
    assert visited.session.view(visited.now_s).participant.link is None


def test_while_the_nearest_picture_is_looked_for_the_search_has_the_median_way(visited: Visited) -> None:
    number = visited.find(complete=False)
    assert visited.is_in(Phase.SEARCH)
    begun = visited.session.view(visited.now_s).participant.result
    assert begun is not None and not begun.complete
    whole = replace(begun, doppelganger=begun.median.pictures[0], complete=True)
    visited.session._on_engine_reply(ResultReady(number, whole), visited.now_s)
    assert visited.is_in(Phase.BORDER)
    assert visited.session.view(visited.now_s).participant.result is whole


def test_what_is_added_while_the_border_is_shown_changes_no_picture_of_it(visited: Visited) -> None:
    number = visited.until_border()
    before = visited.session.view(visited.now_s).participant.result
    assert before is not None and not before.judge_results and before.enlarged is None
    witness = JudgeResult("anthropometry", False, 0.1, None, (), None, NoBorderReason.ALWAYS)
    enlarged = np.zeros((16, 16, 3), np.uint8)
    visited.session._on_engine_reply(ResultExtended(number + 1, (), enlarged), visited.now_s)
    assert visited.session.view(visited.now_s).participant.result is before  # another visit's
    visited.session._on_engine_reply(ResultExtended(number, (witness,), enlarged), visited.now_s)
    result = visited.session.view(visited.now_s).participant.result
    assert result is not None and result.judge_results == (witness,) and result.enlarged is enlarged
    assert result.median is before.median and result.doppelganger is before.doppelganger
    assert visited.is_in(Phase.BORDER)


@pytest.mark.parametrize("why", ["dead", "late"])
def test_without_the_nearest_picture_the_visit_goes_on_with_what_has_been_found(
    visited: Visited, why: str
) -> None:
    number = visited.find(complete=False)
    if why == "dead":
        failed = Failed("The engine's process was ended by SIGKILL.")
        visited.session._on_engine_reply(failed, visited.now_s)
    else:
        visited.do(Tick(), after_s=visited.session.registry.of(Timeouts).nearest_s)
    assert visited.is_in(Phase.BORDER) and visited.engine.asked.count("cancel") == 1
    result = visited.session.view(visited.now_s).participant.result
    assert result is not None and result.complete
    visited.on_to_doppelganger()
    visited.do(Tick())
    assert [pictures.visit_id for pictures, _ in visited.delivery.offered] == [number]
    visited.do(Tick(), after_s=100)
    assert visited.is_in(Phase.FAREWELL) and visited.session._visitor.result is None
    assert visited.engine.asked.count("erase") == 1


def test_a_visit_that_waits_for_an_engine_is_not_silent_and_shows_its_place(visited: Visited) -> None:
    visited.do(WokeUp(), ChoseSynthetic())
    number = visited.session.state.visit_id
    silence_s = visited.session.registry.of(Timeouts).silence_s
    for place in (2, 1):
        visited.do(Tick(), after_s=0.8 * silence_s)
        visited.session._on_engine_reply(Queued(number, place), visited.now_s)
        search = visited.session.view(visited.now_s).participant.search
        assert search is not None and search.queue_place == place and search.share == 0
    visited.session._on_engine_reply(ProgressUpdate(number, "search", 0.1, None), visited.now_s)
    search = visited.session.view(visited.now_s).participant.search
    assert search is not None and search.queue_place is None
    visited.do(Tick(), after_s=1.1 * silence_s)
    assert not visited.is_in(Phase.SEARCH), "nothing is heard any more"


def unloadable() -> Any:
    raise MachineError("There is no GPU.")


def test_an_engine_that_keeps_failing_is_told_in_one_line(
    visited: Visited, caplog: pytest.LogCaptureFixture
) -> None:
    """It may do so for weeks."""
    engine, failed = EngineClient(ProcessBackend(unloadable)), 0
    engine.first_wait_s = 0.1
    engine.start()
    try:
        deadline_s = time.monotonic() + 120
        while failed < 2 and time.monotonic() < deadline_s:
            for report in engine.poll():
                visited.session._on_engine_reply(report, visited.now_s)
                failed += isinstance(report, Failed)
            time.sleep(0.05)
    finally:
        engine.stop()
    assert failed >= 2
    assert [record.getMessage() for record in caplog.records] == ["engine: There is no GPU."]


def test_of_an_erased_visit_only_the_link_is_left_and_of_the_next_one_nothing(visited: Visited) -> None:
    number = visited.until_border()
    visited.on_to_doppelganger()
    visited.delivery.news.append(Offered(visit_id=number, url="http://10.0.0.7:8080/D/X", lives_s=600))
    visited.do(Tick())
    link = visited.session.view(visited.now_s).participant.link
    visited.do(Pressed())
    assert visited.is_in(Phase.FAREWELL) and visited.session._visitor == VisitorData(link=link)
    visited.do(Skipped())
    assert visited.is_in(Phase.ATTRACT) and visited.session._visitor == VisitorData()


def test_a_link_that_ends_after_its_visit_says_nothing_about_the_next_one(visited: Visited) -> None:
    number = visited.until_border()
    visited.on_to_doppelganger()
    visited.do(Halted())
    visited.delivery.news.append(Ended(visit_id=number, why="expired"))
    visited.do(Tick())
    visited.do(WokeUp())
    assert visited.is_in(Phase.CONSENT) and visited.session.view(visited.now_s).downloads_available


@pytest.mark.parametrize("reach", [0.0, 0.4])
def test_the_engine_is_asked_for_a_doppelganger_as_far_beyond_as_curators_say(reach: float) -> None:
    visited = Visited()
    visited.registry.set("doppelganger/reach", reach)
    visited.until_border()
    assert visited.engine.arguments["portray"][-1] == pytest.approx(reach)
