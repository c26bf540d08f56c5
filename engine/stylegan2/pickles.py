"""Pickles read as data: nothing is imported, nothing is called.

A pickle is a program for a small stack machine. Python's own reader runs it, and its names can be any
function of any installed module. Here `pickletools` of the standard library only takes the program apart;
the instructions that build plain data are followed, and what would be an object becomes an inert `Record`.

A pickle that calls a function outside `known_names`, or names anything of Python's standard library outside
them, is refused as possibly malicious. An object of an unknown class of another program is not: it becomes a
`Record` with the state that the object had.
"""

import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from engine.common.errors import InvalidWeights
from engine.common.forbidden_name import ForbiddenName
from engine.stylegan2.known_names import (
    ATTRIBUTE,
    CALLABLE,
    CONTAINERS,
    ENCODE,
    OBJECT,
    REBUILD_FROM_TYPE,
    STORAGE,
)
from engine.stylegan2.pickled_values import Name, Record, check_name, is_data_of_a_class, wrapped

MAX_INSTRUCTIONS = 2_000_000  # FFHQ-1024 with G, D and G_ema takes some 50,000
MAX_COPIED = 50_000_000  # elements and characters
MAX_KEY_LENGTH = 1000

Instruction = tuple[pickletools.OpcodeInfo, Any, int | None]


@dataclass(slots=True)
class Budget:
    """What reading a file may still cost, all pickles in it together.

    A value can be copied again and again by a few bytes of a pickle, so every copy is counted.
    """

    instructions: int = field(default_factory=lambda: MAX_INSTRUCTIONS)
    copied: int = field(default_factory=lambda: MAX_COPIED)

    def step(self) -> None:
        """Counts one instruction. Raises `InvalidWeights` where there were too many."""
        self.instructions -= 1
        if self.instructions < 0:
            raise InvalidWeights(f"its pickle has more than {MAX_INSTRUCTIONS} instructions")

    def copy(self, length: int) -> None:
        """Counts the copy of a value of this length. Raises `InvalidWeights` where there were too many."""
        self.copied -= length
        if self.copied < 0:
            raise InvalidWeights("its pickle unpacks to far more than any weights need")


def read_pickle(
    stream: BinaryIO,
    persistent: Callable[[Any], Any] | None = None,
    storage: Callable[[Record], Any] | None = None,
    budget: Budget | None = None,
) -> Any:
    """Reads one pickle of any protocol into dict, list, tuple, str, bytes, numbers, `Name` and `Record`.

    Args:
        stream: can seek; left behind the end of the pickle.
        persistent: what stands for an object that the pickle keeps elsewhere, by its id; without it such a
            pickle is refused.
        storage: what stands for a file of `torch.save` inside the pickle, by its record.
        budget: what reading may cost; a new one by default.

    Sets become lists. In a dict only whole numbers and text are kept as keys; text is cut to
    `MAX_KEY_LENGTH` characters.

    Raises:
        ForbiddenName: a call outside `known_names`, or a name of Python's standard library outside them.
        InvalidWeights: an instruction that plain data does not need, or the stream ends before the pickle.
        Exception: of any kind, where the pickle is damaged; see `reporting_weights_errors`.
    """
    program = pickletools.genops(stream)
    machine = _Machine(persistent, storage, budget or Budget())
    try:
        return machine.run(program)
    except ForbiddenName:
        raise
    except Exception as error:
        place = stream.tell()
        cut_short = not stream.read(1)
        stream.seek(place)
        _check_rest(program, machine.budget)
        if isinstance(error, InvalidWeights) or not cut_short:
            raise
        raise InvalidWeights("its end is missing: it was cut short on the way; fetch it again") from error


def _check_rest(program: Iterator[Instruction], budget: Budget) -> None:
    """Raises `ForbiddenName` where what follows an instruction that was refused names something forbidden."""
    texts = ["", ""]
    try:
        for instruction, argument, _ in program:
            budget.step()
            if instruction.name in ("GLOBAL", "INST"):
                check_name(argument.replace(" ", "."))
            elif instruction.name == "STACK_GLOBAL":
                check_name(".".join(texts))
            elif type(argument) is str:
                texts = [texts[1], argument]
    except ForbiddenName:
        raise
    except Exception:  # damaged: the caller raises the first error
        return


