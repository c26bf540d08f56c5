"""The script `kiosk`: the real script with real pip and venv, on a small checkout and small packages.

The packages are stand-ins of a few bytes that keep what matters: names, versions, dependencies, and that
onnxruntime and onnxruntime-gpu put their files into one folder.
"""

import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
NOBODY_THERE = "http://127.0.0.1:1/whl"

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
dependencies = [
    "insightface==2.1",
    "onnxruntime==1.31.1",
    "torch==2.13.0",
]
[project.optional-dependencies]
gpu = ["onnxruntime-gpu==1.31.1"]
"""
BACKEND = """
import shutil
def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return shutil.copy("doppelganger-0.1.0-py3-none-any.whl", wheel_directory).rpartition("/")[2]
"""
COMMAND = "import os, sys\nprint('command', sys.argv[1:], os.getcwd())\n"
TOOL = "import os, sys\nprint('NAME ran')\nsys.exit('NAME' in os.environ.get('FAILING', ''))\n"


def wheel(folder: Path, name: str, version: str, files: dict[str, str], metadata: str = "") -> None:
    """Write a wheel of text files; `metadata` holds more METADATA lines, such as Requires-Dist."""
    stem = f"{name.replace('-', '_')}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    files = files | {
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{stem}.dist-info/RECORD"])
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for path, text in (files | {f"{stem}.dist-info/RECORD": record}).items():
            archive.writestr(path, text)


def index(folder: Path) -> None:
    """Make each folder of wheels a page of a package index."""
    for package in folder.iterdir():
        links = (f'<a href="{path.name.replace("+", "%2B")}">{path.name}</a>' for path in package.iterdir())
        (package / "index.html").write_text("<!DOCTYPE html><html><body>" + "".join(links) + "</body></html>")


def torch(folder: Path, version: str, cuda: str | None) -> None:
    files = {"torch/__init__.py": "from torch import version", "torch/version.py": f"cuda = {cuda!r}"}
    wheel(folder, "torch", version, files)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configured index, where torch is the build with CUDA, as on PyPI, and PyTorch's own index."""
    root = tmp_path_factory.mktemp("packages")
    torch(root / "configured/torch", "2.13.0", "13.0")
    torch(root / "pytorch/torch", "2.13.0+cpu", None)
    torch(root / "pytorch/torch", "2.13.0+cu130", "13.0")
    wheel(root / "configured/insightface", "insightface", "2.1", {}, "Requires-Dist: onnxruntime\n")
    for name, build in (("onnxruntime", "cpu"), ("onnxruntime-gpu", "gpu")):
        wheel(root / "configured" / name, name, "1.31.1", {"onnxruntime/__init__.py": f"BUILD = {build!r}"})
    tools = {f"{name}/__main__.py": TOOL.replace("NAME", name) for name in ("ruff", "mypy", "pytest")}
    wheel(root / "configured/tools", "tools", "1", tools)
    index(root / "configured")
    index(root / "pytorch")
    return root


@pytest.fixture(scope="module")
def pytorch_index(packages: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(packages / "pytorch"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Checkout:
    """A folder with the real `kiosk`, and a machine around it: with or without a GPU, with some index."""

    def __init__(self, root: Path, packages: Path, torch_index: str, gpu: bool) -> None:
        self.root = root
        (root / "installation").mkdir(parents=True)
        (root / "hardware").mkdir()
        shutil.copy(REPO / "kiosk", root)
        shutil.copy(REPO / "hardware/machine.py", root / "hardware")
        (root / "pyproject.toml").write_text(PYPROJECT)
        (root / "backend.py").write_text(BACKEND)
        (root / "installation/cli/main.py").write_text(COMMAND)
        needs = "".join(
            f"Requires-Dist: {name}\n" for name in ("insightface", "onnxruntime", "torch==2.13.0")
        )
        needs += "Provides-Extra: test\nRequires-Dist: tools; extra == 'test'\n"
        wheel(root, "doppelganger", "0.1.0", {"doppelganger.pth": f"{root}\n"}, needs)

        self.bin = root / "bin"
        self.program("nvidia-smi", "echo 'GPU 0: stand-in'" if gpu else "exit 9")
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PIP_")
        } | {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"file://{packages}/configured",
            "DOPPELGANGER_PYTHON": sys.executable,
            "DOPPELGANGER_TORCH_INDEX": torch_index,
        }

    def make_installable(self) -> None:
        """The editable wheel that the stand-in build backend gives to pip: it points to this folder."""
        needs = "".join(
            f"Requires-Dist: {name}\n" for name in ("insightface", "onnxruntime", "torch==2.13.0")
        )
        needs += "Provides-Extra: test\nRequires-Dist: tools; extra == 'test'\n"
        wheel(self.root, "doppelganger", "0.1.0", {"doppelganger.pth": f"{self.root}\n"}, needs)

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
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def installed(self, package: str) -> bool:
        code = f"from importlib import metadata as m; print(any(m.distributions(name={package!r})))"
        return self.python(code) == "True"


@pytest.fixture(scope="module")
def cpu(tmp_path_factory: pytest.TempPathFactory, packages: Path, pytorch_index: str) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("cpu") / "check out", packages, pytorch_index, gpu=False)


