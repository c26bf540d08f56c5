"""The visit as a state machine: `step` turns an event into the next state and the effects it needs.

Pure: no clock, window, camera or file. An `Event` is what a button, a service or a curator reports; a `Cause`
is what that means in the current phase (a hold that lasted long enough, a face that has been missing too
long); a `Transition` says where a cause leads. docs/visit.md explains the visit as a whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from installation.settings.phase import Phase
from installation.visit.effects import (
    BeginMeeting,
    CancelSearch,
    CompleteResult,
    DetectFaces,
    Effect,
    EndMeeting,
    EraseVisit,
    OfferDownload,
    RevokeDownload,
    StartCamera,
    StartSearch,
    StopCamera,
    TakePortrait,
)
from installation.visit.events import (
    AnotherFace,
    BlackoutChanged,
    CameraFailed,
    CameraReady,
    ChoseOthers,
    ChoseSynthetic,
    Declined,
    EngineFailed,
    EngineReady,
    Event,
    FaceSeen,
    Forget,
    GroupAgreed,
    GroupMade,
    Halted,
    LanguageChosen,
    LinkReady,
    PortraitRefused,
    PortraitTaken,
    Pressed,
    Released,
    ResultCompleted,
    RigMade,
    SearchDone,
    SearchProgress,
    ShowClosed,
    ShowOpened,
    Skipped,
    Tick,
    Touched,
    TrackerFailed,
    TrackerReady,
    VisitEvent,
    WokeUp,
)
from installation.visit.parameters import Timeouts
from installation.visit.participants import FIRST_ID, Participant, Sitter
from installation.visit.phases import TRAITS
from installation.visit.state import State, has_lapsed, own_time_s
from installation.visit.transitions import LEADS, Cause, Transition

# What ends a search without a border; with one, the visit goes on with the best there is.
_ENDS_SEARCH = (Cause.TIME_UP, Cause.SILENT, Cause.ENGINE_FAILED)


@dataclass(frozen=True)
class _Outcome:
    """What an event means within a phase: the changed state, what it may end the phase for, what to do."""

    state: State
    causes: list[Cause] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


def step(state: State, event: Event, now_s: float, timeouts: Timeouts) -> tuple[State, list[Effect]]:
    """The state after `event` at `now_s`, and the effects to carry out, in their order.

    `now_s` must not go back. Events that mean nothing in this phase, or that name a visit that is over or a
    participant who is not there, change nothing. In each frame all reported events come first and one Tick
    last: then after a frame that came late, a button that was released meanwhile has not agreed, and a
    visitor who was seen meanwhile has not left.
    """
    if isinstance(event, VisitEvent) and event.visit_id != state.visit_id:
        return state, []
    outcome = _interpret(state, event, now_s, timeouts)
    causes = _with_known_border(outcome.state, outcome.causes)
    causes = _with_rig(outcome.state, causes, timeouts)
    leads = (LEADS.get((outcome.state.phase, cause)) for cause in causes)
    transition = next((lead for lead in leads if lead), None)
    if transition is None:
        return outcome.state, outcome.effects
    entered, effects = _enter(outcome.state, transition, now_s)
    return entered, outcome.effects + effects


# --- from events to causes ------------------------------------------------------------------------------


def _interpret(state: State, event: Event, now_s: float, timeouts: Timeouts) -> _Outcome:
    match event:
        case Tick():
            return _Outcome(state, list(_due(state, now_s, timeouts)))
        case (
            WokeUp() | Touched() | Pressed() | Released() | Declined() | ChoseSynthetic() | ChoseOthers()
            | LanguageChosen() | Forget()
        ):  # fmt: skip
            return _of_visitor(state, event, now_s, timeouts)
        case FaceSeen() | AnotherFace():
            return _of_face(state, event, now_s, timeouts)
        case Halted():
            return _Outcome(state, [Cause.HALTED])
        case Skipped():
            return _Outcome(state, [Cause.TIME_UP])
        case ShowOpened():
            return _Outcome(replace(state, show=replace(state.show, is_open=True)))
        case ShowClosed():
            return _Outcome(replace(state, show=replace(state.show, is_open=False)))
        case BlackoutChanged(is_black):
            return _Outcome(replace(state, show=replace(state.show, is_black=is_black)))
        case _:
            return _of_service(state, event, now_s)


def _of_visitor(state: State, event: Event, now_s: float, timeouts: Timeouts) -> _Outcome:
    woken = [Cause.WOKEN] if state.can_begin else []
    match event:
        case WokeUp():
            return _Outcome(state, woken)
        case Touched() if TRAITS[state.phase].extendable:
            return _Outcome(replace(state, timer_start_s=now_s))
        case Touched():
            return _Outcome(state, woken)
        case Pressed() if state.phase is Phase.CONSENT:
            return _press(state, now_s, timeouts)
        case Pressed():
            return _Outcome(state, [*woken, Cause.KEPT])
        case Released():
            return _Outcome(replace(state, pressed_since_s=None))
        case Declined():
            return _Outcome(state, [Cause.DECLINED, Cause.FORGOTTEN])
        case ChoseSynthetic():
            return _Outcome(state, [Cause.CHOSE_SYNTHETIC])
        case ChoseOthers() if state.phase is Phase.CONSENT:
            # Another question: a hold that has begun answered the one before.
            asked = replace(state, with_others=not state.with_others, pressed_since_s=None, last_tap_s=None)
            return _Outcome(replace(asked, timer_start_s=now_s))
        case LanguageChosen(language):
            return _Outcome(replace(state, language=language))
        case Forget():
            return _Outcome(state, [Cause.FORGOTTEN])
        case _:
            return _Outcome(state)


def _of_face(state: State, event: FaceSeen | AnotherFace, now_s: float, timeouts: Timeouts) -> _Outcome:
    """Ignored where it names nobody who takes part with the camera."""
    participant = next(
        (each for each in state.participants if each.participant_id == event.participant_id), None
    )
    if participant is None or participant.sitter is not Sitter.CAMERA:
        return _Outcome(state)
    match event:
        case FaceSeen(usable):
            return _run_countdown(_mark_seen(state, participant, now_s), participant, usable, now_s, timeouts)
        case AnotherFace() if state.phase is Phase.DOPPELGANGER:
            # A friend's, beside a raised phone: the picture stays for whoever is there, who has not agreed.
            return _Outcome(_mark_seen(state, participant, now_s), effects=[DetectFaces(True, anybody=True)])
        case AnotherFace():
            return _Outcome(state, [Cause.ANOTHER_FACE])


def _of_service(state: State, event: Event, now_s: float) -> _Outcome:
    """Camera, tracker, engine and delivery."""
    match event:
        case CameraFailed():
            causes = [] if state.is_synthetic else [Cause.CAMERA_FAILED]
            return _Outcome(replace(state, camera_failed=True), causes)
        case CameraReady():
            return _Outcome(replace(state, camera_failed=False))
        case TrackerFailed():
            return _Outcome(replace(state, tracker_failed=True))
        case TrackerReady():
            return _Outcome(replace(state, tracker_failed=False))
        case EngineFailed():
            return _Outcome(replace(state, engine_ready=False), [Cause.ENGINE_FAILED])
        case EngineReady():
            return _Outcome(replace(state, engine_ready=True))
        case GroupAgreed(decisions=decisions) if (
            state.phase is Phase.PORTRAIT and state.with_others and not state.portrait_requested
        ):
            everybody = tuple(
                Participant(number, decision, Sitter.CAMERA, now_s)
                for number, decision in enumerate(decisions, start=FIRST_ID)
            )
            agreed = replace(state, participants=everybody, portrait_requested=True)
            return _Outcome(agreed, effects=[TakePortrait(state.visit_id)])
        case GroupMade():
            return _Outcome(state, [Cause.GROUP_MADE])
        case PortraitTaken() if state.portrait_requested:
            return _Outcome(state, [Cause.PORTRAIT_TAKEN])
        case PortraitRefused():
            return _Outcome(replace(state, portrait_requested=False, last_usable_s=None))
        case SearchProgress():
            return _Outcome(replace(state, engine_heard_s=now_s))
        case SearchDone() if state.phase is Phase.SEARCH:
            return _Outcome(replace(state, engine_heard_s=now_s, border_known_s=now_s))
        case ResultCompleted():
            return _Outcome(state, [Cause.SEARCH_COMPLETE])
        case RigMade() if state.phase in (Phase.BORDER, Phase.JURY):
            return _Outcome(replace(state, rig_made=True))
        case LinkReady() if state.phase is Phase.DOPPELGANGER and not state.link_ready:
            return _Outcome(replace(state, link_ready=True, timer_start_s=now_s))
        case _:
            return _Outcome(state)


def _with_known_border(state: State, causes: list[Cause]) -> list[Cause]:
    """The causes, where those that end a search without a border lead on with the best so far."""
    if state.border_known_s is None:
        return causes
    return [Cause.BEST_SO_FAR if cause in _ENDS_SEARCH else cause for cause in causes]


def _with_rig(state: State, causes: list[Cause], timeouts: Timeouts) -> list[Cause]:
    """The causes, where time leads from the jury to the meeting: nothing waits for a rig that is late."""
    if state.phase is not Phase.JURY or not state.rig_made or not timeouts.meeting_s:
        return causes
    return [Cause.CAN_MEET if cause is Cause.TIME_UP else cause for cause in causes]


def _due(state: State, now_s: float, timeouts: Timeouts) -> Iterator[Cause]:
    """The causes that time alone brings about."""
    if state.pressed_since_s is not None:
        # A visitor who is about to agree is not interrupted.
        if now_s - state.pressed_since_s >= timeouts.hold_s:
            yield Cause.AGREED
        return
    away_s = timeouts.left_doppelganger_s if state.phase is Phase.DOPPELGANGER else timeouts.left_s
    watched = [each for each in state.participants if each.sitter is Sitter.CAMERA]
    if watched and all(now_s - each.last_seen_s >= away_s for each in watched):
        yield Cause.LEFT
    if state.phase is Phase.SEARCH and now_s - state.engine_heard_s >= timeouts.silence_s:
        yield Cause.SILENT
    if state.border_known_s is not None and now_s - state.border_known_s >= timeouts.nearest_s:
        yield Cause.BEST_SO_FAR
    if now_s - state.timer_start_s >= own_time_s(state, timeouts):
        yield Cause.TIME_UP


def _press(state: State, now_s: float, timeouts: Timeouts) -> _Outcome:
    """*Yes* on the consent screen: a hold begins, or a second tap agrees."""
    if state.pressed_since_s is not None:
        return _Outcome(state)
    twice = state.last_tap_s is not None and now_s - state.last_tap_s < timeouts.double_tap_s
    pressed = replace(state, pressed_since_s=now_s, last_tap_s=now_s, timer_start_s=now_s)
    return _Outcome(pressed, [Cause.AGREED] if twice else [])


def _mark_seen(state: State, participant: Participant, now_s: float) -> State:
    """The state after that participant's face was in a frame."""
    participants = tuple(
        replace(each, last_seen_s=now_s) if each is participant else each for each in state.participants
    )
    return replace(state, participants=participants)


