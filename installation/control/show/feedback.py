"""The newest value of every address, and the subscribers that changes are sent to.

A value is kept under its address and, where one address reports several things (judges, services), the name
of the thing. Each subscriber is sent the newest value; a value that changes faster than it may be sent is
replaced, not queued.
"""

import math
from dataclasses import dataclass, field

from installation.control.protocol.packets import Argument, encode
from installation.control.transports.inbox import Peer

Key = tuple[str, str]

MOST_SUBSCRIBERS = 32
MOST_ANSWERS = 1024
# Between two messages of one value to one subscriber. A little less than a frame, so that none is skipped.
INTERVAL_S = 0.9 / 60
# Whoever moves a fader is sent its value when it has come to rest; sooner, the fader would move itself.
SETTLE_S = 0.1
# Until the next try where a packet could not be sent: after the start a network may come up late.
AGAIN_S = 1.0
# A peer that subscribes again within this time renews its lease. Later, it may have been restarted during a
# long lease, and is sent all values.
ANEW_S = 10.0


@dataclass
class _Subscriber:
    peer: Peer  # who subscribed, and may move faders
    until_s: float = -math.inf  # end of the lease, during which every address is sent
    asked_s: float = -math.inf  # when it subscribed last
    listens: set[str] = field(default_factory=set)  # addresses sent for as long as the peer is connected
    due_s: dict[Key, float] = field(default_factory=dict)
    sent_s: dict[Key, float] = field(default_factory=dict)

    @property
    def hears_all(self) -> bool:
        return self.until_s > -math.inf

    def hears(self, address: str) -> bool:
        return self.hears_all or address in self.listens


class Feedback:
    """The newest values of all addresses, and their subscribers.

    Belongs to the stage's thread, except for `values`: address -> arguments, which any thread may read. An
    address without a value yet has no entry.
    """

    def __init__(self) -> None:
        self.values: dict[str, tuple[Argument, ...]] = {}
        self._newest: dict[Key, tuple[Argument, ...]] = {}
        self._subscribers: dict[Peer, _Subscriber] = {}
        # (peer, key) -> when a peer that is no subscriber is sent where the value it set came to rest.
        self._answers: dict[tuple[Peer, Key], float] = {}

    def __len__(self) -> int:
        return len(self._subscribers)

    def known(self, address: str) -> list[tuple[Argument, ...]]:
        """The newest arguments of an address, for each thing it reports. Empty: there is no value yet."""
        kept = [arguments for key, arguments in self._newest.items() if key[0] == address]
        # Announcements are kept in `values` only.
        return kept or ([self.values[address]] if address in self.values else [])

    def subscribe(self, peer: Peer, target: Peer, now_s: float, until_s: float) -> bool:
        """Sends `target` every change until `until_s`; first all values, unless the call renews a lease.

        `peer` is who asked. Returns whether there was room.
        """
        each = self._subscriber(peer, target)
        if each is None:
            return False
        if now_s - each.asked_s >= ANEW_S or not each.hears_all:
            # A value that the peer is setting itself keeps its time.
            each.due_s = dict.fromkeys(self._newest, -math.inf) | each.due_s
        each.peer, each.asked_s, each.until_s = peer, now_s, until_s
        return True

    def unsubscribe(self, peer: Peer) -> None:
        """Ends the leases that this peer asked for, whatever their target; `listen` requests stay."""
        for target in [target for target, each in self._subscribers.items() if each.peer == peer]:
            self._end_lease(target)

    def listen(self, peer: Peer, address: str, on: bool) -> bool:
        """Sends `peer` the value of one address and every change, for as long as it is connected.

        Returns whether there was room.
        """
        each = self._subscriber(peer, peer)
        if each is None:
            return False
        if on:
            each.listens.add(address)
            each.due_s |= {key: -math.inf for key in self._newest if key[0] == address}
        else:
            each.listens.discard(address)
        return True

    def update(self, address: str, *arguments: Argument, now_s: float, name: str = "") -> None:
        """Publishes a value if it has changed."""
        if self._newest.get((address, name)) != arguments:
            self.publish(address, *arguments, now_s=now_s, name=name)

    def publish(
        self,
        address: str,
        *arguments: Argument,
        now_s: float,
        name: str = "",
        source: Peer | None = None,
    ) -> None:
        """Publishes a value in any case. `source` is who set it; it is sent the value once it rests."""
        key = (address, name)
        self.values[address] = self._newest[key] = arguments
        for target, each in self._subscribers.items():
            if each.hears(address):
                mine = source is not None and source in (each.peer, target)
                each.due_s[key] = now_s + SETTLE_S if mine else each.sent_s.get(key, -math.inf) + INTERVAL_S
        if source is not None and not self._hears(source, address) and len(self._answers) < MOST_ANSWERS:
            self._answers[source, key] = now_s + SETTLE_S

    def announce(self, address: str, *arguments: Argument) -> None:
        """Sends every subscriber an event at once. Unlike changes of a value, no event is left out."""
        self.values[address] = arguments
        packet = encode(address, *arguments)
        for target, each in self._subscribers.items():
            if each.hears(address):
                target.send(packet)

    def forget(self, address: str) -> None:
        """Drops the value of an address, sent or not."""
        if self.values.pop(address, None) is None:
            return
        gone = [key for key in self._newest if key[0] == address]
        for key in gone:
            del self._newest[key]
            for each in self._subscribers.values():
                each.due_s.pop(key, None)

    def flush(self, now_s: float) -> None:
        """Sends what is due, and drops subscribers that have left or whose lease is over. Once a frame."""
        packets: dict[Key, bytes] = {}

        def send(target: Peer, key: Key) -> bool:
            if key not in packets:
                packets[key] = encode(key[0], *self._newest[key])
            return target.send(packets[key])

        for target, each in list(self._subscribers.items()):
            if not each.peer.alive:
                del self._subscribers[target]
                continue
            if now_s >= each.until_s:
                self._end_lease(target)
            for key in [key for key, due_s in each.due_s.items() if due_s <= now_s]:
                if send(target, key):
                    del each.due_s[key]
                    each.sent_s[key] = now_s
                else:
                    each.due_s[key] = now_s + AGAIN_S
        for (peer, key), due_s in list(self._answers.items()):
            if due_s <= now_s:
                del self._answers[peer, key]
                send(peer, key)

    def _subscriber(self, peer: Peer, target: Peer) -> _Subscriber | None:
        """The entry of `target`, a new one if need be. None: there is no room."""
        if target not in self._subscribers:
            if len(self._subscribers) >= MOST_SUBSCRIBERS:
                return None
            self._subscribers[target] = _Subscriber(peer)
        return self._subscribers[target]

    def _end_lease(self, target: Peer) -> None:
        each = self._subscribers[target]
        each.until_s = -math.inf
        each.due_s = {key: due_s for key, due_s in each.due_s.items() if key[0] in each.listens}
        if not each.listens:
            del self._subscribers[target]

    def _hears(self, peer: Peer, address: str) -> bool:
        return any(
            peer in (each.peer, target) and each.hears(address) for target, each in self._subscribers.items()
        )
