"""The tracker in a thread of its own. Real time."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from engine.common.arrays import Pixels
from hardware.camera.base import Frame
from installation.capture.tracker_service import TrackerService
from installation.visit.events import (
    Event,
    FaceSeen,
    PortraitRefused,
    PortraitTaken,
    TrackerFailed,
    TrackerReady,
)
from installation.visit.parameters import CaptureParameters
from installation.workers.supervision import Condition
from tests.support.tracker_kit import (
    wall,
)


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
