"""Real faces on a wall before the watcher: what it asks for, whom it takes for the sitter, what it keeps."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.common.arrays import Pixels
from engine.faces.acceptance import choose_sitter
from engine.faces.analyser import FaceAnalyser
from engine.faces.measurement import Face, HeadPose, measure_inside_share
from engine.faces.photograph import load_photograph
from hardware.camera.base import Frame
from installation.app.registration import load_scenes, registry_of
from installation.app.session import Session
from installation.capture.guidance import Words, advise
from installation.capture.tracker_service import SynchronousTrackerService, TrackerService
from installation.settings.configuration import Stage
from installation.stage.view import Guidance
from installation.visit.events import (
    AnotherFace,
    Event,
    FaceSeen,
    PortraitRefused,
    PortraitTaken,
    TrackerFailed,
    TrackerReady,
)
from installation.visit.parameters import CaptureParameters
from installation.workers.supervision import Condition
from tests.installation.app.test_session import Notes

RATE_HZ = 15
WIDTH, HEIGHT = 1280, 720
# The face in the astronaut's picture: its middle and its width, in pixels of 512.
FACE_X, FACE_Y, FACE_PX = 223, 115, 92


class Room:
    """A camera on a virtual clock: each `show` is the next frame."""

    def __init__(self, watcher: TrackerService) -> None:
        self.watcher = watcher
        self.index = 0

    @property
    def now_s(self) -> float:
        return self.index / RATE_HZ

    def show(self, picture: Pixels | None, seconds: float = 1 / RATE_HZ) -> list[Event]:
        """The same view for some time, each frame with noise of its own, as a sensor has it."""
        events: list[Event] = []
        for _ in range(round(seconds * RATE_HZ)):
            self.index += 1
            frame = None
            if picture is not None:
                noise = np.random.default_rng(self.index).integers(-3, 4, picture.shape, np.int16)
                noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
                frame = Frame(noisy, self.now_s, self.index)
            self.watcher.look(frame, self.now_s)
            events += self.watcher.poll()
        return events

    @property
    def asks(self) -> Guidance | None:
        return self.watcher.sighting.guidance if self.watcher.sighting else None


@pytest.fixture(scope="module")
def stepped() -> Iterator[SynchronousTrackerService]:
    watcher = SynchronousTrackerService(CaptureParameters)
    watcher.start()
    assert watcher.health.condition == "ok"
    yield watcher
    watcher.stop()
    assert watcher.health.condition == "disabled"


@pytest.fixture
def room(stepped: SynchronousTrackerService) -> Iterator[Room]:
    stepped.watch(True)
    yield Room(stepped)
    stepped.watch(False)


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceAnalyser]:
    with FaceAnalyser() as finder:
        yield finder


def wall(width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    return np.full((height, width, 3), (88, 92, 96), np.uint8)


def before(room: Pixels, picture: Pixels, x: float, y: float, scale: float) -> Pixels:
    """The room with a picture in it, its middle at (x, y); what lies outside is cut off."""
    height, width = room.shape[:2]
    h, w = picture.shape[:2]
    move = np.array([[scale, 0, x - scale * w / 2], [0, scale, y - scale * h / 2]])
    shrunk = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 0.7 else picture
    return np.asarray(
        cv2.warpAffine(shrunk, move, (width, height), room.copy(), borderMode=cv2.BORDER_TRANSPARENT),
        np.uint8,
    )


def astronaut_at(picture: Pixels, x: float, y: float, face_px: float, room: Pixels | None = None) -> Pixels:
    """The astronaut's face, `face_px` wide, with its middle at (x, y)."""
    scale = face_px / FACE_PX
    return before(
        wall() if room is None else room,
        picture,
        x + scale * (256 - FACE_X),
        y + scale * (256 - FACE_Y),
        scale,
    )


