"""The visit as a state machine, from *attract* to *farewell* and back to *attract*.

Pure: `step` takes what happened and the time, and returns the next state and what is to be done. No clock,
no window, no camera, no file. `TRANSITIONS` is the whole visit on one screen; docs/visit.md explains it.

Three layers, from the outside in: an `Event` is what a button, the camera or the engine reports; a `Cause`
is what that means in the phase the visit is in (a hold that lasted long enough, a face gone for too long);
a `Transition` says where a cause leads.

All times are seconds of a monotonic clock with any zero.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import ClassVar

from pydantic import Field

from installation.settings.parameters import Parameters
from installation.settings.phase import Phase


class Sitter(StrEnum):
    """Who is portrayed: the visitor, who has agreed to it, or somebody who does not exist."""

    CAMERA = "camera"
    SYNTHETIC = "synthetic"


class Timeouts(Parameters):
    """How long the visit waits, and for what. Each phase but attract ends by a time of its own name."""

    scene: ClassVar[str] = "visit"

    hold_s: float = Field(2, ge=0.3, le=5, description="how long *yes* is held to agree")
    double_tap_s: float = Field(
        0, ge=0, le=2, description="two taps on *yes* within this time agree, too; 0: they do not"
    )
    consent_s: float = Field(45, ge=20, le=300, description="the question, at most; a touch restarts it")
    portrait_s: float = Field(60, ge=20, le=300, description="the mirror, at most")
    countdown_s: float = Field(3, ge=0, le=10, description="how long a face is usable before it is taken")
    lapse_s: float = Field(0.5, ge=0, le=2, description="unusable for less than this, the countdown goes on")
    search_s: float = Field(300, ge=10, le=1800, description="the search, at most")
    silence_s: float = Field(30, ge=5, le=300, description="the search without a sign of the engine, at most")
    border_s: float = Field(40, ge=5, le=300, description="the border and its crossings")
    jury_s: float = Field(12, ge=5, le=120, description="where the other judges put the border")
    doppelganger_s: float = Field(
        60,
        ge=20,
        le=300,
        description="the picture and its link; a touch restarts it, and so does the link when it comes",
    )
    farewell_s: float = Field(10, ge=3, le=60, description="what has been erased")
    left_s: float = Field(8, ge=4, le=60, description="no face for this long: the visitor has left")
    left_doppelganger_s: float = Field(
        20, ge=5, le=120, description="the same in doppelganger, where a raised phone hides the face"
    )

    def of(self, phase: Phase) -> float:
        """The phase's own time in seconds; infinite for attract."""
        return math.inf if phase is Phase.ATTRACT else float(getattr(self, f"{phase}_s"))


# --- events: what the outside reports -------------------------------------------------------------------


@dataclass(frozen=True)
class Tick:
    """Time has passed. Everything that ends by time, the hold too, ends here: one each frame, as its last."""


@dataclass(frozen=True)
class WokeUp:
    """Somebody is near, says a sensor of the house, or staff."""


@dataclass(frozen=True)
class Touched:
    """A touch, key or button that answers nothing. Wakes the piece, and asks for more time."""


@dataclass(frozen=True)
class Pressed:
    """*Yes* goes down, whether key, button or touch. Repeats while it is down are harmless."""


@dataclass(frozen=True)
class Released:
    """*Yes* goes up. Must also be sent when the window loses its keyboard, the button its cable."""


@dataclass(frozen=True)
class Declined:
    """*No*, whether key, button or touch."""


@dataclass(frozen=True)
class ChoseSynthetic:
    """*Without a camera*: take part by way of a synthetic sitter."""


@dataclass(frozen=True)
class FaceSeen:
    """The sitter's face is in a fresh frame. `usable`: a portrait taken now would be good.

    Nobody reports a missing face: a frozen camera could not. The machine misses it by itself.
    """

    usable: bool = False


@dataclass(frozen=True)
class AnotherFace:
    """The face in the sitter's place is not the one that was there."""


@dataclass(frozen=True)
class CameraFailed:
    """No fresh frames, or none that are any good."""


@dataclass(frozen=True)
class CameraReady:
    """The camera could give frames (again). It keeps trying by itself, and then says so."""


@dataclass(frozen=True)
class WatcherFailed:
    """Faces cannot be looked for. Ends nothing: it comes back in a moment, or the sitter counts as gone."""


@dataclass(frozen=True)
class WatcherReady:
    """They can be looked for (again)."""


@dataclass(frozen=True)
class EngineFailed:
    """The engine died, ran out of memory, or answered with an error."""


