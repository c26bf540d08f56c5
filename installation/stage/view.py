"""What a scene is given in each frame (`View`), and what it reports back (`Action`, `ShownPicture`).

Everything here is read-only. The session makes a `View` for each frame. A scene must not keep anything of it
after `leave`, because all of it is erased at the end of a visit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.faces.measurement import Face
from engine.judges.verdict import Verdict
from engine.live.crowd.decision import Decision
from engine.live.decoders.training_frame import TrainingFrame
from engine.pipeline.result import PortrayalResult
from hardware.camera.base import CameraHealth, Frame
from hardware.display.monitors import Monitor
from installation.settings.registry import ParameterValues
from installation.settings.texts import Texts
from installation.stage.sound import Voice
from installation.visit.participants import FIRST_ID
from installation.visit.state import State


class Action(StrEnum):
    """What a visitor can do; keys, buttons and touches all become one of these."""

    YES = "yes"
    NO = "no"
    WITHOUT_CAMERA = "without camera"
    WITH_OTHERS = "with others"
    LANGUAGE = "language"


@dataclass(frozen=True)
class ChooseLanguage:
    """A touch on a language's name: its ISO 639-1 code."""

    language: str


@dataclass(frozen=True)
class ChooseFace:
    """A touch on a sign beside somebody: how they want to appear. number: of their track."""

    number: int
    decision: Decision


Touchable = Action | ChooseLanguage | ChooseFace
"""What a touch on an area of the screen can mean."""


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
    """The engine at work: `share` of it all in [0, 1], and the newest picture, uint8 (R, R, 3) RGB.

    queue_place: of the visit among those that wait for an engine, 1 is the next; None: it has one.
    """

    stage: str
    share: float
    picture: Pixels | None
    queue_place: int | None = None


@dataclass(frozen=True)
class Link:
    """Where the doppelgänger can be fetched until `until_s`; `wifi` is what a code for the network holds."""

    url: str
    until_s: float
    wifi: str | None = None


@dataclass(frozen=True, eq=False)
class SaidSentence:
    """What the doppelgänger says now. voice: its sound, which begins at `heard_s`; None: there is none."""

    text: str
    voice: Voice | None = None
    heard_s: float = 0.0


@dataclass(frozen=True, eq=False)
class MeetingView:
    """The doppelgänger as it moves.

    picture: as it is drawn now, uint8 (R, R, 3) RGB. follows: whether it does what the visitor does. visitor,
    moved: what the judge that sees the sitter soonest has said last, of the face before the camera and of a
    picture that was drawn; None where nothing is known, or it is older than `SILENT_S` of
    `engine.live.restraint`. sentence: None while nothing is said.
    """

    picture: Pixels
    follows: bool = False
    visitor: Verdict | None = None
    moved: Verdict | None = None
    sentence: SaidSentence | None = None


class GatheringStep(StrEnum):
    """What several people before the camera are asked for."""

    TOO_FEW = "too few"
    TOO_MANY = "too many"
    ASKING = "asking"
    READY = "ready"


@dataclass(frozen=True)
class PersonView:
    """Somebody who is followed. box: as of `Sighting`. decision: None until they decide. is_ringed: whether
    they are asked just now."""

    number: int
    box: tuple[float, float, float, float]
    decision: Decision | None
    is_ringed: bool


@dataclass(frozen=True)
class GatheringView:
    """Several people, one of whom is asked. answer: what they say with their head just now, or by touch; None
    before they have looked straight ahead. steady_share: for how long, of the time after which *yes*
    confirms it. can_confirm: whether it would."""

    step: GatheringStep
    people: tuple[PersonView, ...] = ()
    answer: Decision | None = None
    steady_share: float = 0.0
    can_confirm: bool = False

    @property
    def decided(self) -> int:
        """How many have decided."""
        return sum(person.decision is not None for person in self.people)


@dataclass(frozen=True)
class GroupFace:
    """One face of a group portrait, from the left. choice: its owner's. appears: as what it is shown; None:
    not at all. same: whether a binding judge takes it for its owner; None where none was asked."""

    choice: Decision
    appears: Decision | None
    same: bool | None


@dataclass(frozen=True, eq=False)
class GroupView:
    """A group portrait. picture: uint8 (S, S, 3) RGB, faces on black, each with its owner's sign. origin: the
    same part of `GroupPortrait.origin`."""

    picture: Pixels
    origin: Pixels
    faces: tuple[GroupFace, ...]


@dataclass(frozen=True, eq=False)
class ParticipantView:
    """What a scene may know of one participant in this frame.

    sighting: None while no face is looked for or seen. search: None before the search. result: None until
    the engine has delivered it. meeting: None but in the meeting. group: None but for several people, once
    their portrait is made. link: None unless the pictures can be
    downloaded.
    """

    participant_id: int = FIRST_ID
    sighting: Sighting | None = None
    search: SearchStatus | None = None
    result: PortrayalResult | None = None
    meeting: MeetingView | None = None
    group: GroupView | None = None
    link: Link | None = None


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """What only the technician's scene shows.

    camera: its state. screens: all there are; screen: the one in use, None without a window. face: what the
    tracker measures, None where there is nobody. phones: one line on how phones reach the pictures.
    """

    camera: CameraHealth
    screens: Sequence[Monitor] = ()
    screen: Monitor | None = None
    face: Face | None = None
    phones: str = ""


@dataclass(frozen=True, eq=False)
class View:
    """Everything a scene may know in one frame. All of it is read-only.

    now_s: of a monotonic clock with an arbitrary zero. visit: the state of the visit. parameters: the values
    of all parameters. text: the words in the visit's language. entered_s: when this scene was entered.
    duration_s: how long it lasts in all, infinite where only an event ends it. camera: the newest frame that
    was looked at, mirrored, black but for the faces of the sitter, or of those of several people who decided
    to be seen; None without consent or without a frame. The technician's scene gets the whole frame.
    participants: at least one, the first is the one who is portrayed. gathering: None but while several
    people are asked. people: continua of synthetic people, for attract. training: two decoders that learn,
    None where they do not. last_search_s: how long the last whole search took, None before the first.
    downloads_available: whether the pictures can be downloaded now or later. shown_elsewhere: other screens
    show the meeting live. computed_elsewhere: photographs are sent to a rendering server. diagnostics: None
    but for the technician's scene. interactive: whether a visitor can act on what is drawn; False in a film.
    """

    now_s: float
    visit: State
    parameters: ParameterValues
    text: Texts
    entered_s: float
    duration_s: float
    camera: Frame | None = None
    participants: tuple[ParticipantView, ...] = (ParticipantView(),)
    gathering: GatheringView | None = None
    people: Sequence[Strip] = ()
    training: TrainingFrame | None = None
    last_search_s: float | None = None
    downloads_available: bool = True
    shown_elsewhere: bool = False
    computed_elsewhere: bool = False
    diagnostics: Diagnostics | None = None
    interactive: bool = True

    @property
    def participant(self) -> ParticipantView:
        """The first participant."""
        return self.participants[0]

    @property
    def elapsed_s(self) -> float:
        """Seconds since the scene was entered."""
        return self.now_s - self.entered_s


@dataclass(frozen=True, eq=False)
class ShownPicture:
    """A picture that a scene has drawn together with a judge's verdict on it.

    t: the picture's place on its continuum, 0 to 1; None for the doppelgänger where it is not one of its
    pictures. picture: the array that was drawn, uint8 (R, R, 3) RGB.
    """

    t: float | None
    picture: Pixels
    verdict: Verdict
