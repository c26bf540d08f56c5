"""The group tracker's nobodies: drawn for several people, struck when a doppelgänger is like them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engine.live.crowd.bank import PEOPLE, Pose
from installation.capture.group_tracker_service import SynchronousGroupTrackerService
from installation.capture.live_nobodies import LiveNobodies

POSES = {(3, 1): Pose(np.zeros((4, 4, 3), np.uint8), np.zeros((3, 2), np.float32), np.zeros((6, 2)))}


class Engine:
    """Keeps what it is asked to draw."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def draw_nobodies(self, numbers: Sequence[int]) -> None:
        self.asked = list(numbers)


@pytest.fixture
def engine() -> Engine:
    return Engine()


def test_who_is_like_a_doppelganger_is_shown_no_more_and_another_one_is_drawn(engine: Engine) -> None:
    tracker = SynchronousGroupTrackerService()
    any_engine: Any = engine
    nobodies = LiveNobodies(any_engine, tracker)
    nobodies.ask()
    assert engine.asked == list(range(1, PEOPLE + 1))
    for number in engine.asked:
        nobodies.add(number, POSES)
    nobodies.strike({2, 5})
    assert set(tracker.bank.poses) == set(range(1, PEOPLE + 1)) - {2, 5}
    nobodies.add(2, POSES)  # on its way while it was struck
    assert 2 not in tracker.bank.poses
    nobodies.ask()
    assert engine.asked == [1, 3, 4, 6, 7, 8, 9, 10]
    tracker.erase()  # a visit ends
    assert 1 in tracker.bank.poses


def test_one_that_could_not_be_drawn_is_not_shown(engine: Engine) -> None:
    tracker = SynchronousGroupTrackerService()
    any_engine: Any = engine
    nobodies = LiveNobodies(any_engine, tracker)
    nobodies.add(1, {})
    assert not tracker.bank.poses
    nobodies.add(1, POSES)
    nobodies.add(2, POSES)
    nobodies.add(1, {})  # the engine that could have compared it is gone
    assert set(tracker.bank.poses) == {2}
