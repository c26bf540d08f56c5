"""What the machine might keep of its memory: core dumps are switched off, swap is only noticed."""

import ctypes
import resource
from pathlib import Path

SWAPS = Path("/proc/swaps")
_PR_SET_DUMPABLE = 4  # prctl(2)


def forbid_core_dumps() -> None:
    """The kernel writes no core of this process, neither a file nor to a collector; else raises OSError.

    A program that it starts inherits the first only, so each process that holds pictures calls this itself.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "core dumps cannot be forbidden")


def swap_devices(swaps: Path = SWAPS) -> list[str]:
    """Devices and files that the system may write memory to, without those that lie in memory."""
    try:
        lines = swaps.read_text().splitlines()[1:]
    except OSError:
        return []
    names = [line.split()[0] for line in lines if line.strip()]
    return [name for name in names if not name.startswith("/dev/zram")]
