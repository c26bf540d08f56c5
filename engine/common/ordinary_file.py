"""Refuses to read what would keep the reader waiting: FIFOs, sockets and devices."""

import errno
import stat
from pathlib import Path


def ordinary(path: Path) -> Path:
    """The same path. Raises OSError unless it is an ordinary file or a folder."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "not an ordinary file", str(path))
    return path
