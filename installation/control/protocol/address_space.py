"""The OSC address space: commands, outputs and answers; the parameters come from the registry.

`./kiosk osc`, docs/osc.md and OSCQuery are made from these tables and the registry; nothing is declared
twice. A command's arguments are described and checked like parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from installation.settings.parameters import Kind, Parameter, Refusal, Value
from installation.settings.phase import Phase
from installation.settings.registry import Registry

# OSC's type tags. T stands for T and F: they are one type with two values.
TAGS = {
    Kind.FLOAT: "f",
    Kind.INT: "i",
    Kind.BOOL: "T",
    Kind.TEXT: "s",
    Kind.COLOUR: "s",
    Kind.CHOICE: "s",
}
LONGEST_LEASE_S = 3600.0
LONGEST_FADE_S = 600.0
LONGEST_NAME = 40
NEXT_CUE = -1
# The services that /service/restart knows. Those of this very control are none: they carry the answer.
RESTARTABLE = ("camera", "tracker", "engine", "delivery")


def _argument(name: str, kind: Kind, default: Value, description: str, **limits: object) -> Parameter:
    return Parameter(name, kind, default, description, **limits)  # type: ignore[arg-type]


PRESET = _argument("name", Kind.TEXT, "", "a to z, 0 to 9, - and _", longest=LONGEST_NAME)
FADE = _argument(
    "fade_s", Kind.FLOAT, 0.0, "how long numbers glide", minimum=0, maximum=LONGEST_FADE_S, unit="s"
)
LEASE = _argument(
    "lease_s", Kind.FLOAT, 10.0, "how long; subscribe again before", minimum=1, maximum=LONGEST_LEASE_S,
    unit="s",
)  # fmt: skip
PORT = _argument(
    "port", Kind.INT, 0, "where to, on the sender's host; 0: the port that it sends from",
    minimum=0, maximum=65_535,
)  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A command. The first `required` arguments must be given, the others are optional.

    A command without arguments is a button: a single number or switch says how far it is pressed, and a
    release (0, false) does nothing.
    """

    address: str
    description: str
    arguments: tuple[Parameter, ...] = ()
    required: int = 0


@dataclass(frozen=True)
class Output:
    """A message to subscribers or senders. `tags` are the OSC types of its arguments, `names` their names."""

    address: str
    tags: str
    names: tuple[str, ...]
    description: str


COMMANDS = (
    Command("/show/start", "the show is open: visits may begin. Ends a blackout, too"),
    Command("/show/stop", "the show is closed: the visit ends and is erased, and no other begins"),
    Command(
        "/show/blackout",
        "the screen goes black, or comes back; a visit that is going on ends and is erased, "
        "and none begins in the dark",
        (_argument("on", Kind.BOOL, False, "black"),),
        1,
    ),
    Command("/show/next", "ends the phase as if its time were over; that never agrees on a visitor's behalf"),
    Command(
        "/show/go",
        "to this phase, where that needs no visitor's consent: attract ends the visit; consent begins one, "
        "if the show is open and camera and engine are well; the phase after border, jury, meeting or "
        "doppelganger follows at once",
        (
            _argument(
                "phase", Kind.CHOICE, "attract", "where to", choices=tuple(each.value for each in Phase)
            ),
        ),
        1,
    ),
    Command(
        "/show/panic",
        "everything stops: the visit is erased, the screen black, the show closed; fades stand still, and "
        "what is dated ahead is dropped. /show/start brings it back",
    ),
    Command("/preset/save", "keeps what differs from the defaults under this name", (PRESET,), 1),
    Command(
        "/preset/load",
        "sets everything as the preset says, and what it does not name to its default. With a fade, numbers "
        "with decimals glide, and everything else changes when the next scene begins",
        (PRESET, FADE),
        1,
    ),
    Command("/preset/list", "reads all presets anew, and answers with their names"),
    Command("/config/save", "keeps everything as it is for the next start"),
    Command(
        "/config/reset",
        "sets a parameter, or all of a scene, to its default; /config/undo takes it back",
        (
            _argument(
                "name", Kind.TEXT, "", "an address below, with or without /scene/; or a scene", longest=120
            ),
        ),
        1,
    ),
    Command(
        "/config/undo",
        "takes the last change of a parameter back, or the last preset or reset; again, the one before it",
    ),
    Command("/cue/load", "reads the cue list anew; one that is broken changes nothing"),
    Command(
        "/cue/go",
        "plays a cue now, whatever its time or phase",
        (
            _argument(
                "number",
                Kind.INT,
                NEXT_CUE,
                "as /cue/entry counts them; -1: the one whose time is next",
                minimum=NEXT_CUE,
                maximum=199,
            ),
        ),
    ),
    Command(
        "/service/restart",
        "ends a part of the piece and starts it again; a visit that needs it ends. /health/service tells how "
        "it goes",
        (_argument("name", Kind.CHOICE, "", "which", choices=RESTARTABLE),),
        1,
    ),
    Command("/subscribe", "tells the sender everything below, and every change", (LEASE, PORT)),
    Command("/unsubscribe", "ends what the sender subscribed to"),
    Command("/ping", "answers with /pong"),
)

