"""Silence for native libraries that ends when the last one who wanted it has done."""

import os
import threading

from engine.quiet import native_stderr_silenced


def test_overlapping_silences_end_together() -> None:
    """The first thread leaves while the second is still within; then the log speaks again."""
    before = os.fstat(2)
    entered, left = threading.Event(), threading.Event()

    def longer() -> None:
        with native_stderr_silenced():
            entered.set()
            left.wait()

    second = threading.Thread(target=longer)
    with native_stderr_silenced():
        second.start()
        entered.wait()
    assert os.fstat(2).st_rdev == os.stat(os.devnull).st_rdev, "the second is still within"
    left.set()
    second.join()
    assert os.path.samestat(os.fstat(2), before)
