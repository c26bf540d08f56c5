"""Silence for native libraries that ends when the last one who wanted it has done."""

import os
import subprocess
import sys
import threading

from engine.common.native_output import native_stderr_silenced


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


SPEAKING = """
import logging, os, runpy, sys
from engine.common.native_output import native_stderr_silenced
from installation.cli import osc as osc_command

def run(_):
    logging.basicConfig()
    with native_stderr_silenced():
        logging.warning("ours")
        os.write(2, b"theirs")
    return 0

osc_command.run = run
sys.argv = ["kiosk", "osc"]
runpy.run_module("installation.cli.main", run_name="__main__")
"""


def test_the_log_speaks_while_native_libraries_are_silenced() -> None:
    """A fault of the start is logged once, while the watcher's thread loads its networks."""
    done = subprocess.run([sys.executable, "-c", SPEAKING], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "WARNING:root:ours\n"
