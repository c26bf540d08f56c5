"""The words visitors read, in the languages there are: one TOML file each in `languages/`.

    text = Texts.load("de")
    text("consent.question")
    text("doppelganger.lives", minutes=10)      # fills {minutes}

A language that lacks a line shows the English one; a test keeps them complete. A language is left out where
its file is broken, no typeface at hand can show it, or a line has other `{value}`s than the English one.
"""

import logging
import math
import tomllib
from functools import cache
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from engine.common.errors import UsageError
from engine.common.ordinary_file import read_text
from installation.typography.coverage import draws_nothing, unsettable
from installation.typography.direction import is_rtl

if TYPE_CHECKING:  # the process that faces the phones loads no judge
    from engine.judges.registry import Origin

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "languages"
FALLBACK = "en"
_NAME = "language.name"
_MAY_BE_BLANK = {"jury.thousands"}  # between groups of digits: often a narrow space


def languages() -> tuple[str, ...]:
    """The codes of all languages that can be shown, English first."""
    found = [path.stem for path in _files(FOLDER) if isinstance(_read(path), Texts)]
    return (FALLBACK, *(code for code in found if code != FALLBACK))


def language_faults() -> list[str]:
    """One line for each language that is left out because its file is broken or cannot be drawn."""
    read = [_read(path) for path in _files(FOLDER)]
    return [each for each in read if isinstance(each, str)]


class Texts:
    """All words of one language; call it with a key."""

    def __init__(self, language: str, lines: dict[str, str]) -> None:
        self.language = language
        self.lines = lines

    @classmethod
    def load(cls, language: str) -> "Texts":
        """Raises UsageError where the language is not there or its file is broken or cannot be drawn."""
        path = FOLDER / f"{language}.toml"
        read = _read(path) if path in _files(FOLDER) else ""
        if isinstance(read, Texts):
            return read
        raise UsageError(read or f"language {language!r} is not there: there are {', '.join(languages())}.")

    @property
    def direction(self) -> str:
        """`rtl` for a language that is read from right to left, else `ltr`; as HTML writes it."""
        return "rtl" if is_rtl(self(_NAME)) else "ltr"

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

    def distance(self, value: float, threshold: float, decimals: int) -> str:
        """A judge's distance, rounded so that it reads as the threshold only where it is the threshold.

        Before a threshold of 0.6, 0.5999 is the same person and reads 0.599; 0.6001 is someone else and
        reads 0.601.
        """
        unit = 10.0**-decimals
        rounded, line = round(value, decimals), round(threshold, decimals)
        if value < threshold:
            rounded = min(rounded, line - unit)
        elif value > threshold:
            rounded = max(rounded, line + unit)
        return self.number(rounded, decimals)

    def share(self, value: float) -> str:
        """A share, 0 to 1, in per cent to one decimal, rounded down: what differs at all is never 100 %."""
        return f"{self.number(math.floor(1000 * value) / 10, 1)}\u00a0%"

    def strangers(self, fmr: float | None, is_real: bool = True) -> str:
        """A judge's operating point as a visitor reads it; None where nobody has measured it."""
        if fmr is None:
            return self.for_sitter(is_real, "jury.unmeasured")
        return self.for_sitter(is_real, "jury.takes", count=self.count(max(round(fmr * 10_000), 1)))

    def origin(self, origin: "Origin | None") -> str:
        """Who made a judge, when and with whose faces; empty where that has not been checked."""
        if origin is None:
            return ""
        if origin.measures:
            return self("jury.measures", maker=origin.maker, year=origin.year)
        if origin.photographs is None or origin.people is None:
            return self("jury.made", maker=origin.maker, year=origin.year)
        photographs, people = self.count(origin.photographs), self.count(origin.people)
        return self(
            "jury.trained", maker=origin.maker, year=origin.year, photographs=photographs, people=people
        )

    def count(self, value: int) -> str:
        """A whole number, its digits in groups as the language writes them."""
        return f"{value:,}".replace(",", self("jury.thousands"))

    def __call__(self, key: str, /, **values: object) -> str:
        """The line of `key`, `section.name`, with `{value}`s filled in. Raises KeyError if there is none."""
        line = self.lines.get(key)
        if line is None:
            log.warning("texts: %s has no %s", self.language, key)
            line = Texts.load(FALLBACK).lines[key]
        return line.format(**values) if values else line


@cache
def _files(folder: Path) -> tuple[Path, ...]:
    """The languages' files by name, looked for once: the words are asked for in every frame."""
    return tuple(sorted(folder.glob("[!.]*.toml")))


@cache
def _read(path: Path) -> Texts | str:
    """A language, or one line that says what is wrong with its file."""
    try:
        sections = tomllib.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        return f"{path}: cannot be read ({_one_line(error)}). Mend it."
    lines = {}
    for section, entries in sections.items():
        for key, line in entries.items() if isinstance(entries, dict) else [("", entries)]:
            name = f"{section}.{key}".rstrip(".")
            if not key or not isinstance(line, str):
                return f"{path}: {name} is not a text of a section. Mend it."
            lines[name] = line
    if _NAME not in lines:
        return f"{path}: {_NAME} is not there. Write the language's name for itself."
    own = Texts(path.stem, lines)
    english = own if path.stem == FALLBACK else _read(path.with_stem(FALLBACK))
    if isinstance(english, str):
        return english
    for name, line in lines.items():
        if fault := _fault(name, line, english.lines):
            return f"{path}: {name} {fault}"
    return own


def _fault(name: str, line: str, english: dict[str, str]) -> str:
    """What is wrong with a line of a language, and what to do; empty where nothing is."""
    if fault := unsettable(line):
        return f"cannot be drawn. {fault}"
    if name not in _MAY_BE_BLANK and draws_nothing(line):
        return "draws nothing. Write a visible character, or leave the line out."
    try:
        values = _values(line)
    except ValueError as error:
        return f"has unbalanced braces ({_one_line(error)}). Mend it."
    expected = _values(english.get(name) or english.get(name.removesuffix("_nobody"), ""))
    if values != expected:
        return f"has {_listed(values)} where the English line has {_listed(expected)}. Mend it."
    return ""


def _values(line: str) -> set[str]:
    """The `{value}`s of a line as written, without the braces. Raises ValueError for unbalanced braces."""
    parts = Formatter().parse(line)
    return {
        f"{value}{'!' if how else ''}{how or ''}{':' if form else ''}{form}"
        for _, value, form, how in parts
        if value is not None
    }


def _listed(values: set[str]) -> str:
    return _one_line(", ".join(f"{{{value}}}" for value in sorted(values)) or "no {value}")


def _one_line(words: object) -> str:
    return " ".join(str(words).split())[:200]
