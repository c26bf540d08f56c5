"""Cameras: real ones, files in their place, a synthetic sitter, and one that breaks on command.

    feed = open_camera("name:Logitech", CameraSettings(rotation_deg=90))
    frame = feed.latest()      # the newest picture with its time, or None; at once
    feed.health().what_to_do   # one line for the person in charge
    feed.stop()

docs/cameras.md says which cameras there are and what happens when they fail. Nothing of a picture is
written or logged here, and none but the newest is kept.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from engine.common.arrays import Pixels
from engine.common.errors import UsageError
from hardware.camera.base import CameraError, CameraHealth, CameraState, Feed, Frame, Source
from hardware.camera.capture import Capture, CaptureLimits
from hardware.camera.file import FileSource
from hardware.camera.pulled import PulledCapture
from hardware.camera.settings import CameraSettings, Crop
from hardware.camera.synthetic import SyntheticSource
from hardware.camera.v4l2 import V4l2Source

__all__ = [
    "CameraError",
    "CameraHealth",
    "CameraSettings",
    "CameraState",
    "Capture",
    "CaptureLimits",
    "Crop",
    "Feed",
    "Frame",
    "PulledCapture",
    "Source",
    "camera_source",
    "open_camera",
]

Sitter = Callable[[float], Pixels]


def open_camera(
    camera: str,
    settings: CameraSettings | None = None,
    *,
    sitter: Sitter | None = None,
    clock: Callable[[], float] | None = None,
) -> Feed:
    """The running camera that `camera` names: `0`, `/dev/video2`, `name:Logitech`, `file:PATH`, `synthetic`.

    sitter: who sits before the synthetic camera, time in seconds -> uint8 (R, R, 3) RGB in FFHQ framing.
    clock: with it there is no thread, and the picture depends on this clock alone; not with real cameras.

    Raises UsageError where `camera` names nothing, MachineError where the camera is not there (to wait for
    it instead, start a Capture on `camera_source`: it takes any time to come).
    """
    settings = settings or CameraSettings()
    source = camera_source(camera, sitter=sitter)
    if isinstance(source, V4l2Source):
        if clock is not None:
            raise UsageError(
                f"camera {camera!r} is a real one and cannot follow a virtual clock: give file:PATH or "
                "synthetic."
            )
        source.find()
    elif clock is not None:
        return PulledCapture(source, settings, clock)
    capture = Capture(source, settings)
    capture.start()
    return capture


def camera_source(
    camera: str, *, sitter: Sitter | None = None, now: Callable[[], float] = time.monotonic
) -> V4l2Source | FileSource | SyntheticSource:
    """What `camera` names, not yet opened; `now` is the clock of files and of the synthetic sitter.

    Raises UsageError where it names nothing, or where a file cannot be used.
    """
    kind, _, rest = camera.partition(":")
    if camera.isdecimal() or camera.startswith("/dev/") or (kind == "name" and rest.strip()):
        return V4l2Source(camera)
    if kind == "file" and rest:
        return FileSource(Path(rest), now)
    if camera == "synthetic":
        if sitter is None:
            raise UsageError("camera 'synthetic' needs a generator to show somebody: give another camera.")
        return SyntheticSource(sitter, now)
    hint = f" Did you mean 'file:{camera}'?" if os.path.exists(camera) else ""
    raise UsageError(
        f"camera {camera!r} is not known: give 0, /dev/video2, name:Logitech, file:portrait.jpg, "
        f"file:clip.mp4, file:folder/ or synthetic.{hint}"
    )
