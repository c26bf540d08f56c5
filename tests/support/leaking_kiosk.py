"""The kiosk with a leak on purpose, for the test that looks for leaks: it must find this one.

    python -m tests.support.leaking_kiosk PATH[:PATH...] run --camera ...

writes the first frame that the camera control hands out to these files, as a picture, or byte for byte where
the name ends in `.raw`. Everything else is the same `main` that `./kiosk` runs.
"""

import os
import sys
from pathlib import Path
from unittest import mock

from PIL import Image

from engine.common.arrays import Pixels
from engine.common.native_output import own_stderr
from hardware.camera.base import Frame
from installation.capture.camera import CameraControl
from installation.cli.main import main


class Leak:
    """Writes one frame, uint8 (H, W, 3) RGB, to each of its paths; the frames after it go nowhere."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths

    def take(self, image: Pixels) -> None:
        for path in self._paths:
            if path.suffix == ".raw":
                path.write_bytes(image.tobytes())
            else:
                Image.fromarray(image).save(path)
        self._paths = []


def leaking_main(paths: list[Path], words: list[str]) -> int:
    """Runs the command line with a camera control that leaks; returns its exit code."""
    leak, latest = Leak(paths), CameraControl.latest

    def leaking_latest(control: CameraControl) -> Frame | None:
        frame = latest(control)
        if frame is not None:
            leak.take(frame.image)
        return frame

    with mock.patch.object(CameraControl, "latest", leaking_latest):
        return main(words)


if __name__ == "__main__":
    if sys.stderr is not None:
        sys.stderr = own_stderr()  # as installation/cli/main.py does
    sys.exit(leaking_main([Path(each) for each in sys.argv[1].split(os.pathsep)], sys.argv[2:]))
