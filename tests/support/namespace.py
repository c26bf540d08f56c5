"""A network of a test's own: a network namespace with real interfaces, and a sysfs that says what they are.

The interfaces are TAP devices, with a carrier for as long as the process lives, whatever they are called; the
kernels of test machines have neither bridges nor Wi-Fi. What is sent on one is read from it as frames.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.support.programs import require_programs

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
UNSHARE = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def run_in_namespace(script: str, sysfs: Path, limit_s: float = 60.0) -> str:
    """Runs Python code in a new namespace in which `sysfs` is /sys/class/net; returns what it prints.

    Skips the test where this machine allows no namespaces.
    """
    require_programs("ip", "unshare")
    allowed = subprocess.run([*UNSHARE, "test", "-w", "/dev/net/tun"], capture_output=True, text=True)
    if allowed.returncode:
        pytest.skip(f"needs network namespaces and /dev/net/tun: {allowed.stderr.strip()}")
    mount = f'mount --bind {sysfs} /sys/class/net && ip link set lo up && exec {sys.executable} -c "$0"'
    done = subprocess.run(
        [*UNSHARE, "sh", "-c", mount, script], capture_output=True, text=True, timeout=limit_s, cwd=REPO
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Tap:
    """A network interface of this namespace, which is up; `address` as 192.168.4.1/24."""

    def __init__(self, name: str, address: str = "") -> None:
        self._name = name
        self._device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        self._ip("link", "set", name, "up")
        if address:
            self.give(address)

    def give(self, address: str) -> None:
        """Gives it one more address."""
        self._ip("address", "add", address, "dev", self._name)

    def take(self, address: str) -> None:
        """Takes an address from it."""
        self._ip("address", "del", address, "dev", self._name)

    def knows(self, address: str) -> None:
        """Makes the kernel know where another machine's packets are to be sent, without asking for it."""
        self._ip("neighbour", "add", address, "lladdr", "02:00:00:00:00:02", "dev", self._name)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    def frames(self, wait_s: float) -> Iterator[bytes]:
        """The Ethernet frames that are sent on it within so many seconds."""
        end_s = time.monotonic() + wait_s
        while time.monotonic() < end_s:
            try:
                yield os.read(self._device, 65536)
            except BlockingIOError:
                time.sleep(0.01)

    def send(self, frame: bytes) -> None:
        """Lets an Ethernet frame come in."""
        os.write(self._device, frame)


def udp_payload(frame: bytes, port: int) -> bytes:
    """What a frame brings to or from a UDP port over IPv4; empty for any other frame."""
    if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_UDP:
        return b""
    start = 14 + (frame[14] & 0x0F) * 4
    return frame[start + 8 :] if port in struct.unpack("!HH", frame[start : start + 4]) else b""
