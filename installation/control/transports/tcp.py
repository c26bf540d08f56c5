"""OSC over TCP: packets framed with SLIP, as OSC 1.1 has them, or led by their length, as OSC 1.0 has.

The first byte of a connection tells which framing the client uses; answers are framed in the same way.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

from pythonosc import slip

from installation.control.protocol.packets import LONGEST_PACKET
from installation.control.transports.inbox import Inbox
from installation.control.transports.streams import MOST_CONNECTIONS, StreamPeer, StreamService
from installation.workers.error_log_throttle import ErrorLogThrottle
from installation.workers.supervision import ServiceError

# Every byte of a packet may take two in SLIP.
LONGEST_FRAME = 2 * LONGEST_PACKET + 2
INBOX_FULL_WAIT_S = 0.01
# A client that vanished (a notebook closed, a cable pulled) is probed after a minute of silence and dropped
# half a minute later: the number of connections is limited.
KEEPALIVE = {socket.TCP_KEEPIDLE: 60, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
UNANSWERED_MS = 90_000  # limit for sent data without acknowledgement
# A stream of OSC begins with one of these. Anything else may be a browser that a foreign web page makes post
# packets to this port.
FIRST_BYTES = (b"\x00", slip.END, b"/", b"#")


class NotOsc(Exception):
    """A connection carries something that cannot be OSC."""


class TcpServer(StreamService):
    """Puts received packets into the inbox. `port` is the real one once the service runs.

    Unlike over UDP no packet is lost: while the inbox is full, the sender has to wait.
    """

    advice = "Choose another osc_port in the configuration, or end the program that uses this one."

    def __init__(self, address: str, port: int, inbox: Inbox, error_log: ErrorLogThrottle) -> None:
        super().__init__("osc over tcp")
        self.address, self.port = address, port
        self._inbox = inbox
        self._error_log = error_log
        self._server: asyncio.Server | None = None
        self._peers: set[StreamPeer] = set()

    async def open(self) -> None:
        try:
            self._server = await asyncio.start_server(
                self._handle_connection, self.address, self.port, limit=LONGEST_FRAME
            )
        except OSError as error:
            raise ServiceError(f"{self.address}:{self.port}: {error.strerror}") from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for peer in self._peers:
            peer.alive = False

    async def _handle_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self.loop is not None
        peer = StreamPeer(writer.get_extra_info("peername")[0], self.loop)
        if not self._inbox.allows(peer.host) or len(self._peers) >= MOST_CONNECTIONS:
            self._error_log.note("connection refused", f"from {peer.host}")
            writer.close()
            return
        _enable_keepalive(writer.get_extra_info("socket"))
        self._peers.add(peer)
        writing = None
        try:
            first = await reader.readexactly(1)
            if first not in FIRST_BYTES:
                raise NotOsc
            length_prefixed = first == b"\x00"
            writing = asyncio.create_task(_write_packets(peer, writer, length_prefixed))
            packets = (
                _read_length_prefixed_packets(reader, first)
                if length_prefixed
                else _read_slip_packets(reader, first)
            )
            async for packet in packets:
                while self._inbox.full:
                    await asyncio.sleep(INBOX_FULL_WAIT_S)
                self._inbox.receive(packet, peer)
        except (asyncio.IncompleteReadError, OSError):
            pass  # the other end has gone
        except (asyncio.LimitOverrunError, slip.ProtocolError, NotOsc):
            self._error_log.note("malformed stream", f"connection closed, from {peer.host}")
        finally:
            peer.alive = False
            self._peers.discard(peer)
            if writing is not None:
                writing.cancel()
            writer.close()


def _enable_keepalive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_MS)


async def _read_slip_packets(reader: asyncio.StreamReader, first: bytes) -> AsyncIterator[bytes]:
    rest = first if first != slip.END else b""
    while True:
        packet = slip.decode(rest + await reader.readuntil(slip.END))
        rest = b""
        if packet:  # between two packets there may be one END or two
            yield packet


async def _read_length_prefixed_packets(reader: asyncio.StreamReader, first: bytes) -> AsyncIterator[bytes]:
    while True:
        size = int.from_bytes(first + await reader.readexactly(4 - len(first)))
        first = b""
        if size > LONGEST_PACKET:
            raise NotOsc
        yield await reader.readexactly(size)


async def _write_packets(peer: StreamPeer, writer: asyncio.StreamWriter, length_prefixed: bool) -> None:
    with suppress(OSError):  # the reading side notices, too
        while True:
            for packet in await peer.next_packets():
                writer.write(len(packet).to_bytes(4) + packet if length_prefixed else slip.encode(packet))
            await writer.drain()
