"""What the machine might keep of its memory: core dumps are switched off, swap is only noticed."""

import resource
from pathlib import Path

SWAPS = Path("/proc/swaps")


def forbid_core_dumps() -> None:
    """For this process and all it starts: a crash leaves no picture of memory on disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def swap_devices(swaps: Path = SWAPS) -> list[str]:
    """Devices and files that the system may write memory to, without those that lie in memory."""
    try:
        lines = swaps.read_text().splitlines()[1:]
    except OSError:
        return []
    names = [line.split()[0] for line in lines if line.strip()]
    return [name for name in names if not name.startswith("/dev/zram")]
