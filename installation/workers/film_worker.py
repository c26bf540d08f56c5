"""The film for the visitor's phone, rendered in a process of its own while the border scene is on the screen.

It is made in memory, never on a disk, and everything the process held of the visit ends with it.
"""

import os
import threading
from dataclasses import dataclass

from engine.pipeline.result import PortrayalResult
from engine.runtime.channel import Channel
from hardware.memory import forbid_core_dumps
from installation.workers.child_process import ChildProcess

NICENESS = 15  # the window and the engine go first


@dataclass(frozen=True, eq=False)
class RenderFilm:
    """The request: a film of a result's crossing. synthetic: whether the sitter is a synthetic person."""

    result: PortrayalResult
    language: str
    synthetic: bool


@dataclass(frozen=True, eq=False)
class FilmReady:
    """The reply. film: a whole MP4 file."""

    film: bytes


class FilmWorker:
    """Makes one film at a time. Only `wait` blocks."""

    def __init__(self) -> None:
        self._job: _FilmJob | None = None

    def begin(self, result: PortrayalResult, language: str, synthetic: bool) -> None:
        """Starts a film of the crossing in a language, in place of any other; see `RenderFilm`."""
        self.drop()
        self._job = _FilmJob(RenderFilm(result, language, synthetic))

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

    def __init__(self, request: RenderFilm) -> None:
        self.film: bytes | None = None
        self._child: ChildProcess | None = None
        self._cancelled = False
        self.thread = threading.Thread(target=self._run, args=(request,), name="film worker", daemon=True)
        self.thread.start()

    def cancel(self) -> None:
        self._cancelled = True
        self.film = None
        if self._child is not None:
            self._child.kill()

    def _run(self, request: RenderFilm) -> None:
        child = self._child = ChildProcess("film worker", _render_film)
        if self._cancelled:  # before there was a process to be killed
            child.kill()
        film = None
        try:
            child.channel.send(request)
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
    from installation.outputs.border_film import FPS, frames
    from installation.outputs.film import film_bytes
    from installation.outputs.soundtrack import Soundtrack
    from installation.settings.texts import Texts

    request: RenderFilm = channel.receive().message
    soundtrack, text = Soundtrack(), Texts.load(request.language)
    pictures = frames(request.result, text, soundtrack=soundtrack, synthetic=request.synthetic)
    channel.send(FilmReady(film_bytes(pictures, FPS, soundtrack=soundtrack)))
