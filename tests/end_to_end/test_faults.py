"""Whatever breaks, in whichever scene that needs it: back in attract within ten seconds, and nothing of the
visit left."""

import logging
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest
from PIL import Image

from engine.common.errors import MachineError
from hardware.camera.faulty import Fault
from installation.app.visitor_data import VisitorData
from installation.settings.phase import Phase
from installation.visit.endings import Ending
from installation.visit.events import ShowClosed, ShowOpened
from installation.visit.phases import TRAITS, phases_where
from installation.workers.supervision import Condition
from tests.support.app_kit import TestApp
from tests.support.headless_stage import eventually

LIMIT_S = 10.0
WATCHED = phases_where(lambda traits: traits.watched)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestApp]:
    from skimage import data

    folder = tmp_path_factory.mktemp("app")
    portrait = folder / "portrait.png"
    Image.fromarray(data.astronaut()).save(portrait)
    with TestApp(folder, portrait, is_thorough=False) as app:
        app.registry.set("visit/meeting_s", 5.0)
        app.engine.longest_wait_s = 0.0  # what works again has worked for long enough to fail anew
        app.camera.begin(app.clock.now_s)
        yield app


def left(app: TestApp) -> list[str]:
    """What of a visit is still held on the stage's side."""
    for _ in range(2):  # the canvas drops what is not drawn any more
        app.main_loop.frame()
    session, service, tracker = app.session, app.tracker, app.tracker._tracker
    scene, scenes = app.main_loop.player._scene, app.main_loop.player._scenes
    pictures = [picture for picture, _ in app.main_loop.player.canvas._scaled.values()]
    held: dict[str, object] = {
        "visitor": None if session._visitor == VisitorData() else session._visitor,
        "film": session._downloads._film_worker._job,
        "sighting": service.sighting,
        "face": service.face or (tracker and tracker.face),
        "place": tracker and tracker._position,
        "taking": tracker and tracker._capture,
        "portraits": service._portraits or None,
        "memories": app.engine._memories or None,
        "request": app.engine._request,
        "question": app.engine._moved,
        "expression": service.expression or (tracker and tracker.expression),
        "follower": tracker and tracker._follower,
        "scene": None if scene in (scenes[Phase.ATTRACT], scenes[Phase.FAREWELL]) else scene,
        "pictures": any(not _is_of_people(picture, app) for picture in pictures) or None,
    }
    return [name for name, one in held.items() if one is not None]


def _is_of_people(picture: np.ndarray, app: TestApp) -> bool:
    # May have been made by a process that is gone.
    playing = getattr(app.main_loop.player._scene, "_strip", None)
    strips = [*app.session.people, *([playing] if playing else [])]
    return any(np.shares_memory(picture, strip.pictures) for strip in strips)


def _has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("phase", list(Phase))
def test_the_engine_is_killed(app: TestApp, phase: Phase, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    app.until(Phase.ATTRACT)
    app.until_awake()
    app.until(phase)
    process = psutil.Process(app.engine_pid)
    caplog.clear()
    process.kill()
    # What a process takes to end, and its service to notice, is no matter of the virtual clock, which would
    # leave the phase meanwhile.
    eventually(lambda: _has_ended(process) and app.engine.health.condition is not Condition.OK)
    killed_s = time.monotonic()
    # The stage hears of it in the next frames; without it nothing begins.
    while not app.session.state.resting:
        assert time.monotonic() - killed_s <= LIMIT_S
        app.main_loop.frame()
    if phase in (
        Phase.BORDER,
        Phase.JURY,
        Phase.MEETING,
        Phase.DOPPELGANGER,
    ):  # goes on with what has been found
        result = app.session._visitor.result
        assert app.phase is phase and result is not None and result.complete
    if TRAITS[phase].needs_engine:
        assert app.session.state.ending is Ending.ENGINE_FAILED
    app.until(Phase.ATTRACT)
    assert left(app) == []
    # The service's own thread writes it, a moment after the session has heard of it.
    eventually(lambda: "engine:" in caplog.text)
    app.until_awake()
    assert "Traceback" not in caplog.text


def test_after_all_of_this_a_visit_comes_to_its_end(app: TestApp):
    app.until(Phase.ATTRACT)
    app.until_awake()
    app.until(Phase.FAREWELL)


@pytest.mark.parametrize(
    ("phase", "fault"),
    [
        *((phase, fault) for phase in WATCHED for fault in (Fault.VANISH, Fault.REPEAT, Fault.GARBAGE)),
        (Phase.PORTRAIT, Fault.BLACK),
    ],
)
def test_the_camera_breaks(app: TestApp, phase: Phase, fault: Fault, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    app.until(phase)  # in the visit that has begun after the last fault, or in the next one
    if phase is Phase.PORTRAIT:
        app.for_s(0.3)
    app.breakable.fault = fault
    caplog.clear()
    try:
        assert app.until(Phase.FAREWELL) <= LIMIT_S
        # Beside the code the picture has been given: then not everything is gone.
        expected = Ending.CUT_SHORT if phase is Phase.DOPPELGANGER else Ending.CAMERA_FAILED
        assert left(app) == [] and app.session.state.ending is expected
        app.until(Phase.ATTRACT)
        assert "Traceback" not in caplog.text and len(caplog.text) < 2000
        app.for_s(1)
        assert app.session.state.resting
        # A designed picture, not a black one.
        picture = app.main_loop.player.canvas.pixels[..., :3]
        assert picture.max() > 40
    finally:
        app.breakable.fault = None
    app.until(Phase.CONSENT)


def test_a_scene_that_fails_ends_the_visit_and_is_reported_in_one_line(
    app: TestApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    app.until(Phase.ATTRACT)
    app.until(Phase.PORTRAIT)
    scene = app.main_loop.player._scene
    secret = np.float64(0.123456789)

    def fail(*_: object) -> None:
        raise ValueError(f"distance {secret}")

    monkeypatch.setattr(type(scene), "draw", fail)
    app.main_loop.frame()
    monkeypatch.undo()
    assert app.phase is Phase.ATTRACT and left(app) == []
    assert "scene of portrait: ValueError in test_faults.py" in caplog.text
    assert "0.123" not in caplog.text and "Traceback" not in caplog.text
    health = app._health()["stage"]
    assert health.condition is Condition.FAILED and "scene of portrait: ValueError" in health.message
    app.until(Phase.PORTRAIT)
    app.for_s(0.3)
    assert app._health()["stage"].condition is Condition.OK


def test_where_nothing_can_be_drawn_it_ends_to_be_started_again(
    app: TestApp, monkeypatch: pytest.MonkeyPatch
):
    app.until(Phase.ATTRACT)
    app.for_s(0.3)

    def fail(*_: object) -> None:
        raise ValueError

    app.session.handle(ShowClosed(), app.clock.now_s)  # nobody comes meanwhile
    began_s = app.clock.now_s
    with monkeypatch.context() as broken:
        broken.setattr(type(app.main_loop.player._scene), "draw", fail)
        with pytest.raises(MachineError, match=r"nothing can be drawn any more \(ValueError in test_faults"):
            app.main_loop.run()
    assert 10 <= app.clock.now_s - began_s <= 11
    app.for_s(0.3)
    assert app._health()["stage"].condition is Condition.OK
    app.session.handle(ShowOpened(), app.clock.now_s)
