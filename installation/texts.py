"""The words visitors read, in the languages there are: one TOML file each in `installation/languages/`.

    text = Texts.load("de")
    text("consent.question")
    text("doppelganger.lives", minutes=10)      # fills {minutes}

A language that lacks a line shows the English one; a test keeps them complete.
"""

import logging
import tomllib
from functools import cache
from pathlib import Path

from engine.errors import UsageError

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "languages"
FALLBACK = "en"


def languages() -> tuple[str, ...]:
    """The codes of all languages there are, English first."""
    found = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return (FALLBACK, *(code for code in found if code != FALLBACK))


class Texts:
    """All words of one language; call it with a key."""

    def __init__(self, language: str, lines: dict[str, str]) -> None:
        self.language = language
        self.lines = lines

    @classmethod
    @cache
    def load(cls, language: str) -> "Texts":
        """Raises UsageError where the language is not there or its file is broken."""
        path = FOLDER / f"{language}.toml"
        if language not in languages():
            raise UsageError(f"language {language!r} is not there: there are {', '.join(languages())}.")
        try:
            sections = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{path}: cannot be read ({error}). Mend it.") from None
        return cls(
            language, {f"{s}.{key}": line for s, lines in sections.items() for key, line in lines.items()}
        )

    def __call__(self, key: str, /, **values: object) -> str:
        """The line of `key`, `section.name`, with `{value}`s filled in. Raises KeyError if there is none."""
        line = self.lines.get(key)
        if line is None:
            log.warning("texts: %s has no %s", self.language, key)
            line = Texts.load(FALLBACK).lines[key]
        return line.format(**values) if values else line
