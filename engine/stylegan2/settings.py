"""What a checkpoint says about how its network computes, beside the shapes of its weights.

The same shapes can belong to networks that draw different pictures. Every setting is applied, or known to
make no difference here, or refused by name.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.common.errors import InvalidWeights

LR_MULTIPLIER = 0.01  # Karras et al. 2019, appendix C; every released network has it
MAX_CONV_CLAMP = 1e6


@dataclass(frozen=True)
class Settings:
    """How a generator computes, as far as its maker can choose it and `Generator` can do it."""

    conv_clamp: float | None = None
    lr_multiplier: float = LR_MULTIPLIER
    use_noise: bool = True

    def __post_init__(self) -> None:
        if self.conv_clamp is not None and not _is_number(self.conv_clamp, MAX_CONV_CLAMP):
            raise InvalidWeights(f"its setting conv_clamp is {self.conv_clamp!r}, which is no limit")
        if not _is_number(self.lr_multiplier, 1e3):
            raise InvalidWeights(f"its setting lr_multiplier is {self.lr_multiplier!r}, which is no factor")
        if type(self.use_noise) is not bool:
            raise InvalidWeights(f"its setting use_noise is {self.use_noise!r}")


def _is_number(value: Any, limit: float) -> bool:
    return type(value) in (int, float) and 0 < value <= limit


def agreed(name: str, values: Iterable[Any], default: Any) -> Any:
    """The one value that all parts of a network state for a setting; `default` where none does.

    Raises `InvalidWeights` where they differ.
    """
    found: list[Any] = []
    for value in values:
        if not any(_same(value, other) for other in found):
            found.append(value)
    if len(found) > 1:
        raise InvalidWeights(
            f"its parts contradict each other about the setting {name} ({found[0]!r} and {found[1]!r})"
        )
    return found[0] if found else default


def require(name: str, value: Any, expected: Any) -> None:
    """Raises `InvalidWeights` where a setting has another value than the only one known here."""
    if not _same(value, expected):
        raise InvalidWeights(f"its setting {name} is {value!r}; only {expected!r} is known here")


def refuse_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    """Raises `InvalidWeights` for the first name that is not known."""
    if unknown := [name for name in names if name not in set(known)]:
        raise InvalidWeights(f"its network has a setting that is not known here: {unknown[0]}")


def _same(one: Any, other: Any) -> bool:
    numbers = (int, float)
    if type(one) in numbers and type(other) in numbers:
        return math.isclose(one, other, rel_tol=1e-4)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and isinstance(one, str | bool | None) and bool(one == other)
