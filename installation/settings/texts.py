"""The words visitors read, in the languages there are: one TOML file each in `languages/`.

    text = Texts.load("de")
    text("consent.question")
    text("doppelganger.lives", minutes=10)      # fills {minutes}

A language that lacks a line shows the English one; a test keeps them complete.
"""

import logging
import math
import tomllib
from functools import cache
from pathlib import Path

from engine.common.errors import UsageError

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

    def for_sitter(self, is_real: bool, key: str, /, **values: object) -> str:
        """The line of `key`; for a synthetic sitter the line of `KEY_nobody`, where the language has one."""
        instead = f"{key}_nobody"
        return self(instead if not is_real and instead in self.lines else key, **values)

    def judge(self, name: str) -> str:
        """A judge's name for visitors: the language's own where it has one."""
        return self.lines.get(f"judge.{name}", name)

    def number(self, value: float, decimals: int) -> str:
        """A number as the language writes it."""
        return f"{value:.{decimals}f}".replace(".", self("language.decimal"))

    def levels(self, value: float) -> str:
        """How far two pictures are apart, in grey levels: never nothing where they differ."""
        first = -math.floor(math.log10(value)) if value > 0 else 0
        return self.number(value, max(first, 2))

    def strangers(self, fmr: float | None, is_real: bool = True) -> str:
        """A judge's operating point as a visitor reads it; None where nobody has measured it."""
        if fmr is None:
            return self.for_sitter(is_real, "jury.unmeasured")
        count = f"{max(round(fmr * 10_000), 1):,}".replace(",", self("jury.thousands"))
        return self.for_sitter(is_real, "jury.takes", count=count)

    def __call__(self, key: str, /, **values: object) -> str:
        """The line of `key`, `section.name`, with `{value}`s filled in. Raises KeyError if there is none."""
        line = self.lines.get(key)
        if line is None:
            log.warning("texts: %s has no %s", self.language, key)
            line = Texts.load(FALLBACK).lines[key]
        return line.format(**values) if values else line
