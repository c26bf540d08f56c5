"""Parameter files and presets on disk: TOML, written atomically, with numbered backups.

The content of a file is scene -> parameter -> value.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.common.atomic_file import replacing, sync
from engine.common.errors import MachineError
from engine.common.ordinary_file import ordinary, read_text
from installation.settings.parameters import Value

BACKUPS = 10


def save_with_backups(path: Path, changes: Mapping[str, Mapping[str, Value]]) -> None:
    """Writes what `Registry.changes` returned as TOML, atomically.

    The previous ten versions are kept as `path.1` (newest) to `path.10`; an unchanged file is not written.
    Raises MachineError where the folder cannot be written; the file and its backups are then unchanged.
    """
    content = _as_toml(changes).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and ordinary(path).read_bytes() == content:
            return
        with replacing(path) as temporary:
            temporary.write_bytes(content)
            if path.exists():
                _back_up(path, temporary)
    except OSError as error:
        raise MachineError(
            f"{path}: cannot be saved ({error.strerror}). Make room or mend the rights."
        ) from None


def read_newest(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The content of a file, not validated, and one line for people if a backup had to be read instead.

    If the file cannot be parsed, the newest backup that can is read. A missing file has no content.
    """
    fault = ""
    for candidate in (path, *(_backup(path, number) for number in range(1, BACKUPS + 1))):
        try:
            content = tomllib.loads(read_text(candidate))
        except FileNotFoundError:
            if candidate == path:
                return {}, []
        # tomllib raises other ValueErrors, too (endless digits), and RecursionError (deep nesting).
        except (OSError, ValueError, RecursionError) as error:
            fault = fault or " ".join(str(error).split())[:200]
        else:
            replaced = f"{path}: broken ({fault}); {candidate.name} is used instead."
            return content, [] if candidate == path else [replaced]
    return {}, [f"{path}: broken ({fault}), and no backup is better; the defaults are used."]


def _as_toml(content: Mapping[str, Mapping[str, Value]]) -> str:
    # For finite numbers, booleans and texts without control characters, TOML's notation is JSON's.
    parts = ["# What differs from the defaults. `./kiosk osc` lists everything that can be set."]
    for scene, entries in content.items():
        parts += ["", f"[{scene}]"]
        parts += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in entries.items()]
    return "\n".join(parts) + "\n"


def _backup(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _back_up(path: Path, successor: Path) -> None:
    """Copies `path` to its newest backup, after renumbering the others by one; the oldest is overwritten.

    The copy and the file's `successor` are flushed to the disk before anything is renamed, so that a full
    disk costs no backup. Raises OSError.
    """
    with replacing(_backup(path, 1)) as copy:
        copy.write_bytes(path.read_bytes())
        sync(copy)
        sync(successor)
        for number in range(BACKUPS - 1, 0, -1):
            if _backup(path, number).exists():
                os.replace(_backup(path, number), _backup(path, number + 1))
