"""The stage's side of the delivery: offers pictures, revokes them, and reports what became of their links."""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from engine.runtime.channel import ReceivedMessage
from installation.delivery.address import TRY_IT
from installation.delivery.connection import START_LIMIT_S, DeliveryConnection, default_path
from installation.delivery.messages import (
    Command,
    Ended,
    Forgotten,
    Heartbeat,
    LinkEvent,
    LogLine,
    Lost,
    Offer,
    Open,
    Revoke,
    SetParameters,
)
from installation.delivery.pictures import TakeHomePictures
from installation.settings.delivery import Delivery
from installation.visit.parameters import DeliveryParameters
from installation.workers.process_client import Peer, ProcessClient
from installation.workers.supervision import Condition, ServiceError

log = logging.getLogger(__name__)

SILENCE_LIMIT_S = 12.0  # the process says something twice a second, and at worst every five seconds
OFFER_LIMIT_S = 30.0  # for an offer to be handed over; nobody waits longer, and it is dropped
COMMAND_LIMIT_S = 3600.0  # for anything else; no link lives longer


class DeliveryClient(ProcessClient):
    """Offers finished pictures to phones. `offer`, `revoke` and `poll` are called on the stage's thread.

    parameters: gives the values in force.  path: the local socket; by default one for each port.

    The process outlives this object for as long as a link lives. A later one finds it there again.
    """

    advice = "See docs/network.md."
    longest_wait_s = 10.0
    setup_limit_s = START_LIMIT_S + 5.0
    heartbeat_limit_s = SILENCE_LIMIT_S + 3.0

    def __init__(
        self,
        network: Delivery,
        parameters: Callable[[], DeliveryParameters],
        path: Path | None = None,
    ) -> None:
        super().__init__("delivery")
        self._network = network
        self._parameters = parameters
        self._latest_parameters = parameters()
        self._outbox: deque[tuple[float, Command]] = deque()  # since when, what
        self._outbox_lock = threading.Lock()
        self._events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        self._live_visits: set[int] = set()  # visits whose offer the process has
        self._connection = DeliveryConnection(path or default_path(network.port))

    # --- the stage's thread ---

    def offer(self, pictures: TakeHomePictures, agreed: DeliveryParameters | None = None) -> None:
        """Makes a link for these pictures, as far as phones may have them; returns at once.

        agreed: what the visitor was told about it; without it, what the parameters say now.
        """
        parameters = agreed or self._parameters()
        if parameters.gives == "doppelganger":
            pictures = pictures.doppelganger_alone()
        self._send(Offer(pictures, parameters.life_s, parameters.saves))

    def stop(self) -> None:
        """Ends the service, and leaves the process to the next stage."""
        super().stop()
        self._connection.release()

    def revoke(self, visit_id: int) -> None:
        """Ends the visit's link and drops its pictures everywhere; returns at once."""
        self._drop_obsolete(lambda each: isinstance(each, Offer) and each.pictures.visit_id == visit_id)
        self._send(Revoke(visit_id))

    def poll(self) -> list[LinkEvent]:
        """The events since the last call; never waits. To be called once a frame."""
        if self._parameters() != self._latest_parameters:
            self._latest_parameters = self._parameters()
            self._drop_obsolete(lambda each: isinstance(each, SetParameters))  # Only the last one counts.
            self._send(SetParameters(self._latest_parameters))
        self._drop_stale()
        events = []
        while not self._events.empty():
            events.append(self._events.get())
        return events

    def _send(self, command: Command) -> None:
        with self._outbox_lock:
            self._outbox.append((self.clock(), command))
        self._wake()

    def _drop_obsolete(self, obsolete: Callable[[Command], bool]) -> None:
        """Removes obsolete commands from those that have not been sent yet."""
        with self._outbox_lock:
            self._outbox = deque(each for each in self._outbox if not obsolete(each[1]))

    def _drop_stale(self) -> None:
        """Drops what could not be sent in time, so that pictures do not stay in the stage for long."""
        now_s = self.clock()
        fresh: deque[tuple[float, Command]] = deque()
        stale: list[Command] = []
        with self._outbox_lock:
            for since_s, command in self._outbox:
                if now_s - since_s > (OFFER_LIMIT_S if isinstance(command, Offer) else COMMAND_LIMIT_S):
                    stale.append(command)
                else:
                    fresh.append((since_s, command))
            self._outbox = fresh
        for command in stale:
            if isinstance(command, Offer):
                self._events.put(Lost(visit_id=command.pictures.visit_id))

    # --- the service's thread ---

    def setup(self) -> None:
        """Finds the process or starts it, and says what network it is to serve."""
        self._connection.open(self.wait, SILENCE_LIMIT_S)
        self._connection.channel.send(Open(self._network, self._latest_parameters))

    def run(self) -> None:
        """Hands commands over and takes events in."""
        self._deadline_s = self.clock() + SILENCE_LIMIT_S
        while not self.stopping.is_set():
            self._exchange(self._connection.channel)

    def teardown(self) -> None:
        """Leaves the process, which ends with its last link, and reports all its links as lost."""
        self._connection.close()
        for visit_id in self._live_visits:
            self._events.put(Lost(visit_id=visit_id))
        self._live_visits.clear()

    def _send_due(self, peer: Peer) -> None:
        while True:
            with self._outbox_lock:
                entry = self._outbox[0] if self._outbox else None
            if entry is None:
                return
            try:
                peer.send(entry[1])
            except BlockingIOError:
                self._connection.kill()
                raise ServiceError("Its process took nothing any more, and has been ended.") from None
            # A message leaves the outbox only once it is sent, so that none is lost, above all no revocation.
            with self._outbox_lock, suppress(ValueError):
                self._outbox.remove(entry)
            if isinstance(entry[1], Offer):
                self._live_visits.add(entry[1].pictures.visit_id)

    def _handle(self, received: ReceivedMessage) -> None:
        self._deadline_s = self.clock() + SILENCE_LIMIT_S
        self.beat()
        match received.message:
            case Heartbeat(problem=problem, doubt=doubt):
                self._report_reachability(problem, doubt)
            case LogLine(level=level, words=words):
                log.log(level, "delivery: %s", words)
            case event:
                if isinstance(event, Ended | Forgotten):
                    self._live_visits.discard(event.visit_id)
                self._events.put(event)

    def _process_ended(self) -> None:
        raise ServiceError("Its process has ended.")

    def _process_hangs(self) -> None:
        self._connection.kill()
        raise ServiceError("Its process was silent, and has been ended.")

    def _report_reachability(self, problem: str, doubt: str) -> None:
        """Makes the service's health say whether phones can reach the process, or why perhaps not."""
        condition, message, advice = Condition.OK, "running.", ""
        if problem:
            condition, message, advice = Condition.WAITING, problem, self.advice
        elif doubt:
            message, advice = f"running, but perhaps not for phones: {doubt}", TRY_IT
        if (condition, message) == (self.health.condition, self.health.message):
            return
        if problem:
            log.warning("delivery: phones cannot get through: %s", problem)
        elif doubt:
            log.warning("delivery: %s %s", message, advice)
        self._report(condition, message, advice)
