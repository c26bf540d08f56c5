"""Whether packages can be loaded on this machine: each import is tried in a child process.

A module built for another processor ends its process with an illegal instruction, without a line. The child
says which module it is about to load, so that the parent knows which one that was. Standard library only.
"""

import json
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

# Package -> the module with its compiled parts.
MODULES = {
    "numpy": "numpy",
    "scipy": "scipy.optimize",
    "pillow": "PIL.Image",
    "torch": "torch",
    "opencv-python": "cv2",
    "dlib-bin": "dlib",
    "onnxruntime": "onnxruntime",
    "mediapipe": "mediapipe",
    "av": "av",
    "pygame": "pygame",
    "scikit-image": "skimage.transform",
    "safetensors": "safetensors",
    "pydantic": "pydantic",
    "aiohttp": "aiohttp",
}
LIMIT_S = 300.0  # for one child; a slow disk takes a minute

_CHILD = """
import contextlib, importlib, io, json, os, sys
out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for name in sys.argv[1:]:
    print(json.dumps([name]), file=out)
    try:
        module = importlib.import_module(name)
        version = getattr(sys.modules[name.partition(".")[0]], "__version__", "without a version")
        print(json.dumps([name, str(version), ""]), file=out)
    except BaseException as error:
        words = (f"{type(error).__name__}: {error}".splitlines() or [""])[0]
        print(json.dumps([name, "", words]), file=out)
os._exit(0)
"""


@dataclass(frozen=True)
class Module:
    """The result of an import: the version of the module, or the error. killed: it has ended its process."""

    version: str = ""
    error: str = ""
    killed: bool = False


def try_imports(python: Sequence[str], modules: Sequence[str]) -> dict[str, Module]:
    """Imports the modules one after another with the command `python`; the result of each."""
    results: dict[str, Module] = {}
    while left := [name for name in modules if name not in results]:
        lines, ended = _run_child([*python, "-c", _CHILD, *left])
        done = {row[0]: Module(row[1], row[2]) for row in lines if len(row) == 3}
        results |= done
        began = [row[0] for row in lines if row[0] not in done]
        if began or not done:
            results[began[-1] if began else left[0]] = Module(error=ended, killed=True)
    return results


def _run_child(command: list[str]) -> tuple[list[list[str]], str]:
    """The lines that the child has printed, and how it ended."""
    try:
        child = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT_S,
        )
        output, ended = child.stdout, _in_words(child.returncode)
    except subprocess.TimeoutExpired as late:
        output, ended = late.stdout or b"", f"does not finish within {LIMIT_S:.0f} s"
    except OSError as error:
        output, ended = b"", str(error)
    return [json.loads(line) for line in output.splitlines()], ended


def _in_words(code: int) -> str:
    if code == -signal.SIGILL:
        return "illegal instruction: it is built for another processor"
    if code < 0:
        return f"ended its process with {signal.Signals(-code).name}"
    return f"ended its process with exit code {code}"
