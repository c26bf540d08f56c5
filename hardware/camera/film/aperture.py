"""Reads the clean aperture of MP4 and QuickTime films: the part of each frame that is meant to be shown.

FFmpeg 8 reads it too, but PyAV does not hand it on. Other containers are left to the codec's own cropping.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# ISO/IEC 14496-12: a sample entry has so many bytes before its boxes, the box's own header included.
_VISUAL_SAMPLE_ENTRY_BYTES = 86
_LARGEST_ENTRY_BYTES = 1 << 20


@dataclass(frozen=True)
class Aperture:
    """Width and height in pixels, and how far its middle lies right of and below the frame's, in pixels."""

    width: float
    height: float
    right: float
    down: float

    def inside(self, width: int, height: int) -> tuple[slice, slice]:
        """Rows and columns of a frame of this size; the whole frame where the aperture does not fit in it."""
        left, top = (width - self.width) / 2 + self.right, (height - self.height) / 2 + self.down
        edges = round(left), round(left + self.width), round(top), round(top + self.height)
        if not (0 <= edges[0] < edges[1] <= width and 0 <= edges[2] < edges[3] <= height):
            return slice(0, height), slice(0, width)
        return slice(edges[2], edges[3]), slice(edges[0], edges[1])


def clean_aperture(path: Path, track: int) -> Aperture | None:
    """That of the track with this number, from its first sample entry; None where there is none."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            for kind, begin, stop in _boxes(file, 0, end):
                if kind == b"moov":
                    return _of_track(file, begin, stop, track)
    except (OSError, struct.error, ZeroDivisionError):
        pass
    return None


def _of_track(file: BinaryIO, begin: int, stop: int, track: int) -> Aperture | None:
    for kind, inside, after in _boxes(file, begin, stop):
        if kind == b"trak" and _track_number(file, inside, after) == track:
            table = _find(file, (inside, after), b"mdia", b"minf", b"stbl", b"stsd")
            if table is None:
                return None
            # Version, flags and the number of entries come before the first one.
            entry = next(_boxes(file, table[0] + 8, table[1]), None)
            if entry is None:
                return None
            boxes = entry[1] - 8 + _VISUAL_SAMPLE_ENTRY_BYTES, min(entry[2], entry[1] + _LARGEST_ENTRY_BYTES)
            found = _find(file, boxes, b"clap")
            return _read(file, found[0]) if found else None
    return None


def _track_number(file: BinaryIO, begin: int, stop: int) -> int | None:
    header = _find(file, (begin, stop), b"tkhd")
    if header is None:
        return None
    file.seek(header[0])
    version = file.read(1)
    file.seek(header[0] + (20 if version == b"\1" else 12))
    (number,) = struct.unpack(">I", file.read(4))
    return int(number)


def _read(file: BinaryIO, begin: int) -> Aperture:
    """ISO/IEC 14496-12, 12.1.4: four fractions; offsets may be negative."""
    file.seek(begin)
    values = struct.unpack(">IIIIiIiI", file.read(32))
    width, height, right, down = (values[i] / values[i + 1] for i in range(0, 8, 2))
    return Aperture(width, height, right, down)


def _find(file: BinaryIO, inside: tuple[int, int], *kinds: bytes) -> tuple[int, int] | None:
    """Where the content of the first such box in a box in a box ... begins and ends."""
    for kind in kinds:
        found = next((box for box in _boxes(file, *inside) if box[0] == kind), None)
        if found is None:
            return None
        inside = found[1:]
    return inside


def _boxes(file: BinaryIO, begin: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each box, and where its content begins and ends."""
    while begin + 8 <= stop:
        file.seek(begin)
        size, kind = struct.unpack(">I4s", file.read(8))
        content = begin + 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            content += 8
        after = stop if size == 0 else begin + size
        if after < content or after > stop:
            return
        yield kind, content, after
        begin = after
