"""The state of a visit, and what scenes read from it. Pure: all times are passed in.

All times are seconds of one monotonic clock with an arbitrary zero.
"""

from dataclasses import dataclass

from engine.live.crowd.decision import Decision
from installation.settings.phase import Phase
from installation.visit.endings import Ending
from installation.visit.parameters import Timeouts
from installation.visit.participants import Participant, Sitter


@dataclass(frozen=True)
class Show:
    """What curators have decided about the show as a whole. is_black: the screen is black."""

    is_open: bool = True
    is_black: bool = False

    @property
    def accepts_visits(self) -> bool:
        """Whether a visit may begin: nobody may agree to a question that a black screen hides."""
        return self.is_open and not self.is_black


@dataclass(frozen=True)
class State:
    """Where the visit is, and everything that decides how it goes on. Holds nothing of a face.

    The initial state is `State()`, or `State(visit_id=...)` with a number that no earlier run can have
    reached: each visit's number is one more than the last one's.
    """

    phase: Phase = Phase.ATTRACT
    reason: str = "the piece begins"  # why the phase was entered
    entered_s: float = 0.0  # when the phase was entered
    visit_id: int = 0  # of the current visit, or of the last one
    ending: Ending | None = None  # in farewell: how the visit has ended
    # Known once consent is left. Whoever was portrayed leaves the tuple when the visit ends; a synthetic
    # sitter stays until farewell is over.
    participants: tuple[Participant, ...] = ()
    with_others: bool = False  # several people take part, and get one picture
    language: str | None = None  # chosen by the visitor for this visit; None: the first language
    # Of the installation, beyond visits. The engine has to report that it is ready, the others failures.
    show: Show = Show()
    engine_ready: bool = False
    camera_failed: bool = False
    tracker_failed: bool = False
    # Of the phase.
    timer_start_s: float = 0.0  # the phase's own time counts from here
    pressed_since_s: float | None = None  # *yes* has been down since
    last_tap_s: float | None = None  # *yes* last went down
    last_usable_s: float | None = None  # last usable face of the first participant
    usable_since_s: float = 0.0  # that face has been usable since, short lapses aside
    portrait_requested: bool = False
    engine_heard_s: float = 0.0  # last sign of the engine in search
    border_known_s: float | None = None  # in search: since when there is a border, or its absence, to show
    link_ready: bool = False
    # Of the visit.
    rig_made: bool = False  # the doppelgänger can be moved

    @property
    def participant(self) -> Participant | None:
        """The first participant: whose portrait is taken and searched for."""
        return self.participants[0] if self.participants else None

    @property
    def consented(self) -> bool:
        """Whether a visitor has agreed to be portrayed, and the visit is not over."""
        return any(each.sitter is Sitter.CAMERA for each in self.participants)

    @property
    def is_synthetic(self) -> bool:
        """Whether the visit is that of a synthetic sitter, without the camera."""
        return self.participant is not None and self.participant.sitter is Sitter.SYNTHETIC

    @property
    def resting(self) -> bool:
        """Whether no visit can begin, because the engine, the camera or the tracker is not well."""
        return self.camera_failed or self.tracker_failed or not self.engine_ready

    @property
    def can_begin(self) -> bool:
        """Whether a touch in attract begins a visit."""
        return self.show.accepts_visits and not self.resting


def hold_share(state: State, now_s: float, timeouts: Timeouts) -> float:
    """How much of the hold on *yes* is done, in [0, 1]."""
    if state.phase is not Phase.CONSENT or state.pressed_since_s is None:
        return 0.0
    return min((now_s - state.pressed_since_s) / timeouts.hold_s, 1.0)


def countdown_left_s(state: State, now_s: float, timeouts: Timeouts) -> float | None:
    """What remains of the countdown to the portrait, or None while there is no usable face."""
    if state.phase is not Phase.PORTRAIT or has_lapsed(state, now_s, timeouts):
        return None
    return max(timeouts.countdown_s - (now_s - state.usable_since_s), 0.0)


def own_time_s(state: State, timeouts: Timeouts) -> float:
    """The phase's own time; infinite in attract. Of several people each is asked, and searched for."""
    if state.with_others and state.phase is Phase.PORTRAIT:
        return timeouts.gathering_s
    if state.with_others and state.phase is Phase.SEARCH:
        searches = sum(each.decision is Decision.DOPPELGANGER for each in state.participants)
        return timeouts.search_s * max(searches, 1)
    return timeouts.of(state.phase)


def time_left_s(state: State, now_s: float, timeouts: Timeouts) -> float:
    """What remains of the phase's own time; infinite in attract."""
    return max(own_time_s(state, timeouts) - (now_s - state.timer_start_s), 0.0)


def has_lapsed(state: State, now_s: float, timeouts: Timeouts) -> bool:
    """Whether the face has been unusable for longer than a blink, so that the countdown starts again."""
    return state.last_usable_s is None or now_s - state.last_usable_s > timeouts.lapse_s
