"""The folders of the environment: one in use, and beside it one that is being built. Standard library only.

    .venv        what commands run in; complete, or not there
    .venv-new    what the setup builds; it takes the place of .venv once it is complete and nobody uses .venv

Each folder has a file for each thing that is known of it; a file is written when that is on the disk.
"""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMPLETE = "kiosk-setup"  # the fingerprint of what it was built for; written last
PURPOSE = "kiosk-purpose"  # the fingerprint of what it is being built for
ACCELERATOR = "kiosk-accelerator"  # cpu or cuda
TESTS = "kiosk-tests"  # the hash of the lock file of the test tools


class Environment:
    """One folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.site_packages = folder / "lib" / version / "site-packages"

    def note(self, name: str) -> str:
        """What is noted under a name; empty where nothing is."""
        try:
            return (self.folder / name).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def write_note(self, name: str, text: str) -> None:
        """Notes something, after all that was written before it is on the disk."""
        os.sync()
        temporary = self.folder / f"{name}.part"
        temporary.write_text(text + "\n", encoding="utf-8")
        os.replace(temporary, self.folder / name)
        os.sync()

    def is_for(self, fingerprint: str) -> bool:
        """Whether it is complete and built for this fingerprint."""
        return self.note(COMPLETE) == fingerprint and os.access(self.python, os.X_OK)

    def take_place_of(self, other: "Environment") -> bool:
        """Moves this folder to the other's place; False where a program still runs in the other one."""
        before = other.folder.with_name(f"{other.folder.name}-old")
        shutil.rmtree(before, ignore_errors=True)
        if other.folder.exists():
            with _locked(other.folder) as free:
                if not free:
                    return False
                other.folder.rename(before)
        self._write_paths(self.folder, other.folder)
        self.folder.rename(other.folder)
        shutil.rmtree(before, ignore_errors=True)
        return True

    def _write_paths(self, old: Path, new: Path) -> None:
        """Scripts and `activate` name the folder that they lie in."""
        for path in (*(self.folder / "bin").iterdir(), self.folder / "pyvenv.cfg"):
            if path.is_symlink() or not path.is_file():
                continue
            text = path.read_bytes()
            if os.fsencode(old) in text and b"\0" not in text:
                path.write_bytes(text.replace(os.fsencode(old), os.fsencode(new)))


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether nobody else holds a lock of the folder, and as long as that lasts nobody does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(handle)
