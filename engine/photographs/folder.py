"""Finds the pictures of a folder as people bring it: from a camera, on a stick, with broken files."""

import os
from collections.abc import Iterator
from pathlib import Path

from engine.common.errors import UsageError, printable

PICTURE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".heic",
    ".heif",
    ".hif",
    ".avif",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
)
# What systems put on sticks and into archives, beside everything that begins with a dot: macOS, Windows,
# Linux, Synology.
_SYSTEM_FOLDERS = ("__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found", "@eaDir")


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is none of the user's own, such as macOS's `._IMG_1.jpg`."""
    return name.startswith(".") or name in _SYSTEM_FOLDERS


def picture_files(folder: Path, suffixes: tuple[str, ...] = PICTURE_SUFFIXES, depth: int = 0) -> list[Path]:
    """The files that are named as pictures, sorted; those of sub-folders too, `depth` levels down.

    Hidden ones are passed over, and so are sub-folders that cannot be listed or are links to a folder above.
    Nothing is opened: whether a file can be read turns out when it is.

    Raises UsageError where the folder itself cannot be listed.
    """
    try:
        return sorted(_walk(folder, suffixes, depth, (folder.resolve(),)))
    except (OSError, ValueError, RuntimeError) as error:
        reason = printable(getattr(error, "strerror", None) or error)
        raise UsageError(
            f"folder {printable(folder)} cannot be read ({reason}): check its name and permissions."
        ) from None


def _walk(folder: Path, suffixes: tuple[str, ...], depth: int, above: tuple[Path, ...]) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not is_hidden(entry.name)]
    for entry in visible:
        path = folder / entry.name
        try:
            is_folder = entry.is_dir()
            inside = path.resolve() if is_folder else path
        except (OSError, RuntimeError):  # links in a circle: cannot be read, which is then said
            is_folder, inside = False, path
        if not is_folder and path.suffix.lower() in suffixes:
            yield path
        elif is_folder and depth > 0 and inside not in above:
            try:
                yield from _walk(path, suffixes, depth - 1, (*above, inside))
            except OSError:
                continue