class _Machine:
    """The stack, the marks and the memo of a pickle while it is read."""

    def __init__(
        self,
        persistent: Callable[[Any], Any] | None,
        storage: Callable[[Record], Any] | None,
        budget: Budget,
    ) -> None:
        self.persistent, self.storage, self.budget = persistent, storage, budget
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def pop(self, count: int) -> list[Any]:
        if len(self.stack) - (self.marks[-1] if self.marks else 0) < count:
            raise ValueError("stack underflow")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def pop_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def run(self, program: Iterator[Instruction]) -> Any:
        """Follows the instructions up to the end of the pickle; returns what it holds."""
        for instruction, argument, _ in program:
            self.budget.step()
            if instruction.name == "STOP":
                return self.pop(1)[0]
            if not (self.value(instruction.name, argument) or self.structure(instruction.name, argument)):
                self.object(instruction.name, argument)
        raise ValueError("no end")

    def value(self, instruction: str, argument: Any) -> bool:
        """Follows an instruction that puts a single value on the stack; False where it is another one."""
        match instruction:
            case "NONE":
                self.stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                self.stack.append(instruction == "NEWTRUE")
            case "INT" | "BININT" | "BININT1" | "BININT2" | "LONG" | "LONG1" | "LONG4":
                self.stack.append(argument)
            case "FLOAT" | "BINFLOAT":
                self.stack.append(argument)
            case "UNICODE" | "SHORT_BINUNICODE" | "BINUNICODE" | "BINUNICODE8":
                self.stack.append(argument)
            case "STRING" | "SHORT_BINSTRING" | "BINSTRING":
                self.stack.append(argument)
            case "SHORT_BINBYTES" | "BINBYTES" | "BINBYTES8" | "BYTEARRAY8":
                self.stack.append(argument)
            case _:
                return False
        return True

    def structure(self, instruction: str, argument: Any) -> bool:
        """Follows an instruction that builds containers or uses the memo; False where it is another one."""
        stack = self.stack
        match instruction:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                self.marks.append(len(stack))
            case "POP":
                if self.marks and self.marks[-1] == len(stack):
                    self.marks.pop()
                else:
                    self.pop(1)
            case "POP_MARK":
                self.pop_mark()
            case "DUP":
                stack.append(stack[-1])
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self.pop(int(instruction[-1]))))
            case "TUPLE":
                stack.append(tuple(self.pop_mark()))
            case "EMPTY_LIST" | "EMPTY_SET":
                stack.append([])
            case "LIST" | "FROZENSET":
                stack.append(self.pop_mark())
            case "APPEND":
                _extend(stack, self.pop(1))
            case "APPENDS" | "ADDITEMS":
                _extend(stack, self.pop_mark())
            case "EMPTY_DICT":
                stack.append({})
            case "DICT":
                items = self.pop_mark()
                stack.append({})
                _update(stack[-1], items)
            case "SETITEM":
                items = self.pop(2)
                _update(stack[-1], items)
            case "SETITEMS":
                items = self.pop_mark()
                _update(stack[-1], items)
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case _:
                return False
        return True

    def object(self, instruction: str, argument: Any) -> None:
        """Follows an instruction that names, makes or changes an object. Raises for any instruction left."""
        stack = self.stack
        match instruction:
            case "GLOBAL":
                stack.append(check_name(argument.replace(" ", ".")))
            case "STACK_GLOBAL":
                module, name = self.pop(2)
                if type(module) is not str or type(name) is not str:
                    raise TypeError
                stack.append(check_name(f"{module}.{name}"))
            case "REDUCE":
                name, arguments = self.pop(2)
                stack.append(self.call(name, arguments))
            case "NEWOBJ":
                name, arguments = self.pop(2)
                stack.append(self.new(name, arguments) if arguments == () else self.call(name, arguments))
            case "NEWOBJ_EX":
                name, arguments, keywords = self.pop(3)
                stack.append(self.new(name, arguments, keywords))
            case "OBJ":
                name, *others = self.pop_mark()
                stack.append(self.new(name, tuple(others)))
            case "INST":
                dotted = argument.replace(" ", ".")
                try:
                    stack.append(self.new(check_name(dotted), tuple(self.pop_mark())))
                except ForbiddenName as error:
                    raise ForbiddenName(f"INST of {dotted}"[:100]) from error
            case "BUILD":
                (state,) = self.pop(1)
                _set_state(stack[-1], state)
            case "BINPERSID" if self.persistent:
                stack.append(self.persistent(*self.pop(1)))
            case forbidden:
                raise InvalidWeights(
                    f"its pickle uses {forbidden}, which no weights need; nothing of it was run"
                )

    def new(self, name: Any, arguments: Any, keywords: Any = None) -> Any:
        """An object of a class; one of another program's class without arguments only."""
        foreign = type(name) is Name and name.dotted not in CALLABLE
        if not foreign:
            return self.call(name, arguments)
        if arguments or keywords:
            raise ForbiddenName(name.dotted[:100])
        return Record(name.dotted, ())

    def call(self, name: Any, arguments: Any) -> Any:
        """What stands for the result of a call, which does not take place."""
        if type(name) is Record:
            raise ForbiddenName(wrapped(name)[:100])
        if type(name) is not Name or type(arguments) is not tuple:
            raise TypeError
        dotted = name.dotted
        if dotted in ATTRIBUTE:
            return self.attribute(*arguments)
        if dotted not in CALLABLE and not is_data_of_a_class(dotted, arguments):
            raise ForbiddenName(dotted[:100])
        if dotted == ENCODE:  # protocol 2 has no bytes: it encodes a text
            self.budget.copy(len(arguments[0]))
            return arguments[0].encode("latin-1")
        if dotted in CONTAINERS:
            return self.container(CONTAINERS[dotted], arguments)
        if dotted in OBJECT:
            kind, *_ = arguments
            if type(kind) is not Name:
                raise TypeError
            return {} if CONTAINERS.get(kind.dotted) is dict else Record(kind.dotted, ())
        if dotted == REBUILD_FROM_TYPE and getattr(arguments[0], "dotted", "") not in CALLABLE:
            raise ForbiddenName(str(getattr(arguments[0], "dotted", dotted))[:100])
        record = Record(dotted, arguments)
        return self.storage(record) if dotted == STORAGE and self.storage else record

    def attribute(self, owner: Any, name: Any, *_: Any) -> Name:
        """The name of a class's method. Raises `ForbiddenName` where it is none that a pickle may call."""
        dotted = f"{owner.dotted}.{name}" if type(owner) is Name and type(name) is str else ""
        if dotted not in CALLABLE:
            raise ForbiddenName(ATTRIBUTE[0])
        return Name(dotted)

    def container(self, kind: type, arguments: tuple[Any, ...]) -> Any:
        """A new dict or list of what the one argument holds, if there is one."""
        if not arguments:
            return kind()
        (items,) = arguments
        if type(items) not in (dict, list, tuple):
            raise TypeError
        self.budget.copy(len(items))
        if kind is list:
            return list(items)
        pairs = items.items() if type(items) is dict else items
        result: dict[Any, Any] = {}
        for key, value in pairs:
            _update(result, [key, value])
        return result


def _extend(stack: list[Any], items: list[Any]) -> None:
    target = stack[-1].items if type(stack[-1]) is Record else stack[-1]
    if type(target) is not list:
        raise TypeError
    target.extend(items)


def _update(target: Any, items: list[Any]) -> None:
    if type(target) is Record:
        target.items.extend(items)
        return
    if type(target) is not dict:
        raise TypeError
    # Keys are plain, so that no hash is ever taken of a deep or branching tuple.
    pairs = zip(items[0::2], items[1::2], strict=True)
    target.update(
        (key[:MAX_KEY_LENGTH] if type(key) is str else key, value) for key, value in pairs if _is_key(key)
    )


def _is_key(key: Any) -> bool:
    return type(key) is str or (type(key) is int and abs(key) < 2**63)


def _set_state(target: Any, state: Any) -> None:
    if type(target) is Name:
        raise ForbiddenName(f"a change of {target.dotted}"[:100])
    if type(target) is Record:
        target.state = state
    elif type(target) is not dict:  # a state dict carries its module's version numbers, which are not needed
        raise TypeError
