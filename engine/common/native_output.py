"""Keeps messages that native libraries write to standard error off the terminal."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class _Silence:
    """Reference-counted over all threads: the first `begin` redirects standard error, the last `end` restores
    it."""

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
        """A new file descriptor of the real standard error, whether it is redirected or not."""
        with self._lock:
            return os.dup(self._saved if self._wanted else 2)


_silence = _Silence()


@contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Discards what is written to file descriptor 2 while the context lasts.

    This holds for the whole process, other threads included, so keep it short. Exceptions pass through. What
    Python writes to standard error is discarded, too, except through `own_stderr`.
    """
    _silence.begin()
    try:
        yield
    finally:
        _silence.end()


def own_stderr() -> TextIO:
    """Standard error on a file descriptor of its own, which `native_stderr_silenced` does not affect."""
    return os.fdopen(
        _silence.unsilenced(), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace"
    )
