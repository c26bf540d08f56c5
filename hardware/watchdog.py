"""Signs of life to systemd, which starts the installation again when they stop (sd_notify(3)).

READY=1 once the first picture is on the screen, WATCHDOG=1 after that from the very loop that draws. Without
systemd, or in a unit that is not `Type=notify`, nothing is sent.
"""

import os
import socket
import time
from collections.abc import Callable

EVERY_S = 2.0


class Watchdog:
    """Call `beat` once a frame."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = -float("inf")
        self._ready = False
        self._socket: socket.socket | None = None
        if address := os.environ.get("NOTIFY_SOCKET"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            # A leading @ stands for a name in the abstract namespace.
            self._address = "\0" + address[1:] if address.startswith("@") else address

    def beat(self) -> None:
        """Says that the picture goes on; at most every two seconds, and never waits."""
        now_s = self._clock()
        if self._socket is None or now_s < self._next_s:
            return
        self._next_s = now_s + EVERY_S
        message = b"WATCHDOG=1" if self._ready else b"READY=1\nWATCHDOG=1"
        try:
            self._socket.sendto(message, self._address)
            self._ready = True
        except OSError:
            # Nobody listens at this moment; the next beat tries again.
            return