@pytest.fixture(scope="module")
def sitter(astronaut: Pixels) -> Pixels:
    """Everything as it should be."""
    return astronaut_at(astronaut, 640, 330, 140)


# --- the sitter, and what is asked of them


def test_a_face_as_it_should_be(room: Room, sitter: Pixels) -> None:
    events = room.show(sitter, 0.5)
    assert room.asks is Guidance.READY
    assert events[-1] == FaceSeen(usable=True) and len(events) >= 6
    sighting = room.watcher.sighting
    assert sighting is not None and sighting.box is not None
    left, top, right, bottom = sighting.box
    assert (left + right) / 2 * WIDTH == pytest.approx(640, abs=15)
    assert (top + bottom) / 2 * HEIGHT == pytest.approx(330, abs=25)
    assert (right - left) * WIDTH == pytest.approx(140, rel=0.15)


def test_yaw_is_that_of_the_mirror(room: Room, people: dict[str, list[Path]]) -> None:
    looks_right = before(wall(), load_photograph(people["000201"][0]), 640, 360, 1.6)
    room.show(looks_right, 0.2)
    right = room.watcher.sighting
    assert right is not None and right.yaw_deg is not None and right.yaw_deg > 15
    room.watcher.watch(True)
    room.show(np.ascontiguousarray(looks_right[:, ::-1]), 0.2)
    left = room.watcher.sighting
    assert left is not None and left.yaw_deg == pytest.approx(-right.yaw_deg, abs=4)


@pytest.mark.parametrize(
    ("asked", "x", "y", "face_px"),
    [
        (Guidance.NEARER, 640, 330, 70),
        (Guidance.FARTHER, 640, 330, 360),
        (Guidance.LEFT, 1215, 330, 140),
        (Guidance.RIGHT, 60, 330, 140),
        (Guidance.FARTHER, 640, 665, 150),  # low: a step back brings every face to the height of the lens
        (Guidance.HIGHER, 640, 680, 105),  # low and far
        (Guidance.LOWER, 640, 32, 105),
    ],
)
def test_where_to_go(
    room: Room, astronaut: Pixels, asked: Guidance, x: float, y: float, face_px: float
) -> None:
    events = room.show(astronaut_at(astronaut, x, y, face_px), 1)
    assert room.asks is asked
    assert FaceSeen(usable=True) not in events and FaceSeen(usable=False) in events


@pytest.mark.parametrize("x", [200, 640, 1080])
@pytest.mark.parametrize(("y", "face_px"), [(170, 110), (360, 200), (560, 110)])
def test_children_and_wheelchairs_need_not_move(
    room: Room, astronaut: Pixels, x: float, y: float, face_px: float
) -> None:
    room.show(astronaut_at(astronaut, x, y, face_px), 0.4)
    assert room.asks is Guidance.READY


def test_a_tall_picture(room: Room, astronaut: Pixels) -> None:
    room.show(astronaut_at(astronaut, 300, 900, 120, wall(720, 1280)), 0.4)
    assert room.asks is Guidance.READY


def test_light_and_motion(room: Room, sitter: Pixels) -> None:
    shaken = np.asarray(cv2.blur(sitter, (19, 1)), np.uint8)
    dim = (sitter * 0.07).astype(np.uint8)
    asked = []
    for picture, seconds in ((dim, 1), (shaken, 1), (sitter, 0.1)):
        events = room.show(picture, seconds)
        assert not any(isinstance(event, AnotherFace) for event in events)
        asked.append(room.asks)
    assert asked == [Guidance.MORE_LIGHT, Guidance.HOLD_STILL, Guidance.READY]


def test_one_person_at_a_time(room: Room, sitter: Pixels, people: dict[str, list[Path]]) -> None:
    friend = load_photograph(people["000203"][0])
    two = before(sitter, friend, 980, 330, 1.0)
    asked = []
    for picture, seconds in ((two, 2), (sitter, 1.5)):
        events = room.show(picture, seconds)
        assert not any(isinstance(event, AnotherFace) for event in events)
        asked.append(room.asks)
    assert asked == [Guidance.ONE_AT_A_TIME, Guidance.READY]


