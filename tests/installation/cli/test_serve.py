"""`./kiosk serve` as a process, and what it refuses."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from installation.cli.main import main
from installation.workers.remote.link import Address, connection_fault
from tests.support.server_kit import make_certificate

KEY = "ab" * 32


def write_configuration(folder: Path, **entries: str) -> Path:
    """Of a server with one key and a certificate; entries: more lines of [server]."""
    keys = folder / "keys"
    keys.write_text(f"hall-1 {KEY}\n")
    keys.chmod(0o600)
    made = make_certificate(folder)
    server = {
        "keys": f'"{keys}"',
        "certificate": f'"{made.certificate}"',
        "key": f'"{made.key}"',
        "port": "0",
    }
    path = folder / "server.toml"
    lines = [f"{name} = {value}" for name, value in (server | entries).items()]
    path.write_text("\n".join(["[server]", *lines, "[search]", "threads = 1"]))
    return path


def test_it_needs_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"]) == 2
    assert "server.keys" in capsys.readouterr().err


def test_ray_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    assert main(["serve", "--config", str(write_configuration(tmp_path, pool='"ray"'))]) == 5
    said = capsys.readouterr().err
    assert "pip install" in said and said.count("\n") == 1


@pytest.mark.slow
def test_it_serves_until_it_is_told_to_end_and_listens_at_one_port(tmp_path: Path) -> None:
    configuration = write_configuration(tmp_path)
    command = [sys.executable, "-m", "installation.cli.main", "serve", "--config", str(configuration)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split(": ")[0].replace("127.0.0.1", "localhost")
            address = Address(url, "hall-1", bytes.fromhex(KEY), tmp_path / "certificate.pem")
            deadline_s = time.monotonic() + 120
            while fault := connection_fault(address):  # until the networks are loaded
                assert "No engine is ready yet" in fault and time.monotonic() < deadline_s
                time.sleep(0.5)
            everyone = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            listening = [
                connection.laddr.port
                for each in everyone
                for connection in each.net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            ]
            assert [str(port) for port in listening] == [url.rpartition(":")[2]]
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            assert psutil.wait_procs(everyone[1:], 10)[1] == [], "nothing is left behind"
        finally:
            process.kill()
