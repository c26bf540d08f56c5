"""Films that play on every phone: H.264 in MP4, 8 bit 4:2:0, BT.709, the index before the pictures."""

import os
from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from installation.outputs import marks

FPS, CRF = 30, 20

# H.264 level 4.2 (ITU-T H.264, table A-1), in macroblocks of 16x16 pixels.
_MACROBLOCKS_PER_FRAME = 8704
_MACROBLOCKS_PER_SECOND = 522240
# ITU-T H.273, the code for BT.709 in all three tables (primaries, transfer, matrix).
_BT709 = 1


def write_film(path: Path, frames: Iterable[NDArray[np.uint8]], fps: int = FPS, crf: int = CRF) -> int:
    """Write `frames`, each uint8 (H, W, 3) RGB with even H and W, all of one size, and return their number.

    The film lasts exactly that number / `fps` seconds, is marked as synthetic and carries no other
    metadata. `crf` is x264's quality: 0 lossless, 18 very good, 28 poor. The file appears at `path` when it
    is complete; on any exception nothing is left. Raises ValueError for frames that phones do not play.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        count = _write(partial, frames, fps, crf)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def film_bytes(frames: Iterable[NDArray[np.uint8]], fps: int = FPS, crf: int = CRF) -> bytes:
    """The same film as bytes. It never touches a disk: the file it is written to exists in memory only."""
    descriptor = os.memfd_create("film")
    try:
        path = Path(f"/proc/self/fd/{descriptor}")
        _write(path, frames, fps, crf)
        return path.read_bytes()
    finally:
        os.close(descriptor)


def _write(path: Path, frames: Iterable[NDArray[np.uint8]], fps: int, crf: int) -> int:
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError("a film needs at least one frame")
    height, width = first.shape[:2]
    _check_playable(width, height, fps)
    count = _encode(path, chain([first], frames), width, height, fps, crf)
    marks.mark_mp4(path)
    return count


def _check_playable(width: int, height: int, fps: int) -> None:
    if width % 2 or height % 2:
        raise ValueError(f"a film's width and height must be even, not {width}x{height}")
    macroblocks = -(-width // 16) * -(-height // 16)
    if macroblocks > _MACROBLOCKS_PER_FRAME or macroblocks * fps > _MACROBLOCKS_PER_SECOND:
        raise ValueError(f"{width}x{height} at {fps} frames a second is more than H.264 level 4.2 allows")


def _encode(
    path: Path, frames: Iterable[NDArray[np.uint8]], width: int, height: int, fps: int, crf: int
) -> int:
    count = 0
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream = container.add_stream(
            "libx264",
            rate=fps,
            options={"crf": str(crf), "preset": "veryfast", "profile": "high", "level": "4.2"},
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        codec.color_primaries = codec.color_trc = codec.colorspace = _BT709
        codec.color_range = ColorRange.MPEG
        for count, picture in enumerate(frames, start=1):
            if picture.shape != (height, width, 3):
                raise ValueError(f"frame {count} is {picture.shape}, the first one {(height, width, 3)}")
            frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture), format="rgb24").reformat(
                format="yuv420p",
                src_color_range=ColorRange.JPEG,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            frame.pts, frame.time_base = count - 1, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return count
