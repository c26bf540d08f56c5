"""Which camera a string names: a real one, a file in its place, or the synthetic sitter. docs/cameras.md."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from engine.common.arrays import Pixels
from engine.common.errors import UsageError
from hardware.camera.file import FileSource
from hardware.camera.synthetic import SyntheticSource
from hardware.camera.v4l2 import V4l2Source

Sitter = Callable[[float], Pixels]
"""Who sits before the synthetic camera: time in seconds -> uint8 (R, R, 3) RGB in FFHQ framing."""


def camera_source(
    camera: str, *, sitter: Sitter | None = None, now: Callable[[], float] = time.monotonic
) -> V4l2Source | FileSource | SyntheticSource:
    """The camera that `camera` names, not yet opened.

    camera: `0`, `/dev/video2`, `name:Logitech`, `file:PATH` or `synthetic`. sitter: who sits before the
    synthetic camera. now: the clock of files and of the synthetic sitter, in seconds.

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
