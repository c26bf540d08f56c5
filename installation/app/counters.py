"""Daily counts of visits, agreements and downloads in one small file that identifies nobody.

    {"schema": 1,
     "days": {"2026-05-02": {"begun": 41, "declined": 9, "agreed": 30, "left in search": 2, "border": 27, ...,
                             "agreed 14h de 9f86d081...": 4}},
     "texts": {"9f86d081...": "May a machine take your picture ..."}}

An agreement is recorded as the SHA-256 of the words on the screen, with their language and the hour: what was
agreed to, never by whom. docs/privacy.md explains each count.
"""

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from engine.common.atomic_file import remove_leftovers, write_text
from engine.common.ordinary_file import ordinary
from installation.settings.phase import Phase
from installation.stage.canvas import Canvas
from installation.stage.view import ShownPicture, View
from installation.visit.endings import Ending
from installation.visit.transitions import TRANSITIONS, Cause

log = logging.getLogger(__name__)

NAME = "counters.json"
BROKEN = ".broken"  # the suffix of a file that could not be read
# Why a question ends without a yes, when it is the visitor's doing and not the staff's or the machine's.
DECLINES = {
    row.reason
    for row in TRANSITIONS
    if row.phases == (Phase.CONSENT,) and row.cause in (Cause.DECLINED, Cause.TIME_UP)
}


# What is counted, in the order of a visit; agreements are counted by hour and words besides.
COUNTS = (
    "begun",
    "declined",
    "agreed",
    "unseen",
    *(f"left in {phase}" for phase in Phase if phase not in (Phase.ATTRACT, Phase.FAREWELL)),
    *(ending.value for ending in Ending if ending.is_failure),
    "border",
    "no border",
    "group portraits",
    "finished",
    "link",
    "saved",
    "forgotten by phone",
)


class _Counts(BaseModel):
    """The file."""

    schema_: Literal[1] = Field(1, alias="schema")
    days: dict[date, Counter[str]] = {}
    texts: dict[str, str] = {}


class Counters:
    """Counts, and writes the file after each visit and each download. A context manager.

    A frame observer, because it has to see the words that visitors agree to. path: None counts nothing.
    days: so many days are kept, today among them; with 0 nothing is counted, and what was is removed.
    """

    def __init__(self, path: Path | None, days: int, now: Callable[[], datetime] = datetime.now) -> None:
        self._path, self._days, self._now = path, days, now
        self._counts = _Counts()
        self._question: tuple[str, str] | None = None  # language and words on the screen
        self._writer = ThreadPoolExecutor(1, "counters")

    def passed(self, before: Phase, after: Phase, reason: str, ending: Ending | None = None) -> None:
        """The visit went from one phase to the next, for a reason in `TRANSITIONS`.

        ending: how it has ended, on entering farewell.
        """
        match before, after:
            case _, Phase.FAREWELL if ending is not None and ending.is_failure:
                self.count(ending.value)
            case Phase.ATTRACT, _:
                self.count("begun")
            case Phase.CONSENT, Phase.ATTRACT if reason in DECLINES:
                self.count("declined")
            case Phase.CONSENT, Phase.SEARCH:
                self.count("unseen")
            case Phase.CONSENT, Phase.PORTRAIT:
                self.count("agreed")
                self._record_agreement()
            case Phase.DOPPELGANGER, Phase.FAREWELL:
                self.count("finished")
            case Phase.FAREWELL, _:
                pass
            case _, Phase.FAREWELL | Phase.ATTRACT:
                self.count(f"left in {before}")
        if after is Phase.ATTRACT:
            self._question = None
            self.write()

    def count(self, what: str) -> None:
        """Adds one to a count of today."""
        self._counts.days.setdefault(self._now().date(), Counter())[what] += 1

    def today(self) -> dict[str, int]:
        """Today's number of each of `COUNTS`; empty where nothing is counted."""
        if self._path is None:
            return {}
        counts = self._counts.days.get(self._now().date(), Counter())
        return {what: counts[what] for what in COUNTS}

    def frame(self, canvas: Canvas, view: View, _: Sequence[ShownPicture]) -> None:
        """Remembers the consent question with the words that are on the screen."""
        if view.visit.phase is Phase.CONSENT:
            words = " ".join(item.words for item in canvas.drawn_items if item.words)
            self._question = (view.text.language, words) if words else self._question

    def write(self) -> None:
        """Writes the file on the writer's thread; returns at once."""
        if self._path is None:
            return
        self._forget_old()
        self._writer.submit(_write, self._path, self._counts.model_dump_json(by_alias=True, indent=1))

    def _record_agreement(self) -> None:
        if self._question is None:
            return
        language, words = self._question
        text = hashlib.sha256(words.encode()).hexdigest()
        self._counts.texts[text] = words
        self.count(f"agreed {self._now():%H}h {language} {text}")

    def _forget_old(self) -> None:
        gone = self._now().date() - timedelta(days=self._days)
        days = self._counts.days = {day: counts for day, counts in self._counts.days.items() if day > gone}
        known = {what.rpartition(" ")[2] for counts in days.values() for what in counts}
        self._counts.texts = {text: words for text, words in self._counts.texts.items() if text in known}

    def __enter__(self) -> "Counters":
        if self._path is not None and self._days == 0:
            _remove(self._path)
            self._path = None
        if self._path is not None:
            self._counts = _read(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        self.write()
        self._writer.shutdown()


def _read(path: Path) -> _Counts:
    """What has been counted so far; a file that cannot be read is put aside."""
    try:
        return _Counts.model_validate_json(ordinary(path).read_bytes())
    except FileNotFoundError:
        return _Counts()
    except (OSError, ValidationError):
        aside = path.with_suffix(BROKEN)
        log.warning("counters: %s cannot be read; it is kept as %s, and counting begins anew.", path, aside)
        with suppress(OSError):
            os.replace(path, aside)
        return _Counts()


def _remove(path: Path) -> None:
    remove_leftovers(path)
    for each in (path, path.with_suffix(BROKEN)):
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            log.warning("counters: %s cannot be removed (%s).", each, error.strerror)


def _write(path: Path, text: str) -> None:
    """Replaces the file as a whole. A full disk stops no visit: it is logged."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        log.warning("counters: %s cannot be written (%s).", path, error.strerror)
