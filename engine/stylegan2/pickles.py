"""Pickles read as data: nothing is imported, nothing is called.

A pickle is a program for a small stack machine. Python's own reader runs it, and its names can be any
function of any installed module. Here `pickletools` of the standard library only takes the program apart;
the instructions that build plain data are followed, the few names a format needs become inert `Record`s,
and everything else is refused.
"""

import pickletools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from engine.common.weights_file import ForbiddenName, InvalidWeights

MAX_INSTRUCTIONS = 2_000_000  # FFHQ-1024 with G, D and G_ema takes some 50,000


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


def read_pickle(stream: BinaryIO, names: Mapping[str, type]) -> Any:
    """Reads one pickle (protocols 2 to 5) into dict, list, tuple, str, bytes, numbers and `Record`.

    Args:
        stream: left behind the end of the pickle.
        names: the dotted names allowed, and what stands for their results: `dict` or `list` for containers
            (sets become lists), `Record` for all else.

    Raises:
        ForbiddenName: a name that is not in `names`.
        InvalidWeights: an instruction that plain data does not need.
        Exception: of any kind, where the pickle is damaged; see `reporting_weights_errors`.
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def pop(count: int) -> list[Any]:
        if len(stack) - (marks[-1] if marks else 0) < count:
            raise ValueError("stack underflow")
        items = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return items

    def pop_mark() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    program: Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]] = pickletools.genops(stream)
    for count, (instruction, argument, _) in enumerate(program):
        if count > MAX_INSTRUCTIONS:
            raise InvalidWeights(f"its pickle has more than {MAX_INSTRUCTIONS} instructions")
        match instruction.name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return pop(1)[0]
            case "MARK":
                marks.append(len(stack))
            case "POP":
                pop(1)

            case "NONE":
                stack.append(None)
            case "NEWTRUE":
                stack.append(True)
            case "NEWFALSE":
                stack.append(False)
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT":
                stack.append(argument)
            case "SHORT_BINUNICODE" | "BINUNICODE" | "BINUNICODE8":
                stack.append(argument)
            case "SHORT_BINBYTES" | "BINBYTES" | "BINBYTES8":
                stack.append(argument)

            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(pop(int(instruction.name[-1]))))
            case "TUPLE":
                stack.append(tuple(pop_mark()))
            case "EMPTY_LIST" | "EMPTY_SET":
                stack.append([])
            case "APPEND":
                _extend(stack, pop(1))
            case "APPENDS" | "ADDITEMS":
                _extend(stack, pop_mark())
            case "EMPTY_DICT":
                stack.append({})
            case "SETITEM":
                _update(stack, pop(2))
            case "SETITEMS":
                _update(stack, pop_mark())

            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])

            case "GLOBAL":
                stack.append(_name(argument.replace(" ", "."), names))
            case "STACK_GLOBAL":
                module, name = pop(2)
                stack.append(_name(f"{module}.{name}", names))
            case "REDUCE" | "NEWOBJ":
                name, arguments = pop(2)
                stack.append(_make(name, arguments, names))
            case "BUILD":
                (state,) = pop(1)
                stack[-1].state = state

            case forbidden:
                detail = f" of {argument.replace(' ', '.')}" if forbidden == "INST" else ""
                raise InvalidWeights(
                    f"its pickle uses {forbidden}{detail}, which no weights need; nothing of it was run"
                )
    raise ValueError("cut short")


def _extend(stack: list[Any], items: list[Any]) -> None:
    if type(stack[-1]) is not list:
        raise TypeError
    stack[-1].extend(items)


def _update(stack: list[Any], items: list[Any]) -> None:
    # Keys are plain, so that no hash is ever taken of a deep or branching tuple.
    keys, values = items[0::2], items[1::2]
    if type(stack[-1]) is not dict or not all(type(key) in (str, int) for key in keys):
        raise TypeError
    stack[-1].update(zip(keys, values, strict=True))


def _name(dotted: str, names: Mapping[str, type]) -> Name:
    if dotted not in names:
        raise ForbiddenName(dotted[:100])
    return Name(dotted)


def _make(name: Any, arguments: Any, names: Mapping[str, type]) -> Any:
    if type(name) is not Name or type(arguments) is not tuple:
        raise TypeError
    kind = names[name.dotted]
    if kind is Record:
        return Record(name.dotted, arguments)
    container = kind()
    for items in arguments:
        _extend([container], items)
    return container
