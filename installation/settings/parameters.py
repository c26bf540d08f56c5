"""Everything curators turn while the piece runs: one registry, declared once, by the scenes themselves.

A scene declares its parameters as fields, in pydantic's own words:

    class BorderParameters(Parameters):
        "The face crosses the border and comes back."

        scene: ClassVar[str] = "border"
        ride_s: Annotated[float, Applies.NEXT_SCENE] = Field(25, ge=5, le=120, description="how long")
        hint: str = Field("turn your head", max_length=40, description="the line under the face")

and reads them as attributes: `registry.of(BorderParameters).ride_s`. Everything else (TOML, OSC, OSCQuery,
presets, documentation) goes through addresses, `border/ride_s`, and knows nothing of the classes.

Numbers need `ge` and `le`, texts `max_length`, everything a description and a default; what is declared
wrongly fails at import. The unit is the one that the name ends in (`_s`, `_deg` ...).

The registry belongs to one thread, the stage's. What `of` returns never changes: a frame that is drawn
from it sees one consistent set of values.
"""

import json
import math
import os
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic.fields import FieldInfo

from engine.common.errors import MachineError

Value = float | int | bool | str

UNITS = {
    "_per_s": "1/s",
    "_ms": "ms",
    "_s": "s",
    "_px": "px",
    "_deg": "°",
    "_hz": "Hz",
    "_percent": "%",
}
NAME = re.compile(r"[a-z][a-z0-9_]*")
BACKUPS = 10
# What OSC's and TOML's integers have in common.
LARGEST_INTEGER = 2**63 - 1


class Kind(StrEnum):
    """The type of a parameter, as curators know it."""

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"
    TEXT = "text"
    COLOUR = "colour"
    CHOICE = "choice"


class Applies(StrEnum):
    """When a change is seen. Goes into a declaration's `Annotated`; at once by default."""

    AT_ONCE = "at once"
    NEXT_SCENE = "next scene"


class Outside(StrEnum):
    """What becomes of a number beyond its range. Goes into `Annotated`; clamped by default."""

    CLAMP = "clamped"
    REFUSE = "refused"


class Reason(StrEnum):
    """Why a value is refused."""

    UNKNOWN = "unknown address"
    WRONG_TYPE = "wrong type"
    NOT_FINITE = "not a finite number"
    TOO_LARGE = "too large an integer"
    OUT_OF_RANGE = "out of range"
    TOO_LONG = "too long"
    NOT_TEXT = "not printable"
    NOT_A_CHOICE = "not among the choices"
    INVALID = "not valid"


@dataclass(frozen=True)
class Refusal:
    """A change that was not made. `str()` is one line of bounded length, whatever was sent."""

    address: str
    reason: Reason
    detail: str

    def __str__(self) -> str:
        return f"{shown(self.address)}: {self.reason}. {self.detail}"


COLOUR = re.compile(r"#[0-9a-f]{6}")
Colour = Annotated[str, Kind.COLOUR, StringConstraints(pattern=f"^{COLOUR.pattern}$", max_length=7)]
"""A colour as `#rrggbb` in sRGB."""


