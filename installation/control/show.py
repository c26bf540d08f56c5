"""What the stage tells the control each frame, and what it is told in return. Numbers and words only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from installation.services import Health
from installation.visit import Phase


@dataclass(frozen=True)
class Start:
    """The show is open: visits may begin. Ends a blackout."""


@dataclass(frozen=True)
class Stop:
    """The show is closed: what is running has been halted, and nothing wakes the piece until Start."""


@dataclass(frozen=True)
class Blackout:
    """The screen goes black, or comes back. The visit has been halted."""

    on: bool


ShowCommand = Start | Stop | Blackout


@dataclass(frozen=True)
class Verdict:
    """What a judge says of the picture on the screen. `distance` in the judge's own metric."""

    judge: str
    same: bool
    distance: float


@dataclass(frozen=True)
class JuryVerdict(Verdict):
    """A judge's verdict in the jury, and where it puts the border (None: nowhere)."""

    border_t: float | None = None


@dataclass(frozen=True)
class Sight:
    """One frame, as light and sound may know it: never a face, a link or an embedding."""

    phase: Phase
    reason: str = ""  # why the phase was entered
    visit: int = 0  # number of the visit going on, or of the last one
    progress: float = 0.0  # of the phase, 0 ... 1
    t: float | None = None  # of the picture on the screen: 0 at the median face, 1 at the closest match
    verdict: Verdict | None = None  # of the judge that leads
    jury: tuple[JuryVerdict, ...] = ()
    health: Mapping[str, Health] = field(default_factory=dict)
    frame_ms: float = 0.0
    is_open: bool = True
    is_black: bool = False
