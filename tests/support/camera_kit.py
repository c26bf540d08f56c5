"""Pictures, films and settings for tests of cameras, and waiting for what another thread does."""

import threading
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from hardware.camera.base import Frame
from hardware.camera.reader import CaptureLimits
from hardware.camera.settings import CameraSettings
from installation.capture.camera_service import CameraService

FAST = CameraSettings(rate_hz=100, mirror=False)
# The same order of things as in the gallery, in a tenth of the time.
QUICK = CaptureLimits(
    max_age_s=0.1,
    frame_timeout_s=0.2,
    open_timeout_s=0.4,
    first_retry_s=0.02,
    longest_retry_s=0.1,
    healthy_after_s=0.5,
    max_hung_readers=2,
)
# Where no fault is to be found by its time: a machine that is busy for a second has a camera that works.
STEADY = CaptureLimits(
    max_age_s=60,
    frame_timeout_s=60,
    open_timeout_s=60,
    first_retry_s=0.02,
    longest_retry_s=0.1,
    healthy_after_s=0.5,
)


def picture(seed: int = 0, height: int = 48, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_clip(
    path: Path,
    pictures: int,
    rate_hz: int = 10,
    width: int = 64,
    height: int = 48,
    ticks: Sequence[int] | None = None,
    **options: str,
) -> Path:
    """A film whose picture number n is grey with 20 n + 10. ticks: when each is shown, in 1 / rate_hz;
    evenly without them. options: of FFmpeg's container."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=rate_hz)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # Several pictures to a key frame, and such that depend on later ones.
        stream.options = {"g": "5", "bf": "2", "crf": "10"}
        for number in range(pictures):
            image = np.full((height, width, 3), 20 * number + 10, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = ticks[number] if ticks else number, Fraction(1, rate_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def number_in(image: np.ndarray) -> int:
    """Which picture of `write_clip` this is."""
    return round((float(image.mean()) - 10) / 20)


def wait_until(true: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.005)
    return True


def next_of(feed: CameraService) -> Frame:
    """The next picture there is: a moment later it may be too old, and gone."""
    found: list[Frame] = []

    def has_come() -> bool:
        frame = feed.latest()
        found.extend([frame] if frame else [])
        return bool(found)

    assert wait_until(has_come)
    return found[0]


def camera_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("camera-")]