@dataclass(frozen=True)
class Parameter:
    """One parameter as the rest of the world sees it.

    `minimum` and `maximum` are None but for numbers, `longest` (characters) but for texts and colours,
    `choices` is empty but for choices; `unit` is empty where there is none.
    """

    address: str
    kind: Kind
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    longest: int | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    applies: Applies = Applies.AT_ONCE
    outside: Outside = Outside.CLAMP

    @property
    def range(self) -> str:
        """The values it takes, for people."""
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum:g} … {self.maximum:g}{' ' + self.unit if self.unit else ''}"
        match self.kind:
            case Kind.CHOICE:
                return ", ".join(self.choices)
            case Kind.COLOUR:
                return "#rrggbb"
            case Kind.TEXT:
                return f"at most {self.longest} characters"
            case _:
                return "yes, no"

    def accept(self, value: object) -> Value | Refusal:
        """What setting `value` would set.

        Types may differ as they do between OSC programs: 0 and 1 for a switch, an integer for a float, a
        float for an integer (rounded), a number for the choice that is called so. Numbers outside the range
        are clamped or refused, as declared.
        """
        match self.kind:
            case Kind.BOOL:
                return self._switch(value)
            case Kind.FLOAT | Kind.INT:
                return self._number(value)
            case _:
                return self._text(value)

    def _switch(self, value: object) -> Value | Refusal:
        if isinstance(value, bool | int | float) and value in (0, 1):
            return bool(value)
        return self._refuse(Reason.WRONG_TYPE, "It takes true or false, 1 or 0.")

    def _number(self, value: object) -> Value | Refusal:
        assert self.minimum is not None and self.maximum is not None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self._refuse(Reason.WRONG_TYPE, "It takes a number.")
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            return self._refuse(Reason.TOO_LARGE, f"It takes {self.range}.")
        if not math.isfinite(value):
            return self._refuse(Reason.NOT_FINITE, f"It takes {self.range}.")
        number = round(value) if self.kind is Kind.INT else six_digits(value)
        clamped = min(max(number, self.minimum), self.maximum)
        if clamped != number and self.outside is Outside.REFUSE:
            return self._refuse(Reason.OUT_OF_RANGE, f"It takes {self.range}.")
        return int(clamped) if self.kind is Kind.INT else float(clamped)

    def _text(self, value: object) -> Value | Refusal:
        if self.kind is Kind.CHOICE and isinstance(value, int | float) and not isinstance(value, bool):
            value = f"{float(value):g}" if abs(value) <= LARGEST_INTEGER else ""
        if not isinstance(value, str):
            return self._refuse(Reason.WRONG_TYPE, "It takes a text.")
        if self.kind is Kind.CHOICE and value not in self.choices:
            return self._refuse(Reason.NOT_A_CHOICE, f"It takes one of {self.range}.")
        if self.longest is not None and len(value) > self.longest:
            return self._refuse(Reason.TOO_LONG, f"It takes {self.range}.")
        if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in value.replace("\n", "")):
            return self._refuse(Reason.NOT_TEXT, "Leave out control characters.")
        if self.kind is not Kind.COLOUR:
            return value
        colour = value.lower()
        return colour if COLOUR.fullmatch(colour) else self._refuse(Reason.INVALID, f"It takes {self.range}.")

    def _refuse(self, reason: Reason, detail: str) -> Refusal:
        return Refusal(self.address, reason, detail)


