"""The engine's messages as bytes, for a connection between two machines. Nothing is pickled.

A message becomes a header, which is JSON text, and the bytes of its arrays, one behind the other:

    {"kind": "ProgressUpdate", "body": {..., "picture": 0}, "arrays": [["uint8", [256, 256, 3]]]}

The set of kinds is closed (`REQUESTS`, `REPLIES`), and so is what each may hold: the decoder goes by the
annotations of the dataclasses in `engine/runtime/messages.py`, never by a name that it was sent. In the body
an array is its place in `arrays`; every array is used once, in that order.

`read_header` checks all that can be known before a byte of an array has arrived, so that a receiver
reserves no more memory than the kind of message may take.
"""

import hashlib
import json
import types
import typing
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np

from engine.runtime.messages import (
    Cancel,
    Failed,
    GroupReady,
    JudgeMoved,
    MovedJudged,
    PaintGroup,
    PeopleReady,
    Portray,
    ProgressUpdate,
    Queued,
    Ready,
    ResultExtended,
    ResultReady,
    RigReady,
    VisitEnded,
)

MIB = 2**20
LONGEST_HEADER_BYTES = MIB // 2
MOST_ARRAYS = 512
LONGEST_SIDE = 16_384  # of pictures and flows; sound is longer, and limited by its message
DTYPES = {name: np.dtype(name) for name in ("uint8", "bool", "int16", "float32", "float64")}

REQUESTS: dict[type, int] = {
    Portray: 128 * MIB,
    PaintGroup: 64 * MIB,
    Cancel: 0,
    JudgeMoved: 16 * MIB,
}
"""What a kiosk may send, each with the most bytes of its arrays."""

REPLIES: dict[type, int] = {
    Ready: 0,
    Failed: 0,
    Queued: 0,
    ProgressUpdate: 4 * MIB,
    ResultReady: 1024 * MIB,
    ResultExtended: 16 * MIB,
    GroupReady: 64 * MIB,
    PeopleReady: 512 * MIB,
    RigReady: 128 * MIB,
    MovedJudged: 0,
    VisitEnded: 0,
}
"""What a server may send. A configuration that it cannot use never gets as far."""


class InvalidMessage(ValueError):
    """Something is no message of this set. The text says what, in one line, and quotes nothing of it."""


@dataclass(frozen=True, eq=False)
class EncodedMessage:
    """A message on its way. header: JSON text. arrays: contiguous, in the order of the header."""

    kind: type
    header: str
    arrays: tuple[np.ndarray, ...]

    @property
    def size_bytes(self) -> int:
        """Of the header and all arrays."""
        return len(self.header) + sum(array.nbytes for array in self.arrays)

    def copied(self) -> "EncodedMessage":
        """The same in memory of its own; what it was encoded from may then be overwritten."""
        return replace(self, arrays=tuple(array.copy() for array in self.arrays))

    def erase(self) -> None:
        """Overwrites the arrays with zeros."""
        for array in self.arrays:
            array.fill(0)


@dataclass(frozen=True)
class Header:
    """A checked header. arrays: type and shape of each; their bytes are still to come, `size_bytes` in
    all."""

    kind: type
    body: Any
    arrays: tuple[tuple[np.dtype, tuple[int, ...]], ...]
    size_bytes: int


def encode(message: Any, kinds: dict[type, int]) -> EncodedMessage:
    """A message of one of these kinds. Raises InvalidMessage where it is of another, or too large."""
    kind = type(message)
    if kind not in kinds:
        raise InvalidMessage(f"{kind.__name__} is not sent to another machine")
    arrays: list[np.ndarray] = []
    body = _plain(message, arrays)
    table = [[array.dtype.name, list(array.shape)] for array in arrays]
    header = json.dumps({"kind": kind.__name__, "body": body, "arrays": table}, separators=(",", ":"))
    if len(header) > LONGEST_HEADER_BYTES or len(arrays) > MOST_ARRAYS:
        raise InvalidMessage(f"{kind.__name__} has too many parts")
    if sum(array.nbytes for array in arrays) > kinds[kind]:
        raise InvalidMessage(f"{kind.__name__} takes more than {kinds[kind] // MIB} MiB")
    return EncodedMessage(kind, header, tuple(arrays))


