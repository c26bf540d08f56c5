"""The command line as a whole: it answers quickly, and every command explains itself."""

import json
import subprocess
import sys

import pytest

from installation.cli.main import COMMANDS

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
