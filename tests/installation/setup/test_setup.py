"""The parts of the setup: which packages are complete, which of pip's settings count, time from systemd."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hardware.watchdog import Watchdog
from installation.setup.environment import COMPLETE, Environment
from installation.setup.packages import forget_damaged_packages, intact_packages, locked_requirements
from installation.setup.pip_settings import pip_environment
from installation.setup.timeout import start_timeout_extended
from tests.conftest import REPO
from tests.support.kiosk_kit import digest


def install(folder: Path, name: str, text: str = "x = 1\n") -> Path:
    """A package of one module, as pip leaves it; returns the module."""
    (folder / f"{name}-1.0.dist-info").mkdir()
    (folder / f"{name}.py").write_text(text)
    record = f"{name}.py,sha256={digest(text)},{len(text)}\n__pycache__/{name}.pyc,,\n"
    record += f"{name}-1.0.dist-info/RECORD,,\n"
    (folder / f"{name}-1.0.dist-info/RECORD").write_text(record)
    return folder / f"{name}.py"


def test_only_whole_packages_count(tmp_path: Path) -> None:
    for name in ("whole", "emptied", "lost", "unrecorded"):
        install(tmp_path, name)
    (tmp_path / "emptied.py").write_text("")  # as a power failure leaves it
    (tmp_path / "lost.py").unlink()
    (tmp_path / "unrecorded-1.0.dist-info/RECORD").unlink()  # pip writes it last
    assert intact_packages(tmp_path) == {"whole==1.0"}
    forget_damaged_packages(tmp_path)
    assert [info.name for info in tmp_path.glob("*.dist-info")] == ["whole-1.0.dist-info"]


def test_a_new_environment_takes_the_place_of_one_that_nobody_uses(tmp_path: Path) -> None:
    used, new = Environment(tmp_path / ".venv"), Environment(tmp_path / ".venv-new")
    for environment in (used, new):
        (environment.folder / "bin").mkdir(parents=True)
        environment.write_note(COMPLETE, environment.folder.name)
    (new.folder / "pyvenv.cfg").write_text("")
    (new.folder / "bin/tool").write_text(f"#!{new.python}\n")
    running = os.open(used.folder, os.O_RDONLY)  # as `kiosk` holds it for each program
    fcntl.flock(running, fcntl.LOCK_SH)
    assert not new.take_place_of(used)
    assert used.note(COMPLETE) == ".venv"
    os.close(running)
    assert new.take_place_of(used)
    assert used.note(COMPLETE) == ".venv-new" and not new.folder.exists()
    assert (used.folder / "bin/tool").read_text() == f"#!{used.python}\n"
    assert [path.name for path in tmp_path.iterdir()] == [".venv"]


def test_the_lock_file_is_read_whole() -> None:
    locked = locked_requirements(REPO / "requirements.lock")
    assert {"numpy==1.26.4", "mediapipe==0.10.21"} <= locked.keys()
    assert all("--hash=sha256:" in requirement for requirement in locked.values())


def test_of_pips_settings_only_where_packages_come_from_counts(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://mirror/simple\ntimeout = 7\nuser = yes\n"
        "extra-index-url =\n  https://a\n  https://b\n[install]\nno-deps = yes\ntimeout = 9\n"
    )
    caller = {
        "PATH": "/bin",
        "PYTHONPATH": "/elsewhere",
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_TARGET": "/elsewhere",
        "PIP_CONSTRAINT": "/elsewhere",
        "PIP_PROXY": "http://proxy:3128",
        "https_proxy": "http://proxy:3128",
    }
    found = pip_environment([sys.executable, "-I"], caller)
    assert found["PIP_INDEX_URL"] == "https://mirror/simple" and found["PIP_TIMEOUT"] == "9"
    assert found["PIP_EXTRA_INDEX_URL"].split() == ["https://a", "https://b"]
    assert found["PIP_PROXY"] == found["https_proxy"] == "http://proxy:3128"
    assert found["PIP_CONFIG_FILE"] == "/dev/null"
    assert not {"PIP_TARGET", "PIP_USER", "PIP_NO_DEPS", "PIP_CONSTRAINT", "PYTHONPATH"} & found.keys()


@pytest.mark.parametrize(
    "line", ["quiet = 1", "version = true", "use-feature = 2020-resolver", "timeout = abc"]
)
def test_settings_that_pip_itself_would_stumble_over_hide_no_others(tmp_path: Path, line: str) -> None:
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = https://mirror/simple\n{line}\n")
    found = pip_environment([sys.executable, "-I"], {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")})
    assert found["PIP_INDEX_URL"] == "https://mirror/simple"


def test_files_that_pip_cannot_read_are_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("index-url = https://mirror/simple\n")
    with pytest.raises(OSError, match=r"pip cannot read its settings: .*pip\.conf"):
        pip_environment([sys.executable, "-I"], {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")})


@pytest.mark.parametrize(("output", "code"), [("/dev/full", 5), ("pipe", 0)])
def test_a_plan_that_cannot_be_printed_is_no_fault(output: str, code: int) -> None:
    command = [sys.executable, "-m", "installation.setup.main", str(REPO), sys.executable, "0", "--plan"]
    if output == "pipe":
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open(output, os.O_WRONLY)
    done = subprocess.run(command, cwd=REPO, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.returncode == code
    assert "Exception" not in done.stderr and "Traceback" not in done.stderr
    assert ("No space left on device" in done.stderr) is (code == 5)


def test_systemd_is_asked_for_time_while_the_setup_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with start_timeout_extended():
            assert b"EXTEND_TIMEOUT_USEC=60000000" in manager.recv(1000).splitlines()
        Watchdog().beat()
        assert manager.recv(1000).startswith(b"READY=1")
    unit = (REPO / "config/doppelganger.service").read_text()
    assert "NotifyAccess=all" in unit, "the setup is not the unit's main process"


def test_another_checkout_than_the_one_that_was_started_is_not_set_up(tmp_path: Path) -> None:
    """A Python whose environment names a checkout may find that one's modules first."""
    command = [sys.executable, "-m", "installation.setup.main", str(tmp_path), sys.executable, "0"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1 and str(REPO) in done.stderr and "DOPPELGANGER_PYTHON" in done.stderr
