"""Searching along a way for the place where pictures begin to hold: coarse first, then by bisection."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from engine.common.arrays import Pixels
from engine.finders.base import Holds

FINEST_T = 0.001
"""Bisection ends once two places are this close together, if nothing else is said."""


def first_that_holds(
    picture: Callable[[float], Pixels], holds: Holds, ts: Sequence[float], finest_t: float = FINEST_T
) -> float | None:
    """The first of `ts`, in their order, that holds; then back towards the one before while it holds.

    None where none does. picture: t -> uint8 (R, R, 3) RGB.
    """
    before = ts[0]
    for t in ts:
        if holds([picture(t)])[0]:
            return _close_in(picture, holds, t, before, finest_t)
        before = t
    return None


def last_that_holds(
    picture: Callable[[float], Pixels], holds: Holds, ts: Sequence[float], finest_t: float = FINEST_T
) -> float:
    """Along `ts`, of which the first holds, as far as all do; then on towards the next while it holds."""
    for t, following in pairwise(ts):
        if not holds([picture(following)])[0]:
            return _close_in(picture, holds, t, following, finest_t)
    return ts[-1]


def _close_in(
    picture: Callable[[float], Pixels], holds: Holds, good: float, bad: float, finest_t: float
) -> float:
    """From a t that holds as far towards one that does not as it still holds, by bisection."""
    while abs(good - bad) > finest_t:
        middle = (good + bad) / 2
        if holds([picture(middle)])[0]:
            good = middle
        else:
            bad = middle
    return good
