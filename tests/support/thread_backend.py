"""A second backend of the engine client: the worker runs on a thread of this process.

Nothing of the client knows the difference. A thread cannot be killed: `stop` closes its channel, so it ends
when it next looks there.
"""

import threading
from collections.abc import Callable
from contextlib import closing, suppress

from engine.runtime.channel import Channel
from installation.workers.engine_backend import ChannelBackend


class ThreadBackend(ChannelBackend):
    """`worker(channel, first_person, lock_step)` is what answers, such as `engine.runtime.worker.serve`."""

    def __init__(self, worker: Callable[[Channel, int, bool], None]) -> None:
        super().__init__()
        self._worker = worker
        self._thread: threading.Thread | None = None
        self.starts: list[tuple[int, bool]] = []

    def start(self, first_person: int, lock_step: bool) -> None:
        self.starts.append((first_person, lock_step))
        self._channel, theirs = Channel.pair()
        self._thread = threading.Thread(target=self._run, args=(theirs, first_person, lock_step), daemon=True)
        self._thread.start()

    def _run(self, channel: Channel, first_person: int, lock_step: bool) -> None:
        with closing(channel), suppress(EOFError, OSError):
            self._worker(channel, first_person, lock_step)

    def exit_reason(self) -> str:
        return "The engine's thread has ended."

    def stop(self) -> None:
        if self._channel is not None and self._thread is not None:
            self._channel.close()
            self._thread.join(30.0)
            assert not self._thread.is_alive()
        self._channel = self._thread = None
