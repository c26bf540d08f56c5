"""No picture of this process's memory, whatever happens to it."""

import ctypes
import resource

_PR_SET_DUMPABLE = 4  # prctl(2)


def forbid() -> None:
    """The kernel writes no core of this process, neither a file nor to a collector; else raises OSError."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "core dumps cannot be forbidden")
