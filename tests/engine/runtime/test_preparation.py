"""What the engine prepares while it has nothing else to do gives way to every request."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.live.crowd.bank import Pose, Poses
from engine.runtime.messages import NobodyReady, PeopleReady
from engine.runtime.preparation import Preparation

POSE = Pose(np.zeros((4, 4, 3), np.uint8), np.zeros((3, 2), np.float32), np.zeros((6, 2)))


class Models:
    """Draws nobodies in two steps, but 13; knows no people."""

    generator = judges = people = settings = None

    def __init__(self) -> None:
        self.steps: list[int] = []

    def draw_nobody(self, number: int, check: Callable[[], None]) -> Poses:
        for _ in range(2):
            check()
            self.steps.append(number)
        if number == 13:
            raise RuntimeError
        return {(0, 0): POSE}


class Idle:
    """A preparation, whether a request waits, and what was sent."""

    def __init__(self, lock_step: bool = False) -> None:
        self.models, self.sent, self.waits = Models(), list[PeopleReady | NobodyReady](), False
        models: Any = self.models
        self.preparation = Preparation(models, 0, lock_step, lambda: self.waits, self.sent.append)

    @property
    def nobodies(self) -> list[tuple[int, int]]:
        """The number of each, and of their poses."""
        return [(sent.number, len(sent.poses)) for sent in self.sent if isinstance(sent, NobodyReady)]


def test_nobodies_come_first_and_each_once() -> None:
    idle = Idle()
    idle.preparation.ask_for_nobodies([2, 5])
    idle.preparation.ask_for_nobodies([5, 6])
    idle.preparation.prepare()
    assert idle.nobodies == [(2, 1), (5, 1), (6, 1)]
    assert all(isinstance(sent, PeopleReady) for sent in idle.sent[3:])


def test_a_nobody_that_cannot_be_drawn_has_no_poses() -> None:
    idle = Idle()
    idle.preparation.ask_for_nobodies([13, 2])
    idle.preparation.prepare()
    assert idle.nobodies == [(13, 0), (2, 1)]


@pytest.mark.parametrize("lock_step", [True, False])
def test_a_request_comes_first_but_in_lock_step(lock_step: bool) -> None:
    idle = Idle(lock_step)
    idle.preparation.ask_for_nobodies([2])
    idle.waits = True
    idle.preparation.prepare()
    assert idle.nobodies == ([(2, 1)] if lock_step else [])
    idle.waits = False
    idle.preparation.prepare()
    assert idle.nobodies == [(2, 1)]
