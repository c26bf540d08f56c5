"""Whatever breaks, in whichever scene that needs it: back in attract within ten seconds, and nothing of the
visit left."""

import logging
import os
import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from engine.common.errors import MachineError
from hardware.camera.faulty import Fault
from installation.visit.machine import Phase
from installation.workers.supervision import Condition
from tests.support.house_kit import TestHouse

LIMIT_S = 10.0
WATCHED = (Phase.PORTRAIT, Phase.SEARCH, Phase.BORDER, Phase.JURY, Phase.DOPPELGANGER)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHouse]:
    from skimage import data

    folder = tmp_path_factory.mktemp("house")
    portrait = folder / "portrait.png"
    Image.fromarray(data.astronaut()).save(portrait)
    with TestHouse(folder, portrait, is_thorough=False) as house:
        house.engine.longest_wait_s = 0.0  # what works again has worked for long enough to fail anew
        house.camera.begin(house.clock.now_s)
        yield house


def left(house: TestHouse) -> list[str]:
    """What of a visit is still held on the stage's side."""
    for _ in range(2):  # the canvas drops what is not drawn any more
        house.stage.frame()
    host, watcher, sitting = house.host, house.watcher, house.watcher._sitting
    pictures = [picture for picture, _ in house.stage.canvas._enlarged.values()]
    held: dict[str, object] = {
        "live": host._live,
        "finding": host._finding,
        "link": host._link,
        "offer": host._to_offer,
        "agreement": host._agreed,
        "film": host._filmmaker._making,
        "sighting": watcher.sighting,
        "face": watcher.face or (sitting and sitting.face),
        "place": sitting and sitting._place,
        "taking": sitting and sitting._taking,
        "portraits": watcher._portraits or None,
        "memories": house.engine._memories or None,
        "request": house.engine._request,
        "scene": None if house.stage._scene is house.stage._scenes[Phase.ATTRACT] else house.stage._scene,
        "pictures": any(not _is_of_people(picture, house) for picture in pictures) or None,
    }
    return [name for name, one in held.items() if one is not None]


def _is_of_people(picture: np.ndarray, house: TestHouse) -> bool:
    playing = getattr(house.stage._scene, "_strip", None)  # may have been made by a process that is gone
    strips = [*house.host.people, *([playing] if playing else [])]
    return any(np.shares_memory(picture, strip.pictures) for strip in strips)


@pytest.mark.parametrize("phase", list(Phase))
def test_the_engine_is_killed(house: TestHouse, phase: Phase, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    house.until(Phase.ATTRACT)
    house.until_awake()
    house.until(phase)
    killed_s = time.monotonic()  # what a process takes to end is no matter of the virtual clock
    os.kill(house.engine_pid, signal.SIGKILL)
    caplog.clear()
    # The stage hears of it in the next frames; without it nothing begins.
    while not house.host.state.resting:
        assert time.monotonic() - killed_s <= LIMIT_S
        house.stage.frame()
    if phase is Phase.DOPPELGANGER:  # shows what has been found, and erases it in its own time
        assert house.phase is phase and house.host._finding is not None and house.host._finding.whole
        house.until(Phase.ATTRACT)
    assert house.phase is Phase.ATTRACT
    assert left(house) == []
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
        assert left(house) == []
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
    assert house.phase is Phase.ATTRACT and left(house) == []
    assert "scene of portrait: ValueError in test_faults.py" in caplog.text
    assert "0.123" not in caplog.text and "Traceback" not in caplog.text
    told = house._health()["stage"]
    assert told.condition is Condition.FAILED and "scene of portrait: ValueError" in told.message
    house.until(Phase.PORTRAIT)
    house.for_s(0.3)
    assert house._health()["stage"].condition is Condition.OK


def test_where_nothing_can_be_drawn_it_ends_to_be_started_again(
    house: TestHouse, monkeypatch: pytest.MonkeyPatch
):
    house.until(Phase.ATTRACT)
    house.for_s(0.3)

    def fail(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(house.host, "is_open", False)  # nobody comes meanwhile
    began_s = house.clock.now_s
    with monkeypatch.context() as broken:
        broken.setattr(type(house.stage._scene), "draw", fail)
        with pytest.raises(MachineError, match=r"nothing can be drawn any more \(ValueError in test_faults"):
            house.stage.run()
    assert 10 <= house.clock.now_s - began_s <= 11
    house.for_s(0.3)
    assert house._health()["stage"].condition is Condition.OK
