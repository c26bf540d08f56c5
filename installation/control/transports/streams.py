"""For services with connections: an event loop in a thread, and a queue of packets to one peer."""

import asyncio
from abc import abstractmethod
from collections import deque

from installation.workers.supervision import ResilientService

BEAT_S = 0.2
# Room for the value of every address, as sent to a new subscriber. A slower reader loses the oldest packets.
MOST_PACKETS_WAITING = 2048
MOST_CONNECTIONS = 32


class StreamService(ResilientService):
    """A service that runs an event loop of its own in its thread."""

    loop: asyncio.AbstractEventLoop | None = None

    @abstractmethod
    async def open(self) -> None:
        """Starts to listen. Raises what `ResilientService.setup` may raise."""

    @abstractmethod
    async def close(self) -> None:
        """Closes every connection. Called after `open`, even if that failed halfway."""

    def setup(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self.open())

    def run(self) -> None:
        assert self.loop is not None
        self.loop.run_until_complete(self._beat_until_stopped())

    def teardown(self) -> None:
        if self.loop is None:
            return
        self.loop.run_until_complete(self._close_all())
        self.loop.close()
        self.loop = None

    async def _beat_until_stopped(self) -> None:
        while not self.stopping.is_set():
            self.beat()
            await asyncio.sleep(BEAT_S)

    async def _close_all(self) -> None:
        await self.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


class StreamPeer:
    """The other end of one connection. `send` may be called on any thread, the rest on the event loop's."""

    def __init__(self, host: str, loop: asyncio.AbstractEventLoop) -> None:
        self.host = host
        self.alive = True
        self._loop = loop
        self._waiting: deque[bytes] = deque(maxlen=MOST_PACKETS_WAITING)
        self._ready = asyncio.Event()

    def send(self, packet: bytes) -> bool:
        """Queues a packet; of too many the oldest is dropped. Returns whether the connection is open."""
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
        """Waits for packets, and returns all that are queued, in order."""
        await self._ready.wait()
        self._ready.clear()
        packets = []
        while self._waiting:
            packets.append(self._waiting.popleft())
        return packets
