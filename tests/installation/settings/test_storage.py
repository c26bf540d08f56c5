"""Parameter files: what is written, read back, and kept as backups."""

import os
import resource
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.common.errors import MachineError, UsageError
from installation.control.show.cues import load_cues
from installation.settings.configuration import load
from installation.settings.registry import Registry
from installation.settings.storage import read_newest, save_with_backups
from tests.support.sample_parameters import ADDRESSES, ANYTHING, BorderParameters, JuryParameters


@pytest.fixture
def registry() -> Registry:
    return Registry(BorderParameters, JuryParameters)


def test_only_what_differs_is_saved(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "new" / "parameters.toml"
    registry.set("border/ride_s", 60)
    registry.set("border/hint", 'say "näher"\nor \\ 🙂')
    registry.set("border/turns", 3)
    save_with_backups(file, registry.changes())
    assert tomllib.loads(file.read_text("utf-8")) == {
        "border": {"ride_s": 60.0, "hint": 'say "näher"\nor \\ 🙂'}
    }
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@given(st.lists(st.tuples(st.sampled_from(ADDRESSES), ANYTHING), max_size=12))
@settings(max_examples=100)
def test_what_is_saved_comes_back(tmp_path_factory: pytest.TempPathFactory, changes: list) -> None:
    file = tmp_path_factory.mktemp("kept") / "parameters.toml"
    registry, other = (Registry(BorderParameters, JuryParameters) for _ in range(2))
    for address, value in changes:
        registry.set(address, value)
    save_with_backups(file, registry.changes())
    other.set("border/turns", 9)
    assert other.load(file) == []
    assert other.changes() == registry.changes()


def test_the_last_ten_are_kept(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "parameters.toml"
    for tenths in range(15):
        registry.set("jury/pause_s", 2 + tenths / 10)
        save_with_backups(file, registry.changes())
    backups = [tmp_path / f"parameters.toml.{number}" for number in range(1, 11)]
    kept = [tomllib.loads(backup.read_text())["jury"]["pause_s"] for backup in backups]
    assert kept == [3.3, 3.2, 3.1, 3.0, 2.9, 2.8, 2.7, 2.6, 2.5, 2.4]
    assert set(tmp_path.iterdir()) == {file, *backups}


def test_saving_the_same_again_costs_no_backup(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "parameters.toml"
    for pause_s in (2, 3, 3, 3):
        registry.set("jury/pause_s", pause_s)
        save_with_backups(file, registry.changes())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parameters.toml", "parameters.toml.1"]


def test_without_a_file_all_is_default(registry: Registry, tmp_path: Path) -> None:
    registry.set("border/turns", 5)
    assert registry.load(tmp_path / "parameters.toml") == []
    assert registry.changes() == {}


@pytest.mark.parametrize(
    "broken", [b"[border\n", b"\xff\xfe", b"", b"a = " + b"[" * 10_000, b"a = " + b"9" * 5000]
)
def test_a_broken_file_gives_way_to_the_last_good_one(
    registry: Registry, tmp_path: Path, broken: bytes
) -> None:
    file = tmp_path / "parameters.toml"
    for turns in (4, 5):
        registry.set("border/turns", turns)
        save_with_backups(file, registry.changes())
    file.write_bytes(broken)
    lines = registry.load(file)
    if broken == b"":  # An empty file is a good one: everything at its default.
        assert lines == [] and registry.get("border/turns") == 3
        return
    assert len(lines) == 1 and "broken" in lines[0] and "parameters.toml.1 is used" in lines[0]
    assert len(lines[0]) < 500
    assert registry.get("border/turns") == 4
    (tmp_path / "parameters.toml.1").write_bytes(broken)
    (line,) = registry.load(file)
    assert "no backup is better" in line
    assert registry.changes() == {}


def test_a_wrong_entry_costs_only_itself(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "parameters.toml"
    file.write_text(
        "loose = 1\n[border]\nride_s = nan\nturns = 5\nneedle = 'maybe'\nhint = 1979-05-27\n"
        "[jury]\npause_s = 99\n[gone]\nspeed = 1\n"
    )
    lines = registry.load(file)
    assert registry.changes() == {"border": {"turns": 5}, "jury": {"pause_s": 5.0}}
    for line, part in zip(
        lines,
        [
            "loose",
            "border/ride_s: not a finite",
            "border/needle",
            "border/hint",
            "jury/pause_s is set to 5.0",
            "gone",
        ],
        strict=True,
    ):
        assert part in line and str(file) in line


def test_a_choice_may_be_written_as_the_number_it_is_called(registry: Registry) -> None:
    wanted, lines = registry.validate({"border": {"tilt": 90}}, "night")
    assert (wanted["border/tilt"], lines) == ("90", [])


def test_what_cannot_be_saved_leaves_the_file(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "parameters.toml"
    save_with_backups(file, registry.changes())
    before = file.read_bytes()
    registry.set("border/turns", 5)
    with no_file_may_grow(), pytest.raises(MachineError, match=r"parameters\.toml: cannot be saved"):
        save_with_backups(file, registry.changes())
    assert file.read_bytes() == before


@contextmanager
def no_file_may_grow() -> Iterator[None]:
    """The kernel refuses every byte that this process writes to a file (EFBIG), for root as well."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_full_disk_costs_no_backup(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """There is room for so many files more; the next one can be made, and nothing be written into it."""
    file = tmp_path / "parameters.toml"
    for turns in (4, 5, 6):
        registry.set("border/turns", turns)
        save_with_backups(file, registry.changes())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    really_open, made = Path.open, []

    def opened(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if "w" in mode:
            made.append(path)
        if "w" in mode and len(made) > room:
            path.touch()
            path = Path("/dev/full")
        return really_open(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", opened)
    registry.set("border/turns", 7)
    if room < 2:
        with pytest.raises(MachineError, match="No space left"):
            save_with_backups(file, registry.changes())
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    else:
        save_with_backups(file, registry.changes())
        assert tomllib.loads((tmp_path / "parameters.toml.1").read_text())["border"]["turns"] == 6


def test_a_fifo_is_broken_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.toml")
    content, lines = read_newest(tmp_path / "a.toml")
    assert content == {} and "not an ordinary file" in lines[0]
    with pytest.raises(MachineError, match="not an ordinary file"):
        save_with_backups(tmp_path / "a.toml", {"a": {"b": 1}})
    with pytest.raises(UsageError, match="not an ordinary file"):
        load(tmp_path / "a.toml")
    with pytest.raises(UsageError, match="not an ordinary file"):
        load_cues(tmp_path / "a.toml")
