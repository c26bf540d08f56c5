"""The script `kiosk`: what it decides before it sets anything up."""

import re
import shutil
import sys
import time
import tomllib
from pathlib import Path

import pytest

from hardware import machine
from tests.conftest import REPO
from tests.support.kiosk_kit import NOBODY_THERE, Checkout


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
    assert not any(line.endswith("onnxruntime") for line in order), "the lock file brings it, or nothing does"


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
    assert "Python 3.11" in result.stderr
    assert "apt-get install -y python3.11 python3.11-venv" in result.stderr
    assert not (undecided.root / ".venv").exists()


def test_a_python_that_does_not_start_is_passed_over(undecided: Checkout) -> None:
    undecided.program("python3.11", "echo 'version 3.11 is not selected' >&2; exit 127")
    undecided.program("python3", f'exec "{sys.executable}" "$@"')
    result = undecided.run("--print-install-plan", DOPPELGANGER_PYTHON="")
    assert result.stdout.startswith(f"{undecided.bin}/python3 -m venv"), result.stderr


def test_missing_system_packages_are_named_with_the_command(undecided: Checkout) -> None:
    (undecided.root / "hardware/machine.py").write_text(
        "print('apt-get install -y libgl1')\nraise SystemExit(1)"
    )
    result = undecided.run("visit")
    assert result.returncode == 5
    assert result.stderr.rstrip().endswith("apt-get install -y libgl1")
    assert not (undecided.root / ".venv").exists()


def test_missing_test_programs_end_the_tests_at_once(undecided: Checkout) -> None:
    undecided.hide_test_programs()
    begin = time.monotonic()
    result = undecided.run("test")
    assert time.monotonic() - begin < 5
    assert result.returncode == 5
    (line,) = result.stderr.splitlines()
    for package in machine.TEST_PROGRAMS.values():
        assert package.debian in line
    assert "--without-system-packages" in line
    assert result.stdout == ""
    assert not (undecided.root / ".venv").exists()


@pytest.mark.parametrize("words", [("--without-system-packages", "-k", "faces"), ("-k", "faces")])
def test_only_without_the_programs_a_test_may_skip(
    undecided: Checkout, pytorch_index: str, words: tuple[str, ...]
) -> None:
    if "--without-system-packages" in words:
        undecided.hide_test_programs()
    result = undecided.run("test", *words, DOPPELGANGER_TORCH_INDEX=pytorch_index)
    assert result.returncode == 0, result.stderr
    arguments = (undecided.root / "pytest.arguments").read_text()
    assert ("--allowed-skips=.ci/allowed-skips" in arguments) == ("--without-system-packages" not in words)
    assert arguments.endswith("-k faces")
    assert "--without-system-packages" not in arguments


# --- the project's own pins ---


def test_the_script_finds_the_pins_it_needs(undecided: Checkout) -> None:
    shutil.copy(REPO / "pyproject.toml", undecided.root)
    undecided.program("nvidia-smi", "exit 0")
    plan = undecided.run("--print-install-plan").stdout
    assert " torch==2." in plan
    assert plan.rstrip().rpartition(" ")[2].startswith("onnxruntime-gpu==")


def test_the_lock_files_hold_the_pins_with_their_hashes() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    pins = set(project["dependencies"])
    extras = project["optional-dependencies"]
    test_pins = {*extras["test"], *extras["ndi"], *extras["speech"], *extras["virtual-camera"]}
    test_pins.remove("doppelganger[ndi,speech,virtual-camera]")
    torch = next(pin for pin in pins if pin.startswith("torch=="))
    locked, tests_locked = (locked_packages(REPO / name) for name in LOCKS)
    assert {normalised(pin) for pin in pins - {torch}} <= locked.keys()
    assert {normalised(pin) for pin in test_pins} | locked.keys() <= tests_locked.keys()
    assert all((locked | tests_locked).values()), "each package has a hash"
    names = [entry.partition("==")[0] for entry in tests_locked]
    assert len(set(names)) == len(names), "one version of each"
    assert "torch" not in names, "kiosk takes it from an index of its own"


LOCKS = ("requirements.lock", "requirements-test.lock")


def locked_packages(file: Path) -> dict[str, list[str]]:
    """NAME==VERSION of each entry of a lock file -> its hashes."""
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", file.read_text()))
    return {
        normalised(entry.split()[0]): re.findall(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries
    }


def normalised(pin: str) -> str:
    """A requirement NAME==VERSION with its name as package indexes spell it."""
    name, _, version = pin.partition("==")
    return f"{re.sub('[-_.]+', '-', name).lower()}=={version}"
