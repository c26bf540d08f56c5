"""The whole visit on one screen: which cause leads from which phase to which, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from installation.settings.phase import Phase
from installation.visit.endings import Ending
from installation.visit.phases import phases_where


class Cause(Enum):
    """Why a phase ends. The values are the words of the table in docs/visit.md."""

    WOKEN = "a touch, *yes* or `/show/go consent`, while camera and engine are well"
    AGREED = "*yes* held for `hold_s`, or tapped twice within `double_tap_s`"
    CHOSE_SYNTHETIC = "*without a camera*"
    DECLINED = "*no*"
    PORTRAIT_TAKEN = "the portrait is at hand"
    GROUP_MADE = "the group portrait is made"
    SEARCH_COMPLETE = "the engine has found everything"
    BEST_SO_FAR = "the border is known, and the rest is late or will not come"
    KEPT = "*yes*"
    FORGOTTEN = "*no*, or *forget now* on the phone"
    TIME_UP = "the phase's own time is over, or staff cut it short"
    CAN_MEET = "the same, and the engine has made the rig of the doppelgänger"
    LEFT = "no face for `left_s`, in doppelganger for `left_doppelganger_s`"
    ANOTHER_FACE = "another face in the sitter's place"
    SILENT = "no sign of the engine for `silence_s`"
    ENGINE_FAILED = "the engine fails"
    CAMERA_FAILED = "the camera fails, and the visit needs it"
    HALTED = "staff, blackout or closing time"


@dataclass(frozen=True)
class Transition:
    """`cause`, in one of `phases`, leads to the phase `to`; `reason` says why that is right.

    ending: how the visit has ended, where `to` is farewell.
    """

    phases: tuple[Phase, ...]
    cause: Cause
    to: Phase
    reason: str
    ending: Ending | None = None


ATTRACT, CONSENT, PORTRAIT, SEARCH, BORDER, JURY, MEETING, DOPPELGANGER, FAREWELL = Phase
_CANCELLABLE = phases_where(lambda traits: traits.cancellable)
_WATCHED = phases_where(lambda traits: traits.watched)
_NEEDS_ENGINE = phases_where(lambda traits: traits.needs_engine)
_NEEDS_CAMERA = tuple(
    phase for phase in phases_where(lambda traits: traits.needs_camera) if phase is not DOPPELGANGER
)
_HALTABLE = phases_where(lambda traits: traits.haltable)

# fmt: off
TRANSITIONS: tuple[Transition, ...] = (
    # --- onwards
    Transition((ATTRACT,),      Cause.WOKEN,           CONSENT,      "somebody is there"),
    Transition((CONSENT,),      Cause.AGREED,          PORTRAIT,     "the visitor agrees to be portrayed"),
    Transition((CONSENT,),      Cause.CHOSE_SYNTHETIC, SEARCH,       "the visitor takes part unseen"),
    Transition((PORTRAIT,),     Cause.PORTRAIT_TAKEN,  SEARCH,       "there is a face to look for"),
    Transition((SEARCH,),       Cause.SEARCH_COMPLETE, BORDER,       "the crossing can be shown"),
    Transition((SEARCH,),       Cause.GROUP_MADE,      DOPPELGANGER, "the group can see itself"),
    Transition((SEARCH,),       Cause.BEST_SO_FAR,     BORDER,       "what there is can be shown"),
    Transition((BORDER,),       Cause.TIME_UP,         JURY,         "the border has been crossed"),
    Transition((JURY,),         Cause.TIME_UP,         DOPPELGANGER, "every judge has been heard"),
    Transition((JURY,),         Cause.CAN_MEET,        MEETING,      "the doppelgänger can be moved"),
    Transition((MEETING,),      Cause.TIME_UP,         DOPPELGANGER, "they have met"),
    Transition((DOPPELGANGER,), Cause.KEPT,            FAREWELL,     "the visitor has the picture",
               Ending.COMPLETE),
    Transition((DOPPELGANGER,), Cause.FORGOTTEN,       FAREWELL,     "the visitor wants no picture to stay",
               Ending.COMPLETE),
    Transition((DOPPELGANGER,), Cause.TIME_UP,         FAREWELL,     "the picture was shown long enough",
               Ending.COMPLETE),
    Transition((FAREWELL,),     Cause.TIME_UP,         ATTRACT,      "the visit is over"),
    # --- back, because of the visitor
    Transition((CONSENT,),      Cause.DECLINED,        ATTRACT,      "the visitor says no"),
    Transition((CONSENT,),      Cause.TIME_UP,         ATTRACT,      "silence is no consent"),
    Transition(_CANCELLABLE,    Cause.DECLINED,        FAREWELL,     "the visitor wants to stop",
               Ending.STOPPED),
    Transition(_WATCHED,        Cause.LEFT,            ATTRACT,      "who walks away withdraws"),
    # --- back, because of what the machine sees or cannot do: farewell says so
    Transition(_CANCELLABLE,    Cause.ANOTHER_FACE,    FAREWELL,     "this face has not agreed",
               Ending.ANOTHER_FACE),
    Transition((PORTRAIT,),     Cause.TIME_UP,         FAREWELL,     "no usable portrait comes about",
               Ending.NO_PORTRAIT),
    Transition((SEARCH,),       Cause.TIME_UP,         FAREWELL,     "the search takes too long",
               Ending.NOT_FOUND),
    Transition((SEARCH,),       Cause.SILENT,          FAREWELL,     "the engine hangs",
               Ending.ENGINE_FAILED),
    Transition(_NEEDS_ENGINE,   Cause.ENGINE_FAILED,   FAREWELL,     "nothing can be found without it",
               Ending.ENGINE_FAILED),
    Transition(_NEEDS_CAMERA,   Cause.CAMERA_FAILED,   FAREWELL,     "nobody knows who is there",
               Ending.CAMERA_FAILED),
    Transition((DOPPELGANGER,), Cause.CAMERA_FAILED,   FAREWELL,     "nobody knows who looks at the picture",
               Ending.CUT_SHORT),
    Transition(_HALTABLE,       Cause.HALTED,          ATTRACT,      "the visit is ended from outside"),
)
# fmt: on

LEADS: Mapping[tuple[Phase, Cause], Transition] = {
    (phase, row.cause): row for row in TRANSITIONS for phase in row.phases
}
"""The transition that a cause leads to in a phase; a cause without one changes no phase."""
