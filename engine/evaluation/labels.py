"""Labels of people that a user brings: groups to be compared, whatever they mean."""

import csv
from collections.abc import Collection
from pathlib import Path

from engine.common.errors import UsageError, printable
from engine.common.ordinary_file import read_text


def read_labels(path: Path, people: Collection[str]) -> dict[str, list[str]]:
    """People by label, from a CSV file with a line `person,label,label...` for each person.

    Who is not in the file has no label. Raises UsageError where it cannot be read, or names somebody who is
    not among `people`.
    """
    try:
        rows = [row for row in csv.reader(read_text(path).splitlines()) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{printable(path)}: cannot be read as CSV ({printable(error)})") from None
    groups: dict[str, list[str]] = {}
    for person, *labels in rows:
        name = person.strip()
        if name not in people:
            raise UsageError(
                f"{printable(path)}: there is no {printable(name)} in the folder; give a line "
                "person,label for each person"
            )
        for label in filter(None, map(str.strip, labels)):
            groups.setdefault(label, []).append(name)
    return groups