@dataclass(frozen=True)
class EngineReady:
    """The engine waits for work."""


@dataclass(frozen=True)
class Halted:
    """Staff, blackout or closing time end the visit."""


@dataclass(frozen=True)
class Skipped:
    """Staff end the phase as if its time were over; that never agrees on a visitor's behalf."""


@dataclass(frozen=True)
class _OfVisit:
    """Belongs to one visit. Ignored once that visit is over."""

    visit_id: int


class PortraitTaken(_OfVisit):
    """The portrait and the frames around it are at hand."""


class PortraitRefused(_OfVisit):
    """No frame was good enough; the countdown begins again."""


class SearchProgress(_OfVisit):
    """The engine is at work."""


class SearchDone(_OfVisit):
    """The engine has made everything that the scenes from border to doppelganger show."""


class LinkReady(_OfVisit):
    """The doppelgänger can be fetched, and its link has been tried."""


class Forget(_OfVisit):
    """*Forget now* on the visitor's phone."""


Event = (
    Tick | WokeUp | Touched | Pressed | Released | Declined | ChoseSynthetic | FaceSeen | AnotherFace
    | CameraFailed | CameraReady | WatcherFailed | WatcherReady | EngineFailed | EngineReady
    | Halted | Skipped
    | PortraitTaken | PortraitRefused | SearchProgress | SearchDone | LinkReady | Forget
)  # fmt: skip


# --- effects: what is to be done ------------------------------------------------------------------------


@dataclass(frozen=True)
class StartCamera:
    """Take frames, and show them."""


@dataclass(frozen=True)
class StopCamera:
    """Take no more frames; the camera's light goes out."""


@dataclass(frozen=True)
class DetectFaces:
    """Look for faces in the frames, and follow whoever is seen next; or stop looking.

    anybody: look only whether anybody is there, and measure nothing.
    """

    on: bool
    anybody: bool = False


@dataclass(frozen=True)
class TakePortrait:
    """Keep the best of the next frames. Answer with PortraitTaken or PortraitRefused."""

    visit_id: int


@dataclass(frozen=True)
class StartSearch:
    """Send the portrait, or a synthetic one, to the engine. Answer with SearchProgress and SearchDone."""

    visit_id: int
    sitter: Sitter


@dataclass(frozen=True)
class CancelSearch:
    """Nobody waits for the engine's results any more."""

    visit_id: int


@dataclass(frozen=True)
class OfferDownload:
    """Hand the finished pictures to the delivery. Answer with LinkReady."""

    visit_id: int


@dataclass(frozen=True)
class RevokeDownload:
    """The visitor wants the finished pictures forgotten, too: the link dies now."""

    visit_id: int


@dataclass(frozen=True)
class EraseVisit:
    """Overwrite the portrait and what came from the engine; drop frames and all that was measured on them.

    A link that was offered lives on in the delivery for its own time.
    """

    visit_id: int


Effect = (
    StartCamera | StopCamera | DetectFaces | TakePortrait | StartSearch | CancelSearch
    | OfferDownload | RevokeDownload | EraseVisit
)  # fmt: skip


# --- the visit on one screen ----------------------------------------------------------------------------


class Cause(Enum):
    """Why a phase ends."""

    WOKEN = "a touch, *yes* or `/show/go consent`, while camera and engine are well"
    AGREED = "*yes* held for `hold_s`, or tapped twice within `double_tap_s`"
    CHOSE_SYNTHETIC = "*without a camera*"
    DECLINED = "*no*"
    PORTRAIT_TAKEN = "the portrait is at hand"
    SEARCH_DONE = "the engine has everything the scenes show"
    KEPT = "*yes*"
    FORGOTTEN = "*no*, or *forget now* on the phone"
    TIME_UP = "the phase's own time is over, or staff cut it short"
    LEFT = "no face for `left_s`, in doppelganger for `left_doppelganger_s`"
    ANOTHER_FACE = "another face in the sitter's place"
    SILENT = "no sign of the engine for `silence_s`"
    ENGINE_FAILED = "the engine fails"
    CAMERA_FAILED = "the camera fails, and the visit needs it"
    HALTED = "staff, blackout or closing time"


@dataclass(frozen=True)
class Transition:
    """`cause`, in one of `phases`, leads to the phase `to`; `reason` says why that is right."""

    phases: tuple[Phase, ...]
    cause: Cause
    to: Phase
    reason: str


