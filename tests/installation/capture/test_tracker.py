"""Whom the tracker takes for the sitter, and which frames it keeps: real faces on a wall."""

from functools import partial
from itertools import count, islice
from typing import Any

import cv2
import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.acceptance import choose_sitter
from engine.faces.analyser import FaceAnalyser
from hardware.camera.base import Frame
from installation.app.registration import load_scenes, registry_of
from installation.app.session import Session
from installation.capture.tracker_service import SynchronousTrackerService
from installation.settings.configuration import Stage
from installation.stage.view import Guidance
from installation.visit.events import (
    FaceSeen,
    PortraitRefused,
    PortraitTaken,
)
from tests.installation.app.test_session import Notes
from tests.support.tracker_kit import (
    HEIGHT,
    OTHERS,
    RATE_HZ,
    WIDTH,
    Room,
    astronaut_at,
    is_other,
    person_at,
    wall,
)


@pytest.mark.parametrize(
    ("name", "closely"), [*((name, True) for name in OTHERS), ("biden", False), ("obama", False)]
)
def test_another_person_in_the_very_same_place(
    room: Room, finder: FaceAnalyser, sitter: Pixels, crowd: dict[str, Pixels], name: str, closely: bool
) -> None:
    room.closely = closely
    assert not is_other(room.show(sitter, 0.5))
    other = person_at(finder, crowd[name], 640, 330, 140)
    assert is_other(room.show(other, 2))
    # Nothing more is said of them, nor kept.
    assert room.show(other, 0.2) == []
    assert room.watcher.sighting is None and room.watcher.face is None


@pytest.mark.parametrize("closely", [True, False])
def test_a_hand_before_the_face(room: Room, sitter: Pixels, closely: bool) -> None:
    room.closely = closely
    hand = sitter.copy()
    cv2.ellipse(hand, (640, 380), (75, 60), 0, 0, 360, (176, 132, 112), -1)
    events = room.show(sitter, 0.5)
    for _ in range(3):
        events += room.show(hand, 0.4) + room.show(sitter, 0.4)
    assert not is_other(events) and events[-1] == FaceSeen(usable=True)


def test_while_presence_is_enough_a_sitter_is_looked_at_five_times_a_second(
    room: Room, sitter: Pixels
) -> None:
    room.closely = False
    room.show(sitter, 0.5)
    assert 8 <= len(room.show(sitter, 2)) <= 10
    # Once they are gone every frame counts, so that they are found again as soon as they are back.
    room.show(wall(), 1)
    assert room.show(sitter, 0.3)


def test_another_person_elsewhere(
    room: Room, finder: FaceAnalyser, sitter: Pixels, crowd: dict[str, Pixels]
) -> None:
    room.show(sitter, 0.3)
    friend = person_at(finder, crowd["obama"], 1000, 330, 140)
    assert room.show(friend, 1.5) == []  # the sitter may only have turned away
    assert is_other(room.show(friend, 1))


def test_somebody_in_the_background_takes_nobodys_place(
    room: Room, finder: FaceAnalyser, sitter: Pixels, crowd: dict[str, Pixels]
) -> None:
    room.show(sitter, 0.3)
    assert room.show(person_at(finder, crowd["obama"], 1000, 330, 65), 2) == []
    assert room.show(sitter, 1)[-1] == FaceSeen(usable=True)


def test_the_sitter_comes_back(room: Room, sitter: Pixels, astronaut: Pixels) -> None:
    room.show(sitter, 0.5)
    assert room.show(wall(), 1.5) == []
    assert set(room.show(astronaut_at(astronaut, 800, 300, 110), 1)) == {FaceSeen(True)}


