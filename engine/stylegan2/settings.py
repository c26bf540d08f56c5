"""What a checkpoint says about how its network computes, beside the shapes of its weights.

The same shapes can belong to networks that draw different pictures. Every setting is applied, or known to
make no difference here, or refused by name.
"""

import math
from collections.abc import Container, Iterable
from dataclasses import dataclass
from reprlib import Repr
from typing import Any

from engine.common.errors import InvalidWeights
from engine.stylegan2.pickled_values import Name, Record

LR_MULTIPLIER = 0.01  # Karras et al. 2019, appendix C; every released network has it
MAX_CONV_CLAMP = 1e6
MAX_BITS = 64
MAX_NUMBER = 1e300


class _Shown(Repr):
    """`repr` of values out of a pickle, which may be deep, branching or long, in a few words."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxlong, self.maxother = 2, 40, 40, 40

    def repr_int(self, x: int, level: int) -> str:
        return "a very large number" if x.bit_length() > MAX_BITS else repr(x)

    def repr_Record(self, x: Record, level: int) -> str:
        tensor = x.name.startswith("torch._utils._rebuild_")
        return "a tensor" if tensor else f"an object of {x.name[:60]}"

    def repr_Name(self, x: Name, level: int) -> str:
        return x.dotted[:60]


shown = _Shown().repr


@dataclass(frozen=True)
class Settings:
    """How a generator computes, as far as its maker can choose it and `Generator` can do it."""

    conv_clamp: float | None = None
    lr_multiplier: float = LR_MULTIPLIER
    use_noise: bool = True

    def __post_init__(self) -> None:
        if self.conv_clamp is not None and not _is_number(self.conv_clamp, MAX_CONV_CLAMP):
            raise InvalidWeights(f"its setting conv_clamp is {shown(self.conv_clamp)}, which is no limit")
        if not _is_number(self.lr_multiplier, 1e3):
            raise InvalidWeights(
                f"its setting lr_multiplier is {shown(self.lr_multiplier)}, which is no factor"
            )
        if type(self.use_noise) is not bool:
            raise InvalidWeights(f"its setting use_noise is {shown(self.use_noise)}")


def _is_number(value: Any, limit: float) -> bool:
    return type(value) in (int, float) and 0 < value <= limit


def agreed(name: str, values: Iterable[Any], default: Any) -> Any:
    """The one value that all parts of a network state for a setting; `default` where none does.

    Raises `InvalidWeights` where they differ, or one is no single value.
    """
    found: list[Any] = []
    for value in values:
        if not isinstance(value, int | float | str | None):
            raise InvalidWeights(f"its setting {name} is {shown(value)}, which is no single value")
        if len(found) < 2 and not any(_same(value, other) for other in found):
            found.append(value)
    if len(found) > 1:
        one, other = map(shown, found)
        raise InvalidWeights(f"its parts contradict each other about the setting {name} ({one} and {other})")
    return found[0] if found else default


def require(name: str, value: Any, expected: Any) -> None:
    """Raises `InvalidWeights` where a setting has another value than the only one known here."""
    if not _same(value, expected):
        raise InvalidWeights(f"its setting {name} is {shown(value)}; only {shown(expected)} is known here")


def number(name: str, value: Any) -> float:
    """A setting that must be a number. Raises `InvalidWeights` where it is none."""
    if type(value) not in (int, float) or (type(value) is int and value.bit_length() > MAX_BITS):
        raise InvalidWeights(f"its setting {name} is {shown(value)}, which is no number")
    return float(value)


def refuse_unknown(names: Iterable[str], known: Container[str]) -> None:
    """Raises `InvalidWeights` for the first name that is not known."""
    if unknown := [name for name in names if name not in known]:
        raise InvalidWeights(f"its network has a setting that is not known here: {unknown[0]}")


def _same(one: Any, other: Any) -> bool:
    """Whether two settings are equal: single values, or lists of them (deeper ones are never equal)."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same_single, one, other))
    return _same_single(one, other)


def _same_single(one: Any, other: Any) -> bool:
    numbers = (int, float)
    if type(one) in numbers and type(other) in numbers:
        within = max(abs(one), abs(other)) <= MAX_NUMBER  # beyond, `isclose` can fail
        return bool(one == other) or (within and math.isclose(one, other, rel_tol=1e-4))
    return type(one) is type(other) and isinstance(one, str | bool | None) and bool(one == other)
