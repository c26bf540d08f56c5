"""Films for every phone, or of any size: H.264 in MP4, 8 bit 4:2:0, BT.709, the index before the pictures.

With a soundtrack it has one of AAC beside the pictures.
"""

import os
from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from engine.common.atomic_file import replacing
from engine.common.subjects import Subjects
from installation.outputs import marks
from installation.outputs.films.soundtrack import SoundSource
from installation.stage.sound import RATE_HZ

# H.264 level 4.2 (ITU-T H.264, table A-1), in macroblocks of 16x16 pixels.
_MACROBLOCKS_PER_FRAME = 8704
_MACROBLOCKS_PER_SECOND = 522240
# ITU-T H.273, the code for BT.709 in all three tables (primaries, transfer, matrix).
_BT709 = 1
_SOUND_BITS_PER_S = 128_000


def write_film(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    fps: int = 30,
    crf: int = 20,
    soundtrack: SoundSource | None = None,
    source_type: str | None = marks.TRAINED_ALGORITHMIC_MEDIA,
) -> int:
    """Write `frames`, each uint8 (H, W, 3) RGB of one size, and return their number; see `Film`.

    soundtrack: the film's sound, which `frames` may add to as it goes.

    The file appears at `path` when it is complete; on any exception nothing is left. Raises ValueError for no
    frames, and as `Film` does.
    """
    with replacing(path) as temporary:
        return _write(temporary, frames, fps, crf, soundtrack, source_type)


def film_bytes(
    frames: Iterable[NDArray[np.uint8]],
    fps: int = 30,
    crf: int = 20,
    soundtrack: SoundSource | None = None,
    source_type: str | None = marks.TRAINED_ALGORITHMIC_MEDIA,
) -> bytes:
    """The same film as bytes, written to a file in memory only (memfd_create(2))."""
    memory = os.memfd_create("film")
    try:
        path = Path(f"/proc/self/fd/{memory}")
        _write(path, frames, fps, crf, soundtrack, source_type)
        return path.read_bytes()
    finally:
        os.close(memory)


def _write(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    fps: int,
    crf: int,
    soundtrack: SoundSource | None,
    source_type: str | None,
) -> int:
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError("a film needs at least one frame")
    height, width = first.shape[:2]
    with Film(path, width, height, fps, crf, soundtrack=soundtrack, source_type=source_type) as film:
        for frame in chain([first], frames):
            film.add(frame)
    return film.count


class Film:
    """Writes a film to `path` frame by frame; a context manager.

    It lasts exactly `count` / `fps` seconds, has the mark of `source_type` and no other metadata. `crf` is
    x264's quality: 0 lossless, 18 very good, 28 poor. for_phones: raises ValueError for sizes and rates that
    phones do not play; else every size up to x264's own is taken, and odd ones get one more row or column, a
    copy of the last. soundtrack: what is heard; taken as far as the pictures have come with each of them.
    subjects: whose faces are shown, for the mark; None where it says nothing of that. source_type: see
    `installation.outputs.marks`; None of photographs alone.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: int = 30,
        crf: int = 20,
        for_phones: bool = True,
        soundtrack: SoundSource | None = None,
        subjects: Subjects | None = None,
        source_type: str | None = marks.TRAINED_ALGORITHMIC_MEDIA,
    ) -> None:
        if for_phones:
            _check_playable(width, height, fps)
        self.count = 0
        self._path, self._shape, self._fps = path, (height, width, 3), fps
        self._subjects, self._source_type = subjects, source_type
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        # Absolute, since FFmpeg takes `12:30.mp4` for a protocol `12`.
        self._container = av.open(os.path.abspath(path), "w", format="mp4", options=options)
        self._stream = self._container.add_stream(
            "libx264",
            rate=fps,
            options={"crf": str(crf), "preset": "veryfast", "profile": "high"}
            | ({"level": "4.2"} if for_phones else {}),
        )
        # 4:2:0 has one colour for two pixels.
        self._padding = ((0, height % 2), (0, width % 2), (0, 0))
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = "yuv420p"
        codec = self._stream.codec_context
        codec.color_primaries = codec.color_trc = codec.colorspace = _BT709
        codec.color_range = ColorRange.MPEG
        self._soundtrack, self._sound_count = soundtrack, 0
        if soundtrack is not None:
            self._sound_stream = self._container.add_stream(
                "aac", rate=RATE_HZ, layout="mono", options={"flags": "+bitexact"}
            )
            self._sound_stream.bit_rate = _SOUND_BITS_PER_S

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Adds a frame, uint8 (H, W, 3) RGB. Raises ValueError for another size than the film's."""
        if picture.shape != self._shape:
            raise ValueError(f"frame {self.count + 1} is {picture.shape}, the film {self._shape}")
        even = np.pad(picture, self._padding, "edge") if np.any(self._padding) else picture
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(even), format="rgb24").reformat(
            format="yuv420p",
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts, frame.time_base = self.count, Fraction(1, self._fps)
        self._container.mux(self._stream.encode(frame))
        self.count += 1
        self._add_sound()

    def _add_sound(self) -> None:
        """Encodes the sound up to the end of the last picture."""
        if self._soundtrack is None:
            return
        samples = self._soundtrack.take(self.count / self._fps)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE_HZ, Fraction(1, RATE_HZ)
        frame.pts = self._sound_count
        self._sound_count += len(samples)
        self._container.mux(self._sound_stream.encode(frame))

    def __enter__(self) -> "Film":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._container.mux(self._stream.encode())
            if self._soundtrack is not None:
                self._container.mux(self._sound_stream.encode())
        self._container.close()
        if kind is None and self._source_type is not None:
            marks.mark_mp4(self._path, self._subjects, self._source_type)


def _check_playable(width: int, height: int, fps: int) -> None:
    if width % 2 or height % 2:
        raise ValueError(f"a film's width and height must be even, not {width}x{height}")
    macroblocks = -(-width // 16) * -(-height // 16)
    if macroblocks > _MACROBLOCKS_PER_FRAME or macroblocks * fps > _MACROBLOCKS_PER_SECOND:
        raise ValueError(f"{width}x{height} at {fps} frames a second is more than H.264 level 4.2 allows")
