"""Files and folders are replaced whole, keep their permissions, and leave no temporaries."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.common.atomic_file import (
    remove_leftovers,
    replacing,
    replacing_folder,
    write_bytes,
    write_text,
)


def test_a_reader_sees_the_old_content_until_the_new_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("ne")
        assert path.read_text() == "old"
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, interruption: type[BaseException]) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("old")
    with pytest.raises(interruption), replacing(path) as temporary:
        temporary.write_text("half")
        raise interruption
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_the_file_replaced(tmp_path: Path) -> None:
    path, new, plain = (tmp_path / name for name in ("kept", "new", "plain"))
    path.touch(0o640)
    path.chmod(0o640)
    plain.touch()
    for each in (path, new):
        with replacing(each) as temporary:
            temporary.unlink()
            temporary.write_bytes(b"x")
            temporary.chmod(0o600)  # as some writers leave it
    assert path.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode == plain.stat().st_mode


def test_text_is_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "näher\n")
    assert (tmp_path / "a").read_bytes() == "näher\n".encode()


def test_what_cannot_be_written_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder" / "below").mkdir(parents=True)
    with pytest.raises(OSError):
        write_bytes(tmp_path / "folder", b"x")
    with pytest.raises(OSError):
        write_bytes(tmp_path / "absent" / "a", b"x")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "below"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "visit"
    with pytest.raises(ValueError), replacing_folder(target) as folder:
        (folder / "a").write_text("half")
        raise ValueError
    assert list(tmp_path.iterdir()) == []
    with replacing_folder(target) as folder:
        (folder / "a").write_text("whole")
        assert not target.exists()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["visit", "visit/a"]


def test_what_a_killed_process_left_goes_and_a_running_ones_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "counts [1].json"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f".{path.name}.{ended.pid}.unfinished"
    left_folder = tmp_path / f".{path.name}.{ended.pid}0000000.unfinished"
    running = tmp_path / f".{path.name}.{os.getppid()}.unfinished"
    other = tmp_path / f".{path.name}.notes.unfinished"
    left_folder.mkdir()
    for each in (left, running, other, left_folder / "picture"):
        each.touch()
    remove_leftovers(path)
    assert sorted(tmp_path.iterdir()) == sorted([running, other])


def test_what_an_earlier_process_with_the_same_id_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f".visit.{os.getpid()}.unfinished").mkdir()
    with replacing_folder(tmp_path / "visit") as temporary:
        (temporary / "file").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["visit"]