def _run_countdown(
    state: State, participant: Participant, usable: bool, now_s: float, timeouts: Timeouts
) -> _Outcome:
    """Runs the countdown to the portrait, which is that of the first participant."""
    is_first = state.participants[0].participant_id == participant.participant_id
    if not usable or not is_first or state.phase is not Phase.PORTRAIT:
        return _Outcome(state)
    since_s = now_s if has_lapsed(state, now_s, timeouts) else state.usable_since_s
    state = replace(state, last_usable_s=now_s, usable_since_s=since_s)
    if state.portrait_requested or now_s - since_s < timeouts.countdown_s:
        return _Outcome(state)
    return _Outcome(replace(state, portrait_requested=True), effects=[TakePortrait(state.visit_id)])


# --- from phase to phase --------------------------------------------------------------------------------


def _enter(state: State, transition: Transition, now_s: float) -> tuple[State, list[Effect]]:
    """The state at the beginning of a phase, and the effects of leaving the old one and entering this one."""
    over = transition.to in (Phase.FAREWELL, Phase.ATTRACT)
    effects = _end(state, transition.cause) if over and TRAITS[state.phase].erases else []
    entered = State(
        phase=transition.to,
        reason=transition.reason,
        entered_s=now_s,
        visit_id=state.visit_id,
        participants=state.participants,
        ending=transition.ending,
        with_others=state.with_others,
        language=state.language,
        show=state.show,
        engine_ready=state.engine_ready,
        camera_failed=state.camera_failed,
        tracker_failed=state.tracker_failed,
        timer_start_s=now_s,
        engine_heard_s=now_s,
        rig_made=state.rig_made,
    )
    match transition.to:
        case Phase.CONSENT:
            entered = replace(entered, visit_id=state.visit_id + 1, rig_made=False, with_others=False)
        case Phase.PORTRAIT:
            entered = replace(entered, participants=(Participant(sitter=Sitter.CAMERA, last_seen_s=now_s),))
            effects += [StartCamera(), DetectFaces(True)]
        case Phase.SEARCH:
            sitter = state.participant or Participant(sitter=Sitter.SYNTHETIC)
            with_others = state.with_others and sitter.sitter is Sitter.CAMERA
            entered = replace(entered, participants=state.participants or (sitter,), with_others=with_others)
            if with_others:  # nobody is followed any more: it is enough that somebody is there
                effects += [DetectFaces(True, anybody=True)]
            effects += [StartSearch(state.visit_id, sitter.sitter)]
        case Phase.BORDER if transition.cause is Cause.BEST_SO_FAR:
            effects += [CompleteResult(state.visit_id)]
        case Phase.MEETING:
            effects += [BeginMeeting(state.visit_id)]
        case Phase.DOPPELGANGER:
            effects += [EndMeeting(state.visit_id), OfferDownload(state.visit_id)]
        case Phase.FAREWELL:
            # A synthetic sitter is kept, so that farewell says no photograph was taken.
            synthetic = (each for each in state.participants if each.sitter is Sitter.SYNTHETIC)
            entered = replace(entered, participants=tuple(synthetic))
        case Phase.ATTRACT:
            entered = replace(entered, participants=(), language=None, with_others=False)
    return entered, effects


def _end(state: State, cause: Cause) -> list[Effect]:
    """The effects of a visit's end, in whichever phase. Erasing is last, when nothing adds to it any more."""
    effects: list[Effect] = []
    if state.consented:
        effects += [DetectFaces(False), StopCamera()]
    if state.phase is Phase.SEARCH:
        effects += [CancelSearch(state.visit_id)]
    if cause is Cause.FORGOTTEN:
        effects += [RevokeDownload(state.visit_id)]
    return [*effects, EraseVisit(state.visit_id)]