def read_header(text: str, kinds: dict[type, int]) -> Header:
    """Checks a header. Raises InvalidMessage."""
    if len(text) > LONGEST_HEADER_BYTES:
        raise InvalidMessage("a header is too long")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidMessage("a header is not JSON") from None
    if not isinstance(entries, dict) or entries.keys() != {"kind", "body", "arrays"}:
        raise InvalidMessage("a header must have kind, body and arrays, and nothing else")
    kind = next((each for each in kinds if each.__name__ == entries["kind"]), None)
    if kind is None:
        raise InvalidMessage("a message is of an unknown kind")
    table = entries["arrays"]
    if not isinstance(table, list) or len(table) > MOST_ARRAYS:
        raise InvalidMessage(f"{kind.__name__}: not a list of {MOST_ARRAYS} arrays at most")
    arrays = tuple(_array_entry(entry, kind) for entry in table)
    size_bytes = sum(dtype.itemsize * int(np.prod(shape, dtype=object)) for dtype, shape in arrays)
    if size_bytes > kinds[kind]:
        raise InvalidMessage(f"{kind.__name__}: more than {kinds[kind] // MIB} MiB")
    return Header(kind, entries["body"], arrays, size_bytes)


def decode(header: Header, content: bytearray) -> Any:
    """The message. content: the bytes of all arrays, which become views of it. Raises InvalidMessage."""
    if len(content) != header.size_bytes:
        raise InvalidMessage(f"{header.kind.__name__}: {len(content)} bytes, not {header.size_bytes}")
    views, start = [], 0
    for dtype, shape in header.arrays:
        count = int(np.prod(shape, dtype=object))
        part = np.frombuffer(content, dtype, count, start) if count else np.empty(0, dtype)
        views.append(part.reshape(shape))
        start += count * dtype.itemsize
    decoder = _Decoder(views)
    try:
        message = decoder.value(header.kind, header.body, header.kind.__name__)
    except InvalidMessage:
        raise
    except (ValueError, TypeError, OverflowError, IndexError, RecursionError):
        # What a dataclass itself checks, such as a strip's border.
        raise InvalidMessage(f"{header.kind.__name__}: its parts do not belong together") from None
    if decoder.used != len(views):
        raise InvalidMessage(f"{header.kind.__name__}: arrays that belong nowhere")
    return message


def schema_sha256() -> str:
    """A digest of everything these messages may hold: equal where two machines understand each other."""
    lines: set[str] = set()
    for kind, limit in (REQUESTS | REPLIES).items():
        lines.add(f"{kind.__name__} {limit}")
        _describe(kind, lines)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _plain(value: Any, arrays: list[np.ndarray]) -> Any:
    """A value as JSON has it; arrays are appended to the list, and stand for their place there."""
    if isinstance(value, np.ndarray):
        if value.dtype.name not in DTYPES:
            raise InvalidMessage(f"an array of {value.dtype.name} is not sent to another machine")
        arrays.append(np.ascontiguousarray(value))
        return len(arrays) - 1
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), arrays) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each, arrays) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each, arrays) for name, each in value.items()}
    return value


def _array_entry(entry: Any, kind: type) -> tuple[np.dtype, tuple[int, ...]]:
    """A checked line of the table of arrays."""
    match entry:
        case [str(name), [*shape]] if name in DTYPES:
            sides = tuple(shape)
        case _:
            raise InvalidMessage(f"{kind.__name__}: an array of an unknown type")
    if len(sides) > 4 or not all(type(side) is int and side >= 0 for side in sides):
        raise InvalidMessage(f"{kind.__name__}: an array of an impossible shape")
    if len(sides) > 1 and max(sides) > LONGEST_SIDE:
        raise InvalidMessage(f"{kind.__name__}: an array with a side of more than {LONGEST_SIDE}")
    # All that is uint8 here are pictures.
    if name == "uint8" and (len(sides) < 3 or sides[-1] != 3 or 0 in sides):
        raise InvalidMessage(f"{kind.__name__}: a picture of an impossible shape")
    return DTYPES[name], sides


