"""What is left of a photograph on both hosts after a visit: in memory, and in temporary folders."""

import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

from benchmarks.server.door import Site
from engine.runtime.messages import ProgressUpdate
from installation.workers.engine_client import EngineClient
from installation.workers.remote.backend import RemoteBackend
from tests.support.server_kit import NAMES

CANARY_BYTES = 48
SIDE_PX = 1024
FOLDERS = (Path("/dev/shm"), Path(tempfile.gettempdir()), Path("/var/tmp"))
LONGEST_FILE_MIB = 64
LOOK_S = 5.0


def in_memory(pid: int, canary: bytes) -> int:
    """How often it is found in what a process may write."""
    found = 0
    maps = (Path("/proc") / str(pid) / "maps").read_text().splitlines()
    with (Path("/proc") / str(pid) / "mem").open("rb", 0) as memory:
        for line in maps:
            addresses, rights, *_ = line.split()
            start, end = (int(each, 16) for each in addresses.split("-"))
            if "w" in rights:
                try:
                    memory.seek(start)
                    found += memory.read(end - start).count(canary)
                except (OSError, OverflowError, ValueError):
                    continue
    return found


def on_disk(folders: Iterable[Path], canary: bytes, since_s: float) -> Iterator[Path]:
    """The files with it, of those written since then."""
    which = ["-type", "f", "-newermt", f"@{since_s}", "-size", f"-{LONGEST_FILE_MIB}M"]
    found = subprocess.run(["find", *map(str, folders), *which], capture_output=True, text=True)
    for path in map(Path, found.stdout.splitlines()):
        with suppress(OSError):  # it has gone meanwhile
            if canary in path.read_bytes():
                yield path


def _processes(site: Site, link: RemoteBackend) -> dict[str, list[int]]:
    children = [each.pid for each in psutil.Process(site.pid).children(recursive=True)]
    assert link.pid is not None
    return {"door": [site.pid], "engines": children, "the kiosk's link": [link.pid]}


def measure_traces(site: Site) -> None:
    """Prints a table: during the visit, and after `erase`."""
    canary, began_s = secrets.token_bytes(CANARY_BYTES), time.time()
    with site:
        link = RemoteBackend(site.settings(NAMES[0]))
        client = EngineClient(link)
        client.start()
        try:
            print("| where | during the visit | after *erase* |\n|---|---:|---:|")
            photograph = np.frombuffer(bytearray(canary * (SIDE_PX * SIDE_PX * 3 // CANARY_BYTES)), np.uint8)
            client.portray(1, [photograph.reshape(SIDE_PX, SIDE_PX, 3)])
            while not any(isinstance(reply, ProgressUpdate) for reply in client.poll()):
                time.sleep(0.01)
            during = _counts(site, link, canary)
            client.erase(1)
            time.sleep(LOOK_S)
            after = _counts(site, link, canary)
            for name, count in during.items():
                print(f"| memory: {name} | {count} | {after[name]} |")
            planted = [folder / f"canary-{os.getpid()}" for folder in FOLDERS]
            for path in planted:
                path.write_bytes(b"before" + canary)
            found = sorted(on_disk(FOLDERS, canary, began_s))
            for path in planted:
                path.unlink()
            assert set(planted) <= set(found), "the control: what was written there is found"
            others = [path for path in found if path not in planted]
            names = ", ".join(map(str, FOLDERS))
            print(f"| files in {names} | | {len(others)}; all {len(planted)} that were planted are found |")
        finally:
            client.stop()


def _counts(site: Site, link: RemoteBackend, canary: bytes) -> dict[str, int]:
    return {
        name: sum(in_memory(pid, canary) for pid in pids) for name, pids in _processes(site, link).items()
    }
