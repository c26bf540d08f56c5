"""The bounded queue from the network's threads to the stage's thread.

Packets are parsed and address patterns resolved before they are queued, on the network's threads. While the
queue is full, packets are dropped unread and counted.
"""

import ipaddress
import queue
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from installation.control.protocol.address_patterns import is_pattern, matching
from installation.control.protocol.packets import Bundle, Malformed, Message, parse
from installation.workers.error_log_throttle import ErrorLogThrottle

LONGEST_QUEUE = 4096
# Messages that one bundle may become once its patterns are resolved.
MOST_AT_ONCE = 512


class Peer(Protocol):
    """The sender of a packet, to whom answers go. Hashable; equal if it is the same sender."""

    @property
    def host(self) -> str:
        """The IP address."""

    @property
    def alive(self) -> bool:
        """Whether what is sent now could still arrive."""

    def send(self, packet: bytes) -> bool:
        """Sends without waiting; never raises. Returns whether the packet was handed to the network."""

    def at_port(self, port: int) -> "Peer":
        """The same host at another port; itself where the transport has no other ports (connections)."""


@dataclass(frozen=True)
class Received:
    """Messages to apply together, at `due_s` on the inbox's clock; None: at once."""

    peer: Peer
    messages: tuple[Message, ...]
    due_s: float | None = None


@dataclass(frozen=True)
class ListenRequest:
    """An OSCQuery client asks to be sent changes of one address (`on`), or no longer to be."""

    peer: Peer
    address: str
    on: bool


class Inbox:
    """Receives packets on any thread; `take` is for the stage's.

    `allow` are the networks packets are accepted from, `addresses` those that patterns can match. `clock`
    gives monotonic seconds, and must be the one that the stage uses.
    """

    def __init__(
        self,
        allow: Iterable[str],
        addresses: Iterable[str],
        error_log: ErrorLogThrottle,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        networks = [ipaddress.ip_network(network, strict=False) for network in allow]
        self.allows = lru_cache(maxsize=1024)(
            lambda host: any(ipaddress.ip_address(host) in network for network in networks)
        )
        self._matching = lru_cache(maxsize=1024)(lambda pattern: tuple(matching(pattern, known)))
        known = tuple(addresses)
        self._error_log = error_log
        self._clock = clock
        self._queue: queue.SimpleQueue[Received | ListenRequest] = queue.SimpleQueue()

    @property
    def full(self) -> bool:
        """Whether a packet that arrived now would be dropped."""
        return self._queue.qsize() >= LONGEST_QUEUE

    def receive(self, packet: bytes, peer: Peer) -> None:
        """Queues the messages of a packet, or counts why not."""
        if not self.allows(peer.host):
            self._error_log.note("sender not on the allow-list", peer.host)
        elif self.full:
            self._error_log.note("more than can be done, dropped", f"the last from {peer.host}")
        else:
            try:
                for bundle in parse(packet):
                    self._queue.put(self._resolved(bundle, peer))
            except Malformed as fault:
                self._error_log.note("malformed packet", f"{fault}, from {peer.host}")

    def listen(self, peer: Peer, address: str, on: bool) -> None:
        """Queues an OSCQuery client's request."""
        if not self.full:
            self._queue.put(ListenRequest(peer, address, on))

    def take(self) -> Received | ListenRequest | None:
        """The oldest entry, removed, or None."""
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return None

    def resolve(self, message: Message) -> list[Message]:
        """One message for each address that a pattern matches."""
        found = self._matching(message.address) if is_pattern(message.address) else ()
        # A pattern that matches nothing stays, and is answered as the unknown address it is.
        return [Message(address, message.arguments) for address in found] or [message]

    def _resolved(self, bundle: Bundle, peer: Peer) -> Received:
        messages: list[Message] = []
        for message in bundle.messages:
            messages += self.resolve(message)
            if len(messages) > MOST_AT_ONCE:
                raise Malformed(f"more than {MOST_AT_ONCE} changes at once")
        due_s = None if bundle.at_s is None else self._clock() + bundle.at_s - time.time()
        return Received(peer, tuple(messages), due_s)
