"""Several people before the camera: each decides about their own face, and one picture is made of them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.live.crowd.decision import Decision
from engine.pipeline.group_portrait import GroupPortrait, PublishedFace
from engine.runtime.messages import GroupReady, Ready
from hardware.camera.base import Frame
from installation.app.gathering import Gathering
from installation.app.registration import load_scenes, registry_of
from installation.app.session import Session
from installation.capture.group_tracker import Gathered
from installation.capture.group_tracker_service import GroupTrackerService, SynchronousGroupTrackerService
from installation.settings.configuration import Stage
from installation.settings.phase import Phase
from installation.stage.scene import scene_of
from installation.stage.view import GatheringStep, GatheringView
from installation.visit.events import (
    ChoseOthers,
    Declined,
    Event,
    FaceChosen,
    Pressed,
    Released,
    Tick,
    WokeUp,
)
from installation.visit.gathering import Head
from installation.visit.parameters import GatheringParameters
from tests.installation.app.test_session import NotedDelivery, Notes
from tests.support.crowd_kit import Walker, scene

SIZE = (480, 320)
FRAME_S = 0.1
LEFT, RIGHT = np.s_[110:210, 90:190], np.s_[110:210, 290:390]


class Camera(Notes):
    """Gives a mirrored picture of a room ten times a second."""

    def __init__(self, walkers: list[Walker]) -> None:
        super().__init__()
        self.walkers, self.now_s = walkers, 0.0

    def latest(self) -> Frame:
        picture = scene(self.walkers, self.now_s, SIZE).picture
        return Frame(picture, self.now_s, round(self.now_s / FRAME_S), is_mirrored=True)


class Engine(Notes):
    """Keeps what it is asked to paint."""

    def __init__(self) -> None:
        super().__init__()
        self.photograph: Pixels | None = None
        self.decided: list[tuple[tuple[float, ...], Decision]] = []

    def paint_group(self, _: int, photograph: Pixels, decided: Any) -> None:
        self.photograph, self.decided = photograph, list(decided)


class Group:
    """A session on a time of its own, with two people before the camera."""

    def __init__(self, renders: Path) -> None:
        faces = sorted(renders.glob("*.webp"))
        walkers = [Walker(faces[52], lambda _: (140, 160, 90)), Walker(faces[11], lambda _: (340, 160, 90))]
        gathering = scene_of("gathering")()
        self.registry = registry_of([*load_scenes(Stage().scenes).values(), gathering])
        self.camera, self.engine, self.delivery = Camera(walkers), Engine(), NotedDelivery()
        self.tracker = SynchronousGroupTrackerService()
        parts: dict[str, Any] = {
            "camera": self.camera,
            "tracker": Notes(),
            "engine": self.engine,
            "delivery": self.delivery,
        }
        self.session = Session(self.registry, **parts, group_tracker=self.tracker)
        self.session._on_engine_reply(Ready(), 0.0)
        self.now_s = 0.0

    def do(self, *events: Event, for_s: float = FRAME_S) -> None:
        for event in events:
            self.session.handle(event, self.now_s)
        for _ in range(max(round(for_s / FRAME_S), 1)):
            self.now_s += FRAME_S
            self.camera.now_s = self.now_s
            self.session.update(self.now_s)

    def gather(self) -> None:
        self.do(WokeUp())
        self.do(ChoseOthers())
        self.do(Pressed(), for_s=2.5)
        self.do(Released(), Tick(), for_s=2.5)

    @property
    def view(self) -> GatheringView:
        view = self.session.view(self.now_s)
        assert view.gathering is not None
        return view.gathering

    def is_in(self, phase: Phase) -> bool:
        return self.session.state.phase is phase

    def is_at(self, step: GatheringStep) -> bool:
        return self.view.step is step

    @property
    def shown(self) -> Pixels:
        camera = self.session.view(self.now_s).camera
        assert camera is not None
        return camera.image

    def answer(self, decision: Decision) -> None:
        """Who is ringed touches a sign, waits, and says *yes*."""
        (ringed,) = [person for person in self.view.people if person.is_ringed]
        self.do(FaceChosen(ringed.number, decision), for_s=0.9)
        assert self.view.can_confirm and self.view.answer is decision
        self.do(Pressed(), Released(), for_s=0.2)


@pytest.fixture
def group(renders: Path) -> Group:
    return Group(renders)


def test_a_group_from_the_question_to_its_picture(group: Group) -> None:
    group.gather()
    assert group.is_in(Phase.PORTRAIT) and group.session.state.with_others
    assert group.is_at(GatheringStep.ASKING) and not group.shown.any()
    group.answer(Decision.REAL)
    group.do(for_s=0.2)
    assert group.shown[LEFT].any() and not group.shown[RIGHT].any()
    assert group.view.decided == 1

    group.do(Declined())  # everything is taken back, in the next frame
    group.do()
    assert not group.shown.any() and group.view.decided == 0
    assert group.is_in(Phase.PORTRAIT)

    # Who had decided is asked again; who was ringed meanwhile stays anonymous.
    group.do(for_s=0.3)
    group.answer(Decision.DOPPELGANGER)
    assert group.is_at(GatheringStep.READY)
    group.do(Pressed(), Released(), for_s=0.3)
    assert group.is_in(Phase.SEARCH)
    decisions = [each.decision for each in group.session.state.participants]
    assert decisions == [Decision.DOPPELGANGER, Decision.ANONYMOUS]

    # As photographed: what the mirror shows on the left is on the right.
    assert group.engine.photograph is not None
    ((box, decision),) = group.engine.decided
    assert decision is Decision.DOPPELGANGER
    assert (box[0] + box[2]) / 2 == pytest.approx(480 - 140, abs=15)
    assert group.tracker.gathered is None

    picture = np.zeros((320, 480, 3), np.uint8)
    picture[100:200, 100:200] = 90
    outline = np.array([[100, 100], [200, 100], [200, 200], [100, 200]], np.float32)
    face = PublishedFace(Decision.REAL, Decision.REAL, outline)
    visit_id = group.session.state.visit_id
    group.session._on_engine_reply(
        GroupReady(visit_id, GroupPortrait(picture, np.zeros_like(picture), (face,))), group.now_s
    )
    assert group.is_in(Phase.DOPPELGANGER)
    group.session._downloads._film_worker.wait()
    group.do()
    ((pictures, _),) = group.delivery.offered
    assert pictures.film is not None and pictures.film[4:8] == b"ftyp"
    assert pictures.is_group and pictures.doppelganger.shape[0] == pictures.doppelganger.shape[1]
    group.do(Declined())
    assert group.is_in(Phase.FAREWELL)
    assert group.session.view(group.now_s).participant.group is None


def test_no_ends_the_visit_where_nobody_has_decided(group: Group) -> None:
    group.gather()
    group.do(Declined())
    assert group.is_in(Phase.FAREWELL)
    assert group.tracker.gathered is None and group.session.view(group.now_s).gathering is None


def test_yes_alone_decides_for_nobody(group: Group) -> None:
    """*Yes* before an answer is steady, by whoever presses it, makes nobody visible."""
    group.gather()
    for _ in range(3):
        group.do(Pressed(), Released())
    assert not group.shown.any() and group.is_in(Phase.PORTRAIT)


def test_one_person_is_not_asked(renders: Path) -> None:
    group = Group(renders)
    del group.camera.walkers[1]
    group.gather()
    assert group.is_at(GatheringStep.TOO_FEW)
    assert not any(person.is_ringed for person in group.view.people)


def test_a_track_that_outlives_its_head_is_not_one_too_many() -> None:
    """Where somebody becomes a new track, the old one is there for half a second more."""
    assert steps((0.0, (True, True, False))) == [GatheringStep.ASKING]
    assert steps((0.0, (True, True, True))) == [GatheringStep.TOO_MANY]


def test_a_head_that_is_seen_for_a_moment_is_not_one_too_many() -> None:
    """The finder takes a pattern for a face now and then; the one who is asked stays ringed."""
    two, three = (True, True), (True, True, True)
    passing = steps((0.0, two), (0.1, three), (0.8, three), (0.9, two), (1.0, three))
    assert passing == [GatheringStep.ASKING] * 5
    assert steps((0.0, two), (0.5, three), (1.1, three))[-1] is GatheringStep.TOO_MANY


def steps(*frames: tuple[float, tuple[bool, ...]]) -> list[GatheringStep]:
    """What a gathering of two at most says after each of these frames: time, and which heads are found."""
    head = Head(1, 0.0, 100.0, 60.0)
    tracker = SimpleNamespace()
    gathering = Gathering(cast(GroupTrackerService, tracker))
    said = []
    for now_s, found in frames:
        heads = tuple(replace(head, number=n, is_found=is_found) for n, is_found in enumerate(found))
        frame = Frame(np.zeros((4, 4, 3), np.uint8), now_s, 0)
        tracker.gathered = Gathered(frame, heads, {each.number: (0.0, 0.0, 1.0, 1.0) for each in heads})
        gathering.look(now_s, GatheringParameters(most_people=2))
        said.append(gathering.view(now_s).step)
    return said


def test_who_takes_part_alone_again_is_portrayed_alone(group: Group) -> None:
    group.do(WokeUp())
    group.do(ChoseOthers())
    group.do(ChoseOthers())
    group.do(Pressed(), for_s=2.5)
    assert group.is_in(Phase.PORTRAIT) and not group.session.state.with_others
    assert group.session.view(group.now_s).gathering is None


def test_a_hold_that_began_before_another_question_agrees_to_nothing(group: Group) -> None:
    group.do(WokeUp())
    group.do(Pressed(), for_s=1.5)
    group.do(ChoseOthers(), for_s=1.5)
    assert group.is_in(Phase.CONSENT)
