"""What a scene sees in one frame, and what it says in return. Scenes only look: nothing here can be changed.

The stage makes a `View` for each frame; a scene must not keep anything of it beyond `leave`, because at the
end of a visit all of it is erased.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.judges.verdict import Verdict
from engine.pipeline.result import PortrayalResult
from hardware.camera.base import Frame
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.visit.state import State


class Action(StrEnum):
    """What a visitor can do; keys, buttons and touches all become one of these."""

    YES = "yes"
    NO = "no"
    WITHOUT_CAMERA = "without camera"
    LANGUAGE = "language"


class Guidance(StrEnum):
    """What the visitor is asked to do before the camera: one thing at a time, the first that is wrong."""

    NOBODY = "nobody"
    ONE_AT_A_TIME = "one at a time"
    NEARER = "nearer"
    FARTHER = "farther"
    LEFT = "left"
    RIGHT = "right"
    HIGHER = "higher"
    LOWER = "lower"
    LOOK_HERE = "look here"
    OPEN_EYES = "open eyes"
    MORE_LIGHT = "more light"
    HOLD_STILL = "hold still"
    READY = "ready"


@dataclass(frozen=True)
class Sighting:
    """The sitter's face in the newest frame that was looked at.

    box: left, top, right, bottom of the face, as shares of the picture's width and height as it is shown.
    yaw_deg: of the head as it is shown; positive towards the picture's right edge.
    """

    guidance: Guidance
    box: tuple[float, float, float, float] | None = None
    yaw_deg: float | None = None


@dataclass(frozen=True, eq=False)
class SearchStatus:
    """The engine at work: `share` of it all in [0, 1], and the newest picture, uint8 (R, R, 3) RGB."""

    stage: str
    share: float
    picture: Pixels | None


@dataclass(frozen=True)
class Link:
    """Where the doppelgänger can be fetched until `until_s`; `wifi` is what a code for the network holds."""

    url: str
    until_s: float
    wifi: str | None = None


@dataclass(frozen=True, eq=False)
class View:
    """All a scene may see.

    now_s: monotonic, starts anywhere. visit: where the visit is. began_s, lasts_s: when this scene was
    entered, and how long it has (infinite where only an event ends it). camera: the newest frame, mirrored,
    None without consent or where there is none. people: strips of people who do not exist, for attract.
    phones: whether pictures can be fetched at all, or still. is_open: whether a visit may begin.
    """

    now_s: float
    visit: State
    registry: Registry
    text: Texts
    began_s: float
    lasts_s: float
    camera: Frame | None = None
    sighting: Sighting | None = None
    live: SearchStatus | None = None
    result: PortrayalResult | None = None
    link: Link | None = None
    people: Sequence[Strip] = ()
    phones: bool = True
    is_open: bool = True

    @property
    def elapsed_s(self) -> float:
        """Seconds since the scene was entered."""
        return self.now_s - self.began_s


@dataclass(frozen=True, eq=False)
class ShownPicture:
    """A judged picture that a scene has put on the screen, with the verdict it wrote beside it.

    t: the picture's place on its continuum, 0 to 1. picture: the very array that was enlarged, uint8
    (R, R, 3) RGB.
    """

    t: float
    picture: Pixels
    verdict: Verdict
