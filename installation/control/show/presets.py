"""Presets: named files of what differs from the defaults, in one folder."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common.errors import UsageError
from installation.settings.parameters import Value
from installation.settings.storage import read_newest, save_with_backups

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MOST = 200


@dataclass(frozen=True)
class Preset:
    """What a preset's file says: scene -> parameter -> value, unchecked; and what was wrong with the file."""

    content: dict[str, Any]
    faults: list[str]


class Presets:
    """The presets in a folder. Everything here waits for the disk: not for the stage's thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """All presets, in order."""
        return sorted(path.stem for path in self.folder.glob("*.toml") if NAME.fullmatch(path.stem))

    def read(self) -> dict[str, Preset]:
        """All presets by name, in order."""
        return {name: Preset(*read_newest(self._path(name))) for name in self.names()}

    def save(self, name: str, changes: Mapping[str, Mapping[str, Value]]) -> None:
        """Keeps what differs from the defaults.

        Raises UsageError for a name or a preset too many, MachineError where the disk is full.
        """
        path = self._path(name)
        if not path.exists() and len(self.names()) >= MOST:
            raise UsageError(f"there are {MOST} presets already. Remove some from {self.folder}.")
        save_with_backups(path, changes)

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise UsageError("a preset's name is made of a to z, 0 to 9, - and _, at most 40.")
        return self.folder / f"{name}.toml"
