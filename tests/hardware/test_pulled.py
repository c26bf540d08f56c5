"""A camera polled on a virtual clock."""

import pytest

from hardware.camera.base import CameraError, CameraState
from hardware.camera.pulled import PulledCapture
from hardware.camera.settings import CameraSettings


def test_why_a_camera_gives_nothing_is_logged_once(caplog: pytest.LogCaptureFixture):
    class Broken:
        def open(self, settings: CameraSettings):
            raise CameraError(CameraState.GARBAGE, "film.mp4 is damaged: copy it again.")

    feed = PulledCapture(Broken(), CameraSettings(), lambda: 0.0)
    for _ in range(5):
        assert feed.latest() is None
    assert caplog.messages == ["film.mp4 is damaged: copy it again."]
