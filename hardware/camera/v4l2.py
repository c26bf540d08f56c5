"""Real cameras: Video4Linux through OpenCV, by number, path or name.

Kept small, since this is the one part that can only be tested with a real camera.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hardware.camera.base import CameraError, CameraState, Frame
from hardware.camera.settings import CameraSettings

SYSFS = Path("/sys/class/video4linux")
DEV = Path("/dev")

# V4L2_EXPOSURE_MANUAL and V4L2_EXPOSURE_APERTURE_PRIORITY of linux/v4l2-controls.h: what UVC cameras know.
_EXPOSURE_MANUAL, _EXPOSURE_AUTO = 1, 3
# V4L2_CID_EXPOSURE_ABSOLUTE counts in units of 100 µs.
_EXPOSURES_PER_MS = 10
# So many failed reads in a row mean that the camera is lost; a single one may be a damaged JPEG.
_MAX_MISSES = 5
# How far a driver's time may be off at the first frame for it to count as the monotonic clock.
_SAME_CLOCK_S = 1.0


@dataclass(frozen=True)
class Device:
    """A video device: /dev/video<number>, its name, and the socket it sits in (empty where not known)."""

    number: int
    name: str
    bus: str


def devices(sysfs: Path = SYSFS) -> list[Device]:
    """The devices that give frames, by number.

    A USB camera has several nodes of one name; the first of each (`index` 0) gives frames, the others
    metadata.
    """
    found = []
    for node in sysfs.glob("video*"):
        number = node.name.removeprefix("video")
        if number.isdecimal() and _read_line(node / "index") in ("", "0"):
            found.append(_device(int(number), sysfs))
    return sorted(found, key=lambda device: device.number)


def v4l2_properties(settings: CameraSettings) -> list[tuple[int, float]]:
    """OpenCV's properties for these settings, in the order in which they must be set.

    Motion JPEG first: over USB 2, 720p comes uncompressed only ten times a second. Cameras that do not have
    a property leave it as it is.
    """
    properties: list[tuple[int, float]] = [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, settings.width_px),
        (cv2.CAP_PROP_FRAME_HEIGHT, settings.height_px),
        (cv2.CAP_PROP_FPS, settings.rate_hz),
    ]
    if settings.exposure_ms is None:
        return [*properties, (cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_AUTO)]
    exposure = max(1, round(settings.exposure_ms * _EXPOSURES_PER_MS))
    return [*properties, (cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_MANUAL), (cv2.CAP_PROP_EXPOSURE, exposure)]


class V4l2Source:
    """The camera `wanted`: `0`, `/dev/video2`, `/dev/v4l/by-id/...` or `name:` and a part of its name.

    Once found it is followed: it is looked for by its name and socket first, then by its name in another
    socket, and only then as at the beginning. The links below /dev/v4l/ name one camera or one socket
    already, and are not followed further.
    """

    def __init__(
        self,
        wanted: str,
        sysfs: Path = SYSFS,
        dev: Path = DEV,
        open_device: Callable[[int], Any] | None = None,
    ) -> None:
        self._wanted = wanted
        self._sysfs = sysfs
        self._dev = dev
        self._open_device = open_device or _open_with_opencv
        self._followed: Device | None = None
        self._others: set[Device] = set()

    def find(self) -> Device:
        """Where the camera is now. Raises CameraError: not there, or not for this user."""
        present = devices(self._sysfs)
        device = self._find_followed(present) or self._find_wanted(present)
        path = self._dev / f"video{device.number}" if device else None
        if device is None or path is None or not path.exists():
            raise CameraError(CameraState.MISSING, self._not_found_message(present))
        if not os.access(path, os.R_OK | os.W_OK):
            raise CameraError(
                CameraState.REFUSED,
                f"This user may not use camera {path}: sudo usermod -aG video $USER, then log in again.",
            )
        return device

    def open(self, settings: CameraSettings) -> "V4l2Camera":
        device = self.find()
        capture = self._open_device(device.number)
        if not capture.isOpened():
            capture.release()
            raise CameraError(
                CameraState.REFUSED,
                f"Camera {device.number} ({device.name}) does not open: close other programs that use it.",
            )
        for identifier, value in v4l2_properties(settings):
            capture.set(identifier, value)
        if device != self._followed:
            self._followed = device
            self._others = {other for other in devices(self._sysfs) if other.number != device.number}
        return V4l2Camera(f"{device.name} (/dev/video{device.number})", capture)

    def _find_followed(self, present: list[Device]) -> Device | None:
        followed = self._followed
        if followed is None or self._wanted.startswith("/dev/v4l/"):
            return None
        other_sockets = {other.bus for other in self._others}
        same = [device for device in present if (device.name, device.bus) == (followed.name, followed.bus)]
        # Not a second camera of the same name, which has been connected all the time.
        moved = [d for d in present if d.name == followed.name and d.bus not in other_sockets]
        return next(iter(same + moved), None)

    def _find_wanted(self, present: list[Device]) -> Device | None:
        wanted = self._wanted
        if wanted.startswith("name:"):
            part = wanted.removeprefix("name:").strip().casefold()
            return next((device for device in present if part in device.name.casefold()), None)
        number = wanted if wanted.isdecimal() else Path(os.path.realpath(wanted)).name.removeprefix("video")
        return _device(int(number), self._sysfs) if number.isdecimal() else None

    def _not_found_message(self, present: list[Device]) -> str:
        there = ", ".join(f"{device.number} ({device.name})" for device in present) or "none"
        return (
            f"No camera {self._wanted!r} on this machine (there: {there}): plug it in, or choose with "
            "--camera 0, name:NAME, file:portrait.jpg or synthetic."
        )


class V4l2Camera:
    """An open device. Its frames carry the driver's time, where that is the monotonic clock."""

    live = True

    def __init__(self, name: str, capture: Any) -> None:
        self.name = name
        self._capture = capture
        self._index = -1
        self._has_driver_time: bool | None = None

    def read(self) -> Frame:
        for _ in range(_MAX_MISSES):
            came, bgr = self._capture.read()
            if came and bgr is not None:
                break
        else:
            raise CameraError(CameraState.MISSING, f"{self.name} gives no more pictures: look at its cable.")
        self._index += 1
        return Frame(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)), self._captured_s(), self._index)

    def close(self) -> None:
        self._capture.release()

    def _captured_s(self) -> float:
        arrived_s = time.monotonic()
        driver_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if self._has_driver_time is None:
            self._has_driver_time = abs(arrived_s - driver_s) < _SAME_CLOCK_S
        return driver_s if self._has_driver_time else arrived_s


def _open_with_opencv(number: int) -> Any:
    # OpenCV waits ten seconds for a picture of a camera that has been unplugged, unless told otherwise.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")
    return cv2.VideoCapture(number, cv2.CAP_V4L2)


def _device(number: int, sysfs: Path) -> Device:
    node = sysfs / f"video{number}"
    socket = node / "device"
    return Device(
        number,
        _read_line(node / "name") or f"video{number}",
        os.path.realpath(socket) if socket.exists() else "",
    )


def _read_line(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""