OUTPUTS = (
    Output("/visit/phase", "ss", ("phase", "reason"), "where the visit is, and why"),
    Output("/visit/number", "i", ("number",), "visits begun since the start"),
    Output(
        "/visit/today",
        "si",
        ("count", "number"),
        "what visits did today, as docs/privacy.md names it. One message a count",
    ),
    Output("/visit/progress", "f", ("share",), "of the phase, 0 to 1"),
    Output(
        "/border/t",
        "f",
        ("t",),
        "the picture on the screen: 0 the median face, 1 the closest match; -1: none",
    ),
    Output(
        "/border/verdict",
        "sif",
        ("judge", "same", "distance"),
        "what the leading judge says of that picture: same is 1 for *the same person*; distance in its own "
        "metric",
    ),
    Output(
        "/border/crossed", "if", ("same", "t"), "the verdict has just changed; 0: into *someone else*, at t"
    ),
    Output(
        "/jury/verdict",
        "siff",
        ("judge", "same", "distance", "border"),
        "what each judge says; border is the t where it puts its own, -1: nowhere. One message a judge",
    ),
    Output("/gathering/people", "i", ("count",), "people before the camera, while several are asked; else 0"),
    Output("/gathering/decided", "i", ("count",), "of them, how many have decided about their face"),
    Output(
        "/health/service",
        "ssss",
        ("name", "condition", "message", "what to do"),
        "how each part is, and what a person should do about it. One message a part",
    ),
    Output("/health/frame", "f", ("ms",), "the longest frame of the last second"),
    Output("/health/dropped", "i", ("count",), "packets and changes refused so far, whatever the reason"),
    Output("/show/open", "T", ("open",), "whether visits may begin"),
    Output("/cue/count", "i", ("count",), "how many cues are loaded"),
    Output(
        "/cue/entry",
        "iss",
        ("number", "when", "what"),
        "a cue of the list, from 0. One message a cue",
    ),
    Output("/cue/next", "iss", ("number", "when", "what"), "the cue whose time is next; number -1: none"),
    Output(
        "/log/line",
        "iss",
        ("number", "level", "line"),
        "one of the last 40 lines of the log, counted from the start",
    ),
    Output("/heartbeat", "i", ("seconds",), "once a second: how long the piece runs"),
)

# Sent to one sender only, hence not readable.
ANSWERS = (
    Output("/error", "ss", ("address", "reason"), "what was refused, and why"),
    Output("/done", "ss", ("address", "detail"), "a command was carried out"),
    Output("/pong", "", (), "after /ping"),
)


def parameter_address(address: str) -> str:
    """The OSC address of the registry's `scene/name`."""
    return f"/scene/{address}"


def reached_by_patterns(registry: Registry) -> Iterator[str]:
    """The addresses that patterns may match. No command: `/*/*`, sent to explore, must not start a panic."""
    yield from map(parameter_address, registry.parameters)
    yield from (output.address for output in OUTPUTS)


def parse_arguments(command: Command, arguments: tuple[object, ...]) -> tuple[Value, ...] | str:
    """The values of a command's arguments, defaults included, or why they are refused."""
    if not command.required <= len(arguments) <= len(command.arguments):
        wanted = " ".join(each.address for each in command.arguments) or "nothing"
        return f"takes {wanted}"
    given: list[Value] = [each.default for each in command.arguments]
    for place, (slot, argument) in enumerate(zip(command.arguments, arguments, strict=False)):
        accepted = slot.accept(argument)
        if isinstance(accepted, Refusal):
            return str(accepted)
        given[place] = accepted
    return tuple(given)
