"""Replaces a file or a folder as a whole: a reader sees the old content or the new, never a part.

    with replacing(path) as temporary:
        temporary.write_bytes(content)

The content is written to a hidden temporary beside the target (`.NAME.PID.unfinished`), flushed to the disk
and renamed, which POSIX does in one step. The process id lets two processes write the same file; what a
killed process left behind is removed when the file is next written. All functions raise OSError where the
disk refuses; the target is then what it was.
"""

import errno
import glob
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SUFFIX = "unfinished"


@contextmanager
def replacing(path: Path, only_new: bool = False) -> Iterator[Path]:
    """Yields a temporary file, which replaces `path` when the block ends; after an exception it is removed.

    only_new: raises FileExistsError where `path` is there by then, and leaves it as it is.

    The file keeps the permissions of the one it replaces; a new one gets those of any new file, whatever
    the writer in the block did to them.
    """
    remove_leftovers(path)
    temporary = _temporary(path)
    try:
        temporary.touch()
        mode = stat.S_IMODE((path if path.exists() else temporary).stat().st_mode)
        yield temporary
        sync(temporary)
        temporary.chmod(mode)
        if only_new and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yields an empty temporary folder, which becomes `path` when the block ends; else it is removed.

    `path` must be absent or an empty folder; its parent must exist.
    """
    remove_leftovers(path)
    temporary = _temporary(path)
    try:
        temporary.mkdir()
        yield temporary
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_bytes(path: Path, content: bytes, only_new: bool = False) -> None:
    """Writes `content` to `path`, all of it or nothing. only_new: see `replacing`."""
    with replacing(path, only_new) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Writes `text` to `path` in UTF-8, all of it or nothing."""
    write_bytes(path, text.encode("utf-8"))


def sync(path: Path) -> None:
    """Flushes a file to the disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(path: Path) -> None:
    """Removes the temporaries of `path` whose processes have ended, as far as they can be removed.

    One with this process's own id is of an earlier process with the same id.
    """
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.{SUFFIX}"):
        process_id = leftover.name.split(".")[-2]
        if not process_id.isdecimal():
            continue
        if int(process_id) == os.getpid() or not _is_running(int(process_id)):
            shutil.rmtree(leftover, ignore_errors=True)
            with suppress(OSError):
                leftover.unlink()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{SUFFIX}")


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it belongs to somebody else
        return True
    return True
