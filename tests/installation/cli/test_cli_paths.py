"""Paths on the command line that the system refuses to look at: one line, exit code 2, for every option."""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.common.errors import UsageError
from hardware.camera.selection import camera_source
from installation.cli.main import COMMANDS, main, parser
from installation.cli.paths import reachable_path
from tests.support.camera_kit import write_clip


def path_arguments() -> Iterator[list[str]]:
    """The words of every path argument of every command, without the path itself."""
    for command in COMMANDS:
        (subcommands,) = (each for each in parser(command)._actions if each.dest == "command")
        assert isinstance(subcommands.choices, dict)
        yield from within([command], subcommands.choices[command])


def within(words: list[str], command: argparse.ArgumentParser) -> Iterator[list[str]]:
    for action in command._actions:
        if isinstance(action.choices, dict):
            for name, below in action.choices.items():
                yield from within([*words, name], below)
        assert action.type is not Path, "paths are checked by reachable_path"
        if action.type is reachable_path:
            yield [*words, *action.option_strings[:1]]


ARGUMENTS = list(path_arguments())


def test_all_path_arguments_are_found() -> None:
    assert len(ARGUMENTS) == 44, ARGUMENTS


@pytest.mark.parametrize("words", ARGUMENTS, ids=" ".join)
def test_a_path_that_cannot_be_looked_at(
    words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file.txt").touch()
    (tmp_path / "round").symlink_to("round")
    for name in ("x" * 300, "x" * 296 + ".mp4", "file.txt/a.mp4", "round/a.mp4", "x/" * 2500):
        assert main([*words, str(tmp_path / name)]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert "unexpected" not in line and "cannot be looked at" in line


@contextmanager
def locked_folder() -> Iterator[Path]:
    """A folder `locked` and a film `film.mp4` in this folder may not be read; root becomes somebody else."""
    with tempfile.TemporaryDirectory() as name:  # which, unlike tmp_path, another user can enter
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "locked" / "p1").mkdir(parents=True)
        (folder / "locked").chmod(0)
        write_clip(folder / "film.mp4", 2).chmod(0)
        "".encode("utf-8-sig")  # loads the module, whose folder another user may not read
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(user)
            (folder / "locked").chmod(0o755)


@pytest.mark.parametrize("words", ARGUMENTS, ids=" ".join)
def test_a_path_below_a_folder_that_may_not_be_entered(
    words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with locked_folder() as folder:
        assert main([*words, str(folder / "locked" / "p1")]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "Permission denied" in line


def test_a_folder_of_the_curators_that_may_not_be_read(capfd: pytest.CaptureFixture[str]) -> None:
    with locked_folder() as folder:
        assert main(["run", "--camera", "synthetic", "--virtual", "--show", str(folder / "locked")]) == 2
    assert "may not be read" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["locked", "film.mp4"])
def test_a_camera_file_that_may_not_be_read(name: str) -> None:
    with locked_folder() as folder, pytest.raises(UsageError, match="may not be read"):
        camera_source(f"file:{folder / name}")


@pytest.mark.parametrize("name", ["x" * 300 + ".mp4", "film.mp4/a.mp4", "round/a.mp4"])
def test_a_camera_file_that_cannot_be_looked_at(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "film.mp4", 2)
    (tmp_path / "round").symlink_to("round")
    words = ["run", "--virtual", "--visits", "1", "--display", "headless:320x180", "--show", str(tmp_path)]
    assert main([*words, "--camera", f"file:{tmp_path / name}"]) == 2
    assert "cannot be looked at" in capfd.readouterr().err


def test_a_recording_leaves_room_for_the_names_beside_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ("x" * 251 + ".mp4")
    assert main(["run", "--camera", "synthetic", "--record", str(path)]) == 2
    assert "the name is too long" in capfd.readouterr().err


def test_an_error_stays_on_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--camera", "synthetic", "--record", str(tmp_path / "a\nb\x1b.mp3")]) == 2
    assert capfd.readouterr().err.count("\n") == 1
