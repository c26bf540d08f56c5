"""What a sender is answered: `/done` or `/error`."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from engine.common.errors import DoppelgangerError
from installation.control.protocol.packets import encode
from installation.control.show.disk_tasks import DiskTasks
from installation.control.transports.inbox import Peer
from installation.settings.parameters import printable
from installation.workers.error_log_throttle import ErrorLogThrottle


class CommandRefused(Exception):
    """A command is not carried out; the message, for the sender, says why."""


class Replies:
    """Answers senders and counts what is refused. `clock` gives monotonic seconds, the stage's."""

    def __init__(
        self, error_log: ErrorLogThrottle, disk_tasks: DiskTasks, clock: Callable[[], float]
    ) -> None:
        self._error_log = error_log
        self._disk_tasks = disk_tasks
        self._clock = clock

    def done(self, peer: Peer, address: str, detail: str | None) -> None:
        """Sends `/done`, unless `detail` is None: then the command has been or will be answered otherwise."""
        if detail is not None:
            peer.send(encode("/done", address, detail))

    def refuse(self, peer: Peer, address: str, kind: str, reason: str) -> None:
        """Sends `/error`, and counts it in the log as one more of `kind`."""
        self._error_log.note(kind, f"{printable(address)}: {reason} From {peer.host}")
        peer.send(encode("/error", printable(address), reason))

    def after_disk_task(
        self, work: Callable[[], Any], peer: Peer, address: str, then: Callable[[Any, float], str | None]
    ) -> None:
        """Runs `work` on the disk's thread and later, on the stage's, `then(its result, now_s)`.

        What `then` returns is the detail of `/done`; an error of `work` is answered with `/error`.

        Raises:
            CommandRefused: too many tasks are waiting.
        """

        def finish(future: Future[Any]) -> None:
            try:
                self.done(peer, address, then(future.result(), self._clock()))
            except (DoppelgangerError, OSError) as error:
                self.refuse(peer, address, "refused command", str(error))

        if not self._disk_tasks.run(work, finish):
            raise CommandRefused("still busy with what was asked before")
