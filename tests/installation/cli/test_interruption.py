"""A command that is interrupted twice still removes what it has begun to write."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO

PROGRAM = """
import os, shutil, signal, sys
from pathlib import Path
from engine.common import atomic_file
from installation.cli import interruption

remove = shutil.rmtree

def interrupted_remove(folder, **options):
    os.kill(os.getpid(), int(sys.argv[2]))
    remove(folder, **options)

shutil.rmtree = interrupted_remove
interruption.let_signals_interrupt()
try:
    with atomic_file.replacing_folder(Path(sys.argv[1])) as temporary:
        (temporary / "picture").write_text("")
        os.kill(os.getpid(), int(sys.argv[2]))
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_does_not_stop_the_removal(number: signal.Signals, tmp_path: Path) -> None:
    command = ["env", "--default-signal", sys.executable, "-c", PROGRAM]
    words = [str(tmp_path / "visit"), str(int(number))]
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    done = subprocess.run([*command, *words], capture_output=True, text=True, env=environment)
    assert done.stdout == "interrupted\n", done.stderr
    assert list(tmp_path.iterdir()) == []
