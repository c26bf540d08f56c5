"""Who gets which engine: visits wait in the order in which they came, and each holds an engine to its end.

All of it happens on the event loop's thread; replicas report through `_later`, from theirs.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.common.errors import DoppelgangerError
from engine.runtime.codec import REPLIES, EncodedMessage, encode
from engine.runtime.messages import Cancel, Queued, VisitEnded, VisitRequest
from installation.server.replica import Replica

PEOPLE = 6  # strips of people who do not exist that a kiosk is sent when it connects


@dataclass(eq=False)
class Ticket:
    """One visit of one kiosk, from its request to its end.

    request, sent, engine: of `Replica.ask`. reply: sends something to the kiosk. replica: None while it
    waits.
    """

    visit_id: int
    request: VisitRequest
    sent: Callable[[], None]
    reply: Callable[[EncodedMessage], None]
    replica: Replica | None = None
    engine: int = -1
    is_over: bool = field(default=False)


class Pool:
    """The engines of a server. A `Listener` of replicas.

    refuse: ends the server, because no engine can use what is configured. show_people: sends a strip of
    somebody who does not exist to every kiosk.
    """

    def __init__(self, refuse: Callable[[DoppelgangerError], None]) -> None:
        self._refuse = refuse
        self.show_people: Callable[[EncodedMessage], None] = lambda message: None
        self._loop = asyncio.get_running_loop()
        self._free: dict[Replica, int] = {}  # with the number of its engine
        self._busy: dict[Replica, Ticket] = {}
        self._waiting: deque[Ticket] = deque()
        self.people: deque[EncodedMessage] = deque(maxlen=PEOPLE)

    @property
    def works(self) -> bool:
        """Whether there is an engine that has loaded its networks."""
        return bool(self._free or self._busy)

    # --- for the connections

    def enter(self, ticket: Ticket) -> None:
        """A visit begins, as soon as an engine is free."""
        self._waiting.append(ticket)
        self._assign()
        self.tell_places()

    def ask(self, ticket: Ticket, request: VisitRequest, sent: Callable[[], None]) -> None:
        """Something more about a visit: a question of the meeting, or that it is cancelled."""
        if ticket.is_over:  # its engine may have another visit by now
            sent()
            return
        if ticket.replica is not None:
            ticket.replica.ask(request, sent, ticket.engine)
            return
        sent()
        if isinstance(request, Cancel) and ticket in self._waiting:
            self._waiting.remove(ticket)
            self._end(ticket, VisitEnded(ticket.visit_id, ""))
            self.tell_places()

    def leave(self, ticket: Ticket) -> None:
        """The kiosk has gone: its visit is cancelled, and nothing more is sent about it."""
        ticket.reply = EncodedMessage.erase
        self.ask(ticket, Cancel(ticket.visit_id), lambda: None)

    def tell_places(self) -> None:
        """Sends each visit that waits its place; also from time to time, as a sign of life."""
        for place, ticket in enumerate(self._waiting, start=1):
            ticket.reply(encode(Queued(ticket.visit_id, place), REPLIES))

    # --- reported by replicas, on their threads

    def became_free(self, replica: Replica, engine: int) -> None:
        self._later(self._take, replica, engine)

    def was_lost(self, replica: Replica) -> None:
        self._later(self._lose, replica)

    def was_refused(self, error: DoppelgangerError) -> None:
        self._later(self._refuse, error)

    def made_people(self, message: EncodedMessage) -> None:
        self._later(self._keep_people, message)

    def replied(self, replica: Replica, message: EncodedMessage) -> None:
        self._later(self._pass_on, replica, message)

    def _later(self, step: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(step, *arguments)
        except RuntimeError:  # the server has ended before its engines
            return

    # --- on the event loop

    def _take(self, replica: Replica, engine: int) -> None:
        if replica not in self._busy:
            self._free[replica] = engine
        self._assign()
        self.tell_places()

    def _assign(self) -> None:
        while self._free and self._waiting:
            replica, ticket = next(iter(self._free)), self._waiting.popleft()
            ticket.replica, ticket.engine = replica, self._free.pop(replica)
            self._busy[replica] = ticket
            replica.ask(ticket.request, ticket.sent, ticket.engine)

    def _lose(self, replica: Replica) -> None:
        self._free.pop(replica, None)
        ticket = self._busy.pop(replica, None)
        if ticket is not None:
            self._fail(ticket)
        if not self.works:  # nobody knows whether one comes back: kiosks have engines of their own
            while self._waiting:
                self._fail(self._waiting.popleft())

    def _fail(self, ticket: Ticket) -> None:
        fault = "An engine of the server has ended."
        self._end(ticket, VisitEnded(ticket.visit_id, fault, fault))

    def _end(self, ticket: Ticket, ended: VisitEnded) -> None:
        if ticket.replica is None:
            ticket.sent()
        ticket.is_over = True
        ticket.reply(encode(ended, REPLIES))

    def _pass_on(self, replica: Replica, message: EncodedMessage) -> None:
        ticket = self._busy.get(replica)
        if ticket is None:
            message.erase()
            return
        if message.kind is VisitEnded:
            del self._busy[replica]
            ticket.is_over = True
        ticket.reply(message)

    def _keep_people(self, message: EncodedMessage) -> None:
        self.people.append(message)
        self.show_people(message)
