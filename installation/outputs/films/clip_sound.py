"""The sound of a clip, given out in order for another film: mono, int16, `RATE_HZ` samples a second."""

import os
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from engine.common.errors import UsageError, printable
from installation.outputs.films.soundtrack import Samples
from installation.stage.sound import RATE_HZ


class ClipSound:
    """Decodes a clip's sound as far as it is asked for; a context manager.

    Each sample keeps its time: where the clip has no sound, or none that can be decoded, there is silence.
    """

    def __init__(self, path: Path, begins_s: float) -> None:
        """begins_s: the time in the clip's own count that becomes 0."""
        self._given = 0  # samples that have been taken
        self._ahead: tuple[int, Samples] | None = None  # a block that reaches beyond them
        self._container = av.open(os.path.abspath(path))
        self._blocks = self._decoded(round(begins_s * RATE_HZ))

    def __enter__(self) -> "ClipSound":
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks = iter(())
        self._container.close()

    def take(self, until_s: float) -> Samples:
        """The samples (N,) from the end of the last `take` to a time; silence where nothing sounds."""
        begin, end = self._given, max(round(until_s * RATE_HZ), self._given)
        self._given = end
        taken = np.zeros(end - begin, np.int16)
        while (block := self._ahead or next(self._blocks, None)) is not None:
            self._ahead = None
            first, samples = block
            low, high = max(first, begin), min(first + len(samples), end)
            if low < high:
                taken[low - begin : high - begin] = samples[low - first : high - first]
            if first + len(samples) > end:
                self._ahead = block
                break
        return taken

    def _decoded(self, shift: int) -> Iterator[tuple[int, Samples]]:
        """Blocks of samples, each with the number of its first one."""
        stream = self._container.streams.best("audio")
        if stream is None:
            return
        resampler = av.AudioResampler("s16", "mono", RATE_HZ)
        try:
            for packet in self._container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.FFmpegError:
                    continue
                for frame in frames:
                    if not isinstance(frame, av.AudioFrame):
                        continue
                    for block in resampler.resample(frame):
                        if block.pts is not None and block.time_base is not None:
                            first = round(block.pts * block.time_base * RATE_HZ) - shift
                            yield first, np.asarray(block.to_ndarray()[0], np.int16)
        except (av.error.FFmpegError, OSError):
            return


def read_sound(path: Path, longest_s: float) -> Samples:
    """The whole sound of a file, int16 (N,), mono, `RATE_HZ` samples a second.

    Raises UsageError where there is none that can be decoded, or one of more than `longest_s`.
    """
    if not has_sound(path):
        raise UsageError(f"{printable(path)}: has no sound that can be read. Give WAV, MP3, M4A or a film.")
    with av.open(os.path.abspath(path)) as container:
        begins_s, lasts_s = (
            (each or 0) / av.time_base for each in (container.start_time, container.duration)
        )
    if not 0 < lasts_s <= longest_s:
        raise UsageError(
            f"{printable(path)}: lasts {lasts_s:.0f} seconds. Give a sound of at most {longest_s:.0f}."
        )
    with ClipSound(path, begins_s) as sound:
        return sound.take(lasts_s)


def has_sound(path: Path) -> bool:
    """Whether a clip has a sound that there is a decoder for."""
    try:
        with av.open(os.path.abspath(path)) as container:
            stream = container.streams.best("audio")
            decoder: object = None if stream is None else stream.codec_context
            return decoder is not None
    except (av.error.FFmpegError, OSError):
        return False
