"""What tests of the capture share: a tracker without a thread, and people to show it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.photographs.photograph import load_photograph
from installation.capture.tracker_service import SynchronousTrackerService
from installation.visit.parameters import CaptureParameters
from tests.support.tracker_kit import OTHERS, Room, astronaut_at


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


@pytest.fixture(scope="module")
def sitter(astronaut: Pixels) -> Pixels:
    """Everything as it should be."""
    return astronaut_at(astronaut, 640, 330, 140)


@pytest.fixture(scope="module")
def crowd(photos: list[Path], people: dict[str, list[Path]]) -> dict[str, Pixels]:
    paths = [*photos, *(path for shots in people.values() for path in shots)]
    return {path.stem: load_photograph(path) for path in paths if path.stem in OTHERS}