def test_people_in_the_background_do_not_matter(
    room: Room, sitter: Pixels, people: dict[str, list[Path]]
) -> None:
    watched = before(sitter, load_photograph(people["000203"][0]), 1000, 330, 0.5)
    assert set(room.show(watched, 2)[-15:]) == {FaceSeen(usable=True)}
    assert room.asks is Guidance.READY


@pytest.mark.parametrize("value", [0, 128, 255])
def test_nobody(room: Room, value: int) -> None:
    assert room.show(np.full((HEIGHT, WIDTH, 3), value, np.uint8), 0.6) == []
    assert room.asks is Guidance.NOBODY
    sighting = room.watcher.sighting
    assert sighting is not None and sighting.box is None and sighting.yaw_deg is None


def test_no_frame_is_no_sighting(room: Room, sitter: Pixels) -> None:
    room.show(sitter, 0.2)
    assert room.show(None) == []
    assert room.watcher.sighting is None


def test_the_same_frame_again_says_nothing_new(room: Room, sitter: Pixels) -> None:
    frame = Frame(sitter, 0.0, 7)
    room.watcher.look(frame, 0.0)
    assert len(room.watcher.poll()) == 1
    room.watcher.look(frame, 0.1)
    assert room.watcher.poll() == []


def test_nothing_is_looked_at_unasked(stepped: SynchronousTrackerService, sitter: Pixels) -> None:
    stepped.watch(False)
    room = Room(stepped)
    assert room.show(sitter, 0.2) == []
    assert stepped.sighting is None and stepped.face is None


# --- words


@pytest.fixture(scope="module")
def measured(finder: FaceAnalyser, sitter: Pixels) -> Face:
    return finder.find(sitter)[0]


@pytest.mark.parametrize(
    ("asked", "changes"),
    [
        (Guidance.READY, {}),
        (Guidance.LOOK_HERE, {"pose_deg": HeadPose(27.0, 0.0, 0.0)}),
        (Guidance.LOOK_HERE, {"pose_deg": HeadPose(0.0, -31.0, 0.0)}),
        (Guidance.OPEN_EYES, {"eyes_open": 0.12}),
        (Guidance.MORE_LIGHT, {"brightness": 19.0}),
        (Guidance.HOLD_STILL, {"sharpness": 0.09}),
        (Guidance.NEARER, {"face_px": 80.0, "eyes_open": 0.12}),  # the first thing first
    ],
)
def test_each_measure_has_its_words(measured: Face, asked: Guidance, changes: dict) -> None:
    assert advise(replace(measured, **changes), [], (WIDTH, HEIGHT), CaptureParameters(), True) is asked


def test_limits_have_a_reserve(measured: Face) -> None:
    turned = replace(measured, pose_deg=HeadPose(24.0, 0.0, 0.0))
    assert advise(turned, [], (WIDTH, HEIGHT), CaptureParameters(), was_ready=True) is Guidance.READY
    assert advise(turned, [], (WIDTH, HEIGHT), CaptureParameters(), was_ready=False) is Guidance.LOOK_HERE


@pytest.mark.parametrize(
    ("asked", "moved_px"), [(Guidance.RIGHT, (-1, 0)), (Guidance.LEFT, (1, 0)), (Guidance.FARTHER, (0, 1))]
)
def test_no_half_face_however_much_may_be_made_up(
    measured: Face, asked: Guidance, moved_px: tuple[int, int]
) -> None:
    """A face that is cut off is asked into the picture though its portrait may lie half outside."""
    size_px, values = (WIDTH, HEIGHT), CaptureParameters(outside_share=0.5)
    half_out_px = np.array(moved_px) * size_px / 2
    landmarks = measured.landmarks - measured.landmarks.mean(axis=0) + np.array(size_px) / 2 + half_out_px
    cut_off = replace(measured, landmarks=landmarks, inside_share=measure_inside_share(landmarks, size_px))
    assert 0.2 < cut_off.inside_share < 0.8
    assert advise(cut_off, [], size_px, values, was_ready=True) is asked


