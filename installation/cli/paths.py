"""Paths on the command line."""

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
