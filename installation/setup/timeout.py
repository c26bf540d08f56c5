"""Asks systemd for more time while the setup goes on (EXTEND_TIMEOUT_USEC of sd_notify(3))."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

EVERY_S = 10.0
EXTENSION_S = 60.0


@contextmanager
def start_timeout_extended() -> Iterator[None]:
    """While the context lasts, a unit's start is not cut off. Without systemd nothing is sent."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_extend, args=(address, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _extend(address: str, done: threading.Event) -> None:
    # A leading @ stands for a name in the abstract namespace.
    where = "\0" + address[1:] if address.startswith("@") else address
    message = f"EXTEND_TIMEOUT_USEC={EXTENSION_S * 1e6:.0f}\nSTATUS=setting up the packages".encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        while True:
            with suppress(OSError):
                end.sendto(message, where)
            if done.wait(EVERY_S):
                return
