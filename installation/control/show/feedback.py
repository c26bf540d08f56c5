"""Who is told what, and how often.

Everything that is told has an address and, where one address tells of several things (judges, services), the
name of the thing. Of each the newest value waits for each subscriber; a value that changes faster than it may
be sent is replaced, not queued.
"""

import math
from dataclasses import dataclass, field

from installation.control.protocol.packets import Argument, encode
from installation.control.transports.inbox import Peer

Key = tuple[str, str]

MOST_SUBSCRIBERS = 32
MOST_ANSWERS = 1024
# Of one value, in seconds. A little less than a frame's time, so that no frame is left out.
INTERVAL_S = 0.9 / 60
# Who moves a fader hears where it ended up once it has come to rest: until then the fader would fight itself.
SETTLE_S = 0.1
# After the start a network may come up late; what is known waits for it, the newest of each.
AGAIN_S = 1.0
# Who subscribes again after less than this renews a lease. After more it may have been started anew within a
# long one, and hears how everything is.
ANEW_S = 10.0


@dataclass
class _Subscriber:
    peer: Peer  # who subscribed, and may move faders
    until_s: float = -math.inf  # everything is told until then
    asked_s: float = -math.inf  # when it subscribed last
    listens: set[str] = field(default_factory=set)  # addresses that are told for as long as the peer is there
    due_s: dict[Key, float] = field(default_factory=dict)
    sent_s: dict[Key, float] = field(default_factory=dict)

    @property
    def hears_all(self) -> bool:
        return self.until_s > -math.inf

    def hears(self, address: str) -> bool:
        return self.hears_all or address in self.listens


class Feedback:
    """The newest values of all addresses, and the subscribers that hear of them.

    Belongs to the stage's thread, but for `values`: address -> arguments, which any thread may read. An
    address that nothing is known of has none.
    """

    def __init__(self) -> None:
        self.values: dict[str, tuple[Argument, ...]] = {}
        self._newest: dict[Key, tuple[Argument, ...]] = {}
        self._subscribers: dict[Peer, _Subscriber] = {}
        # What somebody who is no subscriber is still to hear: the end of what they set.
        self._answers: dict[tuple[Peer, Key], float] = {}

    def __len__(self) -> int:
        return len(self._subscribers)

    def known(self, address: str) -> list[tuple[Argument, ...]]:
        """The newest arguments of an address, of each thing that it tells of. Empty: nothing is known."""
        kept = [arguments for key, arguments in self._newest.items() if key[0] == address]
        # What was announced is not kept by key.
        return kept or ([self.values[address]] if address in self.values else [])

    def subscribe(self, peer: Peer, target: Peer, now_s: float, until_s: float) -> bool:
        """Tells `target` of everything until then, at first how everything is, unless it only renews that.

        Returns whether there was room.
        """
        each = self._subscriber(peer, target)
        if each is None:
            return False
        if now_s - each.asked_s >= ANEW_S or not each.hears_all:
            # What it moves itself still has to settle.
            each.due_s = dict.fromkeys(self._newest, -math.inf) | each.due_s
        each.peer, each.asked_s, each.until_s = peer, now_s, until_s
        return True

    def unsubscribe(self, peer: Peer) -> None:
        """Ends what this peer subscribed to, wherever it is sent; what it listens to goes on."""
        for target in [target for target, each in self._subscribers.items() if each.peer == peer]:
            self._end_lease(target)

    def listen(self, peer: Peer, address: str, on: bool) -> bool:
        """Tells `peer` of one address, at first how it is, for as long as the peer is there.

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
        """Makes it known if it is new."""
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
        """Makes it known in any case. `source` is who set it, and hears of it too, once it rests."""
        key = (address, name)
        self.values[address] = self._newest[key] = arguments
        for target, each in self._subscribers.items():
            if each.hears(address):
                mine = source is not None and source in (each.peer, target)
                each.due_s[key] = now_s + SETTLE_S if mine else each.sent_s.get(key, -math.inf) + INTERVAL_S
        if source is not None and not self._hears(source, address) and len(self._answers) < MOST_ANSWERS:
            self._answers[source, key] = now_s + SETTLE_S

    def announce(self, address: str, *arguments: Argument) -> None:
        """Tells every subscriber of something that happened once; each time is sent."""
        self.values[address] = arguments
        packet = encode(address, *arguments)
        for target, each in self._subscribers.items():
            if each.hears(address):
                target.send(packet)

    def forget(self, address: str) -> None:
        """Drops what is known of an address, and what is still to be sent of it."""
        if self.values.pop(address, None) is None:
            return
        gone = [key for key in self._newest if key[0] == address]
        for key in gone:
            del self._newest[key]
            for each in self._subscribers.values():
                each.due_s.pop(key, None)

    def flush(self, now_s: float) -> None:
        """Sends what is due, and forgets who has left, or hears nothing any more. Once a frame."""
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
        """What is known of `target`, a new one if need be. None: there is no room."""
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
