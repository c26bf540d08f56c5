"""The commands `/show/...` as events of the visit."""

from installation.control.show.replies import CommandRefused
from installation.settings.parameters import Value
from installation.settings.phase import Phase
from installation.visit.events import (
    BlackoutChanged,
    Event,
    Halted,
    ShowClosed,
    ShowOpened,
    Skipped,
    WokeUp,
)

SHOW_COMMANDS = ("start", "stop", "blackout", "next", "go", "panic")
# Where `/show/go` may lead without a visitor's consent: phase -> the phases before it, which it ends.
PHASES_BEFORE = {
    Phase.JURY: (Phase.BORDER,),
    Phase.MEETING: (Phase.JURY,),
    Phase.DOPPELGANGER: (Phase.JURY, Phase.MEETING),
    Phase.FAREWELL: (Phase.DOPPELGANGER,),
}


def visit_events(name: str, arguments: tuple[Value, ...], current: Phase) -> list[Event]:
    """The events that `/show/<name>` with these arguments means while the visit is in phase `current`.

    Raises:
        CommandRefused: only a visitor can lead to that phase from here.
    """
    match name, arguments:
        case "start", _:
            return [BlackoutChanged(False), ShowOpened()]
        case "stop", _:
            return [Halted(), ShowClosed()]
        case "panic", _:
            return [Halted(), ShowClosed(), BlackoutChanged(True)]
        case "blackout", (is_black,):
            return [Halted(), BlackoutChanged(True)] if is_black else [BlackoutChanged(False)]
        case "go", (Phase.ATTRACT,):
            return [Halted()]
        case "go", (Phase.CONSENT,) if current is Phase.ATTRACT:
            return [WokeUp()]
        case "next", _:
            return [Skipped()]
        case "go", (phase,) if current in PHASES_BEFORE.get(Phase(str(phase)), ()):
            return [Skipped()]
        case _:
            raise CommandRefused(f"from {current} only a visitor can lead there")
