"""The film for the visitor's phone, made while the border is being shown, in a process that ends with it.

Nothing of it is on a disk, and what the process held of the visit goes with the process.
"""

import multiprocessing
import os
import threading
from multiprocessing.connection import Connection

from engine.border.strip import Strip
from hardware.memory import forbid_core_dumps

NICENESS = 15  # the window and the engine go first


class FilmWorker:
    """Makes one film at a time; nothing here waits but `wait`."""

    def __init__(self) -> None:
        self._making: _Making | None = None

    def begin(self, strip: Strip, language: str) -> None:
        """Starts on the film of this way, with the words of that language."""
        self.drop()
        self._making = _Making(strip, language)

    @property
    def done(self) -> bool:
        """Whether nothing is being made (any more)."""
        return self._making is None or not self._making.thread.is_alive()

    def wait(self) -> None:
        """Until it is done: only for a virtual clock."""
        if self._making is not None:
            self._making.thread.join()

    @property
    def film(self) -> bytes | None:
        """The finished film as an MP4, or None where there is none."""
        return self._making.film if self._making is not None and self.done else None

    def drop(self) -> None:
        """Forgets film and strip, finished or not."""
        if self._making is not None:
            self._making.end()
        self._making = None


class _Making:
    """One film, its process, and the thread that talks to it: handing over the pictures takes a while."""

    def __init__(self, strip: Strip, language: str) -> None:
        self.film: bytes | None = None
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe(duplex=False)
        self._process = context.Process(target=_make, args=(there, strip, language), daemon=True)
        self._over = False
        self.thread = threading.Thread(target=self._talk, args=(there,), name="film worker", daemon=True)
        self.thread.start()

    def end(self) -> None:
        self._over = True
        self.film = None
        if self._process.pid is not None:
            self._process.kill()

    def _talk(self, there: Connection) -> None:
        with self._here:
            with there:
                self._process.start()
            if self._over:
                self._process.kill()
            try:
                film = self._here.recv_bytes()
            except EOFError:
                film = None
            self._process.join()
        if not self._over:
            self.film = film


def _make(end: Connection, strip: Strip, language: str) -> None:
    forbid_core_dumps()
    os.nice(NICENESS)
    from installation.outputs.film import film_bytes
    from installation.outputs.morph import frames
    from installation.settings.texts import Texts

    end.send_bytes(film_bytes(frames(strip, text=Texts.load(language))))
