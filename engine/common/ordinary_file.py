"""Reads files that people made: nothing that keeps the reader waiting, no byte order mark."""

import errno
import stat
from pathlib import Path


def ordinary(path: Path) -> Path:
    """The same path. Raises OSError unless it is an ordinary file or a folder, no FIFO, socket or device."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "not an ordinary file", str(path))
    return path


def read_text(path: Path) -> str:
    """The text of an ordinary file in UTF-8, without the byte order mark that some editors put before it.

    Raises OSError, and UnicodeDecodeError where it is not UTF-8.
    """
    return ordinary(path).read_text("utf-8-sig")
