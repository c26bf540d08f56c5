"""Native libraries write where they like; a visitor's or a curator's terminal is not the place."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Send what C and C++ code writes to file descriptor 2 to nowhere while the context lasts.

    It holds for the whole process, other threads included, so keep it short. Python's own exceptions
    pass through it untouched.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(nowhere)
        os.close(saved)
