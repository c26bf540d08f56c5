"""Whose faces may be swapped: people who do not exist, and those who are named because they have agreed."""

from collections.abc import Sequence
from pathlib import Path

from engine.common.errors import UsageError, on_one_line, printable
from engine.common.subjects import Subjects
from installation.outputs.marks import read_subjects

LONGEST_NAME = 200


def require_consent(films: Sequence[Path], names: Sequence[str]) -> Subjects:
    """Whose faces these films show. names: of everybody in them who has agreed.

    Without names only films pass whose mark says that nobody in them exists. Raises UsageError.
    """
    agreed = tuple(dict.fromkeys(on_one_line(name).strip() for name in names))
    if any(not 0 < len(name) <= LONGEST_NAME for name in agreed):
        raise UsageError(f"--i-have-their-consent: give names of 1 to {LONGEST_NAME} letters.")
    found = Subjects(invented=True)
    for film in films:
        shown = read_subjects(film)
        if not shown.invented and not agreed:
            raise UsageError(
                f"{printable(film)}: may show somebody who has not agreed to have another face, or theirs on "
                "another's. Take a film of `kiosk deepfake people`, or name everybody in it with "
                "--i-have-their-consent NAME, which is written into what is made."
            )
        found = found.joined(shown)
    return found.joined(Subjects(invented=found.invented, consenting=agreed))
