"""Rides through a continuum: where on the way one is, and which picture that is. Pure.

A ride is told by its `progress` in [0, 1] from one t to another; it is slower the nearer it is to the border
(`engine.border.continuum.pace`), so that equal steps of progress look alike.
"""

from dataclasses import dataclass

import numpy as np

from engine.border.continuum import pace
from engine.border.strip import Strip
from installation.stage.theme import smooth

# With reduced motion a ride is so many stills.
STILLS = 6


@dataclass(frozen=True)
class Leg:
    """A part of a ride: from one t to another in so many seconds."""

    start_t: float
    end_t: float
    lasts_s: float


def t_at(leg: Leg, border_t: float | None, elapsed_s: float, stills: bool = False) -> float:
    """The t that a leg has come to after `elapsed_s`, eased at both ends; with `stills` in few steps."""
    share = min(max(elapsed_s / leg.lasts_s, 0.0), 1.0) if leg.lasts_s > 0 else 1.0
    eased = round(share * (STILLS - 1)) / (STILLS - 1) if stills else smooth(share)
    grid, elapsed = pace(leg.start_t, leg.end_t, border_t)
    return float(np.interp(eased, elapsed, grid))


def t_of(progress: float, border_t: float | None) -> float:
    """The t at a progress from the median face (0) to the closest match (1)."""
    grid, elapsed = pace(0.0, 1.0, border_t)
    return float(np.interp(progress, elapsed, grid))


def progress_of(t: float, border_t: float | None) -> float:
    """The inverse of `t_of`."""
    grid, elapsed = pace(0.0, 1.0, border_t)
    return float(np.interp(t, grid, elapsed))


def ride(legs: tuple[Leg, ...], border_t: float | None, elapsed_s: float, stills: bool = False) -> float:
    """The t of a row of legs after `elapsed_s`; the last one's end when they are over."""
    for leg in legs:
        if elapsed_s < leg.lasts_s:
            return t_at(leg, border_t, elapsed_s, stills)
        elapsed_s -= leg.lasts_s
    return legs[-1].end_t


def index_at(strip: Strip, t: float) -> int:
    """The picture of the strip that stands for t."""
    return int(strip.nearest(t))
