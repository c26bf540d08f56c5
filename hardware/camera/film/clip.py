"""A film that stands in for a camera."""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import av

from engine.common.arrays import Pixels
from engine.common.errors import UsageError, printable
from hardware.camera.base import CameraError, CameraState
from hardware.camera.film.deinterlacing import deinterlaced
from hardware.camera.film.presentation import Presenter, read_presentation
from hardware.camera.timed import ROUNDING_S

# Where a clip does not say how long its last picture is shown.
_LAST_PICTURE_S = 1 / 30


class Clip:
    """A video clip in a loop, shown as its file says, each of its pictures at its own time.

    The pictures' times are read from the file first; then it is decoded forwards, and from the beginning
    again where an earlier picture is asked for. Holds one picture at a time.
    Raises UsageError where there is no video in the file.
    """

    def __init__(self, path: Path, side_px: int) -> None:
        self._path = path
        self._side_px = side_px
        try:
            with av.open(str(path)) as container:
                stream = _film(container)
                unit_s = float(stream.time_base or 0)
                self._presentation = read_presentation(path, container, stream)
                times = sorted(
                    (packet.pts, packet.duration or 0)
                    for packet in container.demux(stream)
                    if packet.pts is not None and not packet.is_discard
                )
        except (av.error.FFmpegError, OSError, ValueError):
            times = []
        if not times or unit_s <= 0:
            raise UsageError(
                f"{printable(path)} is neither a picture nor a film that can be read here: give JPEG, PNG, "
                "MP4 or WebM, or a folder of pictures."
            )
        self._pts = [pts for pts, _ in times]
        self._times_s = [(pts - self._pts[0]) * unit_s for pts in self._pts]
        self._duration_s = self._times_s[-1] + (times[-1][1] * unit_s or _LAST_PICTURE_S)
        self._container: av.container.InputContainer | None = None
        self._decoded: Iterator[av.VideoFrame] = iter(())
        self._presenter = Presenter(self._presentation, side_px)
        self._number = -1
        self._picture: Pixels | None = None

    def picture_at(self, time_s: float) -> Pixels:
        number = bisect_right(self._times_s, (time_s + ROUNDING_S) % self._duration_s) - 1
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
                stream = _film(self._container)
                # More threads keep more pictures, and take the cores that the engine needs.
                stream.codec_context.thread_count = 1
                self._presenter = Presenter(self._presentation, self._side_px)
                self._decoded = deinterlaced(self._container.decode(stream))
            for frame in self._decoded:
                if frame.pts is not None and frame.pts >= self._pts[number]:
                    return self._presenter.displayed(frame)
        except (av.error.FFmpegError, OSError) as error:
            self.close()
            raise CameraError(
                CameraState.GARBAGE, f"{printable(self._path)} is damaged ({error}): copy it again."
            ) from None
        # The file lists pictures at its end that cannot be decoded: the last decoded one is shown instead.
        if self._picture is None:
            raise CameraError(CameraState.GARBAGE, f"{printable(self._path)} is damaged: copy it again.")
        return self._picture


def _film(container: av.container.InputContainer) -> av.VideoStream:
    """The video stream that FFmpeg's player chooses, not the cover picture. Raises ValueError."""
    stream = container.streams.best("video")
    if not isinstance(stream, av.VideoStream):
        raise ValueError("no video")
    return stream
