"""Real faces on a wall before the watcher: what it asks for, whom it takes for the sitter, what it keeps."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.arrays import Pixels
from engine.faces import Face, FaceFinder, HeadPose
from engine.photograph import load_photograph
from hardware.camera import Frame
from installation.framing import PortraitTaking, Words, advise
from installation.view import Guidance
from installation.visit import AnotherFace, Event, FaceSeen
from installation.watcher import SteppedWatcher, Watcher

RATE_HZ = 30
WIDTH, HEIGHT = 1280, 720
# The face in the astronaut's picture: its middle and its width, in pixels of 512.
FACE_X, FACE_Y, FACE_PX = 223, 115, 92


class Room:
    """A camera on a virtual clock: each `show` is the next frame."""

    def __init__(self, watcher: Watcher) -> None:
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
def stepped() -> Iterator[SteppedWatcher]:
    watcher = SteppedWatcher(PortraitTaking)
    watcher.start()
    yield watcher
    watcher.stop()


@pytest.fixture
def room(stepped: SteppedWatcher) -> Iterator[Room]:
    stepped.watch(True)
    yield Room(stepped)
    stepped.watch(False)


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as finder:
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
    assert events[-1] == FaceSeen(usable=True) and len(events) >= 12
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
    room.show((sitter * 0.07).astype(np.uint8), 1)
    assert room.asks is Guidance.MORE_LIGHT
    room.show(np.asarray(cv2.blur(sitter, (41, 1)), np.uint8), 1)
    assert room.asks is Guidance.HOLD_STILL
    room.show(sitter, 0.1)
    assert room.asks is Guidance.READY


def test_one_person_at_a_time(room: Room, sitter: Pixels, people: dict[str, list[Path]]) -> None:
    friend = load_photograph(people["000203"][0])
    two = before(sitter, friend, 980, 330, 1.0)
    events = room.show(two, 2)
    assert room.asks is Guidance.ONE_AT_A_TIME
    assert not any(isinstance(event, AnotherFace) for event in events)
    room.show(sitter, 1.5)
    assert room.asks is Guidance.READY


def test_people_in_the_background_do_not_matter(
    room: Room, sitter: Pixels, people: dict[str, list[Path]]
) -> None:
    watched = before(sitter, load_photograph(people["000203"][0]), 1000, 330, 0.5)
    assert set(room.show(watched, 2)[-30:]) == {FaceSeen(usable=True)}
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


def test_nothing_is_looked_at_unasked(stepped: SteppedWatcher, sitter: Pixels) -> None:
    stepped.watch(False)
    room = Room(stepped)
    assert room.show(sitter, 0.2) == []
    assert stepped.sighting is None and stepped.face is None


# --- words

USABLE = Face(
    landmarks=np.zeros((478, 2), np.float32),
    depth_px=np.zeros(478, np.float32),
    box_px=(0.0, 0.0, 200.0, 200.0),
    face_px=200.0,
    pose_deg=HeadPose(0.0, 0.0, 0.0),
    sharpness=0.4,
    brightness=60.0,
    eyes_open=0.3,
)


@pytest.fixture(scope="module")
def measured(finder: FaceFinder, sitter: Pixels) -> Face:
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
    from dataclasses import replace

    assert advise(replace(measured, **changes), [], (WIDTH, HEIGHT), PortraitTaking(), True) is asked


def test_limits_have_a_reserve(measured: Face) -> None:
    from dataclasses import replace

    turned = replace(measured, pose_deg=HeadPose(24.0, 0.0, 0.0))
    assert advise(turned, [], (WIDTH, HEIGHT), PortraitTaking(), content=True) is Guidance.READY
    assert advise(turned, [], (WIDTH, HEIGHT), PortraitTaking(), content=False) is Guidance.LOOK_HERE


@given(st.lists(st.sampled_from(Guidance), min_size=2, max_size=200))
def test_words_do_not_flicker(meant: list[Guidance]) -> None:
    """Whatever happens, nothing but praise is said that was not wrong for the whole time before."""
    words, said = Words(), []
    for i, guidance in enumerate(meant):
        said.append(words.hear(guidance, i / RATE_HZ, words_s=0.3))
        if i and said[i] is not said[i - 1] and said[i] is not Guidance.READY:
            assert i >= 9 and set(meant[i - 9 : i + 1]) == {said[i]}


# --- another face


def others(photos: list[Path], people: dict[str, list[Path]]) -> dict[str, Pixels]:
    chosen = {path.stem: path for path in photos} | {
        "000203": people["000203"][0],
        "000210": people["000210"][0],
    }
    return {name: load_photograph(path) for name, path in chosen.items()}


def portrait_of(finder: FaceFinder, picture: Pixels, x: float, y: float, face_px: float) -> Pixels:
    """A person before the wall with the face where it is asked for."""
    face = finder.find(picture)[0]
    x0, y0, x1, y1 = face.box_px
    scale = face_px / face.face_px
    h, w = picture.shape[:2]
    return before(
        wall(),
        picture,
        x + scale * (w / 2 - (x0 + x1) / 2),
        y + scale * (h / 2 - (y0 + y1) / 2),
        scale,
    )


def test_print_unlike(room, finder, sitter, photos, people):
    for name, picture in others(photos, people).items():
        room.watcher.watch(True)
        room.show(sitter, 1)
        ev = room.show(portrait_of(finder, picture, 640, 330, 140), 1)
        print(name, [type(e).__name__ for e in ev if not isinstance(e, FaceSeen)], len(ev))
