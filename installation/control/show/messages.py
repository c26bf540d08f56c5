"""What the stage tells the control each frame, and what it is told in return. Numbers and words only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.judges.verdict import Verdict
from installation.control.protocol.packets import Argument
from installation.settings.parameters import Value
from installation.settings.phase import Phase
from installation.visit.events import BlackoutChanged, Event, Halted, ShowClosed, ShowOpened, Skipped, WokeUp
from installation.workers.supervision import Health

SHOW_COMMANDS = ("start", "stop", "blackout", "next", "go", "panic")
# Where /show/go leads without a visitor's word: the phase -> the one before it, which is cut short.
FOLLOWS = {
    Phase.JURY: Phase.BORDER,
    Phase.DOPPELGANGER: Phase.JURY,
    Phase.FAREWELL: Phase.DOPPELGANGER,
}


class Refused(Exception):
    """A command is not carried out; the message, for the sender, says why."""


@dataclass(frozen=True)
class JuryEntry:
    """A judge in the jury: its verdict on the closest match, and where it puts the border (None: nowhere)."""

    verdict: Verdict
    border_t: float | None = None


@dataclass(frozen=True)
class FrameStatus:
    """One frame, as light and sound may know it: never a face, a link or an embedding."""

    phase: Phase
    reason: str = ""  # why the phase was entered
    visit: int = 0  # another one for each visit; it is not told
    progress: float = 0.0  # of the phase, 0 ... 1
    t: float | None = None  # of the picture on the screen: 0 at the median face, 1 at the closest match
    verdict: Verdict | None = None  # of the judge that leads
    jury: tuple[JuryEntry, ...] = ()
    health: Mapping[str, Health] = field(default_factory=dict)
    frame_ms: float = 0.0
    is_open: bool = True
    is_black: bool = False


def app_commands(verb: str, given: tuple[Value, ...], here: Phase) -> list[Event]:
    """What `/show/` and a verb means for the stage, while the visit is `here`.

    Raises Refused where only a visitor can lead.
    """
    match verb, given:
        case "start", _:
            return [BlackoutChanged(False), ShowOpened()]
        case "stop", _:
            return [Halted(), ShowClosed()]
        case "panic", _:
            return [Halted(), ShowClosed(), BlackoutChanged(True)]
        case "blackout", (on,):
            return [Halted(), BlackoutChanged(True)] if on else [BlackoutChanged(False)]
        case "go", (Phase.ATTRACT,):
            return [Halted()]
        case "go", (Phase.CONSENT,) if here is Phase.ATTRACT:
            return [WokeUp()]
        case "next", _:
            return [Skipped()]
        case "go", (phase,) if here is FOLLOWS.get(Phase(str(phase))):
            return [Skipped()]
        case _:
            raise Refused(f"from {here} only a visitor can lead there")


def output_messages(status: FrameStatus, visits: int) -> Iterator[tuple[str, str, tuple[Argument, ...]]]:
    """(address, name, arguments) of what a frame tells; see `commands.OUTPUTS`.

    `visits` is how many have begun; `name` tells apart what has one address: the judges, the services.
    """
    yield "/visit/phase", "", (status.phase.value, status.reason)
    yield "/visit/number", "", (visits,)
    yield "/visit/progress", "", (float(status.progress),)
    yield "/border/t", "", (_or_minus_one(status.t),)
    if status.verdict:
        yield "/border/verdict", "", _verdict(status.verdict)
    for each in status.jury:
        yield "/jury/verdict", each.verdict.judge, (*_verdict(each.verdict), _or_minus_one(each.border_t))
    for name, health in status.health.items():
        yield "/health/service", name, (name, health.condition.value, health.message, health.advice)
    yield "/show/open", "", (bool(status.is_open),)
    yield "/show/blackout", "", (bool(status.is_black),)


def _verdict(verdict: Verdict) -> tuple[str, int, float]:
    return verdict.judge, int(verdict.same), float(verdict.distance)


def _or_minus_one(t: float | None) -> float:
    return -1.0 if t is None else float(t)
