"""Presets: named TOML files in one folder, with the parameters that differ from their defaults."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common.errors import UsageError
from installation.settings.parameters import Value
from installation.settings.storage import read_newest, save_with_backups

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MOST_PRESETS = 200


@dataclass(frozen=True)
class Preset:
    """A preset's file: scene -> parameter -> value, unchecked, and the faults of the file."""

    content: dict[str, Any]
    faults: list[str]


class Presets:
    """The presets in a folder. Its methods wait for the disk; do not call them on the stage's thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """The names of all presets, sorted."""
        return sorted(path.stem for path in self.folder.glob("*.toml") if NAME.fullmatch(path.stem))

    def read(self) -> dict[str, Preset]:
        """All presets by name, sorted."""
        return {name: Preset(*read_newest(self._path(name))) for name in self.names()}

    def save(self, name: str, changes: Mapping[str, Mapping[str, Value]]) -> None:
        """Writes a preset; `changes` are the values that differ from the defaults.

        Raises UsageError for a name or a preset too many, MachineError where the disk is full.
        """
        path = self._path(name)
        if not path.exists() and len(self.names()) >= MOST_PRESETS:
            raise UsageError(f"there are {MOST_PRESETS} presets already. Remove some from {self.folder}.")
        save_with_backups(path, changes)

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise UsageError("a preset's name is made of a to z, 0 to 9, - and _, at most 40.")
        return self.folder / f"{name}.toml"
