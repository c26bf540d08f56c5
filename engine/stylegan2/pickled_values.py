"""What a pickle's names and objects become: inert values; and which calls are taken for data.

Enums and namedtuples pickle as a call of their class, which looks like any other call. They are told from
commands by their form, so that a checkpoint with training settings is not called malicious. Neither is run.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from engine.common.forbidden_name import ForbiddenName
from engine.stylegan2.known_names import CALLABLE, PARTIAL, TYPE_ARGUMENTS, TYPE_OF, TYPE_UNION, may_be_named

MAX_DATA = 1000  # elements of one argument


@dataclass(frozen=True, slots=True)
class Name:
    """A function or class a pickle speaks of, as its dotted name and nothing more."""

    dotted: str


@dataclass(slots=True, eq=False)
class Record:
    """What a pickle wants to have made: the name to call, the arguments, the state to set. Does nothing."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None
    items: list[Any] = field(default_factory=list)  # of an object that is a list or a dict as well


def check_name(dotted: str) -> Name:
    """A name that a pickle speaks of. Raises `ForbiddenName` where no weights need it."""
    if not may_be_named(dotted):
        raise ForbiddenName(dotted[:100])
    return Name(dotted)


def wrapped(record: Record) -> str:
    """What a pickle calls where it calls `record`: what `functools.partial` wraps, or the record itself."""
    while record.name == PARTIAL and record.arguments:
        first = record.arguments[0]
        if type(first) is Name:
            return first.dotted
        if type(first) is not Record or first is record:
            break
        record = first
    return f"a call of {record.name}"


def is_data_of_a_class(dotted: str, arguments: tuple[Any, ...]) -> bool:
    """Whether a call outside `known_names` looks like an Enum or a namedtuple, not like a command.

    Both pickle as a call of their class with their values. A name that starts with a capital letter is taken
    for a class (PEP 8); values are numbers, short texts without the signs of
    commands and paths, and data that was made before.
    """
    if dotted in TYPE_ARGUMENTS:
        first = arguments[0] if arguments else None
        return (type(first) is Name and first.dotted.startswith("typing.")) or type(first) is Record
    if dotted in TYPE_UNION:
        return len(arguments) == 2 and getattr(arguments[0], "dotted", "").endswith("operator.or_")
    if dotted in TYPE_OF:
        return arguments == (None,)
    if not re.fullmatch(r"_*[A-Z]\w*", dotted.rpartition(".")[2]) or not arguments:
        return False
    return all(_is_data(value) for value in arguments)


def _is_data(value: Any, inside: bool = False) -> bool:
    if type(value) is Name:
        return value.dotted in CALLABLE
    if isinstance(value, list | tuple | dict):
        items = list(value.values() if isinstance(value, dict) else value)
        return not inside and len(items) <= MAX_DATA and all(_is_data(item, True) for item in items)
    if isinstance(value, str | bytes | bytearray):
        return isinstance(value, str) and re.fullmatch(r"[\w .,:!?%+=-]{0,200}", value) is not None
    return True
