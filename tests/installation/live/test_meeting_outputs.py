"""What the running kiosk shows on its outputs: the face in its meeting, and a card at all other times."""

import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from engine.common.arrays import Pixels
from installation.live import meeting_outputs
from installation.live.framing import Frame, draw_card
from installation.live.meeting_outputs import MeetingOutputs
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.theme import StageParameters
from installation.stage.view import MeetingView, ParticipantView, View
from installation.visit.state import State
from installation.workers.supervision import Condition
from tests.support.recorded_camera import RecordedCamera, record_cameras

FACE: Pixels = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 256, 3))
TURNED: Pixels = np.ascontiguousarray(FACE[::-1])


def view(phase: Phase, face: Pixels | None = None) -> View:
    meeting = None if face is None else MeetingView(face)
    return View(
        now_s=1.0,
        visit=State(phase=phase),
        parameters=Registry(StageParameters).snapshot(),
        text=Texts.load("en"),
        entered_s=0.0,
        duration_s=20.0,
        participants=(ParticipantView(meeting=meeting),),
    )


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> list[RecordedCamera]:
    return record_cameras(monkeypatch)


def sent(picture: Pixels) -> np.ndarray:
    """What a virtual camera is sent of a picture."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)).ravel()


def soon(reached: Callable[[], bool]) -> bool:
    limit_s = time.monotonic() + 30
    while not reached() and time.monotonic() < limit_s:
        time.sleep(0.01)
    return reached()


def test_the_face_is_shown_in_its_meeting_and_never_stays(
    cameras: list[RecordedCamera], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting_outputs, "SILENT_S", 60.0)
    canvas, card = Canvas(64, 64), sent(draw_card())
    outputs = MeetingOutputs(["/dev/null"])
    meets = view(Phase.MEETING, FACE)
    later = view(Phase.MEETING, TURNED)
    other = view(Phase.DOPPELGANGER)

    def shows(picture: np.ndarray) -> bool:
        return soon(
            lambda: bool(cameras[0].frames) and np.array_equal(cameras[0].frames[-1].ravel(), picture)
        )

    outputs.start()
    try:
        assert soon(lambda: bool(cameras)) and shows(card)
        outputs.frame(canvas, meets, ())
        assert shows(sent(Frame(FACE).around(FACE)))
        outputs.frame(canvas, later, ())
        assert shows(sent(Frame(FACE).around(TURNED)))
        outputs.frame(canvas, other, ())  # the picture is shown, but in the room alone
        assert shows(card)
        outputs.frame(canvas, later, ())
        assert shows(sent(Frame(TURNED).around(TURNED)))
        canvas.picture_light = 0.0  # the visitor has gone away
        outputs.frame(canvas, later, ())
        assert shows(card)
        canvas.picture_light = 1.0
        outputs.frame(canvas, meets, ())
        assert shows(sent(Frame(FACE).around(FACE)))
        monkeypatch.setattr(meeting_outputs, "SILENT_S", 0.1)  # the main loop hangs
        assert shows(card)
        outputs.frame(canvas, meets, ())
    finally:
        outputs.stop()
    assert cameras[0].closed and np.array_equal(cameras[0].frames[-1].ravel(), card)


def test_an_output_that_is_lost_is_opened_again_and_ends_nothing(
    cameras: list[RecordedCamera], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MeetingOutputs, "first_wait_s", 0.05)
    outputs = MeetingOutputs(["/dev/null"])
    outputs.start()
    try:
        assert soon(lambda: bool(cameras) and bool(cameras[0].frames))
        cameras[0].closed = True
        assert soon(lambda: len(cameras) > 1 and outputs.health.condition is Condition.OK)
    finally:
        outputs.stop()
