"""What the clients of the engine and of the delivery share: a thread that talks to another process."""

import os
import select
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from engine.runtime.channel import ReceivedMessage
from installation.workers.supervision import ResilientService


class Peer(Protocol):
    """What can be sent messages and received from: a `Channel`, or a backend that has one."""

    def send(self, message: Any) -> None:
        """Raises OSError where the other side has ended or takes nothing any more."""

    def receive(self) -> ReceivedMessage:
        """Raises EOFError where the other side has ended."""

    def fileno(self) -> int:
        """For `select`: readable when `receive` would not block."""


class ProcessClient(ResilientService):
    """A service whose thread sends what is due to another process and handles what that process says.

    The stage's thread queues what is to be sent, calls `_wake`, and never waits. The service's thread calls
    `_exchange` again and again.
    """

    attention_s = 1.0  # an `_exchange` waits no longer than this

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(name, clock)
        self._deadline_s: float | None = None  # on `clock`: by then the process has to say something
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def stop(self) -> None:
        """Ends the service, at once where it waits for its process."""
        self.stopping.set()
        self._wake()
        super().stop()

    def restart(self) -> None:
        """Has the service set up again, at once where it waits for its process."""
        super().restart()
        self._wake()

    def _wake(self) -> None:
        """Ends the wait of the service's thread, from any thread."""
        with suppress(BlockingIOError):  # it is full of calls already
            os.write(self._waker, b".")

    def _exchange(self, peer: Peer) -> None:
        """Sends what is due, waits at most `attention_s`, and handles one message if one has come.

        Raises ServiceError where the process has ended or is silent for too long.
        """
        self._send_due(peer)
        readable, _, _ = select.select(
            [self._woken, peer.fileno()] if self._has_room() else [self._woken], [], [], self.attention_s
        )
        if self._woken in readable:
            os.read(self._woken, 4096)
        if peer.fileno() in readable:
            try:
                received = peer.receive()
            except EOFError:
                self._process_ended()
            else:
                self._handle(received)
        if self._deadline_s is not None and self.clock() > self._deadline_s:
            self._process_hangs()

    def _has_room(self) -> bool:
        """Whether another message can be taken; if not, the process waits."""
        return True

    @abstractmethod
    def _send_due(self, peer: Peer) -> None:
        """Sends what is to be sent now."""

    @abstractmethod
    def _handle(self, received: ReceivedMessage) -> None:
        """Deals with one message."""

    @abstractmethod
    def _process_ended(self) -> None:
        """The other side has closed the connection. Raises ServiceError."""

    @abstractmethod
    def _process_hangs(self) -> None:
        """`_deadline_s` has passed. Raises ServiceError."""