ATTRACT, CONSENT, PORTRAIT, SEARCH, BORDER, JURY, DOPPELGANGER, FAREWELL = _ALL = tuple(Phase)
_VISIT = _ALL[1:7]  # consent to doppelganger: what is to be erased afterwards
_WATCHED = _ALL[2:7]  # portrait to doppelganger: the camera is on, if there is a sitter before it
_BEFORE_PICTURE = _ALL[2:6]  # portrait to jury
_AT_WORK = _ALL[1:6]  # consent to jury: what comes then has been found

# fmt: off
TRANSITIONS = (
    # --- onwards
    Transition((ATTRACT,),       Cause.WOKEN,           CONSENT,      "somebody is there"),
    Transition((CONSENT,),       Cause.AGREED,          PORTRAIT,     "the visitor agrees to be portrayed"),
    Transition((CONSENT,),       Cause.CHOSE_SYNTHETIC, SEARCH,       "the visitor takes part unseen"),
    Transition((PORTRAIT,),      Cause.PORTRAIT_TAKEN,  SEARCH,       "there is a face to look for"),
    Transition((SEARCH,),        Cause.SEARCH_DONE,     BORDER,       "the border is found, or its absence"),
    Transition((BORDER,),        Cause.TIME_UP,         JURY,         "the border has been crossed"),
    Transition((JURY,),          Cause.TIME_UP,         DOPPELGANGER, "every judge has been heard"),
    Transition((DOPPELGANGER,),  Cause.KEPT,            FAREWELL,     "the visitor has the picture"),
    Transition((DOPPELGANGER,),  Cause.FORGOTTEN,       FAREWELL,     "the visitor wants no picture to stay"),
    Transition((DOPPELGANGER,),  Cause.TIME_UP,         FAREWELL,     "the picture was shown long enough"),
    Transition((FAREWELL,),      Cause.TIME_UP,         ATTRACT,      "the visit is over"),
    # --- back, because of the visitor
    Transition((CONSENT,),       Cause.DECLINED,        ATTRACT,      "the visitor says no"),
    Transition((CONSENT,),       Cause.TIME_UP,         ATTRACT,      "silence is no consent"),
    Transition(_BEFORE_PICTURE,  Cause.DECLINED,        FAREWELL,     "the visitor wants to stop"),
    Transition(_WATCHED,         Cause.LEFT,            ATTRACT,      "who walks away withdraws"),
    Transition(_BEFORE_PICTURE,  Cause.ANOTHER_FACE,    ATTRACT,      "this face has not agreed"),
    # --- back, because of the machine
    Transition((PORTRAIT,),      Cause.TIME_UP,         ATTRACT,      "no usable portrait comes about"),
    Transition((SEARCH,),        Cause.TIME_UP,         ATTRACT,      "the search takes too long"),
    Transition((SEARCH,),        Cause.SILENT,          ATTRACT,      "the engine hangs"),
    Transition(_AT_WORK,         Cause.ENGINE_FAILED,   ATTRACT,      "nothing can be shown without it"),
    Transition(_VISIT,           Cause.CAMERA_FAILED,   ATTRACT,      "nobody knows who is there"),
    Transition(_ALL[1:],         Cause.HALTED,          ATTRACT,      "the house ends the visit"),
)
# fmt: on


_LEADS = {(phase, row.cause): row for row in TRANSITIONS for phase in row.phases}


@dataclass(frozen=True)
class State:
    """Where the visit is, and all it has to remember. Holds nothing of a face.

    The state to begin with is `State()`, or `State(visit_id=...)` with a number that no earlier run can have
    reached: each visit's id is one more than the last one's.
    """

    phase: Phase = Phase.ATTRACT
    reason: str = "the piece begins"  # why the phase was entered
    entered_s: float = 0.0  # when
    visit_id: int = 0  # of the visit going on, or of the last one
    sitter: Sitter | None = None  # known once consent is left; the visitor's part ends with the visit
    # Of the machine, beyond visits. The engine has to say that it is ready, the others that they are not.
    engine_ready: bool = False
    camera_failed: bool = False
    watcher_failed: bool = False
    # Of the phase.
    idle_s: float = 0.0  # the phase's own time counts from here
    pressed_s: float | None = None  # *yes* is down since
    tapped_s: float | None = None  # *yes* last went down
    usable_s: float | None = None  # last usable face
    steady_s: float = 0.0  # usable since, with lapses
    portrait_asked: bool = False
    engine_heard_s: float = 0.0  # last sign of the engine in search
    link_ready: bool = False
    # Of the visit.
    face_s: float = 0.0  # last sight of the sitter

    @property
    def consented(self) -> bool:
        """Whether the visitor has agreed to be portrayed, and the visit is not over."""
        return self.sitter is Sitter.CAMERA

    @property
    def resting(self) -> bool:
        """Whether no visit can begin, because the engine, the camera or the watcher is not well."""
        return self.camera_failed or self.watcher_failed or not self.engine_ready


