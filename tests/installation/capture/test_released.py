"""What scenes may show of the camera: the sitter's face, and nothing of anybody else."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.faces.analyser import FaceAnalyser
from hardware.camera.base import Frame
from installation.capture.tracker import Tracker
from installation.visit.events import AnotherFace, Event
from installation.visit.parameters import CaptureParameters
from tests.support.crowd_kit import RATE_HZ, Walker, scene

SIZE = (960, 540)
SITTER, BYSTANDERS = 3, (0, 1, 2)


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    with FaceAnalyser() as analyser:
        yield Tracker(analyser)


def walkers(renders: Path) -> list[Walker]:
    """Three people behind a sitter: one walks past close behind their head, one far away, one beside it."""
    faces = sorted(renders.glob("*.webp"))
    return [
        Walker(faces[30], lambda t: (200 + 320 * t, 220, 90)),
        Walker(faces[7], lambda t: (700 - 100 * t, 150, 30)),
        Walker(faces[52], lambda _: (610, 250, 100)),
        Walker(faces[11], lambda t: (480 + 8 * np.sin(3 * t), 280, 190)),
    ]


def shown_of(tracker: Tracker, people: list[Walker], number: int) -> tuple[Frame, NDArray[np.int8], Frame]:
    at_s = number / RATE_HZ
    seen = scene(people, at_s, SIZE)
    frame = Frame(seen.picture, at_s, number)
    tracker.look(frame, at_s, CaptureParameters())
    assert tracker.released is not None
    return tracker.released, seen.owners, frame


def test_nothing_of_the_people_behind_the_sitter_is_shown(renders: Path, tracker: Tracker) -> None:
    people, sitter_shown = walkers(renders), 0
    for number in range(45):
        released, owners, frame = shown_of(tracker, people, number)
        drawn = released.image.max(axis=2) > 0
        sitter_shown += int((drawn & (owners == SITTER)).sum() > 5000)
        assert released.index == number
        assert not (drawn & np.isin(owners, BYSTANDERS)).any()
        assert (frame.image.max(axis=2)[np.isin(owners, BYSTANDERS)] > 0).any()  # the room would show them
    assert sitter_shown > 40


def test_black_without_a_sitter_and_nothing_without_a_frame(renders: Path, tracker: Tracker) -> None:
    released, _, _ = shown_of(tracker, [], 0)
    assert not released.image.any()
    shown_of(tracker, walkers(renders), 1)
    tracker.look(None, 1.0, CaptureParameters())
    assert tracker.released is None
    shown_of(tracker, walkers(renders), 2)
    tracker.erase()
    assert tracker.released is None


@pytest.mark.parametrize(("aside_widths", "size"), [(3.0, 0.6), (2.5, 0.62), (1.8, 0.8)])
def test_who_stays_behind_is_not_shown_once_the_sitter_has_left(
    renders: Path, tracker: Tracker, aside_widths: float, size: float
) -> None:
    """A face that is not much smaller than the sitter's was ends the visit."""
    faces, face_px, rate_hz = sorted(renders.glob("*.webp")), 150, 10
    sitter = Walker(faces[11], lambda t: (200, 280, face_px) if t < 0.5 else None)
    other = Walker(faces[30], lambda _: (200 + aside_widths * face_px, 280, size * face_px))
    events: list[Event] = []
    sitter_shown = 0
    for number in range(40):
        at_s = number / rate_hz
        view = scene([other, sitter], at_s, SIZE)
        events += tracker.look(Frame(view.picture, at_s, number), at_s, CaptureParameters())[0]
        if tracker.released is not None:
            drawn = tracker.released.image.max(axis=2) > 0
            assert not (drawn & (view.owners == 0)).any(), at_s
            sitter_shown += bool(drawn.any())
    assert sitter_shown == 5
    assert (AnotherFace() in events) is (size > 0.7)


def test_another_person_in_the_very_same_place_is_hardly_shown(renders: Path, tracker: Tracker) -> None:
    """Until it is certain that it is another one, which ends the visit, the mirror is black."""
    faces, rate_hz = sorted(renders.glob("*.webp")), 15
    shown = 0
    for number in range(30):
        at_s = number / rate_hz
        view = scene([Walker(faces[11 if number < 10 else 30], lambda _: (480, 280, 150))], at_s, SIZE)
        tracker.look(Frame(view.picture, at_s, number), at_s, CaptureParameters())
        shown += number >= 10 and tracker.released is not None and bool(tracker.released.image.any())
    assert shown <= 1


def shown_after_absence(renders: Path, tracker: Tracker, who: int, places: tuple[float, float]) -> int:
    """In how many of 30 frames in two seconds somebody is shown who comes after a second without anybody to
    about the place of a sitter, who is number 11. places: x of both."""
    faces, rate_hz, shown = sorted(renders.glob("*.webp")), 15, 0
    for number in range(70):
        at_s = number / rate_hz
        face, x = (faces[11], places[0]) if number < 25 else (faces[who], places[1])
        people = [] if 25 <= number < 40 else [Walker(face, lambda _, x=x: (x, 280, 150))]  # type: ignore[misc]
        view = scene(people, at_s, SIZE)
        tracker.look(Frame(view.picture, at_s, number), at_s, CaptureParameters())
        shown += number >= 40 and tracker.released is not None and bool(tracker.released.image.any())
    return shown


@pytest.mark.parametrize("who", [30, 52, 7, 3])
def test_who_comes_to_the_sitters_place_meanwhile_is_not_shown(
    renders: Path, tracker: Tracker, who: int
) -> None:
    assert shown_after_absence(renders, tracker, who, (480, 480)) == 0


@pytest.mark.parametrize("x", [480, 420])
def test_the_sitter_who_comes_back_is_shown(renders: Path, tracker: Tracker, x: float) -> None:
    assert shown_after_absence(renders, tracker, 11, (480, x)) >= 28
