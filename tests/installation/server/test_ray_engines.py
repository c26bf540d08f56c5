"""Ray Serve as the pool; `pip install "ray[serve]==2.60.0"` beside the tests' packages has it run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from engine.common.errors import MachineError
from engine.runtime.messages import Ready
from installation.diagnosis import facts
from installation.server import own_network
from installation.server.ray_engines import MEMORY_FOLDER, RayBackend, ray_backends
from installation.settings.configuration import load
from tests.support.programs import require_ray

# Another program of this machine that finds Ray's port.
INTRUDER = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False)
print(ray.nodes())
"""


@pytest.mark.slow
def test_a_replica_is_an_engine_is_replaced_and_keeps_to_itself() -> None:
    require_ray()
    before, listening = set(MEMORY_FOLDER.iterdir()), listening_ports()
    configuration = load().model_copy(update={"people": None})
    with ray_backends(configuration) as engines:
        (engine,) = engines
        assert isinstance(engine, RayBackend)
        (folder,) = {each for each in MEMORY_FOLDER.iterdir() if each.name.startswith("ray-")} - before
        assert folder.stat().st_mode & 0o077 == 0
        engine.start(0, False)
        assert isinstance(engine.receive().message, Ready)

        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(EOFError):
            while True:
                engine.receive()
        engine.stop()
        engine.start(1, False)
        assert isinstance(engine.receive().message, Ready)

        program = engine._cluster.pid
        assert listening_ports() == listening, "nothing of Ray listens in this machine's network"
        assert len(listening_ports(program)) > 3, "it does in its own"
        address = gcs_address(program)
        token = gcs(program).environ()  # the program's own shows only what it was started with
        assert "RAY_AUTH_TOKEN" in token
        assert not _joins(address, token), "not even with the token, from outside"
        inside = ["nsenter", "--target", str(program), "--net", *([] if os.geteuid() == 0 else ["--user"])]
        assert not _joins(address, {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": ""}, inside)

        os.kill(gcs(program).pid, signal.SIGKILL)
        with pytest.raises(EOFError):
            while True:
                engine.receive()
        engine.stop()
        engine.start(2, False)
        assert isinstance(engine.receive().message, Ready), "Ray itself is started again"
        assert engine._cluster.pid != program
        engine.stop()
    assert not folder.exists()
    assert not rays_processes()


def test_ray_does_not_run_in_this_machines_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installation.server.ray_engines.find_spec", lambda name: name)
    monkeypatch.setattr(own_network, "command", lambda module: ["sh", "-c", "echo not allowed >&2; exit 1"])
    with (
        pytest.raises(MachineError, match=r"needs a network of its own here \(not allowed\)"),
        ray_backends(load()),
    ):
        pass


def test_the_doctor_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_network, "command", lambda module: ["sh", "-c", "echo not allowed >&2; exit 1"])
    with_ray = load().server.model_copy(update={"pool": "ray"})
    found = facts._server(load().engine, with_ray)
    assert "no network of its own" in found.fault and "user namespaces" in found.mend
    assert not facts._server(load().engine, load().server).fault


def listening_ports(process: int | None = None) -> set[str]:
    """The TCP ports, with their addresses, at which something listens in a process's network."""
    lines: list[str] = []
    for version in ("tcp", "tcp6"):
        lines += (Path("/proc") / str(process or "self") / "net" / version).read_text().splitlines()[1:]
    return {fields[1] for fields in map(str.split, lines) if fields[3] == "0A"}


def rays_processes() -> list[str]:
    return [each.info["name"] for each in psutil.process_iter(["name"]) if each.info["name"] in RAYS_OWN]


RAYS_OWN = ("gcs_server", "raylet")


def gcs(program: int) -> psutil.Process:
    """Ray's process that knows all others."""
    return next(each for each in psutil.Process(program).children() if each.name() == "gcs_server")


def gcs_address(program: int) -> str:
    """Where it listens."""
    raylet = next(each for each in psutil.Process(program).children() if each.name() == "raylet")
    return next(word for word in raylet.cmdline() if word.startswith("--gcs-address")).partition("=")[2]


def _joins(address: str, environment: dict[str, str], inside: list[str] | None = None) -> bool:
    command = [*(inside or []), sys.executable, "-c", INTRUDER, address]
    try:
        tried = subprocess.run(command, env=os.environ | environment, capture_output=True, timeout=15)
    except subprocess.TimeoutExpired:  # it asks again and again
        return False
    return tried.returncode == 0 and b"NodeID" in tried.stdout
