"""Keys that kiosks and a rendering server share: a text file, one kiosk a line, its name and its key.

    hall-2  9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

The kiosk's file has its own line only, the server's those of all. `openssl rand -hex 32` makes a key.
"""

import re
from pathlib import Path

from engine.common.errors import UsageError
from engine.common.ordinary_file import read_text

KEY_BYTES = 32
LONGEST_NAME = 32
_LINE = re.compile(
    rf"([a-z0-9][a-z0-9-]{{0,{LONGEST_NAME - 1}}})\s+([0-9a-f]{{{2 * KEY_BYTES}}})", re.IGNORECASE
)


def read_keys(path: Path | None, entry: str) -> dict[str, bytes]:
    """The keys by the kiosks' names. entry: of the configuration, for complaints. Raises UsageError."""
    if path is None:
        raise UsageError(f"{entry}: name the file with the kiosk's name and key (docs/server.md).")
    try:
        text = read_text(path)
        open_to_others = path.stat().st_mode & 0o077
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{entry}: {path} cannot be read. Name a file of lines NAME KEY.") from None
    if open_to_others:
        raise UsageError(f"{entry}: {path} may be read by others. Close it: chmod 600 {path}")
    keys: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or found[1] in keys:
            raise UsageError(
                f"{entry}: {path}, line {number}: give a kiosk's name, once, and {2 * KEY_BYTES} hexadecimal "
                f"digits (openssl rand -hex {KEY_BYTES})."
            )
        keys[found[1]] = bytes.fromhex(found[2])
    if not keys:
        raise UsageError(f"{entry}: {path} has no line NAME KEY (docs/server.md).")
    return keys
