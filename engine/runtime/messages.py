"""What the engine's process is asked, and what it answers, asked by installation/workers/engine_client.py."""

from dataclasses import dataclass

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.common.errors import DoppelgangerError
from engine.pipeline.result import PortrayalResult

# --- asked ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Portray:
    """Portray this visit's sitter. photographs: uint8 (H, W, 3) RGB, upright, the first is portrayed, all
    make the judges' reference; None for a sitter who does not exist."""

    visit_id: int
    photographs: tuple[Pixels, ...] | None


@dataclass(frozen=True)
class Cancel:
    """Nobody waits for this visit any more."""

    visit_id: int


# --- answered -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """The engine waits for work."""


@dataclass(frozen=True)
class Failed:
    """The visit, or the whole process, has failed; why, in one line. It is not ready until it says so."""

    message: str


@dataclass(frozen=True, eq=False)
class ProgressUpdate:
    """The engine at work. share: of the whole visit, rising from 0 to 1. picture: what is being looked at,
    uint8 (R, R, 3) RGB, or None where nothing is."""

    visit_id: int
    stage: str
    share: float
    picture: Pixels | None


@dataclass(frozen=True, eq=False)
class ResultReady:
    """What is shown of this visit; first the way through the median, then, while that is shown, all of it."""

    visit_id: int
    result: PortrayalResult


@dataclass(frozen=True, eq=False)
class PeopleReady:
    """Ways from the median face to people who do not exist."""

    strips: tuple[Strip, ...]


@dataclass(frozen=True)
class ConfigurationRejected:
    """Between process and client only: what is configured cannot be used as it is."""

    error: DoppelgangerError


@dataclass(frozen=True)
class VisitEnded:
    """Between process and client only: the process has forgotten this visit. failure: why it broke off, in
    one line; empty where it is done or was cancelled. fault: what went wrong that should not (no memory left,
    a defect), in one line: the process is not to be trusted any more."""

    visit_id: int
    failure: str
    fault: str = ""


Reply = Ready | Failed | ProgressUpdate | ResultReady | PeopleReady
