"""The setup of the script `kiosk` under trouble: killed again and again, without network, misled."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.kiosk_kit import NOBODY_THERE, Checkout, torch


@pytest.fixture
def checkout(tmp_path: Path, packages: Path, pytorch_index: str) -> Checkout:
    return Checkout(tmp_path / "checkout", packages, pytorch_index, gpu=False)


def kill_when(checkout: Checkout, pattern: str) -> None:
    """Starts the kiosk and kills it and all that it has started once a path exists."""
    process = checkout.start("visit")
    while not list(checkout.root.glob(pattern)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_setup_killed_again_and_again_gets_further_each_time(checkout: Checkout) -> None:
    """As by a time limit of systemd: each start begins where the one before was cut off."""
    site_packages = ".venv-new/lib/python3.11/site-packages"
    kill_when(checkout, f"{site_packages}/pip")  # in the middle of venv
    kill_when(checkout, f"{site_packages}/insightface-2.1.dist-info/RECORD")
    record = checkout.root / site_packages / "insightface-2.1.dist-info/RECORD"
    written = record.stat().st_mtime_ns
    kill_when(checkout, f"{site_packages}/torch/__init__.py")
    assert record.stat().st_mtime_ns == written, "what is complete is not installed again"

    last = checkout.run("visit")
    assert last.returncode == 0, last.stderr
    assert "goes on where it was" in last.stderr
    record = checkout.root / ".venv/lib/python3.11/site-packages/insightface-2.1.dist-info/RECORD"
    assert record.stat().st_mtime_ns == written
    assert checkout.python("import torch; print(torch.version.cuda)") == "None"
    assert not (checkout.root / ".venv-new").exists()
    assert ".venv-new" not in (checkout.root / ".venv/bin/activate").read_text()


def test_changed_packages_without_network_leave_the_piece_running(checkout: Checkout) -> None:
    assert checkout.run("run").returncode == 0
    lock = checkout.root / "requirements.lock"
    lock.write_text(lock.read_text() + "# as after a git pull\n")
    log = checkout.root / ".venv-new.log"
    with socket.create_server(("127.0.0.1", 0)) as mute:
        index = f"http://127.0.0.1:{mute.getsockname()[1]}"
        result = checkout.run("run", PIP_INDEX_URL=index, PIP_TIMEOUT="100", PIP_RETRIES="0")
        assert "failed" not in log.read_text(), "it does not wait for the network"
    assert result.returncode == 0 and result.stdout.startswith("command ['run']"), result.stderr
    assert "going on with those of before" in result.stderr
    wait_until(lambda: "this step of the setup failed" in log.read_text())
    assert "the last attempt: kiosk: this step of the setup failed" in checkout.run("run").stderr

    # With the network, the start before has set up what the next one uses.
    wait_until(lambda: (checkout.root / ".venv-new/kiosk-setup").exists())
    wait_until(lambda: "the next start uses them" in log.read_text())
    assert checkout.run("run").returncode == 0
    assert checkout.run("run").stderr == ""
    assert not (checkout.root / ".venv-new").exists()


def wait_until(done: Callable[[], bool], limit_s: float = 120) -> None:
    begin = time.monotonic()
    while not done():
        assert time.monotonic() - begin < limit_s
        time.sleep(0.05)


# --- the caller's environment ---


def test_nothing_of_the_callers_python_or_pip_leaks_in(checkout: Checkout, tmp_path: Path) -> None:
    for name in ("numpy", "torch", "pip", "sitecustomize", "json"):
        (tmp_path / "poison" / name).mkdir(parents=True)
        (tmp_path / "poison" / name / "__init__.py").write_text("raise SystemExit('poison')")
    (tmp_path / "pip.conf").write_text(f"[install]\nuser = true\ntarget = {tmp_path}/elsewhere\n")
    shutil.copytree(tmp_path / "poison", checkout.root.parent, dirs_exist_ok=True)  # the current folder
    code = (
        "import os, sys, torch\nprint(torch.__file__, sys.flags.isolated, sys.flags.no_user_site)\n"
        "assert not {'TQDM_MININTERVAL', 'MPLBACKEND'} & os.environ.keys()\nos.environ['CUDA_CACHE_PATH']\n"
    )
    (checkout.root / "installation/cli/main.py").write_text(code)
    result = checkout.run(
        "visit",
        PYTHONPATH=str(tmp_path / "poison"),
        PYTHONHOME="/nowhere",
        PYTHONSTARTUP=str(tmp_path / "poison/numpy/__init__.py"),
        PYTHONUSERBASE=str(tmp_path / "poison"),
        PYTHONINSPECT="1",
        PIP_CONFIG_FILE=str(tmp_path / "pip.conf"),
        PIP_PREFIX=str(tmp_path / "elsewhere"),
        PIP_REQUIRE_VIRTUALENV="1",
        PIP_PYTHON="/nowhere/python",
        PIP_DRY_RUN="1",
        TQDM_MININTERVAL="abc",
        MPLBACKEND="nonsense",
        CUDA_CACHE_PATH="/tmp",  # the machine's own, which stays
        VIRTUAL_ENV="/nowhere",
        CONDA_PREFIX="/nowhere",
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{checkout.root}/.venv/lib/python3.11/site-packages/torch/__init__.py 1 1\n"
    assert not (tmp_path / "elsewhere").exists()


# --- what the machine cannot do ---


def test_a_folder_with_a_colon_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "12:30").mkdir()
    script = shutil.copy(Path(__file__).parents[2] / "kiosk", tmp_path / "12:30")
    done = subprocess.run([script, "visit"], capture_output=True, text=True)
    assert done.returncode == 5 and "has a colon in its path" in done.stderr


def test_a_package_for_another_processor_is_named(tmp_path: Path, packages: Path) -> None:
    shutil.copytree(packages / "configured", tmp_path / "configured")
    torch(tmp_path / "configured/torch", "2.13.0", None, "import os; os.kill(os.getpid(), 4)")
    checkout = Checkout(tmp_path / "checkout", tmp_path, NOBODY_THERE, gpu=False)
    result = checkout.run("visit")
    assert result.returncode == 5
    last = result.stderr.splitlines()[-1]
    assert "torch cannot be loaded on this machine (illegal instruction" in last
    assert not (checkout.root / ".venv").exists()


def test_another_architecture_is_refused_before_anything_is_set_up(checkout: Checkout) -> None:
    checkout.program("uname", "echo Linux aarch64")
    result = checkout.run("doctor")
    assert result.returncode == 5
    assert "x86-64 only" in result.stderr and "aarch64" in result.stderr and result.stderr.count("\n") == 1
    assert not (checkout.root / ".venv-new").exists()
