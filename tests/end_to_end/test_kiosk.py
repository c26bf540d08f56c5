"""The script `kiosk`: setting up with real pip and venv, on a small checkout and small packages."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.kiosk_kit import NOBODY_THERE, Checkout, torch

TOOLS_RAN = "ruff ran\nruff ran\nmypy ran\nlint-imports ran\npytest ran\n"


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
    assert result.stdout == TOOLS_RAN
    assert gpu.python("import onnxruntime; print(onnxruntime.BUILD)") == "gpu"
    assert not gpu.installed("onnxruntime")
    assert gpu.run("test").stderr == "", "the tools are installed once"


@pytest.mark.parametrize("tool", ["ruff", "mypy", "lint-imports", "pytest"])
def test_any_failing_tool_fails_the_tests(gpu: Checkout, tool: str) -> None:
    result = gpu.run("test", FAILING=tool)
    assert result.returncode == 1
    assert result.stdout == TOOLS_RAN, "the others still run"
    assert (
        "failed: " in result.stderr
        and tool.replace("lint-imports", "import-linter") in result.stderr.splitlines()[-1]
    )


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
    packages_folder = checkout.root / ".venv-new/lib"
    while not list(packages_folder.glob("python*/site-packages/torch/__init__.py")):
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
    moved = checkout.run("visit")
    assert moved.returncode == 0, moved.stderr
    assert "setting up" in moved.stderr, "an environment that names its folder does not survive a move"


def test_a_failed_installation_is_one_line_and_exit_5(tmp_path: Path, packages: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", packages, NOBODY_THERE, gpu=False)
    result = checkout.run("visit", PIP_INDEX_URL=f"file://{tmp_path}/nothing")
    assert result.returncode == 5
    assert "this step of the setup failed" in result.stderr.splitlines()[-1]
    assert result.stdout == ""
    assert not (checkout.root / ".venv/kiosk-setup").exists(), "the next start sets up again"


# --- the lock files ---


def test_with_lock_files_every_package_is_checked_by_its_hash(
    tmp_path: Path, packages: Path, pytorch_index: str
) -> None:
    checkout = Checkout(tmp_path / "checkout", packages, pytorch_index, gpu=False)
    result = checkout.run("test")
    assert result.returncode == 0, result.stderr
    assert result.stdout == TOOLS_RAN
    assert checkout.installed("insightface")
    assert checkout.python("import torch; print(torch.version.cuda)") == "None"

    lock = checkout.root / "requirements.lock"
    lock.write_text(lock.read_text().replace("sha256:", "sha256:0000")[:-5] + "\n")
    result = checkout.run("visit")
    assert "setting up" in result.stderr, "a changed lock file is installed anew"
    assert result.returncode == 5
    assert "--require-hashes" in result.stderr.splitlines()[-1]


def test_a_folder_of_packages_takes_the_place_of_an_index(tmp_path: Path, packages: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", packages, NOBODY_THERE, gpu=False)
    folder = tmp_path / "packages"
    folder.mkdir()
    for wheel in packages.glob("configured/*/*.whl"):
        shutil.copy(wheel, folder)
    del checkout.environment["PIP_INDEX_URL"]
    result = checkout.run("visit", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(folder))
    assert result.returncode == 0, result.stderr
    assert checkout.installed("insightface")
