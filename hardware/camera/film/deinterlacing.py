"""Weaves the two fields of interlaced frames into one picture without combs."""

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.filter import Graph

# One picture for each frame; frames that are not marked as interlaced pass unchanged.
_FILTER, _OPTIONS = "bwdif", "mode=send_frame:deint=interlaced"


def deinterlaced(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The frames in their order, with their times. From the first interlaced one on, each needs the next."""
    weaver: _Weaver | None = None
    for frame in frames:
        if weaver is not None and not weaver.takes(frame):
            yield from weaver.rest()
            weaver = None
        if weaver is None and frame.interlaced_frame:
            weaver = _Weaver(frame)
        if weaver is None:
            yield frame
        else:
            yield from weaver.push(frame)
    if weaver is not None:
        yield from weaver.rest()


class _Weaver:
    """FFmpeg's bwdif filter for frames of one size and format."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self._kind = _kind(frame)
        self._times: deque[tuple[int | None, Fraction | None]] = deque()
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        self._graph.link_nodes(source, self._graph.add(_FILTER, _OPTIONS), self._graph.add("buffersink"))
        self._graph.configure()

    def takes(self, frame: av.VideoFrame) -> bool:
        return _kind(frame) == self._kind

    def push(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        if frame is not None:
            self._times.append((frame.pts, frame.time_base))
        self._graph.vpush(frame)
        while self._times:
            try:
                woven = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            woven.pts, woven.time_base = self._times.popleft()  # the filter counts in half units
            yield woven

    def rest(self) -> Iterator[av.VideoFrame]:
        """The last frames, which waited for a next one."""
        yield from self.push(None)


def _kind(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
