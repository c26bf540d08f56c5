"""One engine of the rendering server: a service whose thread talks to it, visit by visit.

The engine is started again when it fails, and after some visits. What it sends is encoded here, on this
thread, and its memory overwritten at once; the server's event loop gets bytes only.
"""

import itertools
import logging
import queue
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from engine.common.errors import DoppelgangerError
from engine.runtime.channel import ReceivedMessage
from engine.runtime.codec import REPLIES, EncodedMessage, InvalidMessage, encode
from engine.runtime.messages import (
    Cancel,
    ConfigurationRejected,
    Failed,
    NobodiesAlike,
    PaintGroup,
    PeopleReady,
    Portray,
    Ready,
    VisitEnded,
    VisitRequest,
)
from installation.workers.engine_backend import Backend
from installation.workers.engine_service import EngineService
from installation.workers.process_client import Peer
from installation.workers.supervision import PermanentServiceError, ServiceError

log = logging.getLogger(__name__)

_starts = itertools.count()  # of all replicas


class Listener(Protocol):
    """Told what a replica does, on the replica's thread."""

    def became_free(self, replica: "Replica", engine: int) -> None:
        """It waits for a visit. engine: the number of its engine's process, for `Replica.ask`."""

    def was_lost(self, replica: "Replica") -> None:
        """Its engine has ended; it is started again."""

    def was_refused(self, error: DoppelgangerError) -> None:
        """No engine can use this configuration."""

    def made_people(self, message: EncodedMessage) -> None:
        """A `PeopleReady`, for all kiosks."""

    def replied(self, replica: "Replica", message: EncodedMessage) -> None:
        """A reply about the visit under way."""


class Replica(EngineService):
    """An engine and its life. `ask` may be called on any thread."""

    first_wait_s = 0.5

    def __init__(
        self,
        name: str,
        backend: Backend,
        listener: Listener,
        recycle_after: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name, backend, recycle_after, clock=clock)
        self._listener = listener
        self._asked: queue.SimpleQueue[tuple[VisitRequest, Callable[[], None], int]] = queue.SimpleQueue()
        # Used by the service's thread only.
        self._visit_id: int | None = None
        self._engine = -1  # the number of the process

    def ask(self, request: VisitRequest, sent: Callable[[], None], engine: int) -> None:
        """Sends a request to the engine, if its process is still that of this number.

        sent: called once it is sent, or never will be: its memory may then be overwritten.
        """
        self._asked.put((request, sent, engine))
        self._wake()

    # --- the service's thread

    def _next_engine(self) -> int:
        self._engine = next(_starts)
        return self._engine

    def _forget_engine(self) -> None:
        self._listener.was_lost(self)
        self._loaded, self._visit_id = False, None
        with suppress(queue.Empty):
            while True:
                _, sent, _ = self._asked.get_nowait()
                sent()

    def _is_idle(self) -> bool:
        return self._loaded and self._visit_id is None

    def _send_due(self, peer: Peer) -> None:
        with suppress(queue.Empty):
            while self._loaded:
                request, sent, engine = self._asked.get_nowait()
                try:
                    if engine != self._engine:  # it was meant for a process that has ended since
                        continue
                    if isinstance(request, Portray | PaintGroup):
                        self._visit_id = request.visit_id
                    elif request.visit_id != self._visit_id:  # that visit ended while this was on its way
                        continue
                    elif isinstance(request, Cancel):
                        self._expect_cancelling()
                    with suppress(BrokenPipeError):  # it has ended; its last messages are about to be read
                        peer.send(request)
                finally:
                    sent()

    def _handle(self, received: ReceivedMessage) -> None:
        try:
            self._handle_message(received.message)
        finally:
            received.erase()

    def _handle_message(self, message: Any) -> None:
        match message:
            case Ready():
                self._loaded, self._deadline_s = True, None
                self._listener.became_free(self, self._engine)
            case Failed(message=fault):
                raise ServiceError(fault)
            case ConfigurationRejected(error):
                self._listener.was_refused(error)
                raise PermanentServiceError(str(error))
            case PeopleReady():
                self._listener.made_people(encode(message, REPLIES).copied())
            case NobodiesAlike():
                pass  # of nobodies, whom kiosks draw by themselves
            case VisitEnded():
                self._end_visit(message)
            case _:
                self._reply(message)

    def _reply(self, message: Any) -> None:
        try:
            encoded = encode(message, REPLIES).copied()
        except InvalidMessage as fault:
            raise ServiceError(f"A reply cannot be sent: {fault}.") from None
        self._listener.replied(self, encoded)

    def _end_visit(self, ended: VisitEnded) -> None:
        self._deadline_s, self._visit_id = None, None
        self._visits += 1
        if ended.fault:
            log.warning("%s: %s Its process is replaced.", self.name, ended.fault)
            self._visits = self._recycle_after
        self._reply(ended)
        if self._visits < self._recycle_after:  # else it is about to be replaced
            self._listener.became_free(self, self._engine)

    def _process_ended(self) -> None:
        raise ServiceError(self.backend.exit_reason())

    def _process_hangs(self) -> None:
        raise ServiceError("The engine's process hangs, and is replaced.")
