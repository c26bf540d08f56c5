"""A process of this program that works for one client, and this side's end of the channel to it."""

import multiprocessing
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from engine.runtime.channel import Channel


class ChildProcess:
    """Starts `target(channel, *arguments)` in a fresh interpreter, which imports nothing of this one.

    `target` must be found by name in its module. Any process that holds a visitor's pictures calls
    `hardware.memory.forbid_core_dumps` first.
    """

    def __init__(self, name: str, target: Callable[..., None], *arguments: Any) -> None:
        self.channel, theirs = Channel.pair()
        self._name = name
        self._process = multiprocessing.get_context("spawn").Process(
            target=target, args=(theirs, *arguments), name=name, daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        """Ends it at once, from any thread: it has nothing to save."""
        with suppress(ValueError):  # closed already
            self._process.kill()

    def close(self) -> None:
        """Ends it, and waits until it has ended."""
        self.kill()
        self._process.join()
        self._process.close()
        self.channel.close()

    def exit_reason(self) -> str:
        """Why its end of the channel is closed, in one line."""
        self._process.join(5.0)
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"The {self._name}'s process was ended by {signal.Signals(-code).name}."
        return f"The {self._name}'s process has ended by itself."
