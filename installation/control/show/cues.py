"""The cue list: what happens by itself at times of the day, or when a phase of the visit begins.

    [[cue]]
    at = 10:00:00
    days = ["tue", "wed", "thu", "fri", "sat", "sun"]
    send = [["/show/start"], ["/preset/load", "day"]]

    [[cue]]
    phase = "border"
    every = 3
    send = [["/preset/load", "slow", 5.0]]

Times are the machine's local ones. What is sent is what curators can send, too.
"""

import tomllib
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.common.errors import UsageError
from installation.control.protocol.packets import Message
from installation.settings.phase import Phase

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_CUES = 200
WEEK = timedelta(days=7)
# A clock that goes back by more was wrong before; in autumn it goes back by an hour.
SET_RIGHT = timedelta(hours=2)

# An address, and what goes with it.
Sent = Annotated[list[bool | int | float | str], Field(min_length=1, max_length=4)]


class Cue(BaseModel):
    """Something to send, `at` a time on some days, or as a `phase` begins in every so-manieth visit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: time | None = Field(None, strict=True)
    days: list[Day] = list(DAYS)
    phase: Phase | None = None
    every: int = Field(1, ge=1, le=1000)
    send: list[Sent] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.at is None) == (self.phase is None):
            raise ValueError("a cue needs either at or phase")
        if not all(isinstance(address, str) and address.startswith("/") for address, *_ in self.send):
            raise ValueError("each of send begins with an address")
        return self

    @property
    def messages(self) -> list[Message]:
        """What is sent."""
        return [Message(str(address), tuple(arguments)) for address, *arguments in self.send]


class CueList(BaseModel):
    """A file of cues."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cue: list[Cue] = Field([], max_length=MOST_CUES)

    def at_phase(self, phase: Phase, visit: int) -> list[Message]:
        """What to send when a phase begins."""
        found = [cue for cue in self.cue if cue.phase is phase and visit % cue.every == 0]
        return [message for cue in found for message in cue.messages]

    def between(self, after: datetime, until: datetime) -> list[Message]:
        """What the clock has brought since `after`, up to `until`, local times, in order.

        Of more than a day, such as everything before the start, only the last of each address counts: that
        is how things would stand now. A week says it all, also to a clock that was ahead and is set right:
        what it brought too early, such as closing time, is made good.
        """
        after = until - WEEK if after - until > SET_RIGHT else max(after, until - WEEK)
        due = sorted(
            (moment, number, cue)
            for number, cue in enumerate(self.cue)
            for moment in _moments(cue, after, until)
        )
        messages = [message for _, _, cue in due for message in cue.messages]
        return _last_of_each(messages) if until - after > timedelta(days=1) else messages


def load_cues(path: Path) -> CueList:
    """Reads a cue list; without a file it is empty. Raises UsageError naming the entry that is wrong."""
    try:
        return CueList.model_validate(tomllib.loads(path.read_text("utf-8")))
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
