"""A backend of pyvirtualcam that keeps what is sent, where there is no driver of virtual cameras."""

from typing import Any, ClassVar

import numpy as np
import pytest
import pyvirtualcam.camera


class RecordedCamera:
    """What v4l2loopback's backend does, as `pyvirtualcam.camera.Backend` describes it, into a list."""

    opened: ClassVar["list[RecordedCamera]"] = []

    def __init__(self, **settings: Any) -> None:
        self.settings, self.frames, self.closed = settings, list[np.ndarray](), False
        self.opened.append(self)

    def send(self, frame: np.ndarray) -> None:
        if self.closed:
            raise RuntimeError("it is closed")
        self.frames.append(frame.copy())

    def close(self) -> None:
        self.closed = True

    def device(self) -> str:
        return str(self.settings["device"])

    def native_fourcc(self) -> None:
        return None


def record_cameras(monkeypatch: pytest.MonkeyPatch) -> list[RecordedCamera]:
    """Virtual cameras are recorded from now on; returns those that have been opened."""
    monkeypatch.setitem(pyvirtualcam.camera.BACKENDS, "v4l2loopback", RecordedCamera)
    monkeypatch.setattr(RecordedCamera, "opened", [])
    return RecordedCamera.opened
