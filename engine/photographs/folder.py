"""Finds the pictures of a folder as people bring it: from a camera, on a stick, with broken files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.common.errors import UsageError, printable

PICTURE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    *(".jpe", ".jif", ".jfi", ".jfif", ".pjp", ".pjpeg"),
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
# The first bytes of JPEG, PNG, GIF and TIFF files: what has lost its suffix is told by them.
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")
# What systems put on sticks and into archives, beside everything that begins with a dot: macOS, Windows,
# Linux, Synology.
_SYSTEM_FOLDERS = ("__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found", "@eaDir")


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is none of the user's own, such as macOS's `._IMG_1.jpg`."""
    return name.startswith(".") or name in _SYSTEM_FOLDERS


def ignored(line: str) -> None:
    """Takes reports that nobody wants."""


def picture_files(
    folder: Path,
    suffixes: tuple[str, ...] = PICTURE_SUFFIXES,
    depth: int = 0,
    report: Callable[[str], None] = ignored,
) -> list[Path]:
    """The files that are named as pictures, sorted; those of sub-folders too, `depth` levels down.

    With the usual `suffixes`, files without a suffix that begin as pictures do are taken as well.

    Hidden ones are passed over, and so are sub-folders that are links to a folder above. Sub-folders that
    cannot be listed, and links to folders that are named as pictures, are passed over and reported in one
    line. Whether a file can be read turns out when it is.

    Raises UsageError where the folder itself cannot be listed.
    """
    try:
        return sorted(_walk(folder, suffixes, depth, (folder.resolve(),), report))
    except (OSError, ValueError, RuntimeError) as error:
        reason = printable(getattr(error, "strerror", None) or error)
        raise UsageError(
            f"folder {printable(folder)} cannot be read ({reason}): check its name and permissions."
        ) from None


def _walk(
    folder: Path,
    suffixes: tuple[str, ...],
    depth: int,
    above: tuple[Path, ...],
    report: Callable[[str], None],
) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not is_hidden(entry.name)]
    for entry in visible:
        path = folder / entry.name
        is_named_as_picture = path.suffix.lower() in suffixes or (
            suffixes is PICTURE_SUFFIXES and _begins_as_picture(entry)
        )
        try:
            is_folder = entry.is_dir()
            inside = path.resolve() if is_folder else path
        except (OSError, RuntimeError) as error:  # links in a circle, or to where nobody may look
            is_folder, inside = False, path
            if depth > 0 and not is_named_as_picture:
                report(_passed_over(path, error))
        if not is_folder and is_named_as_picture:
            yield path
        elif is_folder and is_named_as_picture and entry.is_symlink():
            report(f"passed over: {printable(path)} is a link to a folder, not a picture.")
        elif is_folder and depth > 0 and inside not in above:
            try:
                yield from _walk(path, suffixes, depth - 1, (*above, inside), report)
            except OSError as error:
                report(_passed_over(path, error))


def _begins_as_picture(entry: os.DirEntry[str]) -> bool:
    """Whether a file without a suffix (`.2024` is none) is a picture by its first bytes."""
    try:
        if any(sign.isalpha() for sign in os.path.splitext(entry.name)[1]) or not entry.is_file():
            return False
        with open(entry.path, "rb") as file:
            return file.read(4).startswith(_STARTS)
    except OSError:
        return False


def _passed_over(path: Path, error: OSError | RuntimeError) -> str:
    reason = printable(getattr(error, "strerror", None) or error)
    return f"passed over: {printable(path)} cannot be read ({reason}): check its permissions."
