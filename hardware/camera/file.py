"""A picture, a folder of pictures or a video clip in the camera's place.

Pictures are read by `engine.photographs`, so that a visit before `file:portrait.jpg` begins with the same
pixels that `./kiosk visit portrait.jpg` works on, and so that there is one decoder for untrusted files.
"""

import os
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.common.errors import UsageError
from engine.photographs.photograph import load_photograph
from hardware.camera.base import CameraError, CameraState
from hardware.camera.settings import CameraSettings
from hardware.camera.timed import Footage, TimedCamera

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".avif")
# See hardware.camera.timed.
_ROUNDING_S = 1e-6
# Where a clip does not say how long its last picture is shown.
_LAST_PICTURE_S = 1 / 30


class FileSource:
    """A file or folder that stands in for a camera, from its beginning each time it is opened.

    Raises UsageError at once where it cannot be used: nothing there, no pictures in the folder, no video in
    the clip. `now` is the clock that `read` follows.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now = now
        if not os.path.exists(path):
            raise UsageError(f"camera file {_shown(path)} does not exist: check the name and the folder.")
        if not (path.is_file() or path.is_dir()):
            raise UsageError(f"camera file {_shown(path)} is neither a file nor a folder: give one of them.")
        self._footage(CameraSettings()).close()

    def open(self, settings: CameraSettings) -> TimedCamera:
        try:
            return TimedCamera(self._path.name, self._footage(settings), settings.rate_hz, self._now)
        except UsageError as error:
            raise CameraError(CameraState.MISSING, str(error)) from None

    def _footage(self, settings: CameraSettings) -> Footage:
        side_px = max(settings.width_px, settings.height_px)
        if self._path.is_dir():
            return Folder(self._path, side_px, settings.picture_s)
        if self._path.suffix.lower() in PICTURES:
            return Still(_shrunk(load_photograph(self._path), side_px))
        return Clip(self._path, side_px)


class Still:
    """One picture at all times."""

    def __init__(self, picture: Pixels) -> None:
        self._picture = picture

    def picture_at(self, time_s: float) -> Pixels:
        return self._picture

    def close(self) -> None:
        pass


class Folder:
    """The pictures in a folder by name, each for `picture_s`, in a loop. Holds one of them at a time.

    Raises UsageError where there is none, or where the first one cannot be read.
    """

    def __init__(self, path: Path, side_px: int, picture_s: float) -> None:
        try:
            self._paths = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in PICTURES)
        except OSError as error:
            raise UsageError(
                f"camera folder {_shown(path)} cannot be read ({error.strerror}): check its permissions."
            ) from None
        if not self._paths:
            raise UsageError(f"camera folder {_shown(path)} is empty: put JPEG or PNG files into it.")
        self._side_px = side_px
        self._picture_s = picture_s
        self._number = 0
        self._picture = _shrunk(load_photograph(self._paths[0]), side_px)

    def picture_at(self, time_s: float) -> Pixels:
        number = int((time_s + _ROUNDING_S) / self._picture_s) % len(self._paths)
        if number != self._number:
            try:
                self._picture = _shrunk(load_photograph(self._paths[number]), self._side_px)
            except UsageError as error:
                raise CameraError(CameraState.GARBAGE, str(error)) from None
            self._number = number
        return self._picture

    def close(self) -> None:
        pass


class Clip:
    """A video clip in a loop, upright as its file says, each of its pictures at its own time.

    The pictures' times are read from the file first; then it is decoded forwards, and from the beginning
    again where an earlier picture is asked for. Holds one picture at a time.
    Raises UsageError where there is no video in the file.
    """

    def __init__(self, path: Path, side_px: int) -> None:
        self._path = path
        self._side_px = side_px
        try:
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                unit_s = float(stream.time_base or 0)
                packets = [
                    packet
                    for packet in container.demux(stream)
                    if packet.pts is not None and not packet.is_discard
                ]
        except (av.error.FFmpegError, IndexError, OSError, ValueError):
            packets = []
        if not packets or unit_s <= 0:
            raise UsageError(
                f"{_shown(path)} is neither a picture nor a film that can be read here: give JPEG, PNG, "
                "MP4 or WebM, or a folder of pictures."
            )
        packets.sort(key=lambda packet: packet.pts or 0)
        self._pts = [packet.pts or 0 for packet in packets]
        self._times_s = [(pts - self._pts[0]) * unit_s for pts in self._pts]
        self._duration_s = self._times_s[-1] + ((packets[-1].duration or 0) * unit_s or _LAST_PICTURE_S)
        self._container: av.container.InputContainer | None = None
        self._decoded: Iterator[av.VideoFrame] = iter(())
        self._number = -1
        self._picture: Pixels | None = None

    def picture_at(self, time_s: float) -> Pixels:
        number = bisect_right(self._times_s, (time_s + _ROUNDING_S) % self._duration_s) - 1
        if self._picture is None or number != self._number:
            self._picture = self._decode(number)
            self._number = number
        return self._picture

    def close(self) -> None:
        self._decoded = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _decode(self, number: int) -> Pixels:
        try:
            if self._container is None or number < self._number:
                self.close()
                self._container = av.open(str(self._path))
                stream = self._container.streams.video[0]
                # More threads keep more pictures, and take the cores that the engine needs.
                stream.codec_context.thread_count = 1
                self._decoded = self._container.decode(stream)
            for frame in self._decoded:
                if frame.pts is not None and frame.pts >= self._pts[number]:
                    return self._upright(frame)
        except (av.error.FFmpegError, OSError) as error:
            self.close()
            raise CameraError(
                CameraState.GARBAGE, f"{_shown(self._path)} is damaged ({error}): copy it again."
            ) from None
        # The file lists pictures at its end that cannot be decoded: the last decoded one is shown instead.
        if self._picture is None:
            raise CameraError(CameraState.GARBAGE, f"{_shown(self._path)} is damaged: copy it again.")
        return self._picture

    def _upright(self, frame: av.VideoFrame) -> Pixels:
        scale = min(1.0, self._side_px / max(frame.width, frame.height))
        width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
        image = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")
        return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))


def _shrunk(image: Pixels, side_px: int) -> Pixels:
    scale = side_px / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))


def _shown(path: Path) -> str:
    return "".join(c if c.isprintable() else "?" for c in str(path))
