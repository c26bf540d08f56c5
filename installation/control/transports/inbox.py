"""The bounded queue between the network's threads and the stage's.

Here packets are parsed and patterns resolved, so that the stage's thread finds plain messages. When it falls
behind, what comes is dropped unread and counted.
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
from installation.control.transports.error_log_throttle import ErrorLogThrottle

LONGEST_QUEUE = 4096
# Messages that one bundle may become once its patterns are resolved.
MOST_AT_ONCE = 512


class Peer(Protocol):
    """Who sent a packet, and where answers go. Compared and hashed by what distinguishes senders."""

    @property
    def host(self) -> str:
        """The IP address."""

    @property
    def alive(self) -> bool:
        """Whether anything sent now could still arrive."""

    def send(self, packet: bytes) -> bool:
        """Sends without waiting and without raising. Returns whether it is on its way."""

    def at_port(self, port: int) -> "Peer":
        """The same host at another port, where the transport knows such a thing."""


@dataclass(frozen=True)
class Received:
    """Messages to apply together. `due_s` is when, on the inbox's clock; None: at once."""

    peer: Peer
    messages: tuple[Message, ...]
    due_s: float | None = None


@dataclass(frozen=True)
class ListenRequest:
    """An OSCQuery client wants to hear of one address, or no longer."""

    peer: Peer
    address: str
    on: bool


class Inbox:
    """Takes packets on any thread; `take` is for the stage's.

    `allow` are the networks that may speak, `addresses` what patterns reach. `clock` gives monotonic
    seconds, and must be the one that the stage uses.
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
        """Whether what came now would be dropped."""
        return self._queue.qsize() >= LONGEST_QUEUE

    def receive(self, packet: bytes, peer: Peer) -> None:
        """Queues what a packet holds, or counts why not."""
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
        """Queues the wish of an OSCQuery client."""
        if not self.full:
            self._queue.put(ListenRequest(peer, address, on))

    def take(self) -> Received | ListenRequest | None:
        """What came first, or None."""
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
