"""The film for the visitor's phone, rendered in a process of its own while the border scene is on the screen.

A film that is to show the meeting as well waits for that. It is made in memory, never on a disk, and
everything the process held of the visit ends with it.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue

from engine.common.arrays import Pixels
from engine.pipeline.result import PortrayalResult
from engine.runtime.channel import Channel
from hardware.memory import forbid_core_dumps
from installation.outputs.films.meeting_film import RecordedMeeting
from installation.stage.view import GroupView
from installation.workers.child_process import ChildProcess

NICENESS = 15  # the window and the engine go first


@dataclass(frozen=True, eq=False)
class RenderFilm:
    """The request: a film of a result's crossing. synthetic: whether the sitter is a synthetic person. meets:
    a `RecordedMeeting` follows, or None."""

    result: PortrayalResult
    language: str
    synthetic: bool
    meets: bool


@dataclass(frozen=True, eq=False)
class RenderGroupFilm:
    """The request: a film of a group portrait."""

    group: GroupView
    language: str


@dataclass(frozen=True, eq=False)
class FilmReady:
    """The reply. film: a whole MP4 file."""

    film: bytes


class FilmWorker:
    """Makes one film at a time. Only `wait` blocks."""

    def __init__(self) -> None:
        self._job: _FilmJob | None = None

    def begin(self, result: PortrayalResult, language: str, synthetic: bool, meets: bool = False) -> None:
        """Starts a film of the crossing in a language, in place of any other; see `RenderFilm`. With `meets`
        it is not done before `finish`."""
        self.drop()
        self._job = _FilmJob(RenderFilm(result, language, synthetic, meets))

    def begin_group(self, group: GroupView, language: str) -> None:
        """Starts a film of a group portrait, in place of any other."""
        self.drop()
        self._job = _FilmJob(RenderGroupFilm(group, language))

    def finish(self, meeting: RecordedMeeting | None) -> None:
        """Adds what is to be shown of the meeting, where a film waits for it; None: nothing."""
        if self._job is not None:
            self._job.meeting.put(meeting)

    @property
    def done(self) -> bool:
        """Whether no film is being made."""
        return self._job is None or not self._job.thread.is_alive()

    def wait(self) -> None:
        """Waits until it is done; only for a virtual clock."""
        if self._job is not None:
            self._job.thread.join()

    @property
    def film(self) -> bytes | None:
        """The finished film as an MP4, or None where there is none."""
        return self._job.film if self._job is not None and self.done else None

    def drop(self) -> None:
        """Discards film and pictures, finished or not."""
        if self._job is not None:
            self._job.cancel()
        self._job = None


class _FilmJob:
    """One film: its process, and the thread that sends the pictures there and waits for the film."""

    def __init__(self, request: RenderFilm | RenderGroupFilm) -> None:
        self.film: bytes | None = None
        self.meeting: SimpleQueue[RecordedMeeting | None] = SimpleQueue()
        self._child: ChildProcess | None = None
        self._cancelled = False
        self.thread = threading.Thread(target=self._run, args=(request,), name="film worker", daemon=True)
        self.thread.start()

    def cancel(self) -> None:
        self._cancelled = True
        self.film = None
        self.meeting.put(None)
        if self._child is not None:
            self._child.kill()

    def _run(self, request: RenderFilm | RenderGroupFilm) -> None:
        child = self._child = ChildProcess("film worker", _render_film)
        if self._cancelled:  # before there was a process to be killed
            child.kill()
        film = None
        try:
            child.channel.send(request)
            if isinstance(request, RenderFilm) and request.meets:
                child.channel.send(self.meeting.get())
            received = child.channel.receive()
            film = received.message.film
            received.erase()
        except (EOFError, OSError):
            pass  # it has failed or was killed: there is no film
        child.close()
        if not self._cancelled:
            self.film = film


def _render_film(channel: Channel) -> None:
    """What the process runs: one request, one reply."""
    forbid_core_dumps()
    os.nice(NICENESS)
    from installation.outputs.films import border_film, film, meeting_film, scene_film
    from installation.outputs.films.soundtrack import Soundtrack
    from installation.outputs.group import film as group_film
    from installation.outputs.group.marking import source_type_of
    from installation.settings.texts import Texts

    request: RenderFilm | RenderGroupFilm = channel.receive().message
    text = Texts.load(request.language)
    if isinstance(request, RenderGroupFilm):
        pictures = group_film.frames(request.group, text)
        source_type = source_type_of(request.group.faces)
        channel.send(FilmReady(film.film_bytes(pictures, scene_film.FPS, source_type=source_type)))
        return
    soundtrack = Soundtrack()

    def of_visit() -> Iterator[Pixels]:
        yield from border_film.frames(
            request.result, text, soundtrack=soundtrack, synthetic=request.synthetic
        )
        recorded = channel.receive().message if request.meets else None
        if recorded is not None:
            yield from meeting_film.frames(recorded, text, soundtrack, border_film.DURATION_S)

    channel.send(FilmReady(film.film_bytes(of_visit(), scene_film.FPS, soundtrack=soundtrack)))
