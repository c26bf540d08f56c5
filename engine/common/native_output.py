"""Native libraries write where they like; a visitor's or a curator's terminal is not the place."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class _Silence:
    """Counts who wants it, over all threads: the first one begins it, the last one ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = 0
        self._saved = -1

    def begin(self) -> None:
        with self._lock:
            if self._wanted == 0:
                sys.stderr.flush()
                nowhere = os.open(os.devnull, os.O_WRONLY)
                self._saved = os.dup(2)
                os.dup2(nowhere, 2)
                os.close(nowhere)
            self._wanted += 1

    def end(self) -> None:
        with self._lock:
            self._wanted -= 1
            if self._wanted == 0:
                os.dup2(self._saved, 2)
                os.close(self._saved)

    def unsilenced(self) -> int:
        """Another descriptor of what standard error is without silence."""
        with self._lock:
            return os.dup(self._saved if self._wanted else 2)


_silence = _Silence()


@contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Send what C and C++ code writes to file descriptor 2 to nowhere while the context lasts.

    It holds for the whole process, other threads included, so keep it short. Python's own exceptions
    pass through it untouched; what Python writes is lost, too, but over `own_stderr`.
    """
    _silence.begin()
    try:
        yield
    finally:
        _silence.end()


def own_stderr() -> TextIO:
    """Standard error under a descriptor of its own: a silence leaves it as it is."""
    return os.fdopen(
        _silence.unsilenced(), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace"
    )
