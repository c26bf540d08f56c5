"""What connections have in common: an event loop in a thread, and packets on their way to one peer."""

import asyncio
from abc import abstractmethod
from collections import deque

from installation.workers.supervision import ResilientService

BEAT_S = 0.2
# Enough for everything there is to know at the beginning. A reader that is slower loses what is oldest.
MOST_WAITING = 2048
MOST_CONNECTIONS = 32


class StreamService(ResilientService):
    """A service on an event loop of its own."""

    loop: asyncio.AbstractEventLoop | None = None

    @abstractmethod
    async def open(self) -> None:
        """Begins to listen. Raises what `setup` may raise."""

    @abstractmethod
    async def close(self) -> None:
        """Ends every connection; after `open`, even one that failed halfway."""

    def setup(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self.open())

    def run(self) -> None:
        assert self.loop is not None
        self.loop.run_until_complete(self._live_on())

    def teardown(self) -> None:
        if self.loop is None:
            return
        self.loop.run_until_complete(self._end())
        self.loop.close()
        self.loop = None

    async def _live_on(self) -> None:
        while not self.stopping.is_set():
            self.beat()
            await asyncio.sleep(BEAT_S)

    async def _end(self) -> None:
        await self.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


class StreamPeer:
    """The other end of one connection. `send` is for any thread, everything else for the event loop's."""

    def __init__(self, host: str, loop: asyncio.AbstractEventLoop) -> None:
        self.host = host
        self.alive = True
        self._loop = loop
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._ready = asyncio.Event()

    def send(self, packet: bytes) -> bool:
        """Puts a packet on its way."""
        self._waiting.append(packet)
        if self.alive and not self._ready.is_set():
            try:
                self._loop.call_soon_threadsafe(self._ready.set)
            except RuntimeError:  # the loop has just been closed
                self.alive = False
        return self.alive

    def at_port(self, port: int) -> "StreamPeer":
        """Itself: a connection knows no other port."""
        return self

    async def next_packets(self) -> list[bytes]:
        """All packets that wait, at least one, in order."""
        await self._ready.wait()
        self._ready.clear()
        packets = []
        while self._waiting:
            packets.append(self._waiting.popleft())
        return packets
