"""The cue list: messages to apply at times of day, or when a phase of the visit begins.

    [[cue]]
    at = 10:00:00
    days = ["tue", "wed", "thu", "fri", "sat", "sun"]
    send = [["/show/start"], ["/preset/load", "day"]]

    [[cue]]
    phase = "border"
    every = 3
    send = [["/preset/load", "slow", 5.0]]

Times are the machine's local time. A cue may send whatever a curator can send.
"""

import tomllib
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.common.errors import UsageError
from engine.common.ordinary_file import read_text
from installation.control.protocol.packets import Message
from installation.settings.phase import Phase

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_CUES = 200
WEEK = timedelta(days=7)
# A clock that goes back by more was wrong before; the end of summer time takes it back by an hour.
LARGEST_STEP_BACK = timedelta(hours=2)

# An address and its arguments.
MessageWords = Annotated[list[bool | int | float | str], Field(min_length=1, max_length=4)]


class Cue(BaseModel):
    """Messages to send `at` a time on some days, or when a `phase` begins in one visit out of `every`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: time | None = Field(None, strict=True)
    days: list[Day] = list(DAYS)
    phase: Phase | None = None
    every: int = Field(1, ge=1, le=1000)
    send: list[MessageWords] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.at is None) == (self.phase is None):
            raise ValueError("a cue needs either at or phase")
        if not all(isinstance(address, str) and address.startswith("/") for address, *_ in self.send):
            raise ValueError("each of send begins with an address")
        return self

    @property
    def when(self) -> str:
        """When it is played, in one line: *10:00:00 tue wed*, *border, one visit in 3*."""
        if self.phase is not None:
            return self.phase.value + (f", one visit in {self.every}" if self.every > 1 else "")
        return f"{self.at} " + ("every day" if len(self.days) == len(DAYS) else " ".join(self.days))

    @property
    def what(self) -> str:
        """What it sends, in one line of 120 characters at most."""
        sent = "; ".join(" ".join(map(str, message)) for message in self.send)
        return sent if len(sent) <= 120 else sent[:119] + "…"

    @property
    def messages(self) -> list[Message]:
        """The messages to apply."""
        return [Message(str(address), tuple(arguments)) for address, *arguments in self.send]


class CueList(BaseModel):
    """The content of `cues.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cue: list[Cue] = Field([], max_length=MOST_CUES)

    def at_phase(self, phase: Phase, visit: int) -> list[Message]:
        """The messages of a phase that begins in the given visit, counted from the start."""
        found = [cue for cue in self.cue if cue.phase is phase and visit % cue.every == 0]
        return [message for cue in found for message in cue.messages]

    def between(self, after: datetime, until: datetime) -> list[Message]:
        """The messages of the times after `after` and up to `until` (local times), in order.

        Of a span of more than a day, such as the one before the start, only the last message to each address
        counts: that gives the present state. Spans are cut to a week, which holds every cue. A clock that
        was ahead and has been set back is treated like a start, which undoes what was played too early.
        """
        after = until - WEEK if after - until > LARGEST_STEP_BACK else max(after, until - WEEK)
        due = sorted(
            (moment, number, cue)
            for number, cue in enumerate(self.cue)
            for moment in _moments(cue, after, until)
        )
        messages = [message for _, _, cue in due for message in cue.messages]
        return _last_of_each(messages) if until - after > timedelta(days=1) else messages


def next_cue(cues: CueList, now: datetime) -> tuple[datetime, int] | None:
    """When which cue of the clock is next after `now` (local time), counted from 0; None: there is none."""
    due = (
        (moment, number) for number, cue in enumerate(cues.cue) for moment in _moments(cue, now, now + WEEK)
    )
    return min(due, default=None)


def load_cues(path: Path) -> CueList:
    """Reads a cue list; without a file it is empty. Raises UsageError naming the entry that is wrong."""
    try:
        return CueList.model_validate(tomllib.loads(read_text(path)))
    except FileNotFoundError:
        return CueList()
    except (OSError, ValidationError, ValueError, RecursionError) as error:
        fault = " ".join(str(error).split())[:200]
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            fault = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise UsageError(f"{path}: {fault}. Mend it, then send /cue/load.") from None


def _moments(cue: Cue, after: datetime, until: datetime) -> list[datetime]:
    if cue.at is None:
        return []
    days: Sequence[date] = [
        after.date() + timedelta(days=number) for number in range((until.date() - after.date()).days + 1)
    ]
    moments = [datetime.combine(day, cue.at) for day in days if DAYS[day.weekday()] in cue.days]
    return [moment for moment in moments if after < moment <= until]


def _last_of_each(messages: list[Message]) -> list[Message]:
    last = {message.address: place for place, message in enumerate(messages)}
    return [message for place, message in enumerate(messages) if last[message.address] == place]
