"""A film that stands in for a camera."""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.common.errors import UsageError, printable
from hardware.camera.base import CameraError, CameraState
from hardware.camera.film.decoding import decodable_frames, film_stream, open_film, readable_packets
from hardware.camera.film.deinterlacing import deinterlaced
from hardware.camera.film.presentation import Presenter, read_presentation
from hardware.camera.timed import ROUNDING_S

# Where a clip does not say how long its last picture is shown.
_LAST_PICTURE_S = 1 / 30
# Matroska and WebM give times in whole milliseconds.
CONTAINER_ROUNDING_S = 1e-3
# What a file states as its length is rounded; a clip that misses less than this counts as whole.
LEAST_MISSING_S = 0.25


class Clip:
    """A video clip in a loop, shown as its file says, each of its pictures at its own time.

    The pictures' times are read from the file first; then it is decoded forwards, and from the beginning
    again where an earlier picture is asked for. Holds one picture at a time, and no open file before the
    first.
    duration_s: of the whole clip. begins_s: the time that the file gives its first picture.
    missing_s: how much of what the file says that it holds is not in it: it was cut off; 0.0 if unknown.
    Raises UsageError where there is no video in the file.
    """

    def __init__(self, path: Path, side_px: int) -> None:
        self._path = path
        self._side_px = side_px
        try:
            with open_film(path) as container:
                stream = film_stream(container)
                self._presentation = read_presentation(path, container, stream)
                times, unit_s, self._untimed, missing_s = _times(container, stream)
        except (av.error.FFmpegError, OSError, ValueError):
            times, unit_s, missing_s = [], 0.0, 0.0
        if not times or unit_s <= 0:
            raise UsageError(
                f"{printable(path)} is neither a picture nor a film that can be read here: give JPEG, PNG, "
                "MP4 or WebM, or a folder of pictures."
            )
        self._pts = [pts for pts, _ in times]
        self._times_s = [(pts - self._pts[0]) * unit_s for pts in self._pts]
        self.begins_s = self._pts[0] * unit_s
        self.missing_s = missing_s
        self.duration_s = self._times_s[-1] + (times[-1][1] * unit_s or _LAST_PICTURE_S)
        self._container: av.container.InputContainer | None = None
        self._decoded: Iterator[av.VideoFrame] = iter(())
        self._ahead: av.VideoFrame | None = None
        self._presenter = Presenter(self._presentation, side_px)
        self._number = -1
        self._picture: Pixels | None = None

    @property
    def rate_hz(self) -> float:
        """Pictures a second, as they usually follow each other: at an even rate their mean rate, and that of
        the bursts of a film in which most come in bursts."""
        gaps_s = np.diff(self._times_s)
        usual_s = float(np.median(gaps_s)) if len(gaps_s) else 0.0
        mean_hz = len(self._pts) / self.duration_s
        return max(mean_hz, 1 / usual_s) if usual_s > 0 else mean_hz

    def times_s(self, rate_hz: float) -> NDArray[np.float64]:
        """When to ask for the pictures of another film of this rate: a moment later than each is shown, since
        containers round the times of theirs."""
        return np.arange(max(1, round(self.duration_s * rate_hz))) / rate_hz + CONTAINER_ROUNDING_S

    def remarks(self, rate_hz: float) -> list[str]:
        """What is not in another film of this rate: the end of a clip that was cut off, and pictures that
        follow each other too fast. A line each."""
        name, lines = printable(self._path), []
        if self.missing_s > LEAST_MISSING_S:
            lines.append(
                f"{name} was cut off: it breaks off after {self.duration_s:.1f} s, {self.missing_s:.1f} s "
                "before its end. Only what is in it is written."
            )
        numbers = np.searchsorted(self._times_s, self.times_s(rate_hz), side="right")
        if left_out := len(self._pts) - len(np.unique(numbers)):
            lines.append(
                f"{name}: {left_out} of {len(self._pts)} pictures are left out, as they follow each other "
                f"faster than {rate_hz:.0f} a second."
            )
        return lines

    def picture_at(self, time_s: float) -> Pixels:
        number = bisect_right(self._times_s, (time_s + ROUNDING_S) % self.duration_s) - 1
        if self._picture is None or number != self._number:
            self._picture = self._decode(number)
            self._number = number
        return self._picture

    def close(self) -> None:
        self._decoded, self._ahead = iter(()), None
        if self._container is not None:
            self._container.close()
            self._container = None

    def _decode(self, number: int) -> Pixels:
        try:
            if self._container is None or number < self._number:
                self._rewind()
            frame = self._frame_at(self._pts[number])
            if frame is not None:
                return self._presenter.displayed(frame)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self.close()
            raise CameraError(
                CameraState.GARBAGE, f"{printable(self._path)} is damaged ({error}): copy it again."
            ) from None
        # This picture cannot be decoded: the one before it is shown instead.
        if self._picture is None:
            raise CameraError(CameraState.GARBAGE, f"{printable(self._path)} is damaged: copy it again.")
        return self._picture

    def _rewind(self) -> None:
        self.close()
        self._picture = None
        self._container = open_film(self._path)
        stream = film_stream(self._container)
        # More threads keep more pictures, and take the cores that the engine needs.
        stream.codec_context.thread_count = 1
        self._presenter = Presenter(self._presentation, self._side_px, stream.codec_context)
        self._decoded = deinterlaced(decodable_frames(self._container, stream, self._untimed))

    def _frame_at(self, pts: int) -> av.VideoFrame | None:
        """The last frame up to this time that was not asked for yet; None where there is none.

        Where even the first picture cannot be decoded, the first one that can.
        """
        found: av.VideoFrame | None = None
        while (frame := self._ahead or next(self._decoded, None)) is not None:
            self._ahead = None
            if frame.pts is None:
                continue
            if frame.pts > pts:
                self._ahead = frame
                break
            found = frame
            if frame.pts == pts:
                break
        return self._ahead if found is None and self._picture is None else found


def _times(
    container: av.container.InputContainer, stream: av.VideoStream
) -> tuple[list[tuple[int, int]], float, bool, float]:
    """Time and duration of each picture in their order, the unit of both in seconds, whether the film has no
    times, and the seconds that it breaks off before the end that it states.

    A file that holds nothing but a coded stream has no times: its pictures are then shown at the rate that it
    says, or at FFmpeg's 25 per second.
    """
    packets: list[tuple[int | None, int]] = []
    end_s = 0.0
    for packet in readable_packets(container):
        duration = packet.duration or 0
        if packet.pts is not None and packet.size:
            end_s = max(end_s, float((packet.pts + duration) * (packet.time_base or 0)))
        if packet.stream_index == stream.index and packet.size and not packet.is_discard:
            packets.append((packet.pts, duration))
    stated_s = ((container.start_time or 0) + (container.duration or 0)) / av.time_base
    missing_s = max(0.0, stated_s - end_s) if container.duration and end_s else 0.0
    times = sorted((pts, duration) for pts, duration in packets if pts is not None)
    if packets and not times:
        rate_hz = float(stream.average_rate or 25)
        return [(number, 1) for number in range(len(packets))], 1 / rate_hz, True, 0.0
    return times, float(stream.time_base or 0), False, missing_s
