"""What waits to be sent to one kiosk, bounded: a kiosk that reads nothing costs no more memory."""

import asyncio
from collections import deque

from engine.runtime.codec import MIB, EncodedMessage
from engine.runtime.messages import MovedJudged, PeopleReady, ProgressUpdate, Queued

NEWEST_ONLY = (ProgressUpdate, MovedJudged, Queued)
"""A newer message of these kinds takes the place of one that has not been sent."""
MOST_BYTES = 3072 * MIB  # two results, at most, with what else belongs to a visit
MOST_MESSAGES = 64


class Overflow(Exception):
    """The kiosk takes too little: there is no room for another message."""


def discard(message: EncodedMessage) -> None:
    """Overwrites a message that nobody waits for any more; but not strips of people who do not exist, which
    all kiosks share."""
    if message.kind is not PeopleReady:
        message.erase()


class Outbox:
    """A queue in which some kinds have one place only. Used on one thread, the event loop's."""

    def __init__(self) -> None:
        self._messages: deque[EncodedMessage] = deque()
        self._filled = asyncio.Event()

    def put(self, message: EncodedMessage) -> None:
        """Raises Overflow where there is no room; the message is then overwritten."""
        if message.kind in NEWEST_ONLY:
            former = [each for each in self._messages if each.kind is message.kind]
            self._drop(former)
        size_bytes = message.size_bytes + sum(each.size_bytes for each in self._messages)
        if len(self._messages) >= MOST_MESSAGES or size_bytes > MOST_BYTES:
            discard(message)
            raise Overflow
        self._messages.append(message)
        self._filled.set()

    async def take(self) -> EncodedMessage:
        """Waits for the oldest message; people for attract only where nothing of a visit waits."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        first = next((each for each in self._messages if each.kind is not PeopleReady), self._messages[0])
        self._messages.remove(first)
        return first

    def clear(self) -> None:
        """Overwrites and drops everything: nobody waits for it any more."""
        self._drop(list(self._messages))

    def _drop(self, dropped: list[EncodedMessage]) -> None:
        for message in dropped:
            self._messages.remove(message)
            discard(message)
