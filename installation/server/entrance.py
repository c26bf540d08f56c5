"""Accepts connections, and bounds those that have not proved yet that they come from a kiosk.

Anybody can open any number of connections. So those without a proof are counted from their first packet,
before TLS; each has little time, and where there are too many, the oldest one of the address that has most is
ended. A kiosk needs some milliseconds for its proof, and gets in whatever others hold.
"""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from engine.common.errors import MachineError
from installation.settings.server import ServerSettings
from installation.workers.connection_limit import LimitedConnection
from installation.workers.error_log_throttle import ErrorLogThrottle

MOST_STRANGERS = 64
PROOF_S = 10.0  # from the first packet to the proof
FULL_S = 0.1  # a pause, where this process can open no more files


class Stranger:
    """A connection without a proof. As the limit of its `LimitedConnection` it learns when that is lost."""

    def __init__(self, address: str) -> None:
        self.network = _network(address)
        self.has_proved = False
        self.settled = asyncio.Event()  # it has proved who it is, or is over
        self.task: asyncio.Task[None] | None = None

    def enter(self, address: str) -> bool:
        """The connection stands, after TLS."""
        return True

    def leave(self, address: str) -> None:
        """The connection is lost."""
        self.settled.set()


class Entrance:
    """Accepts at a listening socket. handler: makes the protocol behind TLS. tls: None for none. faults:
    counts the connections that are ended here."""

    def __init__(
        self,
        listening: socket.socket,
        tls: ssl.SSLContext | None,
        handler: Callable[[], asyncio.Protocol],
        faults: ErrorLogThrottle,
    ) -> None:
        self._listening, self._tls, self._handler, self._faults = listening, tls, handler, faults
        self._strangers: dict[Any, Stranger] = {}  # by address and port, the oldest first

    async def run(self) -> None:
        """Accepts until it is cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, peer = await loop.sock_accept(self._listening)
                except OSError:
                    await asyncio.sleep(FULL_S)
                    continue
                self._make_room()
                stranger = self._strangers[peer] = Stranger(peer[0])
                stranger.task = asyncio.create_task(self._admit(connection, peer, stranger))
                await asyncio.sleep(0)  # it begins, whatever else is to be accepted
        finally:
            self._listening.close()
            for stranger in list(self._strangers.values()):
                if stranger.task is not None:
                    stranger.task.cancel()

    def has_proved(self, peer: Any) -> None:
        """The connection from this address and port has proved who it is; it is no longer bounded here."""
        stranger = self._strangers.get(peer)
        if stranger is not None:
            stranger.has_proved = True
            stranger.settled.set()

    def _make_room(self) -> None:
        if len(self._strangers) < MOST_STRANGERS:
            return
        counts = Counter(stranger.network for stranger in self._strangers.values())
        most = max(counts.values())
        peer = next(peer for peer, stranger in self._strangers.items() if counts[stranger.network] == most)
        stranger = self._strangers.pop(peer)
        self._faults.note("ended to make room", f"from {stranger.network}.")
        if stranger.task is not None:
            stranger.task.cancel()

    async def _admit(self, connection: socket.socket, peer: Any, stranger: Stranger) -> None:
        transport: asyncio.Transport | None = None
        try:
            async with asyncio.timeout(PROOF_S):
                transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: LimitedConnection(stranger, self._handler), connection, ssl=self._tls
                )
                await stranger.settled.wait()
        except TimeoutError:
            self._faults.note("proves nothing in time", f"from {stranger.network}. It is ended.")
        except OSError:  # TLS fails
            pass
        finally:
            if self._strangers.get(peer) is stranger:
                del self._strangers[peer]
            if not stranger.has_proved:
                with suppress(OSError):
                    connection.close() if transport is None else transport.abort()


def listen(settings: ServerSettings) -> socket.socket:
    """A socket that listens where the settings say. Raises MachineError."""
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    try:
        listening = socket.create_server((settings.address, settings.port), family=family)
    except OSError as error:
        raise MachineError(
            f"server.port: {settings.address}:{settings.port} cannot be listened at "
            f"({error.strerror}). Choose another."
        ) from None
    listening.setblocking(False)
    return listening


def _network(address: str) -> IPv4Address | IPv6Address | IPv6Network:
    """What counts as one address: with IPv6 the 2^64 that one customer has."""
    ip = ip_address(address.partition("%")[0])
    return IPv6Network((ip.packed[:8] + bytes(8), 64)) if isinstance(ip, IPv6Address) else ip