@given(st.lists(st.sampled_from(Guidance), min_size=2, max_size=200))
def test_words_do_not_flicker(meant: list[Guidance]) -> None:
    """Whatever happens, nothing but praise is said that was not wrong for the whole time before."""
    words, said = Words(), []
    for i, guidance in enumerate(meant):
        said.append(words.hear(guidance, i / RATE_HZ, words_s=0.3))
        if i and said[i] is not said[i - 1] and said[i] is not Guidance.READY:
            assert i >= 5 and set(meant[i - 4 : i + 1]) == {said[i]}


# --- another face

OTHERS = ("biden", "biden2", "obama", "obama2", "000203_0", "000210_0")


def is_other(events: list[Event]) -> bool:
    return any(isinstance(event, AnotherFace) for event in events)


@pytest.fixture(scope="module")
def crowd(photos: list[Path], people: dict[str, list[Path]]) -> dict[str, Pixels]:
    paths = [*photos, *(path for shots in people.values() for path in shots)]
    return {path.stem: load_photograph(path) for path in paths if path.stem in OTHERS}


def person_at(finder: FaceAnalyser, picture: Pixels, x: float, y: float, face_px: float) -> Pixels:
    """A person before the wall, with the face where it is asked for."""
    face = finder.find(picture)[0]
    scale = face_px / face.face_px
    x0, y0, x1, y1 = face.box_px
    h, w = picture.shape[:2]
    return before(wall(), picture, x + scale * (w - x0 - x1) / 2, y + scale * (h - y0 - y1) / 2, scale)


@pytest.mark.parametrize("name", OTHERS)
def test_another_person_in_the_very_same_place(
    room: Room, finder: FaceAnalyser, sitter: Pixels, crowd: dict[str, Pixels], name: str
) -> None:
    assert not is_other(room.show(sitter, 0.5))
    other = person_at(finder, crowd[name], 640, 330, 140)
    assert is_other(room.show(other, 2))
    # Nothing more is said of them, nor kept.
    assert room.show(other, 0.2) == []
    assert room.watcher.sighting is None and room.watcher.face is None


def test_a_hand_before_the_face(room: Room, sitter: Pixels) -> None:
    hand = sitter.copy()
    cv2.ellipse(hand, (640, 380), (75, 60), 0, 0, 360, (176, 132, 112), -1)
    events = room.show(sitter, 0.5)
    for _ in range(3):
        events += room.show(hand, 0.4) + room.show(sitter, 0.4)
    assert not is_other(events) and events[-1] == FaceSeen(usable=True)


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
    sitting = room.watcher._sitting
    assert sitting is not None
    measured: list[object] = []  # everything that is measured is measured on a mesh
    monkeypatch.setattr(sitting._finder, "mesh", lambda *asked: measured.append(asked))
    for person in (friend, sitter, person_at(finder, crowd["biden"], 640, 330, 140)):
        # Each part of the picture is looked at in turn.
        assert set(room.show(person, 1)) == {FaceSeen(usable=False)}
    assert room.show(wall(), 1) == []
    assert measured == [] and room.watcher.face is None and room.watcher.sighting is None
    assert sitting._place is None and sitting._others == []
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


# --- the portrait


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
    sitting = room.watcher._sitting
    assert sitting is not None and sitting._taking is not None
    kept = [picture for _, picture in sitting._taking.kept]
    assert pictures and all(picture.any() for picture in pictures + kept)
    room.watcher.erase()
    assert not any(picture.any() for picture in pictures + kept)
    assert room.watcher.portrait(1) is None and room.watcher.poll() == []
    assert room.watcher.sighting is None and room.watcher.face is None
    assert sitting._taking is None and sitting._place is None and not sitting._others


