"""Where the engine is: on this machine, or on a rendering server that the configuration names."""

from pathlib import Path

from installation.app.app import _engine_backend
from installation.settings.configuration import Configuration, load
from installation.workers.engine_backend import ProcessBackend
from installation.workers.remote.failover import FailoverBackend


def with_server(folder: Path) -> Configuration:
    keys, path = folder / "keys", folder / "kiosk.toml"
    keys.write_text(f"hall-1 {'ab' * 32}\n")
    keys.chmod(0o600)
    path.write_text(f'[engine]\nserver = "wss://render.example:8765"\nkeys = "{keys}"\n')
    return load(path)


def test_this_machine_computes_unless_a_server_is_named(tmp_path: Path) -> None:
    assert isinstance(_engine_backend(load(), virtual=False), ProcessBackend)
    assert isinstance(_engine_backend(with_server(tmp_path), virtual=False), FailoverBackend)


def test_on_the_virtual_clock_nothing_depends_on_a_network(tmp_path: Path) -> None:
    assert isinstance(_engine_backend(with_server(tmp_path), virtual=True), ProcessBackend)
