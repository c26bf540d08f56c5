"""Opens a film and decodes as much of it as can be decoded: what is damaged is passed over."""

import os
from collections.abc import Iterator
from pathlib import Path

import av

from engine.common.errors import UsageError, printable

# FFmpeg's names for the containers that are never a single picture.
_FILM_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska,webm",
    *("avi", "mpegts", "mpeg", "ogg", "asf", "flv", "mxf"),
)


def open_film(path: Path) -> av.container.InputContainer:
    """Raises FFmpegError. The path is made absolute, since FFmpeg takes `12:30.mp4` for a protocol `12`."""
    return av.open(os.path.abspath(path))


def film_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The video stream that FFmpeg's player chooses, not the cover picture.

    Raises ValueError where there is none, or none that FFmpeg has a decoder for.
    """
    stream = container.streams.best("video")
    if not isinstance(stream, av.VideoStream):
        raise ValueError("no video")
    decoder: object = stream.codec_context  # None without a decoder, which PyAV's types do not say
    if decoder is None:
        raise ValueError("no decoder")
    return stream


def is_film(path: Path) -> bool:
    """Whether a file is a film by its content, whatever its name says. FFmpeg reads single pictures, too."""
    try:
        with open_film(path) as container:
            film_stream(container)
            return container.format.name in _FILM_CONTAINERS
    except (av.error.FFmpegError, OSError, ValueError):
        return False


def check_film(path: Path) -> None:
    """Raises UsageError with the reason where a file is no film by its content."""
    if is_film(path):
        return
    name = printable(path)
    if not path.exists():
        raise UsageError(f"{name} does not exist: check the name and the folder.")
    if path.is_dir():
        raise UsageError(f"{name} is a folder: give one film in it.")
    try:
        with open_film(path) as container:
            kinds = {stream.type for stream in container.streams}
    except (av.error.FFmpegError, OSError, ValueError):
        kinds = set()
    if "audio" in kinds and "video" not in kinds:
        raise UsageError(f"{name} has no pictures, only sound. Give MP4, MOV or WebM.")
    raise UsageError(
        f"{name} is no film that can be read: it is damaged, cut off or something else. Copy it again, or "
        "give MP4, MOV or WebM."
    )


def readable_packets(container: av.container.InputContainer, *streams: av.VideoStream) -> Iterator[av.Packet]:
    """The packets of these streams, or of all, up to the end of the film or to where its container cannot be
    read further."""
    try:
        yield from container.demux(*streams)
    except (av.error.FFmpegError, OSError):
        return


def decodable_frames(
    container: av.container.InputContainer, stream: av.VideoStream, untimed: bool
) -> Iterator[av.VideoFrame]:
    """The stream's frames without those that cannot be decoded. Reads the film once, and no further.

    untimed: the packets have no times, as in a file that holds nothing but a coded stream; the frames' times
    are then their numbers.
    """
    for number, frame in enumerate(_decoded(container, stream)):
        if untimed:
            frame.pts = number
        yield frame


def _decoded(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    decoder = stream.codec_context
    for packet in readable_packets(container, stream):
        try:
            yield from decoder.decode(packet)
        except av.error.FFmpegError:
            continue
    try:  # a film cut short has no last packet, which asks the decoder for the frames that it holds back
        yield from decoder.decode(None)
    except av.error.FFmpegError:
        return