# --- in a thread of its own


def wait_for(what: str, seconds: float, happened: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.005)


@pytest.fixture(scope="module")
def threaded() -> Iterator[TrackerService]:
    watcher = TrackerService(CaptureParameters)
    watcher.start()
    wait_for("the models are loaded", 60, lambda: watcher.health.condition is Condition.OK)
    yield watcher
    watcher.stop()


class Camera:
    """Hands the watcher a new frame whenever it is asked to."""

    def __init__(self, watcher: TrackerService) -> None:
        self.watcher, self.index, self.events = watcher, 0, list[Event]()

    def shows(self, picture: Pixels) -> bool:
        """Shows one frame, and gives the thread a little time."""
        self.index += 1
        self.watcher.look(Frame(picture, time.monotonic(), self.index), time.monotonic())
        time.sleep(0.02)
        self.events += self.watcher.poll()
        return True


def test_a_visit_in_a_thread(threaded: TrackerService, sitter: Pixels) -> None:
    threaded.watch(True)
    camera = Camera(threaded)
    wait_for("a face", 20, lambda: camera.shows(sitter) and FaceSeen(True) in camera.events)
    threaded.take(3)
    wait_for("a portrait", 20, lambda: camera.shows(sitter) and PortraitTaken(3) in camera.events)
    pictures = threaded.portrait(3)
    assert pictures and threaded.portrait(3) is None
    threaded.watch(False)


def test_nothing_comes_after_erasing(threaded: TrackerService, sitter: Pixels) -> None:
    """Erased at every moment of a look: what was begun before comes to nothing."""
    camera = Camera(threaded)
    threaded.watch(True)
    for i in range(30):
        threaded.watch(True)
        threaded.take(i)
        threaded.look(Frame(sitter, time.monotonic(), 1000 + i), time.monotonic())
        time.sleep(0.003 * (i % 12))
        threaded.watch(False)
        assert threaded.poll() == [] and threaded.sighting is None
        time.sleep(0.002 * (i % 7))
        assert threaded.poll() == [] and threaded.sighting is None and threaded.portrait(i) is None
    threaded.watch(True)
    camera.index = 2000
    wait_for("a face", 20, lambda: camera.shows(sitter) and FaceSeen(True) in camera.events)
    threaded.watch(False)


def test_looking_never_waits_and_the_newest_frame_wins(threaded: TrackerService, sitter: Pixels) -> None:
    threaded.watch(True)
    for i in range(500):
        threaded.look(Frame(sitter, time.monotonic(), 3000 + i), time.monotonic())
    threaded.look(Frame(wall(), time.monotonic(), 3500), time.monotonic())
    wait_for(
        "the last frame",
        20,
        lambda: threaded.sighting is not None and threaded.sighting.box is None,
    )
    assert len(threaded.poll()) < 100
    threaded.watch(False)


def test_a_frame_that_cannot_be_looked_at(threaded: TrackerService, sitter: Pixels) -> None:
    """Whatever goes wrong in there, the visit gets an answer and the watcher comes back."""
    broken = np.zeros((0, 0, 3), np.uint8)
    threaded.watch(True)
    threaded.take(9)
    camera = Camera(threaded)
    camera.index = 5000
    wait_for(
        "the service failed",
        20,
        lambda: camera.shows(broken) and threaded.health.condition is Condition.WAITING,
    )
    wait_for("a refusal", 20, lambda: camera.shows(sitter) and PortraitRefused(9) in camera.events)
    wait_for("it is back", 60, lambda: camera.shows(sitter) and TrackerReady() in camera.events)
    assert TrackerFailed() in camera.events
    wait_for("a face", 60, lambda: camera.shows(sitter) and FaceSeen(True) in camera.events)
    threaded.watch(False)
