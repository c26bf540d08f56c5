"""Whatever breaks, in whichever scene: back in attract within ten seconds, and nothing of the visit left."""

import logging
import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from house_kit import TestHouse
from PIL import Image

from hardware.camera.faulty import Fault
from installation.visit import Phase

LIMIT_S = 10.0
WATCHED = (Phase.PORTRAIT, Phase.SEARCH, Phase.BORDER, Phase.JURY, Phase.DOPPELGANGER)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHouse]:
    from skimage import data

    folder = tmp_path_factory.mktemp("house")
    portrait = folder / "portrait.png"
    Image.fromarray(data.astronaut()).save(portrait)
    with TestHouse(folder, portrait) as house:
        house.camera.begin(house.clock.now_s)
        yield house


def nothing_left(house: TestHouse) -> bool:
    """Whether nothing of a visit is held on the stage's side."""
    host, watcher = house.host, house.watcher
    held = (host._live, host._finding, host._link, host._to_offer, watcher.sighting, watcher.face)
    return all(one is None for one in held) and not watcher._portraits and not house.engine._memories


@pytest.mark.parametrize("phase", list(Phase))
def test_the_engine_is_killed(house: TestHouse, phase: Phase, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    house.until(Phase.ATTRACT)
    house.until_awake()
    house.until(phase)
    os.kill(house.engine_pid, signal.SIGKILL)
    caplog.clear()
    # The stage hears of it in the next frames; without it nothing begins.
    while not house.host.state.resting:
        house.stage.frame()
    assert house.until(Phase.ATTRACT) <= LIMIT_S
    assert nothing_left(house)
    assert "engine:" in caplog.text and "Traceback" not in caplog.text
    house.until_awake()


def test_after_all_of_this_a_visit_comes_to_its_end(house: TestHouse):
    house.until(Phase.ATTRACT)
    house.until_awake()
    house.until(Phase.FAREWELL)


@pytest.mark.parametrize(
    ("phase", "fault"),
    [
        *((phase, fault) for phase in WATCHED for fault in (Fault.VANISH, Fault.REPEAT, Fault.GARBAGE)),
        (Phase.PORTRAIT, Fault.BLACK),
    ],
)
def test_the_camera_breaks(house: TestHouse, phase: Phase, fault: Fault, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    house.until(Phase.ATTRACT)
    house.until(phase)
    if phase is Phase.PORTRAIT:
        house.for_s(0.3)
    house.breakable.fault = fault
    caplog.clear()
    try:
        assert house.until(Phase.ATTRACT) <= LIMIT_S
        assert nothing_left(house)
        assert "Traceback" not in caplog.text and len(caplog.text) < 2000
        house.for_s(1)
        assert house.host.state.resting
        # A designed picture, not a black one.
        picture = house.stage.canvas.pixels[..., :3]
        assert picture.max() > 40
    finally:
        house.breakable.fault = None
    house.until(Phase.CONSENT)


def test_a_scene_that_fails_ends_the_visit_and_is_told_in_one_line(
    house: TestHouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    house.until(Phase.ATTRACT)
    house.until(Phase.PORTRAIT)
    scene = house.stage._scene
    secret = np.float64(0.123456789)

    def fail(*_: object) -> None:
        raise ValueError(f"distance {secret}")

    monkeypatch.setattr(type(scene), "draw", fail)
    house.stage.frame()
    monkeypatch.undo()
    assert house.phase is Phase.ATTRACT and nothing_left(house)
    assert "scene of portrait: ValueError in test_faults.py" in caplog.text
    assert "0.123" not in caplog.text and "Traceback" not in caplog.text
    house.until(Phase.CONSENT)
