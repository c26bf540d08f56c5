"""What is true in each phase of a visit: the traits that decide how it can end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from installation.settings.phase import Phase


@dataclass(frozen=True)
class Traits:
    """What is true in a phase.

    watched: the camera is on and faces are looked for, if the visitor takes part with the camera.
    followed: what is shown follows the face from frame to frame; else it is enough to know who is there.
    cancellable: *no* stops the visit; another face in the visitor's place ends it.
    needs_engine: an engine that fails ends the visit; in search only until the border is known.
    needs_camera: a camera that fails ends the visit, unless the sitter is synthetic.
    extendable: a touch beside the buttons restarts the phase's time.
    erases: when the visit ends in this phase, everything of it is erased.
    haltable: staff, blackout and closing time end the visit.
    """

    watched: bool
    followed: bool
    cancellable: bool
    needs_engine: bool
    needs_camera: bool
    extendable: bool
    erases: bool
    haltable: bool


_YES, _NO = True, False

# fmt: off
TRAITS: Mapping[Phase, Traits] = {
    #                          watched followed cancellable engine camera extendable erases haltable
    Phase.ATTRACT:      Traits(_NO,    _NO,     _NO,        _NO,   _NO,   _NO,       _NO,   _NO),
    Phase.CONSENT:      Traits(_NO,    _NO,     _NO,        _YES,  _YES,  _YES,      _YES,  _YES),
    Phase.PORTRAIT:     Traits(_YES,   _YES,    _YES,       _YES,  _YES,  _NO,       _YES,  _YES),
    Phase.SEARCH:       Traits(_YES,   _NO,     _YES,       _YES,  _YES,  _NO,       _YES,  _YES),
    Phase.BORDER:       Traits(_YES,   _YES,    _YES,       _NO,   _YES,  _NO,       _YES,  _YES),
    Phase.JURY:         Traits(_YES,   _NO,     _YES,       _NO,   _YES,  _NO,       _YES,  _YES),
    Phase.MEETING:      Traits(_YES,   _YES,    _YES,       _NO,   _YES,  _NO,       _YES,  _YES),
    Phase.DOPPELGANGER: Traits(_YES,   _NO,     _NO,        _NO,   _YES,  _YES,      _YES,  _YES),
    Phase.FAREWELL:     Traits(_NO,    _NO,     _NO,        _NO,   _NO,   _NO,       _NO,   _YES),
}
# fmt: on


def phases_where(trait: Callable[[Traits], bool]) -> tuple[Phase, ...]:
    """The phases for which `trait` holds, in the order of a visit."""
    return tuple(phase for phase in Phase if trait(TRAITS[phase]))
