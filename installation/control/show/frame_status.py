"""What the application reports to the control each frame. Numbers and words only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.judges.verdict import Verdict
from installation.settings.phase import Phase
from installation.workers.supervision import Health


@dataclass(frozen=True)
class JuryEntry:
    """A judge in the jury: its verdict on the closest match, and where it puts the border (None: nowhere)."""

    verdict: Verdict
    border_t: float | None = None


@dataclass(frozen=True)
class FrameStatus:
    """What light and sound may know of one frame: never a face, a link or an embedding."""

    phase: Phase
    reason: str = ""  # why the phase was entered
    visit: int = 0  # another number for each visit; it is not published
    progress: float = 0.0  # of the phase, 0 to 1
    t: float | None = None  # of the picture on the screen: 0 at the median face, 1 at the closest match
    verdict: Verdict | None = None  # of the leading judge on the picture on the screen
    jury: tuple[JuryEntry, ...] = ()
    people: int = 0  # before the camera, while several are asked
    decided: int = 0  # of them, how many have decided about their face
    health: Mapping[str, Health] = field(default_factory=dict)
    today: Mapping[str, int] = field(default_factory=dict)  # counts of visits; empty: nothing is counted
    frame_ms: float = 0.0
    is_open: bool = True
    is_black: bool = False
