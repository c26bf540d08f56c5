"""The messages between the stage and the delivery process.

The stage's commands are pickled objects in shared memory (`COMMANDS`). What comes back from the process that
faces the phones is JSON text that is checked on arrival (`EVENTS`), so nothing there could ever run code in
the stage.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from engine.runtime.channel import SHARED_MEMORY, Text
from installation.delivery.pictures import TakeHomePictures
from installation.settings.delivery import Delivery
from installation.visit.parameters import DeliveryParameters

LONGEST_EVENT_BYTES = 4096


# --- commands, from the stage ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Open:
    """The first word of a stage. Another network than before closes the old one, and ends all its links."""

    network: Delivery
    parameters: DeliveryParameters


@dataclass(frozen=True)
class SetParameters:
    """The parameters have changed."""

    parameters: DeliveryParameters


@dataclass(frozen=True)
class Offer:
    """Make a link for these pictures; one that the visit had already dies."""

    pictures: TakeHomePictures
    life_s: float
    saves: int


@dataclass(frozen=True)
class Revoke:
    """The visit's link dies now, and what it led to."""

    visit_id: int


Command = Open | SetParameters | Offer | Revoke


# --- events, to the stage -------------------------------------------------------------------------------


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Heartbeat(_Message):
    """The process works.

    problem: why phones cannot reach it. doubt: why some may not, although this machine does. Each is one
    line, or empty.
    """

    kind: Literal["alive"] = "alive"
    problem: str = Field("", max_length=300)
    doubt: str = Field("", max_length=300)


class LogLine(_Message):
    """A line for the log."""

    kind: Literal["said"] = "said"
    level: int
    words: str = Field(max_length=300)


class _OfVisit(_Message):
    visit_id: int


class Offered(_OfVisit):
    """The link was tried and works. Again with another `url` when the machine's address has changed.

    wifi: the text of a code that lets a phone join the guests' network first, where one is configured.
    """

    kind: Literal["offered"] = "offered"
    url: str = Field(max_length=1000)
    lives_s: float
    wifi: str | None = Field(None, max_length=300)


class Unreachable(_OfVisit):
    """The link was tried and does not work; it is tried again, and `Offered` follows if it does."""

    kind: Literal["unreachable"] = "unreachable"
    why: str = Field(max_length=300)


class Saved(_OfVisit):
    """A phone has saved this file."""

    kind: Literal["saved"] = "saved"
    file: str = Field(max_length=100)


class Forgotten(_OfVisit):
    """*Forget now* on the phone: link and pictures are gone."""

    kind: Literal["forgotten"] = "forgotten"


class Ended(_OfVisit):
    """The link's life is over, or as many files were saved as were allowed."""

    kind: Literal["ended"] = "ended"
    why: Literal["expired", "spent", "too many"]


class Lost(_OfVisit):
    """The process is gone, and the link with it: offer the visit's pictures again if it still goes on."""

    kind: Literal["lost"] = "lost"


LinkEvent = Offered | Unreachable | Saved | Forgotten | Ended | Lost

Message = Heartbeat | LogLine | LinkEvent

_FROM_PROCESS: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


def encode(message: Message) -> bytes:
    """A message of the process as JSON."""
    return message.model_dump_json().encode()


def read(data: bytes) -> Message:
    """What the process said. Raises ValueError for anything else."""
    return _FROM_PROCESS.validate_json(data)


COMMANDS = SHARED_MEMORY
EVENTS = Text(encode, read, LONGEST_EVENT_BYTES)
