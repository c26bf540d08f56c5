"""Paths on the command line."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.common.errors import UsageError, printable

LONGEST_NAME_BYTES = 200
"""Of what a command writes: file systems take 255, and some files beside it have longer names."""


def reachable_path(text: str) -> Path:
    """The type of a path argument: something is there, or could be. What it is, the command checks itself.

    Raises UsageError where the system refuses to look: a name that is too long, a folder above it that may
    not be entered or is a file, links that lead in a circle.
    """
    path = Path(text)
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        reason = printable(getattr(error, "strerror", None) or error)
        raise UsageError(
            f"{printable(path)}: cannot be looked at ({reason}). Check the name and the permissions of the "
            "folders above."
        ) from None
    return path


def check_free(path: Path, suffixes: Sequence[str], option: str = "--out") -> None:
    """Raises UsageError before the work begins if a new file cannot be written. option: where it is named."""
    if path.exists():
        raise UsageError(f"{path}: exists already. Name a new file with {option}.")
    if len(os.fsencode(path.name)) > LONGEST_NAME_BYTES:
        raise UsageError(f"{path}: the name is too long. Choose a shorter {option}.")
    parent = path.resolve().parent
    if path.suffix not in suffixes or not parent.is_dir():
        files = " or ".join(f"OUT{suffix}" for suffix in suffixes)
        raise UsageError(f"{path}: give a file {files} in a folder that is there.")
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        raise UsageError(
            f"{parent}: may not be written to ({error.strerror}). Name a file elsewhere with {option}."
        ) from None


@contextmanager
def writing(path: Path, option: str = "--out") -> Iterator[None]:
    """Raises UsageError where the block cannot write a file: the disk is full, say, or the file has appeared
    since `check_free`. option: where it is named."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written ({error.strerror or error}), and is not. Make room, or name another "
            f"file with {option}."
        ) from error


def check_free_folder(folder: Path) -> None:
    """Raises UsageError before the work begins if a new folder cannot be made."""
    try:
        if folder.exists():
            raise UsageError(f"{folder}: exists already. Name a new folder with --out.")
        if len(os.fsencode(folder.name)) > LONGEST_NAME_BYTES:
            raise UsageError(f"{folder}: the name is too long. Choose a shorter --out.")
        parent = folder.resolve().parent
        if not parent.is_dir():
            raise UsageError(f"{folder.parent}: no such folder. Make it first, or choose another --out.")
        if not os.access(parent, os.W_OK | os.X_OK, effective_ids=True):
            raise UsageError(f"{parent}: may not be written to. Name a folder elsewhere with --out.")
    except (OSError, RuntimeError) as error:  # a name that no folder can have; links that lead in a circle
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{folder}: cannot be a folder ({reason}). Choose another --out.") from error
