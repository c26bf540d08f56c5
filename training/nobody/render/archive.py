"""The folder that pictures are collected in: whole pictures, and a `meta.jsonl` that agrees with them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.common.atomic_file import write_bytes, write_text
from training.nobody.render.description.population import draw_person
from training.nobody.render.description.shot import draw_shot
from training.nobody.render.parameters import parameters, seed_and_number

META_FILE = "meta.jsonl"


class Archive:
    """The folder of pictures with its `meta.jsonl`, one line a picture."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meta = folder / META_FILE
        folder.mkdir(parents=True, exist_ok=True)

    def picture(self, name: str) -> Path:
        return self.folder / f"{name}.webp"

    def mend(self, names: Iterable[str]) -> None:
        """Makes `meta.jsonl` agree with the pictures, as a run that was cut off may have left it otherwise.

        Lines that are torn or have no picture go; pictures among `names` that have no line get theirs.
        """
        lines = self.meta.read_text(encoding="utf-8").splitlines() if self.meta.exists() else []
        rows = {row["name"]: row for row in map(_parsed, lines) if row and self.picture(row["name"]).exists()}
        for name in names:
            if name not in rows and self.picture(name).exists():
                rows[name] = parameters_of(name)
        write_text(self.meta, "".join(json.dumps(row) + "\n" for row in rows.values()))

    def add(self, name: str, picture: bytes) -> None:
        write_bytes(self.picture(name), picture)
        with self.meta.open("a", encoding="utf-8") as meta:
            meta.write(json.dumps(parameters_of(name)) + "\n")


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


def parameters_of(name: str) -> dict[str, Any]:
    """What the picture of a name was made from."""
    seed, number = seed_and_number(name)
    return parameters(draw_person(seed), draw_shot(seed, number))
