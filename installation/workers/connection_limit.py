"""Limits a server's connections and requests: from which addresses, how many, and how large.

A connection that does not bring a whole request in time is closed by the server itself (its
`keepalive_timeout`). This limit keeps one client from holding so many that others find no room.

Requests may be as large as browsers and proxies make them. A browser sends all cookies of a host in one
header, up to 4 KiB each, whatever port or path they were meant for; proxies that sign visitors in add headers
of several KiB. nginx and Apache pass on a first line and single headers of 8 KiB unless told otherwise, and
operators of large sites raise that to 32 KiB.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Protocol

Network = IPv4Network | IPv6Network

LONGEST_LINE = 8 * 1024  # bytes of a request's first line
LONGEST_HEADER = 32 * 1024  # bytes of one header
MOST_HEADERS = 100
MOST_REQUEST_BYTES = 64 * 1024  # of a whole request: first line, headers and what follows them


class Limit(Protocol):
    """Is asked about a connection, and told when it is over."""

    def enter(self, address: str) -> bool:
        """Whether a connection from this address may stay."""

    def leave(self, address: str) -> None:
        """One that might stay is over."""


class ConnectionLimit:
    """Counts connections. Trusted proxies carry many phones, so only the total limit applies to them.

    allows: whether an address may connect at all.
    """

    def __init__(
        self,
        most: int,
        most_per_address: int,
        trusted: tuple[Network, ...] = (),
        allows: Callable[[str], bool] = lambda address: True,
    ) -> None:
        self.most = most
        self.most_per_address = most_per_address
        self.trusted = trusted
        self.allows = allows
        self.inside: Counter[str] = Counter()

    def is_trusted(self, address: str) -> bool:
        """Whether the address belongs to a trusted proxy. False for what is no address."""
        try:
            return any(ip_address(address) in network for network in self.trusted)
        except ValueError:
            return False

    def enter(self, address: str) -> bool:
        """Counts a connection from `address`. Returns False where it is not allowed or there is no room."""
        if not self.allows(address):
            return False
        if self.inside.total() >= self.most:
            return False
        if self.inside[address] >= self.most_per_address and not self.is_trusted(address):
            return False
        self.inside[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Ends the count of a connection that `enter` has accepted."""
        self.inside[address] -= 1
        if not self.inside[address]:
            del self.inside[address]


class LimitedConnection(asyncio.Protocol):
    """A connection that is checked against the limit before the server's own protocol sees anything of it."""

    def __init__(self, limit: Limit, behind: Callable[[], asyncio.Protocol]) -> None:
        self._limit = limit
        self._make = behind
        self._behind: asyncio.Protocol | None = None
        self._address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Nothing there: the phone has left already.
        self._address = (transport.get_extra_info("peername") or ("",))[0]
        if not self._address or not self._limit.enter(self._address):
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
            return
        self._behind = self._make()
        self._behind.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._behind is not None:
            self._limit.leave(self._address)
            self._behind.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self._behind is not None:
            self._behind.data_received(data)

    def eof_received(self) -> bool | None:
        return self._behind.eof_received() if self._behind is not None else None

    def pause_writing(self) -> None:
        if self._behind is not None:
            self._behind.pause_writing()

    def resume_writing(self) -> None:
        if self._behind is not None:
            self._behind.resume_writing()