class Parameters(BaseModel):
    """Base of what a scene declares: see the module. Frozen; its defaults are what `Subclass()` holds.

    `scene` is the first part of the addresses. Raises TypeError where a declaration is incomplete.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    scene: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        try:
            for parameter in cls.declared():
                if parameter.accept(parameter.default) != parameter.default:
                    raise ValueError(f"the default of {parameter.address} cannot be set")
        # pydantic's ValidationError, a ValueError: a default is missing or out of range.
        except (ValueError, AttributeError) as fault:
            raise TypeError(f"{cls.__name__}: {fault}") from None

    @classmethod
    def declared(cls) -> Iterator[Parameter]:
        """The parameters in the order of their declaration."""
        defaults = cls()
        for name, field in cls.model_fields.items():
            yield _describe(f"{cls.scene}/{name}", field, getattr(defaults, name))


P = TypeVar("P", bound=Parameters)


class Registry:
    """The values of all parameters of the given scenes. Raises ValueError if two share a name."""

    def __init__(self, *scenes: type[Parameters]) -> None:
        self._now = {declaration.scene: declaration() for declaration in scenes}
        if len(self._now) != len(scenes):
            raise ValueError("two declarations of one scene: " + ", ".join(each.scene for each in scenes))
        # What is set last; differs from `_now` in what waits for the next scene.
        self._next = dict(self._now)
        self.parameters: Mapping[str, Parameter] = {
            parameter.address: parameter for each in scenes for parameter in each.declared()
        }

    def of(self, declaration: type[P]) -> P:
        """The values in force now, typed: what the scene reads, anew for each frame."""
        values = self._now[declaration.scene]
        assert isinstance(values, declaration)
        return values

    def get(self, address: str) -> Value | Refusal:
        """The value set last, even if it waits for the next scene."""
        if address not in self.parameters:
            return _unknown(address)
        scene, _, name = address.partition("/")
        value: Value = getattr(self._next[scene], name)
        return value

    def set(self, address: str, value: object, at_next_scene: bool = False) -> Value | Refusal:
        """Sets a parameter from outside, whatever is sent. Returns the value really set, or why none was.

        With `at_next_scene` the change waits for the next scene, even where it could apply at once.
        """
        parameter = self.parameters.get(address)
        if parameter is None:
            return _unknown(address)
        accepted = parameter.accept(value)
        if isinstance(accepted, Refusal):
            return accepted
        scene, _, name = address.partition("/")
        values = _with(self._next[scene], address, accepted)
        if isinstance(values, Refusal):
            return values
        self._next[scene] = values
        if parameter.applies is Applies.AT_ONCE and not at_next_scene:
            self._now[scene] = self._now[scene].model_copy(update={name: accepted})
        return accepted

    def begin_scene(self) -> None:
        """Puts in force what waited for the next scene. Call between two scenes."""
        self._now = dict(self._next)

    def changes(self) -> dict[str, dict[str, Value]]:
        """What differs from the defaults: scene -> parameter -> value."""
        found: dict[str, dict[str, Value]] = {}
        for address, parameter in self.parameters.items():
            scene, _, name = address.partition("/")
            value = getattr(self._next[scene], name)
            if value != parameter.default:
                found.setdefault(scene, {})[name] = value
        return found

    def load(self, path: Path) -> list[str]:
        """Sets everything as the file says, and what it does not name to its default; see `read_newest`.

        As after `set`, some changes wait for the next scene. Returns what was wrong, a line each: nothing
        here keeps the installation from starting.
        """
        content, lines = read_newest(path)
        wanted, faults = self.understand(content, str(path))
        for address, value in wanted.items():
            done = self.set(address, value)
            if isinstance(done, Refusal):
                faults.append(f"{path}: {done} It stays as it is.")
        return lines + faults

    def understand(self, content: Mapping[str, Any], source: str) -> tuple[dict[str, Value], list[str]]:
        """The value of every parameter as a file's content says; what it does not name is at its default.

        Sets nothing. Returns also what was wrong, a line each that begins with `source`.
        """
        wanted = {address: parameter.default for address, parameter in self.parameters.items()}
        lines = []
        for scene, entries in content.items():
            if not isinstance(entries, dict):
                lines.append(f"{source}: {shown(scene)} stands outside of any scene. Remove it.")
                continue
            for name, value in entries.items():
                address = f"{scene}/{name}"
                parameter = self.parameters.get(address)
                accepted = parameter.accept(value) if parameter else _unknown(address)
                if not isinstance(accepted, Refusal):
                    checked = _with(type(self._now[scene])(), address, accepted)
                    accepted = checked if isinstance(checked, Refusal) else accepted
                if isinstance(accepted, Refusal):
                    lines.append(f"{source}: {accepted} The default is used.")
                    continue
                wanted[address] = accepted
                if not isinstance(accepted, str) and accepted != value:
                    lines.append(f"{source}: {address} is set to {accepted}, the nearest it takes.")
        return wanted, lines


def write_safely(path: Path, changes: Mapping[str, Mapping[str, Value]]) -> None:
    """Writes what `changes` of a registry returned as TOML, whole or not at all.

    The last ten files that differ stay as `path.1` (newest) and on. Raises MachineError where the folder
    cannot be written; then the file and those before it are what they were.
    """
    content = _as_toml(changes).encode()
    unfinished, spare = (path.with_name(f".{path.name}.{part}") for part in ("unfinished", "spare"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_through(unfinished, content)
        if path.exists() and path.read_bytes() == content:
            unfinished.unlink()
            return
        if path.exists():
            # First the copy, which may find the disk full, then what only renames.
            _write_through(spare, path.read_bytes())
            _shift_backups(path)
            os.replace(spare, _backup(path, 1))
        os.replace(unfinished, path)
    except OSError as error:
        for rest in (unfinished, spare):
            with suppress(OSError):
                rest.unlink()
        raise MachineError(
            f"{path}: cannot be saved ({error.strerror}). Make room or mend the rights."
        ) from None


def read_newest(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The content of a file, scene -> parameter -> value, unchecked; and a line if that took a backup.

    Where the file is broken, the newest of its backups that is not takes its place. Without a file there is
    nothing in it.
    """
    fault = ""
    for candidate in (path, *(_backup(path, number) for number in range(1, BACKUPS + 1))):
        try:
            content = tomllib.loads(candidate.read_text("utf-8"))
        except FileNotFoundError:
            if candidate == path:
                return {}, []
        # tomllib raises other ValueErrors, too (endless digits), and RecursionError (deep nesting).
        except (OSError, ValueError, RecursionError) as error:
            fault = fault or " ".join(str(error).split())[:200]
        else:
            replaced = f"{path}: broken ({fault}); {candidate.name} is used instead."
            return content, [] if candidate == path else [replaced]
    return {}, [f"{path}: broken ({fault}), and no backup is better; the defaults are used."]


def table(registry: Registry) -> str:
    """All parameters as Markdown: a heading a scene, and under it a table."""
    parts = []
    for scene in dict.fromkeys(address.partition("/")[0] for address in registry.parameters):
        parts.append(
            f"## {scene}\n\n"
            "| parameter | type | range | default | changes apply | what it is |\n"
            "| --- | --- | --- | --- | --- | --- |"
        )
        for address, each in registry.parameters.items():
            if address.startswith(f"{scene}/"):
                beyond = ", refused beyond" if each.outside is Outside.REFUSE else ""
                cells = [
                    f"`{address}`", each.kind, each.range + beyond, in_words(each.default), each.applies,
                    each.description,
                ]  # fmt: skip
                parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("")
    return "\n".join(parts)


