"""The parameters that curators change while the piece runs: their declaration and the values they accept.

A module declares its parameters as the fields of a pydantic model:

    class BorderParameters(Parameters):
        "The face crosses the border and comes back."

        scene: ClassVar[str] = "border"
        ride_s: Annotated[float, Applies.NEXT_SCENE] = Field(25, ge=5, le=120, description="how long")
        hint: str = Field("turn your head", max_length=40, description="the line under the face")

and reads the values from the registry: `registry.of(BorderParameters).ride_s`. TOML files, OSC, OSCQuery,
presets and the documentation name a parameter by its address, `border/ride_s`, and do not know the classes.

Numbers need `ge` and `le`, texts need `max_length`, and every parameter needs a description and a default; an
incomplete declaration raises TypeError on import. The unit is the suffix of the name (`_s`, `_deg`, ...).
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.fields import FieldInfo

from installation.typography.coverage import draws_nothing, unsettable

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
# What OSC's and TOML's integers have in common.
LARGEST_INTEGER = 2**63 - 1


class Kind(StrEnum):
    """The type of a parameter."""

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"
    TEXT = "text"
    COLOUR = "colour"
    CHOICE = "choice"


class Applies(StrEnum):
    """When a change takes effect. Given in a declaration's `Annotated`; AT_ONCE by default."""

    AT_ONCE = "at once"
    NEXT_SCENE = "next scene"


class Outside(StrEnum):
    """What happens to a number outside its range. Given in a declaration's `Annotated`; CLAMP by default."""

    CLAMP = "clamped"
    REFUSE = "refused"


class Choices(tuple[str, ...]):
    """The accepted texts of a choice, in a declaration's `Annotated`: Annotated[str, Choices("a", "b")].

    For those known only when the program runs; else `Literal["a", "b"]` says the same.
    """

    def __new__(cls, *names: str) -> "Choices":
        return super().__new__(cls, names)


class Reason(StrEnum):
    """Why a value is refused."""

    UNKNOWN = "unknown address"
    WRONG_TYPE = "wrong type"
    NOT_FINITE = "not a finite number"
    TOO_LARGE = "too large an integer"
    OUT_OF_RANGE = "out of range"
    TOO_LONG = "too long"
    NOT_TEXT = "not printable"
    NO_TYPEFACE = "cannot be drawn"
    INVISIBLE = "draws nothing"
    NOT_A_CHOICE = "not among the choices"
    INVALID = "not valid"


@dataclass(frozen=True)
class Refusal:
    """A change that was refused. `str()` is one line of bounded length, whatever was sent."""

    address: str
    reason: Reason
    detail: str

    def __str__(self) -> str:
        return f"{printable(self.address)}: {self.reason}. {self.detail}"


COLOUR = re.compile(r"#[0-9a-f]{6}")
Colour = Annotated[str, Kind.COLOUR, StringConstraints(pattern=f"^{COLOUR.pattern}$", max_length=7)]
"""A colour as `#rrggbb` in sRGB."""


@dataclass(frozen=True)
class Parameter:
    """The description of one parameter.

    `minimum` and `maximum` are set for numbers only, `longest` (characters) for texts and colours only,
    `choices` for choices only; `unit` is empty where there is none.
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
        """The accepted values, for people to read."""
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum:g} … {self.maximum:g}{' ' + self.unit if self.unit else ''}"
        match self.kind:
            case Kind.CHOICE:
                return ", ".join(choice or "(empty)" for choice in self.choices)
            case Kind.COLOUR:
                return "#rrggbb"
            case Kind.TEXT:
                return f"at most {self.longest} characters"
            case _:
                return "yes, no"

    def accept(self, value: object) -> Value | Refusal:
        """Converts `value`, of any type, to a value of this parameter, or refuses it.

        Conversions that OSC programs need are made: 0 and 1 to a switch, an integer to a float, a float to an
        integer (rounded), a number to the choice of that name. Numbers outside the range are clamped or
        refused, as declared.
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
        if self.kind is Kind.TEXT:
            return self._drawable(value)
        if self.kind is Kind.CHOICE:
            return value
        colour = value.lower()
        return colour if COLOUR.fullmatch(colour) else self._refuse(Reason.INVALID, f"It takes {self.range}.")

    def _drawable(self, value: str) -> Value | Refusal:
        if fault := unsettable(value):
            return self._refuse(Reason.NO_TYPEFACE, fault)
        if value and draws_nothing(value):
            return self._refuse(Reason.INVISIBLE, "Write a visible character, or leave it empty.")
        return value

    def _refuse(self, reason: Reason, detail: str) -> Refusal:
        return Refusal(self.address, reason, detail)


class Parameters(BaseModel):
    """Base class of the declarations, see the module's docstring. Frozen; `Subclass()` holds the defaults.

    `scene` is the first part of the addresses. An incomplete declaration raises TypeError.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    scene: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        try:
            for parameter in cls.declared():
                if parameter.accept(parameter.default) != parameter.default:
                    raise ValueError(f"the default of {parameter.address} cannot be set")
        # ValidationError is a ValueError: a default is missing or out of range.
        except (ValueError, AttributeError) as fault:
            raise TypeError(f"{cls.__name__}: {fault}") from None

    @classmethod
    def declared(cls) -> Iterator[Parameter]:
        """The parameters in the order of their declaration."""
        defaults = cls()
        for name, field in cls.model_fields.items():
            yield _describe(f"{cls.scene}/{name}", field, getattr(defaults, name))


def six_digits(number: float) -> float:
    """Rounds to six significant digits, which OSC's 32-bit floats carry: 0.30000001192 becomes 0.3."""
    return float(f"{number:.6g}")


def _describe(address: str, field: FieldInfo, default: Value) -> Parameter:
    """The description of one field of a declaration. Raises ValueError naming what it lacks."""
    scene, _, name = address.partition("/")
    if not (NAME.fullmatch(scene) and NAME.fullmatch(name)):
        raise ValueError(f"{address} is no address: small letters, digits and underscores")
    if not field.description:
        raise ValueError(f"{address} needs a description")
    marks: list[Any] = list(field.metadata)
    choices: tuple[str, ...] = next((mark for mark in marks if isinstance(mark, Choices)), Choices())
    kind = next((mark for mark in marks if isinstance(mark, Kind)), None) or (
        Kind.CHOICE if choices else _kind(address, field.annotation)
    )
    if kind is Kind.CHOICE and not choices:
        choices = get_args(field.annotation)
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
        choices=tuple(choices),
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


def printable(address: str) -> str:
    """An address as it may appear in a log: at most 60 characters, escaped to printable ASCII."""
    return (address if len(address) <= 60 else address[:57] + "...").encode("unicode_escape").decode("ascii")
