"""The real script `kiosk` in a small checkout, with indexes of stand-in packages, with or without a GPU.

The packages have a few bytes each and keep what matters: names, versions, dependencies, and that onnxruntime
and onnxruntime-gpu put their files into one folder.
"""

import base64
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hardware import machine
from tests.conftest import REPO

NOBODY_THERE = "http://127.0.0.1:1/whl"

PYPROJECT = """
[project]
dependencies = [
    "insightface==2.1",
    "onnxruntime==1.31.1",
    "torch==2.13.0",
]
[project.optional-dependencies]
gpu = ["onnxruntime-gpu==1.31.1"]
"""
COMMAND = "import os, sys\nprint('command', sys.argv[1:], os.getcwd())\n"
TOOL = """
import os, sys
print('NAME ran')
open('NAME.arguments', 'w').write(' '.join(sys.argv[1:]))
sys.exit('NAME' in os.environ.get('FAILING', ''))
"""
# What the script itself starts.
PROGRAMS = ("sh", "cat", "dirname", "env", "flock", "readlink", "sed", "sha256sum", "tail", "uname")


def wheel(folder: Path, name: str, version: str, files: dict[str, str], metadata: str = "") -> None:
    """Write a wheel of text files; `metadata` holds more METADATA lines, such as Requires-Dist."""
    stem = f"{name.replace('-', '_')}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    files = files | {
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={digest(text)},{len(text)}\n" for path, text in files.items())
    record += f"{stem}.dist-info/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for path, text in (files | {f"{stem}.dist-info/RECORD": record}).items():
            archive.writestr(path, text)


def digest(text: str) -> str:
    """SHA-256 as wheels record it."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def index(folder: Path) -> None:
    """Make each folder of wheels a page of a package index."""
    for package in folder.iterdir():
        links = (f'<a href="{path.name.replace("+", "%2B")}">{path.name}</a>' for path in package.iterdir())
        (package / "index.html").write_text("<!DOCTYPE html><html><body>" + "".join(links) + "</body></html>")


def torch(folder: Path, version: str, cuda: str | None, code: str = "from torch import version") -> None:
    files = {"torch/__init__.py": code, "torch/version.py": f"cuda = {cuda!r}"}
    wheel(folder, "torch", version, files)


def make_packages(root: Path) -> Path:
    """Makes two indexes: the configured one, with torch built for CUDA as on PyPI, and PyTorch's own."""
    torch(root / "configured/torch", "2.13.0", "13.0")
    torch(root / "pytorch/torch", "2.13.0+cpu", None)
    torch(root / "pytorch/torch", "2.13.0+cu130", "13.0")
    wheel(root / "configured/insightface", "insightface", "2.1", {}, "Requires-Dist: onnxruntime\n")
    for name, build in (("onnxruntime", "cpu"), ("onnxruntime-gpu", "gpu")):
        wheel(root / "configured" / name, name, "1.31.1", {"onnxruntime/__init__.py": f"BUILD = {build!r}"})
    tools = {f"{name}/__main__.py": TOOL.replace("NAME", name) for name in ("ruff", "mypy", "pytest")}
    tools["lint_imports.py"] = TOOL.replace("NAME", "lint-imports")
    tools["tools-1.dist-info/entry_points.txt"] = "[console_scripts]\nlint-imports = lint_imports:main\n"
    wheel(root / "configured/tools", "tools", "1", tools)
    index(root / "configured")
    index(root / "pytorch")
    return root


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serves a folder over HTTP; yields its URL."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Checkout:
    """A folder with the real `kiosk`, and a machine around it: with or without a GPU, with some index."""

    def __init__(self, root: Path, packages: Path, torch_index: str, gpu: bool) -> None:
        self.root = root
        (root / "installation/cli").mkdir(parents=True)
        (root / "hardware").mkdir()
        # Without them, the packages of the checkout under test would come first: its environment names them.
        for package in ("installation", "hardware"):
            (root / package / "__init__.py").touch()
        shutil.copy(REPO / "kiosk", root)
        shutil.copytree(REPO / "installation/setup", root / "installation/setup")
        shutil.copy(REPO / "hardware/machine.py", root / "hardware")
        (root / "pyproject.toml").write_text(PYPROJECT)
        (root / "installation/cli/main.py").write_text(COMMAND)
        self.lock(packages)

        self.bin = root / "bin"
        for name in machine.TEST_PROGRAMS:
            self.program(name, "exit 0")
        self.program("nvidia-smi", "echo 'GPU 0: stand-in'" if gpu else "exit 9")
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PIP_") and name != "PYTHONPATH"
        } | {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"file://{packages}/configured",
            "DOPPELGANGER_PYTHON": sys.executable,
            "DOPPELGANGER_TORCH_INDEX": torch_index,
        }

    def lock(self, packages: Path) -> None:
        """Writes lock files with the hashes of the configured index's packages."""
        digests = {
            path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in packages.glob("configured/*/*.whl")
        }
        pins = {"insightface": "2.1", "onnxruntime": "1.31.1", "tools": "1"}
        lines = {name: f"{name}=={pin} --hash=sha256:{digests[name]}\n" for name, pin in pins.items()}
        (self.root / "requirements.lock").write_text(lines["insightface"] + lines["onnxruntime"])
        (self.root / "requirements-test.lock").write_text("".join(lines.values()))

    def hide_test_programs(self) -> None:
        """Leaves no program on the PATH but those that the script itself starts."""
        shutil.rmtree(self.bin)
        self.bin.mkdir()
        for name in PROGRAMS:
            (self.bin / name).symlink_to(str(shutil.which(name)))
        self.environment["PATH"] = str(self.bin)

    def program(self, name: str, script: str) -> None:
        self.bin.mkdir(exist_ok=True)
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def start(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.root / "kiosk", *words],
            env=self.environment | environment,
            cwd=self.root.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*words, **environment)
        stdout, stderr = process.communicate(timeout=300)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def python(self, code: str) -> str:
        """What a line of Python prints in the installed environment."""
        command = [str(self.root / ".venv/bin/python"), "-c", code]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    def installed(self, package: str) -> bool:
        code = f"from importlib import metadata as m; print(any(m.distributions(name={package!r})))"
        return self.python(code) == "True"
