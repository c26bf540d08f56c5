"""The file of keys, and what a configuration may say of servers."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.common.errors import UsageError
from installation.settings.server import EngineSettings, ServerSettings
from installation.workers.remote.backend import address_of
from installation.workers.remote.keys import read_keys

KEY = "0123456789abcdef" * 4


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_keys_are_read_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, f"# two kiosks\nhall-1 {KEY}\n\n  hall-2   {KEY.upper()}\n")
    assert read_keys(path, "server.keys") == {"hall-1": bytes.fromhex(KEY), "hall-2": bytes.fromhex(KEY)}


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (f"hall-1 {KEY}", 0o640, "chmod 600"),
        (f"hall-1 {KEY}", 0o604, "chmod 600"),
        (f"hall-1 {KEY[:-1]}", 0o600, "line 1"),
        (f"hall-1 {KEY}\nhall_2 {KEY}", 0o600, "line 2"),
        (f"hall-1 {KEY}\nhall-1 {KEY}", 0o600, "line 2"),
        (KEY, 0o600, "line 1"),
        ("", 0o600, "no line"),
    ],
)
def test_a_file_that_is_open_or_wrong_is_refused(tmp_path: Path, text: str, mode: int, told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        read_keys(written(tmp_path, text, mode), "server.keys")
    assert "server.keys" in str(refused.value) and KEY not in str(refused.value)


def test_no_file_and_no_certificate_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_keys(tmp_path / "none", "engine.keys")
    with pytest.raises(UsageError, match="name the file"):
        read_keys(None, "engine.keys")
    keys = written(tmp_path, f"hall-1 {KEY}")
    engine = EngineSettings(server="wss://render.example", keys=keys, certificate=keys)
    with pytest.raises(UsageError, match=r"engine\.certificate"):
        address_of(engine)
    assert address_of(engine.model_copy(update={"certificate": None})).name == "hall-1"


@pytest.mark.parametrize("server", ["", "wss://render.example", "wss://10.0.0.4:8765/", "ws://127.0.0.1:1"])
def test_a_server_is_named_by_its_address(server: str) -> None:
    assert EngineSettings(server=server, keys=Path("keys")).server == server


@pytest.mark.parametrize(
    "server",
    [
        "ws://render.example",
        "https://render.example",
        "render.example:8765",
        "wss://",
        "wss://render.example:0",
        "wss://render.example:99999",
        "wss://render.example/path",
        "wss://name:word@render.example",
        "wss://render.example?x",
    ],
)
def test_another_address_is_refused(server: str) -> None:
    with pytest.raises(ValidationError):
        EngineSettings(server=server, keys=Path("keys"))


def test_a_server_needs_keys_and_beyond_this_machine_a_certificate() -> None:
    with pytest.raises(ValidationError, match="needs keys"):
        EngineSettings(server="wss://render.example")
    assert ServerSettings().address == "127.0.0.1"
    with pytest.raises(ValidationError, match="without certificate"):
        ServerSettings(address="0.0.0.0")
    with pytest.raises(ValidationError, match="belong together"):
        ServerSettings(certificate=Path("x.pem"))
    both = ServerSettings(address="0.0.0.0", certificate=Path("x.pem"), key=Path("y.pem"))
    assert both.address == "0.0.0.0"
