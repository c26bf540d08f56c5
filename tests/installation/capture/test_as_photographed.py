"""From the camera's file to the picture taken home: the mirror stays on the screen."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.common.arrays import Pixels
from engine.faces.alignment import Portrait
from engine.faces.analyser import FaceAnalyser
from engine.faces.sitter import find_sitter
from engine.judges.judging import judge_pictures
from hardware.camera.settings import CameraSettings
from installation.capture.camera_service import open_camera
from installation.capture.tracker_service import SynchronousTrackerService
from installation.settings.configuration import load
from installation.visit.events import PortraitTaken
from installation.workers.models import ModelBundle
from tests.support.app_kit import few_steps

RATE_HZ = 15


def alike(one: Pixels, other: Pixels) -> float:
    """The correlation of two portraits' faces, as grey pictures of 64 px."""
    grey = [cv2.cvtColor(cv2.resize(each, (64, 64)), cv2.COLOR_RGB2GRAY) for each in (one, other)]
    return float(np.corrcoef([each[12:56, 12:52].ravel() for each in grey])[0, 1])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels) -> Path:
    path = tmp_path_factory.mktemp("camera") / "sitter.png"
    Image.fromarray(astronaut).save(path)
    return path


@pytest.fixture(scope="module")
def portrait(finder: FaceAnalyser, astronaut: Pixels) -> Portrait:
    """The sitter's, of the file itself."""
    return find_sitter(finder, astronaut).portrait


def taken(watcher: SynchronousTrackerService, file: Path, mirror: bool) -> list[Pixels]:
    """The portrait that is taken before a camera that shows the file."""
    now_s = 0.0
    feed = open_camera(f"file:{file}", CameraSettings(mirror=mirror), clock=lambda: now_s)
    watcher.watch(True)
    watcher.take(1)
    for frame in range(2 * RATE_HZ):
        now_s = frame / RATE_HZ
        watcher.look(feed.latest(), now_s)
        if PortraitTaken(1) in watcher.poll():
            break
    feed.stop()
    pictures = watcher.portrait(1)
    watcher.watch(False)
    assert pictures
    return pictures


@pytest.mark.parametrize("mirror", [True, False])
def test_the_portrait_is_as_photographed(
    stepped: SynchronousTrackerService, finder: FaceAnalyser, file: Path, portrait: Portrait, mirror: bool
) -> None:
    for picture in taken(stepped, file, mirror):
        image = find_sitter(finder, picture).portrait.image
        assert alike(image, portrait.image) > 0.98 > 0.9 > alike(image[:, ::-1], portrait.image)


def test_the_picture_given_and_its_verdict_are_of_the_sitter_as_photographed(
    stepped: SynchronousTrackerService, file: Path, portrait: Portrait, tmp_path: Path
) -> None:
    chosen = load(few_steps(tmp_path))
    search = chosen.search.model_copy(update={"steps": 1, "tuning": "never", "finders": ["on-the-way"]})
    judging = chosen.judging.model_copy(update={"thresholds": {"dlib": 0.5}})
    film = chosen.film.model_copy(update={"pictures": 2})
    changes = {"search": search, "judging": judging, "film": film, "encoder": load().encoder}
    models = ModelBundle(chosen.model_copy(update=changes))
    portrayal = models.portray(taken(stepped, file, mirror=True))
    given, (judged,) = portrayal.doppelganger, portrayal.judged
    assert given is not None
    for picture in (given.picture, portrayal.continuum.picture(1.0)):
        assert alike(picture, portrait.image) > alike(picture[:, ::-1], portrait.image)
    seed, k = models.settings.seed, models.settings.k
    (again,) = judge_pictures(judged.judge, judged.reference, [given.picture], seed, k)
    assert again == given.verdicts["dlib"] and not again.same
