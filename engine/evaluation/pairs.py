"""A folder of pairs: photographs of people, and the same photographs changed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.common.errors import UsageError, printable
from engine.photographs.folder import ignored, picture_files

ORIGINAL, CHANGED, ANOTHER = "original", "changed", "another"
"""The sub-folders; the third may be missing."""


@dataclass(frozen=True)
class PairFiles:
    """The files of one pair; name: theirs, without suffix.

    another: another photograph of the person, by which judges know them; None where there is none, and then
    they know them by the original.
    """

    name: str
    original: Path
    changed: Path
    another: Path | None = None


def pair_files(folder: Path, report: Callable[[str], None] = ignored) -> list[PairFiles]:
    """The pairs of a folder, sorted: `original/NAME.*` and `changed/NAME.*`, perhaps `another/NAME.*`.

    A picture without its other half is passed over and reported in one line. Raises UsageError where there is
    no pair, where two files of a sub-folder have one name, or where only some pairs have a third picture.
    """
    originals, changed = (_by_name(folder / part, report) for part in (ORIGINAL, CHANGED))
    another = _by_name(folder / ANOTHER, report) if (folder / ANOTHER).is_dir() else None
    for name in sorted(originals.keys() ^ changed.keys()):
        report(f"passed over: {printable(name)} is in {ORIGINAL} or in {CHANGED}, not in both.")
    names = sorted(originals.keys() & changed.keys())
    if not names:
        raise UsageError(
            f"{printable(folder)} holds no pair: give files of one name in {ORIGINAL} and {CHANGED} below it"
        )
    if another is not None and (missing := [name for name in names if name not in another]):
        raise UsageError(
            f"{printable(folder / ANOTHER)} has no {printable(missing[0])}: give one for every pair, or "
            "remove this folder"
        )
    return [PairFiles(name, originals[name], changed[name], (another or {}).get(name)) for name in names]


def _by_name(folder: Path, report: Callable[[str], None]) -> dict[str, Path]:
    if not folder.is_dir():
        raise UsageError(f"{printable(folder)} is not a folder: pairs lie in {ORIGINAL} and {CHANGED}")
    found: dict[str, Path] = {}
    for path in picture_files(folder, report=report):
        if path.stem in found:
            raise UsageError(f"{printable(path)}: there is another file of this name; remove one of them")
        found[path.stem] = path
    return found
