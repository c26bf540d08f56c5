"""What is kept of a process's memory: no core dumps, nothing in what it has freed; swap is only noticed."""

import ctypes
import resource
from pathlib import Path

SWAPS = Path("/proc/swaps")
_PR_SET_DUMPABLE = 4  # prctl(2)
_M_PERTURB, _FREED = -6, 0xFF  # mallopt(3)


def forbid_core_dumps() -> None:
    """The kernel writes no core of this process, neither a file nor to a collector; else raises OSError.

    A program that it starts inherits the first only, so each process that holds pictures calls this itself.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "core dumps cannot be forbidden")


def overwrite_freed_memory() -> None:
    """From now on what this process frees is overwritten: copies that libraries make of what they pass on.

    That is glibc's own; with another C library nothing happens. Blocks up to 1 KiB may be left out.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_PERTURB, _FREED)


def swap_devices(swaps: Path = SWAPS) -> list[str]:
    """Devices and files that the system may write memory to, without those that lie in memory."""
    try:
        lines = swaps.read_text().splitlines()[1:]
    except OSError:
        return []
    names = [line.split()[0] for line in lines if line.strip()]
    return [name for name in names if not name.startswith("/dev/zram")]
