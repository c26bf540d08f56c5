"""Everybody in a film is one person from beginning to end, also where nobody found them."""

import time
from collections.abc import Sequence

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.detector import Box, DetectedHead, box_centre
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.recording import LINGER_S, observe, people_of

RATE_HZ = 20
LINGER = round(LINGER_S * RATE_HZ)


def head_at(x: float, width_px: float = 40.0) -> DetectedHead:
    return DetectedHead(0.9, (x - 20, 80, x - 20 + width_px, 80 + width_px), np.full((6, 2), x))


def test_a_gap_is_filled_from_both_sides_and_both_ends_linger() -> None:
    found: list[list[DetectedHead]] = [[] for _ in range(60)]
    for frame in [*range(20, 30), *range(38, 45)]:
        found[frame] = [head_at(100 + 2 * frame)]
    (person,) = people_of(found, RATE_HZ)
    assert sorted(person.heads) == list(range(20 - LINGER, 45 + LINGER))
    assert box_centre(person.heads[34].box_px)[0] == pytest.approx(100 + 2 * 34, abs=0.5)
    assert person.heads[34].score == 0


def test_two_people_stay_two_and_a_long_absence_makes_another() -> None:
    found = [[head_at(100 + frame), head_at(300 - frame)] if frame < 40 else [] for frame in range(100)]
    found[99] = [head_at(139)]
    people = people_of(found, RATE_HZ)
    assert [person.number for person in people] == [1, 2, 3]
    assert [box_centre(person.heads[30].box_px)[0] for person in people[:2]] == pytest.approx(
        [130, 270], abs=1
    )


class OnlyNear(Lookout):
    """Finds somebody in the whole picture from the sixth frame on, and about their place always."""

    def __init__(self) -> None:
        pass

    def search(self, picture: Pixels, expected: Sequence[Box] = ()) -> list[DetectedHead]:
        return [head_at(200)] if picture[0, 0, 0] >= 6 else []

    def about(self, picture: Pixels, box: Box) -> list[DetectedHead]:
        return [head_at(200)]


def test_who_appears_is_looked_for_backwards() -> None:
    found = observe(OnlyNear(), lambda frame: np.full((4, 4, 3), frame, np.uint8), 8)
    assert [len(heads) for heads in found] == [1] * 8


def test_one_frame_is_a_film() -> None:
    (person,) = people_of([[head_at(50)]], 1)
    assert (person.first, person.last) == (0, 0)


def test_a_hundred_people_are_a_hundred() -> None:
    found = [[head_at(60 * i + frame) for i in range(100)] for frame in range(3)]
    people = people_of(found, RATE_HZ)
    assert [person.number for person in people] == list(range(1, 101))
    assert all(sorted(person.heads) == [0, 1, 2] for person in people)


def test_who_runs_through_is_one_person() -> None:
    (person,) = people_of([[head_at(100 + 35 * frame)] for frame in range(12)], 12)
    assert sorted(person.heads) == list(range(12))


def test_half_an_hour_takes_seconds() -> None:
    """What is done for a frame must not grow with the frames before it."""
    head, began_s = head_at(200), time.process_time()
    (person,) = people_of([[head]] * 50_000, 30)
    assert len(person.heads) == 50_000
    assert time.process_time() - began_s < 10
