"""The command line as a whole: it answers quickly, and every command explains itself."""

import json
import os
import subprocess
import sys

import pytest

from installation.cli.main import COMMANDS
from tests.conftest import REPO

# Packages that take long to import.
HEAVY = {"aiohttp", "av", "cv2", "dlib", "mediapipe", "onnxruntime", "pygame", "scipy", "skimage", "torch"}
PROGRAM = """
import contextlib, io, json, sys
from installation.cli.main import main
with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
    main(sys.argv[1:])
print(json.dumps([text.getvalue(), sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=lambda words: "-".join(words))
def test_help_loads_no_heavy_package(words: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM, *words, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    text, modules = json.loads(done.stdout)
    assert text.startswith(f"usage: kiosk {' '.join(words)}".rstrip())
    assert not HEAVY & set(modules)


def test_the_tests_are_run_by_the_script() -> None:
    command = [sys.executable, "-m", "installation.cli.main", "test"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 2 and "./kiosk test" in done.stderr and "unexpected" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """As `./kiosk osc | head -1`: the output is longer than a pipe holds."""
    command = [sys.executable, "-m", "installation.cli.main", "osc"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPO) as listing:
        assert listing.stdout is not None and listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == b""
        assert listing.wait(60) == 0


def test_what_numpy_multiplies_keeps_one_thread_busy() -> None:
    """A second thread of OpenBLAS would poll for work until the next multiplication, and so for good."""
    program = (
        "import contextlib, os\n"
        "from installation.cli.main import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "import numpy\n"
        "numpy.linalg.inv(numpy.eye(500))\n"
        "print(len(os.listdir('/proc/self/task')))\n"
    )
    settings = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in settings}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=REPO)
    assert done.stdout.splitlines()[-1] == "1"