class _Decoder:
    """Makes values by their annotations. used: how many of the arrays have found their place."""

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self._arrays = arrays
        self.used = 0

    def value(self, annotation: Any, plain: Any, where: str) -> Any:
        """The value of this annotation. where: its name, for complaints."""
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin in (types.UnionType, typing.Union):
            if plain is None and type(None) in arguments:
                return None
            (given,) = (each for each in arguments if each is not type(None))
            return self.value(given, plain, where)
        if origin is np.ndarray:
            return self._array(np.dtype(typing.get_args(arguments[1])[0]), plain, where)
        if origin is tuple:
            return self._tuple(arguments, plain, where)
        if origin is dict:
            if not isinstance(plain, dict):
                raise InvalidMessage(f"{where}: not a table")
            return {name: self.value(arguments[1], each, where) for name, each in plain.items()}
        if is_dataclass(annotation):
            return self._structure(typing.cast(type, annotation), plain, where)
        return _scalar(annotation, plain, where)

    def _array(self, dtype: np.dtype, plain: Any, where: str) -> np.ndarray:
        if type(plain) is not int or plain != self.used or plain >= len(self._arrays):
            raise InvalidMessage(f"{where}: not the next array")
        array = self._arrays[plain]
        if array.dtype != dtype:
            raise InvalidMessage(f"{where}: {array.dtype.name} instead of {dtype.name}")
        if dtype == np.uint8 and array.ndim != (4 if where == "Strip.pictures" else 3):
            raise InvalidMessage(f"{where}: a picture of an impossible shape")
        self.used += 1
        return array

    def _tuple(self, arguments: tuple[Any, ...], plain: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(plain, list):
            raise InvalidMessage(f"{where}: not a list")
        if arguments[-1] is Ellipsis:
            return tuple(self.value(arguments[0], each, where) for each in plain)
        if len(plain) != len(arguments):
            raise InvalidMessage(f"{where}: {len(plain)} instead of {len(arguments)} entries")
        return tuple(self.value(kind, each, where) for kind, each in zip(arguments, plain, strict=True))

    def _structure(self, kind: type, plain: Any, where: str) -> Any:
        annotations = _annotations(kind)
        if not isinstance(plain, dict) or plain.keys() != annotations.keys():
            raise InvalidMessage(f"{where}: not exactly the entries of {kind.__name__}")
        return kind(
            **{
                name: self.value(annotation, plain[name], f"{kind.__name__}.{name}")
                for name, annotation in annotations.items()
            }
        )


def _scalar(annotation: Any, plain: Any, where: str) -> Any:
    """A number, a text, or one of an enumeration."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        if isinstance(plain, str) and plain in {str(each) for each in annotation}:
            return annotation(plain)
    elif annotation is float:
        if type(plain) in (int, float):
            return float(plain)
    elif type(plain) is annotation:
        return plain
    raise InvalidMessage(f"{where}: not {getattr(annotation, '__name__', annotation)}")


@cache
def _annotations(kind: type) -> dict[str, Any]:
    """Of a dataclass: each field's type, in order."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _describe(annotation: Any, lines: set[str]) -> None:
    """Adds a line for each field of every dataclass that is reachable from here, and for enumerations."""
    for argument in typing.get_args(annotation):
        _describe(argument, lines)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        lines.add(f"{annotation.__name__}: {[str(each) for each in annotation]}")
    if is_dataclass(annotation):
        kind = typing.cast(type, annotation)
        for name, each in _annotations(kind).items():
            line = f"{kind.__name__}.{name}: {each}"
            if line not in lines:
                lines.add(line)
                _describe(each, lines)