def step(state: State, event: Event, now_s: float, timeouts: Timeouts) -> tuple[State, list[Effect]]:
    """What `event` at `now_s` makes of the visit: the next state, and what to do, in this order.

    `now_s` must not go back. Events that mean nothing in this phase, or that belong to a visit that is over,
    change nothing. Each frame, first everything that was reported, then one Tick: after a frame that came
    late, a button let go meanwhile has not agreed, and a face seen meanwhile has not left.
    """
    if isinstance(event, _OfVisit) and event.visit_id != state.visit_id:
        return state, []
    state, causes, effects = _understand(state, event, now_s, timeouts)
    leads = (_LEADS.get((state.phase, cause)) for cause in causes)
    transition = next((lead for lead in leads if lead), None)
    if transition is None:
        return state, effects
    state, more = _enter(state, transition, now_s)
    return state, effects + more


def hold_share(state: State, now_s: float, timeouts: Timeouts) -> float:
    """How much of the hold is done, in [0, 1]: what the consent scene fills."""
    if state.phase is not Phase.CONSENT or state.pressed_s is None:
        return 0.0
    return min((now_s - state.pressed_s) / timeouts.hold_s, 1.0)


def countdown_left_s(state: State, now_s: float, timeouts: Timeouts) -> float | None:
    """What the portrait scene counts down, or None while there is no face to count for."""
    if state.phase is not Phase.PORTRAIT or _lapsed(state, now_s, timeouts):
        return None
    return max(timeouts.countdown_s - (now_s - state.steady_s), 0.0)


def time_left_s(state: State, now_s: float, timeouts: Timeouts) -> float:
    """What remains of the phase's own time; infinite in attract."""
    return max(timeouts.of(state.phase) - (now_s - state.idle_s), 0.0)


# --- from events to causes ------------------------------------------------------------------------------


def _understand(
    state: State, event: Event, now_s: float, timeouts: Timeouts
) -> tuple[State, list[Cause], list[Effect]]:
    """What the event changes within the phase, what it may end it for, and what to do meanwhile."""
    phase = state.phase
    match event:
        case Tick():
            return state, list(_due(state, now_s, timeouts)), []
        case WokeUp():
            return state, [] if state.resting else [Cause.WOKEN], []
        case Touched() if phase in (Phase.CONSENT, Phase.DOPPELGANGER):
            return replace(state, idle_s=now_s), [], []
        case Touched():
            return state, [] if state.resting else [Cause.WOKEN], []
        case Pressed() if phase is Phase.CONSENT:
            return _press(state, now_s, timeouts)
        case Pressed():
            return state, [Cause.KEPT] if state.resting else [Cause.WOKEN, Cause.KEPT], []
        case Released():
            return replace(state, pressed_s=None), [], []
        case Declined():
            return state, [Cause.DECLINED, Cause.FORGOTTEN], []
        case ChoseSynthetic():
            return state, [Cause.CHOSE_SYNTHETIC], []
        case FaceSeen() if state.consented:
            return _see(state, event.usable, now_s, timeouts)
        case AnotherFace() if state.consented and phase is Phase.DOPPELGANGER:
            # A friend's, beside a raised phone: the picture stays for whoever is there, who has not agreed.
            return replace(state, face_s=now_s), [], [DetectFaces(True, anybody=True)]
        case AnotherFace() if state.consented:
            return state, [Cause.ANOTHER_FACE], []
        case CameraFailed():
            causes = [] if state.sitter is Sitter.SYNTHETIC else [Cause.CAMERA_FAILED]
            return replace(state, camera_failed=True), causes, []
        case CameraReady():
            return replace(state, camera_failed=False), [], []
        case WatcherFailed():
            return replace(state, watcher_failed=True), [], []
        case WatcherReady():
            return replace(state, watcher_failed=False), [], []
        case EngineFailed():
            return replace(state, engine_ready=False), [Cause.ENGINE_FAILED], []
        case EngineReady():
            return replace(state, engine_ready=True), [], []
        case Halted():
            return state, [Cause.HALTED], []
        case Skipped():
            return state, [Cause.TIME_UP], []
        case PortraitTaken() if state.portrait_asked:
            return state, [Cause.PORTRAIT_TAKEN], []
        case PortraitRefused():
            return replace(state, portrait_asked=False, usable_s=None), [], []
        case SearchProgress():
            return replace(state, engine_heard_s=now_s), [], []
        case SearchDone():
            return state, [Cause.SEARCH_DONE], []
        case LinkReady() if phase is Phase.DOPPELGANGER and not state.link_ready:
            return replace(state, link_ready=True, idle_s=now_s), [], []
        case Forget():
            return state, [Cause.FORGOTTEN], []
        case _:
            return state, [], []