def test_whoever_comes_nearer_is_the_sitter_until_the_portrait(
    room: Room, astronaut: Pixels, finder: FaceAnalyser, crowd: dict[str, Pixels]
) -> None:
    """The first to be seen stands behind the one who has agreed."""
    behind = astronaut_at(astronaut, 300, 330, 90)
    nearer = person_at(finder, crowd["obama"], 900, 330, 160)
    both = np.hstack([behind[:, :600], nearer[:, 600:]])
    room.show(behind, 0.5)
    events = room.show(both, 2)
    assert not is_other(events) and events[-1] == FaceSeen(usable=True)
    assert room.watcher.sighting is not None and room.watcher.sighting.box is not None
    assert room.watcher.sighting.box[0] * WIDTH > 600
    # Not once the portrait is there.
    room.watcher.take(1)
    assert PortraitTaken(1) in room.show(both, 1)
    nearest = person_at(finder, crowd["biden"], 300, 330, 260)
    assert set(room.show(np.hstack([nearest[:, :600], nearer[:, 600:]]), 2)) == {FaceSeen(usable=True)}
    assert room.watcher.sighting.box[0] * WIDTH > 600


def test_a_friend_beside_a_raised_phone_is_there_and_not_measured(
    room: Room,
    finder: FaceAnalyser,
    sitter: Pixels,
    crowd: dict[str, Pixels],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room.show(sitter, 0.3)
    friend = person_at(finder, crowd["obama"], 1000, 330, 140)
    assert is_other(room.show(friend, 3)) and room.show(friend, 1) == []
    room.watcher.watch(True, anybody=True)  # what the visit asks for in doppelganger
    tracker = room.watcher._tracker
    assert tracker is not None
    measured: list[object] = []  # everything that is measured is measured on a mesh
    monkeypatch.setattr(tracker._analyser, "mesh", lambda *asked: measured.append(asked))
    for person in (friend, sitter, person_at(finder, crowd["biden"], 640, 330, 140)):
        # Each part of the picture is looked at in turn.
        assert set(room.show(person, 1)) == {FaceSeen(usable=False)}
    assert room.show(wall(), 1) == []
    assert measured == [] and room.watcher.face is None and room.watcher.sighting is None
    assert tracker._position is None and tracker._others == []
    # The control: a sitter is measured.
    room.watcher.watch(True)
    room.show(sitter, 0.2)
    assert measured


def test_the_technician_sees_whoever_is_there(
    stepped: SynchronousTrackerService, finder: FaceAnalyser, sitter: Pixels, crowd: dict[str, Pixels]
) -> None:
    camera: Any = Notes()
    others: Any = Notes()
    session = Session(registry_of(load_scenes(Stage().scenes).values()), camera, stepped, others)
    session.show_camera(0.0)
    colleague = person_at(finder, crowd["obama"], 640, 330, 140)
    at = count()
    for person in (sitter, colleague, sitter):
        for index in islice(at, 3 * RATE_HZ):
            camera.latest = partial(Frame, person, index / RATE_HZ, index)
            session.update(index / RATE_HZ)
        assert stepped.face is not None
        assert stepped.sighting is not None and stepped.sighting.guidance is Guidance.READY
    stepped.watch(False)


def test_the_sitter_moves_turns_and_walks(room: Room, sitter: Pixels, astronaut: Pixels) -> None:
    """A step to the side and one nearer within two seconds, the head tilted to and fro."""
    for i in range(30):
        seen = astronaut_at(astronaut, 500 + 10 * i, 330 + 30 * np.sin(i / 3), 110 * 1.02**i)
        tilt = cv2.getRotationMatrix2D((500 + 10 * i, 330), 15 * np.sin(i / 3), 1)
        tilted = cv2.warpAffine(seen, tilt, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        events = room.show(np.asarray(tilted, np.uint8))
        assert [type(event) for event in events] == [FaceSeen], i


def test_a_portrait(room: Room, finder: FaceAnalyser, sitter: Pixels) -> None:
    room.show(sitter, 0.3)
    room.watcher.take(7)
    shaken = np.asarray(cv2.blur(sitter, (7, 1)), np.uint8)
    events = room.show(shaken, 0.3) + room.show(sitter, 0.2) + room.show(shaken, 0.4)
    assert [event for event in events if not isinstance(event, FaceSeen)] == [PortraitTaken(7)]
    assert room.watcher.portrait(8) is None
    pictures = room.watcher.portrait(7)
    assert pictures is not None and len(pictures) == 5
    assert room.watcher.portrait(7) is None
    # What the engine makes of them: faces it accepts, the sharp ones first, and not much besides the face.
    faces = [choose_sitter(finder.find(picture)) for picture in pictures]
    assert min(face.sharpness for face in faces[:3]) > 1.1 * max(face.sharpness for face in faces[3:])
    for picture, face in zip(pictures, faces, strict=True):
        assert max(picture.shape[:2]) < 3.5 * face.face_px
        assert picture.flags.owndata and picture.flags.writeable
    # From now on, the head's turn is all that is looked for.
    assert room.show(sitter) == [FaceSeen(usable=True)]
    assert room.watcher.face is None
    assert room.watcher.sighting is not None and room.watcher.sighting.yaw_deg is not None


def test_no_good_frame_no_portrait(room: Room, sitter: Pixels) -> None:
    room.show(sitter, 0.3)
    room.watcher.take(7)
    events = room.show(np.asarray(cv2.blur(sitter, (25, 1)), np.uint8), 0.8)
    assert [event for event in events if not isinstance(event, FaceSeen)] == [PortraitRefused(7)]
    assert room.watcher.portrait(7) is None
    # The next attempt begins anew.
    room.watcher.take(7)
    assert PortraitTaken(7) in room.show(sitter, 0.8)


def test_a_camera_without_frames_refuses_too(room: Room, sitter: Pixels) -> None:
    room.show(sitter, 0.3)
    room.watcher.take(7)
    assert room.show(None, 0.8) == [PortraitRefused(7)]


def test_the_same_frames_give_the_same_portrait(room: Room, sitter: Pixels) -> None:
    taken = []
    for _ in range(2):
        room.watcher.watch(True)
        room.index = 0
        room.show(sitter, 0.3)
        room.watcher.take(1)
        room.show(sitter, 0.8)
        taken.append(room.watcher.portrait(1))
    first, second = taken
    assert first is not None and second is not None
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_erasing_overwrites(room: Room, sitter: Pixels) -> None:
    room.show(sitter, 0.3)
    room.watcher.take(1)
    room.show(sitter, 0.8)
    pictures = list(room.watcher._portraits[1])
    room.watcher.take(2)
    room.show(sitter, 0.3)
    tracker = room.watcher._tracker
    assert tracker is not None and tracker._capture is not None
    kept = [picture for _, picture in tracker._capture.kept]
    assert pictures and all(picture.any() for picture in pictures + kept)
    room.watcher.erase()
    assert not any(picture.any() for picture in pictures + kept)
    assert room.watcher.portrait(1) is None and room.watcher.poll() == []
    assert room.watcher.sighting is None and room.watcher.face is None
    assert tracker._capture is None and tracker._position is None and not tracker._others


def test_expression_is_followed_in_the_meeting_alone(room: Room, astronaut: Pixels, sitter: Pixels) -> None:
    """From a neutral of its own; its end leaves neither numbers nor pictures."""
    tracker = room.watcher
    room.show(sitter, 0.5)
    assert tracker.expression is None
    tracker.follow(True)
    room.show(sitter, 1.5)
    at_rest = tracker.expression
    assert at_rest is not None and at_rest.is_followed and at_rest.captured_s == room.now_s
    assert abs(at_rest.motion.x) < 0.02 and abs(at_rest.motion.scale) < 0.02
    portrait = at_rest.portrait
    assert portrait is not None and portrait.shape == (256, 256, 3) and portrait.any()
    room.show(astronaut_at(astronaut, 650, 330, 150), 1.0)
    nearer = tracker.expression
    assert nearer is not None and nearer.motion.x > 0.03 and nearer.motion.scale > 0.04
    assert not portrait.any() and nearer.portrait is not None  # overwritten when the next one came
    room.show(wall(), 0.5)
    assert tracker.expression is not None and not tracker.expression.is_followed
    tracker.follow(False)
    room.show(sitter, 0.2)
    assert tracker.expression is None and not nearer.portrait.any()


def test_the_end_of_a_visit_ends_the_following(room: Room, sitter: Pixels) -> None:
    room.watcher.follow(True)
    room.show(sitter, 0.5)
    assert room.watcher.expression is not None and room.watcher.expression.portrait is not None
    portrait = room.watcher.expression.portrait
    room.watcher.erase()
    assert room.watcher.expression is None and not portrait.any()
    room.show(sitter, 0.2)
    assert room.watcher.expression is None
