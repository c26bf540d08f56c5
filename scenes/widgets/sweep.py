"""Sweeps along a continuum: which t is shown at which time, and which picture stands for it. Pure.

A sweep is parametrised by its `progress`, 0 to 1 from one t to another. It is slower the nearer it is to the
border (`engine.border.continuum.pace`), so that equal steps of progress look alike.
"""

from dataclasses import dataclass

import numpy as np

from engine.border.continuum import pace
from engine.border.strip import Strip
from installation.stage.theme import smooth

# With reduced motion a leg is this many stills.
STILLS = 6


@dataclass(frozen=True)
class Leg:
    """A part of a sweep: from one t to another in `duration_s`."""

    start_t: float
    end_t: float
    duration_s: float


def sweep_t(legs: tuple[Leg, ...], border_t: float | None, elapsed_s: float, stills: bool = False) -> float:
    """The t of consecutive legs after `elapsed_s`; the last one's end when they are over.

    stills: jump from still to still instead of moving continuously.
    """
    for leg in legs:
        if elapsed_s < leg.duration_s:
            return _leg_t(leg, border_t, elapsed_s, stills)
        elapsed_s -= leg.duration_s
    return legs[-1].end_t


def _leg_t(leg: Leg, border_t: float | None, elapsed_s: float, stills: bool) -> float:
    """The t of one leg, eased at both ends."""
    share = min(max(elapsed_s / leg.duration_s, 0.0), 1.0) if leg.duration_s > 0 else 1.0
    eased = round(share * (STILLS - 1)) / (STILLS - 1) if stills else smooth(share)
    grid, elapsed = pace(leg.start_t, leg.end_t, border_t)
    return float(np.interp(eased, elapsed, grid))


def t_at_progress(progress: float, border_t: float | None) -> float:
    """The t at a progress from the median face (0) to the closest match (1)."""
    grid, elapsed = pace(0.0, 1.0, border_t)
    return float(np.interp(progress, elapsed, grid))


def progress_at_t(t: float, border_t: float | None) -> float:
    """The inverse of `t_at_progress`."""
    grid, elapsed = pace(0.0, 1.0, border_t)
    return float(np.interp(t, grid, elapsed))


def index_at(strip: Strip, t: float) -> int:
    """The index of the strip's picture that is nearest to t."""
    return int(strip.nearest(t))