def _due(state: State, now_s: float, timeouts: Timeouts) -> Iterator[Cause]:
    """The causes that time alone brings about."""
    if state.pressed_s is not None:
        # Who is about to agree is not interrupted.
        if now_s - state.pressed_s >= timeouts.hold_s:
            yield Cause.AGREED
        return
    away_s = timeouts.left_doppelganger_s if state.phase is Phase.DOPPELGANGER else timeouts.left_s
    if state.consented and now_s - state.face_s >= away_s:
        yield Cause.LEFT
    if state.phase is Phase.SEARCH and now_s - state.engine_heard_s >= timeouts.silence_s:
        yield Cause.SILENT
    if now_s - state.idle_s >= timeouts.of(state.phase):
        yield Cause.TIME_UP


def _press(state: State, now_s: float, timeouts: Timeouts) -> tuple[State, list[Cause], list[Effect]]:
    if state.pressed_s is not None:
        return state, [], []
    twice = state.tapped_s is not None and now_s - state.tapped_s < timeouts.double_tap_s
    pressed = replace(state, pressed_s=now_s, tapped_s=now_s, idle_s=now_s)
    return pressed, [Cause.AGREED] if twice else [], []


def _see(
    state: State, usable: bool, now_s: float, timeouts: Timeouts
) -> tuple[State, list[Cause], list[Effect]]:
    state = replace(state, face_s=now_s)
    if not usable or state.phase is not Phase.PORTRAIT:
        return state, [], []
    since_s = now_s if _lapsed(state, now_s, timeouts) else state.steady_s
    state = replace(state, usable_s=now_s, steady_s=since_s)
    if state.portrait_asked or now_s - since_s < timeouts.countdown_s:
        return state, [], []
    return replace(state, portrait_asked=True), [], [TakePortrait(state.visit_id)]


def _lapsed(state: State, now_s: float, timeouts: Timeouts) -> bool:
    """Whether the face has not been usable for longer than a blink."""
    return state.usable_s is None or now_s - state.usable_s > timeouts.lapse_s


# --- from phase to phase --------------------------------------------------------------------------------


def _enter(state: State, transition: Transition, now_s: float) -> tuple[State, list[Effect]]:
    """The state at the beginning of a phase, and what leaving the old one and entering this one take."""
    over = transition.to in (Phase.FAREWELL, Phase.ATTRACT)
    effects = _end(state, transition.cause) if over and state.phase in _VISIT else []
    # Farewell does not say to somebody who was never looked at that no photograph of them is left.
    ends = transition.to is Phase.ATTRACT or (over and state.consented)
    entered = State(
        phase=transition.to,
        reason=transition.reason,
        entered_s=now_s,
        visit_id=state.visit_id,
        sitter=None if ends else state.sitter,
        engine_ready=state.engine_ready,
        camera_failed=state.camera_failed,
        watcher_failed=state.watcher_failed,
        idle_s=now_s,
        engine_heard_s=now_s,
        face_s=state.face_s,
    )
    match transition.to:
        case Phase.CONSENT:
            entered = replace(entered, visit_id=state.visit_id + 1)
        case Phase.PORTRAIT:
            entered = replace(entered, sitter=Sitter.CAMERA, face_s=now_s)
            effects += [StartCamera(), DetectFaces(True)]
        case Phase.SEARCH:
            sitter = state.sitter or Sitter.SYNTHETIC
            entered = replace(entered, sitter=sitter)
            effects += [StartSearch(state.visit_id, sitter)]
        case Phase.DOPPELGANGER:
            effects += [OfferDownload(state.visit_id)]
    return entered, effects


def _end(state: State, cause: Cause) -> list[Effect]:
    """What the end of a visit takes, wherever it ends; the erasing last, when nothing adds to it any more."""
    effects: list[Effect] = []
    if state.consented:
        effects += [DetectFaces(False), StopCamera()]
    if state.phase is Phase.SEARCH:
        effects += [CancelSearch(state.visit_id)]
    if cause is Cause.FORGOTTEN:
        effects += [RevokeDownload(state.visit_id)]
    return [*effects, EraseVisit(state.visit_id)]
