"""Signs of life for systemd, heard by a socket like systemd's."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hardware.memory import swap_devices
from hardware.watchdog import EVERY_S, Watchdog


@pytest.mark.parametrize("abstract", [False, True])
def test_ready_first_then_one_sign_every_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
):
    name = f"@doppelganger-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    now_s = 0.0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        systemd.setblocking(False)
        watchdog = Watchdog(lambda: now_s)
        for _ in range(round(3 * EVERY_S * 60)):
            watchdog.beat()
            now_s += 1 / 60
        heard = [systemd.recv(100) for _ in range(3)]
        with pytest.raises(BlockingIOError):
            systemd.recv(100)
    assert heard == [b"READY=1\nWATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_nobody_listening_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    Watchdog().beat()
    monkeypatch.delenv("NOTIFY_SOCKET")
    Watchdog().beat()


def test_swap_in_memory_does_not_count(tmp_path: Path):
    swaps = tmp_path / "swaps"
    swaps.write_text(
        "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 100 0 100\n/swap.img file 200 0 -2\n"
    )
    assert swap_devices(swaps) == ["/swap.img"]
    assert swap_devices(tmp_path / "none") == []


def test_no_core_dumps():
    # In a process of its own: the limit cannot be raised again.
    program = (
        "import resource; from hardware.memory import forbid_core_dumps as f; f(); f(); "
        "print(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "(0, 0)"