def six_digits(number: float) -> float:
    """A number at the precision that survives OSC's 32-bit floats: 0.3 arrives as 0.3, not 0.30000001192."""
    return float(f"{number:.6g}")


def _describe(address: str, field: FieldInfo, default: Value) -> Parameter:
    """Reads a declaration. Raises ValueError saying what it lacks."""
    scene, _, name = address.partition("/")
    if not (NAME.fullmatch(scene) and NAME.fullmatch(name)):
        raise ValueError(f"{address} is no address: small letters, digits and underscores")
    if not field.description:
        raise ValueError(f"{address} needs a description")
    marks: list[Any] = list(field.metadata)
    kind = next((mark for mark in marks if isinstance(mark, Kind)), None) or _kind(address, field.annotation)
    minimum: Any = next((mark.ge for mark in marks if isinstance(mark, Ge)), None)
    maximum: Any = next((mark.le for mark in marks if isinstance(mark, Le)), None)
    longest = next((mark.max_length for mark in marks if isinstance(mark, MaxLen | StringConstraints)), None)
    is_number = kind in (Kind.FLOAT, Kind.INT)
    if is_number and (minimum is None or maximum is None):
        raise ValueError(f"{address} needs a range: ge and le")
    if is_number and any(six_digits(bound) != bound for bound in (minimum, maximum)):
        raise ValueError(f"{address} has a range of more than six digits, which OSC does not carry")
    if kind is Kind.TEXT and longest is None:
        raise ValueError(f"{address} needs max_length")
    return Parameter(
        address=address,
        kind=kind,
        default=default,
        description=field.description,
        minimum=minimum,
        maximum=maximum,
        longest=longest,
        choices=get_args(field.annotation) if kind is Kind.CHOICE else (),
        unit=next((unit for end, unit in UNITS.items() if name.endswith(end)), "") if is_number else "",
        applies=next((mark for mark in marks if isinstance(mark, Applies)), Applies.AT_ONCE),
        outside=next((mark for mark in marks if isinstance(mark, Outside)), Outside.CLAMP),
    )


def _kind(address: str, annotation: Any) -> Kind:
    simple: dict[Any, Kind] = {float: Kind.FLOAT, int: Kind.INT, bool: Kind.BOOL, str: Kind.TEXT}
    if annotation in simple:
        return simple[annotation]
    if get_origin(annotation) is Literal and all(isinstance(each, str) for each in get_args(annotation)):
        return Kind.CHOICE
    raise ValueError(f"{address} is neither float, int, bool, str, Colour nor a Literal of texts")


def _with(values: P, address: str, accepted: Value) -> P | Refusal:
    """The values with that one changed. Whatever else the declaration demands of it, pydantic knows."""
    changed = values.model_dump() | {address.partition("/")[2]: accepted}
    try:
        return type(values).model_validate(changed, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        # The declaration's own words, without pydantic's before them.
        words = str(first.get("ctx", {}).get("error", first["msg"]))
        return Refusal(address, Reason.INVALID, f"{words[:1].upper()}{words[1:]}.")


def _unknown(address: str) -> Refusal:
    return Refusal(address, Reason.UNKNOWN, "`./kiosk osc` lists them all.")


def shown(address: str) -> str:
    """An address for one line of a log: bounded, and without anything that moves a cursor."""
    return (address if len(address) <= 60 else address[:57] + "...").encode("unicode_escape").decode("ascii")


def in_words(value: Value) -> str:
    """A value for people, in one line."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case str():
            return value.replace("\n", " / ") or "(empty)"
        case _:
            return str(value)


def _as_toml(content: Mapping[str, Mapping[str, Value]]) -> str:
    # For finite numbers, booleans and texts without control characters, TOML's notation is JSON's.
    parts = ["# What differs from the defaults. `./kiosk osc` lists everything that can be set."]
    for scene, entries in content.items():
        parts += ["", f"[{scene}]"]
        parts += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in entries.items()]
    return "\n".join(parts) + "\n"


def _backup(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _write_through(path: Path, content: bytes) -> None:
    """Writes a file down to the disk. Raises OSError."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _shift_backups(path: Path) -> None:
    """Makes room for the newest backup; the oldest goes."""
    for number in range(BACKUPS - 1, 0, -1):
        if _backup(path, number).exists():
            os.replace(_backup(path, number), _backup(path, number + 1))
