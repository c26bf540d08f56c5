"""Training that is looked at: it learns while it is shown, and gives way when a request arrives."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from engine.live.decoders.live_training import LAYOUT, POSE_EVERY, POSES_AT_ONCE, LiveTraining
from engine.live.decoders.training_frame import TrainingFrame
from engine.live.rigs.rig import Rig
from engine.runtime.channel import Channel
from engine.runtime.idle_training import IdleTraining
from engine.runtime.messages import Cancel, DecodersTrained
from tests.support.puppet_kit import shared_rig

FRAME_S = 0.2


def tinted() -> Rig:
    """The same person in other colours."""
    rig = shared_rig()
    return replace(rig, picture=(rig.picture * np.array([0.7, 0.85, 1.0])).astype(np.uint8))


@cache
def learned() -> tuple[LiveTraining, list[TrainingFrame | None]]:
    """All poses collected, and some steps more in which the decoders were trained."""
    training = LiveTraining({"a": shared_rig(), "b": tinted()}, seed=1)
    frames = LAYOUT.poses * POSE_EVERY + 4
    return training, [training.step(FRAME_S * number) for number in range(frames)]


@pytest.fixture(autouse=True)
def few_poses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.live.decoders.live_training.HELD", 12)
    monkeypatch.setattr("engine.live.decoders.live_training.LAYOUT", replace(LAYOUT, poses=48))
    monkeypatch.setattr(f"{__name__}.LAYOUT", replace(LAYOUT, poses=48))


def test_it_misses_less_and_less_of_what_it_never_learns_from() -> None:
    _, frames = learned()
    first = POSE_EVERY * POSES_AT_ONCE
    assert frames[:first] == [None] * first and None not in frames[first:]
    last = frames[-1]
    assert last is not None and len(last.missed_grey) == (len(frames) - first) // 12
    assert last.missed_grey[-1] < 0.75 * last.missed_grey[0] < last.frozen_grey


def test_what_is_shown_moves_and_is_of_both_people() -> None:
    _, frames = learned()
    shown = [frame for frame in frames if frame is not None]
    assert all(not np.array_equal(a.seen, b.seen) for a, b in pairwise(shown[-10:]))
    assert all(not np.array_equal(a.code, b.code) for a, b in pairwise(shown[-10:]))
    last = shown[-1]
    of_a, of_b = (picture.astype(int) for picture in last.drawn)
    for answer, right, wrong in ((of_a, last.seen, last.wanted), (of_b, last.wanted, last.seen)):
        assert np.abs(answer - right).mean() < 0.5 * np.abs(answer - wrong).mean()


class Enough(Exception):
    pass


def interrupted_at(part: int) -> Callable[[], None]:
    parts = iter(range(part))

    def check() -> None:
        if next(parts, None) is None:
            raise Enough

    return check


def test_it_can_be_interrupted_in_every_part_and_goes_on() -> None:
    training, frames = learned()
    before = frames[-1]
    for part in range(5):  # before, while shown, before learned, and after each decoder
        with pytest.raises(Enough):
            training.step(1000.0, interrupted_at(part))
    after = training.step(1000.0)
    assert before is not None and after is not None and after.missed_grey[0] == before.missed_grey[0]
    assert np.abs(after.drawn[1].astype(int) - after.wanted).mean() < after.frozen_grey


def test_no_part_takes_long() -> None:
    """In processor time, so that other programs do not count. A whole step takes longer."""
    training, _ = learned()
    times = [time.thread_time()]
    begun_s = times[0]
    training.step(2000.0, lambda: times.append(time.thread_time()))
    ended_s = time.thread_time()
    longest_s = max(after - before for before, after in pairwise([*times, ended_s]))
    assert longest_s < 0.2 and longest_s < 0.6 * (ended_s - begun_s)


def test_a_request_ends_it_at_once_and_the_same_people_go_on_later() -> None:
    training, _ = learned()
    begun: list[int] = []

    class Models:
        def live_training(self, number: int, check: Callable[[], None]) -> LiveTraining | None:
            begun.append(number)
            return training if number == 0 else None

    ours, theirs = Channel.pair()
    with closing(ours), closing(theirs):
        idle = IdleTraining(theirs, Models())
        idle.run()  # nothing is asked for
        for number in (0, 0, 1):
            idle.number = number
            thread = threading.Thread(target=idle.run, daemon=True)
            thread.start()
            if number == 0:
                shown = ours.receive().message
                assert isinstance(shown, DecodersTrained) and shown.number == 0
                ours.send(Cancel(1))
            thread.join(10.0)
            assert not thread.is_alive()
            while theirs.waits():
                theirs.receive()
        idle.run()  # that there is nobody of this number is found out once
    assert begun == [0, 1]
