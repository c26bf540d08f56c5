"""What a visitor is asked to do: real faces on a wall before the tracker, and single measures changed."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.measurement import Face, HeadPose, measure_inside_share
from engine.photographs.photograph import load_photograph
from hardware.camera.base import Frame
from installation.capture.guidance import GuidanceDelay, advise
from installation.capture.tracker_service import SynchronousTrackerService
from installation.stage.view import Guidance
from installation.visit.events import (
    AnotherFace,
    FaceSeen,
)
from installation.visit.parameters import CaptureParameters
from tests.support.tracker_kit import HEIGHT, RATE_HZ, WIDTH, Room, astronaut_at, before, wall


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


@pytest.fixture(scope="module")
def measured(finder: FaceAnalyser, sitter: Pixels) -> Face:
    return finder.find(sitter)[0]


@pytest.mark.parametrize(
    ("asked", "changes"),
    [
        (Guidance.READY, {}),
        (Guidance.LOOK_HERE, {"pose_deg": HeadPose(27.0, 0.0, 0.0)}),
        (Guidance.LOOK_HERE, {"pose_deg": HeadPose(0.0, -31.0, 0.0)}),
        (Guidance.READY, {"eyes_open": 0.0}),  # of lids nothing is asked
        (Guidance.MORE_LIGHT, {"brightness": 19.0}),
        (Guidance.HOLD_STILL, {"sharpness": 0.09}),
        (Guidance.NEARER, {"face_px": 80.0, "sharpness": 0.09}),  # the first thing first
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
    delay, shown = GuidanceDelay(), []
    for i, guidance in enumerate(meant):
        shown.append(delay.update(guidance, i / RATE_HZ, delay_s=0.3))
        if i and shown[i] is not shown[i - 1] and shown[i] is not Guidance.READY:
            assert i >= 5 and set(meant[i - 4 : i + 1]) == {shown[i]}
