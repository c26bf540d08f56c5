"""The command `weights`, with a real web server on this machine and a manifest of small files."""

import argparse
import io
import sys
from pathlib import Path

import pytest

from engine.common.errors import UsageError, WeightsError
from installation.cli import weights
from installation.settings.manifest import Manifest
from tests.support.weights_kit import CONTENT, Server


def command(manifest: Manifest, *words: str) -> int:
    parser = argparse.ArgumentParser()
    weights.configure(parser)
    arguments = parser.parse_args(words)
    arguments.manifest = manifest.folder / "manifest.toml"
    return weights.run(arguments)


def test_the_command_from_list_to_verify(
    manifest: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(manifest, "list") == 0
    assert "not here" in capsys.readouterr().out
    assert command(manifest, "verify") == 0, "a download that is not here is nothing wrong"
    with pytest.raises(UsageError):
        command(manifest, "fetch", "network")
    assert "Free licence" in capsys.readouterr().out
    assert command(manifest, "fetch", "network", "--accept-licence") == 0
    assert command(manifest, "fetch", "network") == 0
    manifest.path(manifest.entry("network")).write_bytes(b"!" + CONTENT[1:])
    assert command(manifest, "verify") == WeightsError.exit_code
    (tmp_path / "stick").write_bytes(CONTENT)
    assert command(manifest, "add", str(tmp_path / "stick")) == 0
    assert command(manifest, "verify") == 0
    with pytest.raises(UsageError, match="there are: network"):
        command(manifest, "fetch", "netwerk")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stdin", [None, io.StringIO("yes\n"), Terminal(""), Terminal("no\n")])
def test_only_who_types_yes_accepts(
    manifest: Manifest, server: Server, stdin: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody does without a terminal, or by its end (Ctrl-D)."""
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(UsageError, match="--accept-licence"):
        command(manifest, "fetch", "network")
    assert server.requested == []
    monkeypatch.setattr(sys, "stdin", Terminal(" Yes\n"))
    assert command(manifest, "fetch", "network") == 0
