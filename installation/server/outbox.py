"""What waits to be sent to kiosks, bounded: a kiosk that reads nothing, or slowly, costs no more memory.

Strips of people who do not exist are shared by all kiosks, and count nowhere: few of them may wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from engine.runtime.codec import MIB, EncodedMessage
from engine.runtime.messages import MovedJudged, PeopleReady, ProgressUpdate, Queued

NEWEST_ONLY = (ProgressUpdate, MovedJudged, Queued)
"""A newer message of these kinds takes the place of one that has not been sent."""
MOST_BYTES = 2048 * MIB  # of all kiosks together: two of the largest results
MOST_MESSAGES = 64  # of one kiosk
MOST_PEOPLE = 6  # strips of people that wait for one kiosk; older ones are dropped


class Outboxes:
    """Those of all kiosks. Where too much waits in all, the kiosk for which most waits is given up."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._open: set[Outbox] = set()

    def open(self, give_up: Callable[[], None]) -> "Outbox":
        """One for another kiosk. give_up: called where the kiosk takes too little."""
        outbox = Outbox(self, give_up)
        self._open.add(outbox)
        return outbox

    def limit(self) -> None:
        """Gives kiosks up until no more waits than may."""
        while sum(outbox.size_bytes for outbox in self._open) > self._most_bytes:
            max(self._open, key=lambda outbox: outbox.size_bytes).overflow()

    def forget(self, outbox: "Outbox") -> None:
        """It is closed."""
        self._open.discard(outbox)


class Outbox:
    """A queue in which some kinds have one place only. Used on one thread, the event loop's.

    size_bytes: of what waits, and of what is being sent.
    """

    def __init__(self, all_of_them: Outboxes, give_up: Callable[[], None]) -> None:
        self._all, self._give_up = all_of_them, give_up
        self._messages: deque[EncodedMessage] = deque()
        self._sending: EncodedMessage | None = None
        self._filled = asyncio.Event()
        self._is_open = True
        self.size_bytes = 0

    def put(self, message: EncodedMessage) -> None:
        """Queues a message; where there is no room, the kiosk is given up, and all that waits overwritten."""
        if not self._is_open:
            _overwrite(message)
            return
        if message.kind in NEWEST_ONLY:
            self._drop([each for each in self._messages if each.kind is message.kind])
        elif message.kind is PeopleReady:
            people = [each for each in self._messages if each.kind is PeopleReady]
            self._drop(people[: max(len(people) + 1 - MOST_PEOPLE, 0)])
        self._messages.append(message)
        self.size_bytes += _size_bytes(message)
        self._filled.set()
        if len(self._messages) > MOST_MESSAGES:
            self.overflow()
        else:
            self._all.limit()

    async def take(self) -> EncodedMessage:
        """Waits for the oldest message; people for attract only where nothing of a visit waits. `sent` is to
        be called afterwards."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        first = next((each for each in self._messages if each.kind is not PeopleReady), self._messages[0])
        self._messages.remove(first)
        self._sending = first
        return first

    def sent(self) -> None:
        """What `take` returned is sent, or never will be: it is overwritten."""
        if self._sending is not None:
            self.size_bytes -= _size_bytes(self._sending)
            _overwrite(self._sending)
            self._sending = None

    def overflow(self) -> None:
        """Gives the kiosk up."""
        self.close()
        self._give_up()

    def close(self) -> None:
        """Overwrites and drops everything: nobody waits for it any more."""
        self._is_open = False
        self._all.forget(self)
        self._drop(list(self._messages))

    def _drop(self, dropped: list[EncodedMessage]) -> None:
        for message in dropped:
            self._messages.remove(message)
            self.size_bytes -= _size_bytes(message)
            _overwrite(message)


def _size_bytes(message: EncodedMessage) -> int:
    return 0 if message.kind is PeopleReady else message.size_bytes


def _overwrite(message: EncodedMessage) -> None:
    if message.kind is not PeopleReady:  # which other kiosks are sent, too
        message.erase()