@pytest.fixture(scope="module")
def gpu(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("gpu") / "checkout", packages, NOBODY_THERE, gpu=True)


# --- the whole way ---


def test_first_start_without_a_gpu(cpu: Checkout) -> None:
    first = cpu.run("visit", "my photo.jpg")
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"command ['visit', 'my photo.jpg'] {cpu.root.parent}\n", "nothing else on stdout"
    assert "setting up" in first.stderr
    assert cpu.python("import torch; print(torch.version.cuda)") == "None"
    assert cpu.installed("onnxruntime")
    assert not cpu.installed("onnxruntime-gpu")


def test_later_starts_are_quiet_and_quick(cpu: Checkout) -> None:
    cpu.run("visit")
    assert cpu.run("visit").stderr == ""

    def seconds(command: list[str]) -> float:
        begin = time.monotonic()
        subprocess.run(command, env=cpu.environment, stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - begin

    python = str(cpu.root / ".venv/bin/python")
    bare = min(seconds([python, "-P", "-m", "installation.cli.main"]) for _ in range(5))
    kiosk = min(seconds([str(cpu.root / "kiosk"), "visit"]) for _ in range(5))
    assert kiosk - bare < 0.3


def test_first_start_with_a_gpu_ends_with_onnxruntime_gpu_alone(gpu: Checkout) -> None:
    assert gpu.run("visit").returncode == 0
    assert gpu.python("import torch; print(torch.version.cuda)") == "13.0"
    assert gpu.python("import onnxruntime; print(onnxruntime.BUILD)") == "gpu"
    assert gpu.installed("onnxruntime-gpu")
    assert not gpu.installed("onnxruntime")


def test_the_test_tools_do_not_bring_the_other_onnxruntime_back(gpu: Checkout) -> None:
    result = gpu.run("test", "-k", "faces")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "ruff ran\nmypy ran\npytest ran\n"
    assert gpu.python("import onnxruntime; print(onnxruntime.BUILD)") == "gpu"
    assert not gpu.installed("onnxruntime")
    assert gpu.run("test").stderr == "", "the tools are installed once"


@pytest.mark.parametrize("tool", ["ruff", "mypy", "pytest"])
def test_any_failing_tool_fails_the_tests(gpu: Checkout, tool: str) -> None:
    result = gpu.run("test", FAILING=tool)
    assert result.returncode == 1
    assert result.stdout == "ruff ran\nmypy ran\npytest ran\n", "the others still run"
    assert f"failed: {tool}" in result.stderr


def test_a_gpu_with_a_torch_without_cuda_is_said(tmp_path: Path, packages: Path) -> None:
    shutil.copytree(packages / "configured", tmp_path / "configured")
    torch(tmp_path / "configured/torch", "2.13.0", None)
    checkout = Checkout(tmp_path / "checkout", tmp_path, NOBODY_THERE, gpu=True)
    result = checkout.run("visit")
    assert result.returncode == 0, result.stderr
    assert "without CUDA" in result.stderr


# --- when it does not go smoothly ---


def test_a_setup_that_was_killed_is_made_good(tmp_path: Path, packages: Path, pytorch_index: str) -> None:
    checkout = Checkout(tmp_path / "checkout", packages, pytorch_index, gpu=False)
    process = checkout.start("visit")
    packages_folder = checkout.root / ".venv/lib"
    while not list(packages_folder.glob("python*/site-packages/torch")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    # What a power cut leaves: a file that is there and empty.
    next(packages_folder.glob("python*/site-packages/torch/__init__.py")).write_text("")

    assert checkout.run("visit").returncode == 0
    assert checkout.python("import torch; print(torch.version.cuda)") == "None"


def test_two_first_starts_at_once(tmp_path: Path, packages: Path, pytorch_index: str) -> None:
    checkout = Checkout(tmp_path / "checkout", packages, pytorch_index, gpu=False)
    processes = [checkout.start("visit") for _ in range(2)]
    errors = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert sum("setting up" in error and "waiting" not in error for error in errors) == 1
    assert sum("waiting" in error for error in errors) == 1

    checkout.root = checkout.root.rename(tmp_path / "moved")
    checkout.make_installable()
    moved = checkout.run("visit")
    assert moved.returncode == 0, moved.stderr
    assert "setting up" in moved.stderr, "an editable installation does not survive a move"


def test_a_failed_installation_is_one_line_and_exit_5(tmp_path: Path, packages: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", packages, NOBODY_THERE, gpu=False)
    result = checkout.run("visit", PIP_INDEX_URL=f"file://{tmp_path}/nothing")
    assert result.returncode == 5
    assert "this step of the setup failed" in result.stderr.splitlines()[-1]
    assert result.stdout == ""
    assert not (checkout.root / ".venv/kiosk-setup").exists(), "the next start sets up again"


# --- decisions ---


@pytest.fixture
def undecided(tmp_path: Path, packages: Path) -> Checkout:
    return Checkout(tmp_path / "checkout", packages, NOBODY_THERE, gpu=False)


@pytest.mark.parametrize("has_gpu", [True, False])
@pytest.mark.parametrize("answers", [True, False])
def test_the_plan_follows_gpu_and_index(
    undecided: Checkout, pytorch_index: str, has_gpu: bool, answers: bool
) -> None:
    undecided.program("nvidia-smi", "exit 0" if has_gpu else "exit 9")
    torch_index = pytorch_index if answers else NOBODY_THERE
    result = undecided.run("--print-install-plan", DOPPELGANGER_TORCH_INDEX=torch_index)
    assert result.returncode == 0, result.stderr
    assert not (undecided.root / ".venv").exists(), "a plan does nothing"
    flavour = "cu130" if has_gpu else "cpu"
    own = f"--index-url {torch_index} torch==2.13.0+{flavour}\n" in result.stdout
    configured = " torch==2.13.0\n" in result.stdout
    assert (own, configured) == (answers, not answers)
    assert ("does not answer" in result.stderr) == (not answers)
    assert ("several gigabytes" in result.stderr) == (not answers and not has_gpu)
    order = [line.partition("pip ")[2] for line in result.stdout.splitlines()]
    assert order[-1].endswith("--no-deps onnxruntime-gpu==1.31.1") == has_gpu
    assert any("uninstall" in line and line.endswith("onnxruntime") for line in order) == has_gpu


def test_an_index_that_accepts_and_stays_mute_holds_nothing_up(undecided: Checkout) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        begin = time.monotonic()
        result = undecided.run("--print-install-plan", DOPPELGANGER_TORCH_INDEX=url)
        assert time.monotonic() - begin < 15
    assert "does not answer" in result.stderr


def test_without_python_it_says_which_and_how(undecided: Checkout) -> None:
    result = undecided.run("visit", DOPPELGANGER_PYTHON="/nowhere/python3.9")
    assert result.returncode == 5
    assert "Python 3.11 or 3.12" in result.stderr
    assert "apt-get install -y python3.11 python3.11-venv" in result.stderr
    assert not (undecided.root / ".venv").exists()


def test_a_python_that_does_not_start_is_passed_over(undecided: Checkout) -> None:
    undecided.program("python3.11", "echo 'version 3.11 is not selected' >&2; exit 127")
    undecided.program("python3.12", f'exec "{sys.executable}" "$@"')
    result = undecided.run("--print-install-plan", DOPPELGANGER_PYTHON="")
    assert result.stdout.startswith(f"{undecided.bin}/python3.12 -m venv"), result.stderr


def test_missing_system_packages_are_named_with_the_command(undecided: Checkout) -> None:
    (undecided.root / "hardware/machine.py").write_text(
        "print('apt-get install -y libgl1')\nraise SystemExit(1)"
    )
    result = undecided.run("visit")
    assert result.returncode == 5
    assert result.stderr.rstrip().endswith("apt-get install -y libgl1")
    assert not (undecided.root / ".venv").exists()


# --- the project's own pins ---


def test_the_script_finds_the_pins_it_needs(undecided: Checkout) -> None:
    shutil.copy(REPO / "pyproject.toml", undecided.root)
    undecided.program("nvidia-smi", "exit 0")
    plan = undecided.run("--print-install-plan").stdout
    assert " torch==2." in plan
    assert plan.rstrip().rpartition(" ")[2].startswith("onnxruntime-gpu==")
