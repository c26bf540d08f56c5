"""What a process takes of the machine, read from Linux's /proc."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """rss_mib: memory in use. threads, descriptors: how many."""

    rss_mib: float
    threads: int
    descriptors: int


def usage(pid: int | None = None) -> Usage:
    """Of a process, or of this one."""
    process = Path("/proc") / str(pid or os.getpid())
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    rss_kib = int(status["VmRSS"].split()[0])
    return Usage(rss_kib / 1024, int(status["Threads"]), len(list((process / "fd").iterdir())))
