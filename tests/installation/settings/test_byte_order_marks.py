"""Windows editors put a byte order mark before UTF-8: every file that people edit is read with it."""

from pathlib import Path

import pytest

from engine.common.ordinary_file import read_text
from installation.control.show.cues import load_cues
from installation.settings import configuration
from installation.settings.manifest import MANIFEST, Manifest
from installation.settings.storage import read_newest

MARK = b"\xef\xbb\xbf"


def with_mark(path: Path, content: bytes) -> Path:
    path.write_bytes(MARK + content)
    return path


def test_parameters_and_presets(tmp_path: Path):
    path = with_mark(tmp_path / "parameters.toml", b"[visit]\nconsent_s = 9.5\n")
    assert read_newest(path) == ({"visit": {"consent_s": 9.5}}, [])


def test_cues(tmp_path: Path):
    cues = load_cues(with_mark(tmp_path / "cues.toml", b'[[cue]]\nat = 12:00:00\nsend = [["/a", 1]]\n'))
    assert cues.cue[0].messages[0].address == "/a"


def test_configuration(tmp_path: Path):
    path = with_mark(tmp_path / "own.toml", b"[delivery]\nport = 8091\n")
    assert configuration.load(path).delivery.port == 8091


def test_manifest(tmp_path: Path):
    path = with_mark(tmp_path / "manifest.toml", MANIFEST.read_bytes())
    assert Manifest.load(path).entries.keys() == Manifest.load().entries.keys()


def test_what_is_no_utf_8_is_still_refused(tmp_path: Path):
    (tmp_path / "a.toml").write_bytes("[visit]".encode("utf-16"))
    with pytest.raises(UnicodeDecodeError):
        read_text(tmp_path / "a.toml")
