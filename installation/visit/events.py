"""What the visit's state machine is told: every event that a button, a service or a curator can report.

Events are immutable. Those that belong to one visit carry its number, those about one face the participant's,
so that a report that comes too late can be told apart and ignored.
"""

from dataclasses import dataclass

from engine.live.crowd.decision import Decision
from installation.visit.participants import FIRST_ID


@dataclass(frozen=True)
class Tick:
    """Time has passed. Sent once a frame, after all other events: whatever ends by time ends here."""


# --- from visitors ---


@dataclass(frozen=True)
class WokeUp:
    """Somebody is near, according to a sensor in the room or to staff."""


@dataclass(frozen=True)
class Touched:
    """A touch, key or button that answers no question. Starts a visit, or extends the phase's time."""


@dataclass(frozen=True)
class Pressed:
    """*Yes* goes down: key, button or touch. Repeats while it is down have no effect."""


@dataclass(frozen=True)
class Released:
    """*Yes* goes up. Must also be sent when the window loses the keyboard focus or the button its cable."""


@dataclass(frozen=True)
class Declined:
    """*No*: key, button or touch."""


@dataclass(frozen=True)
class ChoseSynthetic:
    """*Without a camera*: the visitor takes part with a synthetic sitter."""


@dataclass(frozen=True)
class ChoseOthers:
    """*With others*, or *alone* again: for whom the question on the consent screen is."""


@dataclass(frozen=True)
class FaceChosen:
    """A touch on a sign beside the person who is asked: how they want to appear. number: of their track."""

    number: int
    decision: Decision


@dataclass(frozen=True)
class LanguageChosen:
    """The visitor wants the words in this language, an ISO 639-1 code, until the visit is over."""

    language: str


# --- from the tracker ---


@dataclass(frozen=True)
class FaceSeen:
    """A participant's face is in a fresh frame. usable: a portrait taken now would be good.

    A missing face is not reported, because a frozen camera could not report it. The state machine concludes
    it from the time since the last FaceSeen.
    """

    usable: bool = False
    participant_id: int = FIRST_ID


@dataclass(frozen=True)
class AnotherFace:
    """The face in the participant's place is not the one that was there before."""

    participant_id: int = FIRST_ID


@dataclass(frozen=True)
class TrackerFailed:
    """Faces cannot be looked for. Ends nothing: the tracker restarts soon, or the participant has left."""


@dataclass(frozen=True)
class TrackerReady:
    """Faces can be looked for (again)."""


# --- from camera and engine ---


@dataclass(frozen=True)
class CameraFailed:
    """The camera gives no fresh frames, or no usable ones."""


@dataclass(frozen=True)
class CameraReady:
    """The camera can give frames (again). It retries by itself."""


@dataclass(frozen=True)
class EngineFailed:
    """The engine died, ran out of memory, or answered with an error."""


@dataclass(frozen=True)
class EngineReady:
    """The engine waits for work."""


# --- from staff and show control ---


@dataclass(frozen=True)
class Halted:
    """Staff, blackout or closing time end the visit."""


@dataclass(frozen=True)
class Skipped:
    """Staff end the phase as if its time were over. This never agrees on a visitor's behalf."""


@dataclass(frozen=True)
class ShowOpened:
    """Visits may begin again."""


@dataclass(frozen=True)
class ShowClosed:
    """No visit begins any more. One that is going on is ended by Halted."""


@dataclass(frozen=True)
class BlackoutChanged:
    """The screen is made black (True) or shown again (False). While it is black no visit begins."""

    is_black: bool


# --- of one visit ---


@dataclass(frozen=True)
class VisitEvent:
    """Base of the events that belong to one visit; ignored once that visit is over."""

    visit_id: int


class PortraitTaken(VisitEvent):
    """The portrait and the frames around it are available."""


class PortraitRefused(VisitEvent):
    """No frame was good enough; the countdown begins again."""


@dataclass(frozen=True)
class GroupAgreed(VisitEvent):
    """Everybody in front of the camera was asked, and *yes* was said to the photograph. decisions: theirs."""

    decisions: tuple[Decision, ...]


class GroupMade(VisitEvent):
    """The group portrait is there."""


class SearchProgress(VisitEvent):
    """The engine is working on the search."""


class SearchDone(VisitEvent):
    """The engine has found the border on the median way, or its absence; it looks for the nearest picture."""


class ResultCompleted(VisitEvent):
    """The nearest picture and the doppelgänger have been found, or are not to be had."""


class RigMade(VisitEvent):
    """The doppelgänger can be moved."""


class LinkReady(VisitEvent):
    """The doppelgänger can be downloaded, and its link has been tested."""


class Forget(VisitEvent):
    """The visitor chose *forget now* on the phone."""


Event = (
    Tick | WokeUp | Touched | Pressed | Released | Declined | ChoseSynthetic | ChoseOthers | FaceChosen
    | LanguageChosen
    | FaceSeen | AnotherFace | TrackerFailed | TrackerReady
    | CameraFailed | CameraReady | EngineFailed | EngineReady
    | Halted | Skipped | ShowOpened | ShowClosed | BlackoutChanged
    | PortraitTaken | PortraitRefused | GroupAgreed | GroupMade | SearchProgress | SearchDone
    | ResultCompleted | RigMade | LinkReady | Forget
)  # fmt: skip
