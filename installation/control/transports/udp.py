"""OSC over UDP."""

import socket
from dataclasses import dataclass, replace

from installation.control.transports.inbox import Inbox
from installation.workers.supervision import ResilientService, ServiceError

LARGEST_DATAGRAM = 65_535
RECEIVE_TIMEOUT_S = 0.1  # between two looks at whether to stop
# Room for a burst while this thread waits for its turn.
RECEIVE_BUFFER = 1 << 20


class UdpServer(ResilientService):
    """Puts received packets into the inbox, in order. `port` is the real one once the service runs."""

    advice = "Choose another osc_port in the configuration, or end the program that uses this one."

    def __init__(self, address: str, port: int, inbox: Inbox) -> None:
        super().__init__("osc")
        self.address, self.port = address, port
        self._inbox = inbox
        self._socket: socket.socket | None = None

    def setup(self) -> None:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        try:
            opened.bind((self.address, self.port))
        except OSError as error:
            opened.close()
            raise ServiceError(f"{self.address}:{self.port}: {error.strerror}") from None
        self.port = opened.getsockname()[1]
        opened.settimeout(RECEIVE_TIMEOUT_S)
        # Published last: a send over a socket that is not bound would bind it to a random port.
        self._socket = opened

    def run(self) -> None:
        assert self._socket is not None
        while not self.stopping.is_set():
            self.beat()
            try:
                packet, (host, port) = self._socket.recvfrom(LARGEST_DATAGRAM)
            except TimeoutError:
                continue
            self._inbox.receive(packet, UdpPeer(self, host, port))

    def teardown(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, packet: bytes, host: str, port: int) -> bool:
        """Sends from the listening port. False: it is not open, or the host cannot be reached now."""
        opened = self._socket
        if opened is None:
            return False
        try:
            opened.sendto(packet, socket.MSG_DONTWAIT, (host, port))
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class UdpPeer:
    """A host and port that packets came from."""

    server: UdpServer
    host: str
    port: int
    alive = True

    def send(self, packet: bytes) -> bool:
        return self.server.send(packet, self.host, self.port)

    def at_port(self, port: int) -> "UdpPeer":
        return replace(self, port=port)
