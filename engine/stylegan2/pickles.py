"""Pickles read as data: nothing is imported, nothing is called.

A pickle is a program for a small stack machine. Python's own reader runs it, and its names can be any
function of any installed module. Here `pickletools` of the standard library only takes the program apart;
the instructions that build plain data are followed, and what would be an object becomes an inert `Record`.

A pickle that calls a function outside the names known here, or names anything of Python's standard library
outside them, is refused as possibly malicious. An object of an unknown class of another program is not: it
becomes a `Record` with the state that the object had.
"""

import pickletools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from engine.common.errors import InvalidWeights
from engine.common.weights_file import ForbiddenName, is_standard_library

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
    items: list[Any] = field(default_factory=list)  # of an object that is a list or a dict as well


RECONSTRUCT = "torch_utils.persistence._reconstruct_persistent_obj"
PARAMETER = "torch._utils._rebuild_parameter"
PARAMETER_WITH_STATE = "torch._utils._rebuild_parameter_with_state"
TENSOR = "torch._utils._rebuild_tensor_v2"
STORAGE = "torch.storage._load_from_bytes"
NAMESPACE = "argparse.Namespace"
_LISTS = ("set", "frozenset", "list")
_CONTAINERS = ("tuple", "dict", "bytes", "bytearray")
# What protocols 0 and 1 call for an object: (its class, the class's base, the base's state).
_OBJECT = ("copyreg._reconstructor", "copy_reg._reconstructor")
_RECORDS = {
    "argparse": ["Namespace"],
    "builtins": [*("int", "float", "complex", "bool", "str", "object", "slice", "range"), *_CONTAINERS],
    "__builtin__": ["long", "unicode", "object", "slice", "xrange", *_CONTAINERS],
    "collections": ["defaultdict", "deque", "Counter"],
    "copyreg": ["_reconstructor"],
    "copy_reg": ["_reconstructor"],
    "decimal": ["Decimal"],
    "datetime": ["date", "datetime", "time", "timedelta", "timezone"],
    "dnnlib.tflib.network": ["Network"],
    "functools": ["partial"],
    "numpy": ["dtype", "ndarray"],
    "numpy.core.multiarray": ["scalar", "_reconstruct"],
    "numpy._core.multiarray": ["scalar", "_reconstruct"],
    "pathlib": ["Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"],
    "tfutil": ["Network"],
    "torch": ["Size", "device", "Generator"],
    "torch._tensor": ["_rebuild_from_type_v2"],
    "torch._utils": [
        *("_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_tensor", "_rebuild_tensor_v2"),
        *("_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_device_tensor_from_numpy"),
        *("_rebuild_meta_tensor_no_storage", "_rebuild_wrapper_subclass"),
    ],
    "torch.nn.parameter": ["Parameter"],
    "torch.serialization": ["_get_layout"],
    "torch.storage": ["_load_from_bytes"],
    "torch_utils.persistence": ["_reconstruct_persistent_obj"],
    "types": ["SimpleNamespace"],
    "uuid": ["UUID"],
}
KNOWN_NAMES: Mapping[str, type] = {
    **{f"{module}.{name}": Record for module, names in _RECORDS.items() for name in names},
    **dict.fromkeys(("dnnlib.util.EasyDict", "easydict.EasyDict", "collections.OrderedDict"), dict),
    **dict.fromkeys((f"builtins.{name}" for name in _LISTS), list),
    **dict.fromkeys((f"__builtin__.{name}" for name in _LISTS), list),
    "_codecs.encode": bytes,
}


def read_pickle(stream: BinaryIO, persistent: Callable[[Any], Any] | None = None) -> Any:
    """Reads one pickle (protocols 2 to 5) into dict, list, tuple, str, bytes, numbers, `Name` and `Record`.

    Args:
        stream: left behind the end of the pickle.
        persistent: what stands for an object that the pickle keeps elsewhere, by its id; without it such a
            pickle is refused.

    Sets become lists. In a dict only keys that are text or whole numbers are kept.

    Raises:
        ForbiddenName: a call outside `KNOWN_NAMES`, or a name of Python's standard library outside them.
        InvalidWeights: an instruction that plain data does not need, or the stream ends before the pickle.
        Exception: of any kind, where the pickle is damaged; see `reporting_weights_errors`.
    """
    try:
        return _read(stream, persistent)
    except InvalidWeights:
        raise
    except Exception as error:
        if stream.read(1):
            raise
        raise InvalidWeights("its end is missing: it was cut short on the way; fetch it again") from error


def _read(stream: BinaryIO, persistent: Callable[[Any], Any] | None) -> Any:
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
            case "SHORT_BINUNICODE" | "BINUNICODE" | "BINUNICODE8" | "SHORT_BINSTRING" | "BINSTRING":
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
                stack.append(_name(argument.replace(" ", ".")))
            case "STACK_GLOBAL":
                module, name = pop(2)
                if type(module) is not str or type(name) is not str:
                    raise TypeError
                stack.append(_name(f"{module}.{name}"))
            case "REDUCE":
                name, arguments = pop(2)
                stack.append(_call(name, arguments))
            case "NEWOBJ":
                name, arguments = pop(2)
                foreign = type(name) is Name and name.dotted not in KNOWN_NAMES and arguments == ()
                stack.append(Record(name.dotted, ()) if foreign else _call(name, arguments))
            case "BUILD":
                (state,) = pop(1)
                _set_state(stack[-1], state)
            case "BINPERSID" if persistent:
                stack.append(persistent(*pop(1)))

            case "INST":
                raise ForbiddenName(f"INST of {argument.replace(' ', '.')}"[:100])
            case forbidden:
                raise InvalidWeights(
                    f"its pickle uses {forbidden}, which no weights need; nothing of it was run"
                )
    raise ValueError("no end")


def _extend(stack: list[Any], items: list[Any]) -> None:
    target = stack[-1].items if type(stack[-1]) is Record else stack[-1]
    if type(target) is not list:
        raise TypeError
    target.extend(items)


def _update(stack: list[Any], items: list[Any]) -> None:
    if type(stack[-1]) is Record:
        stack[-1].items.extend(items)
        return
    if type(stack[-1]) is not dict:
        raise TypeError
    # Keys are plain, so that no hash is ever taken of a deep or branching tuple.
    pairs = zip(items[0::2], items[1::2], strict=True)
    stack[-1].update((key, value) for key, value in pairs if type(key) in (str, int))


def _name(dotted: str) -> Name:
    if dotted not in KNOWN_NAMES and is_standard_library(dotted):
        raise ForbiddenName(dotted[:100])
    return Name(dotted)


def _call(name: Any, arguments: Any) -> Any:
    if type(name) is not Name or type(arguments) is not tuple:
        raise TypeError
    if name.dotted not in KNOWN_NAMES:
        raise ForbiddenName(name.dotted[:100])
    if name.dotted in _OBJECT:
        kind = arguments[0]
        if type(kind) is not Name:
            raise TypeError
        return Record(kind.dotted, ())
    match KNOWN_NAMES[name.dotted]:
        case builtin if builtin is bytes:  # protocol 2 has no bytes: it encodes a text
            return arguments[0].encode("latin-1")
        case builtin if builtin in (dict, list):
            container: dict[Any, Any] | list[Any] = builtin()
            for items in arguments:
                _extend([container], items)
            return container
    return Record(name.dotted, arguments)


def _set_state(target: Any, state: Any) -> None:
    if type(target) is Record:
        target.state = state
    elif type(target) is not dict:  # a state dict carries its module's version numbers, which are not needed
        raise TypeError
