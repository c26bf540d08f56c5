"""*on-the-way*: the first picture that holds between the border and the median face."""

import numpy as np
import torch

from engine.border.continuum import Continuum
from engine.finders.base import Doppelganger, Finder, FinderTask, Holds
from engine.finders.bisection import first_that_holds

STRIDE_T = 0.02
"""The step from picture to picture, as a share of the continuum."""


class OnTheWayFinder(Finder):
    """Looks along the continuum from the border towards the median face."""

    name = "on-the-way"
    description = "is the first to hold on the way to the median face"
    stays_among_faces = True

    def find(self, task: FinderTask) -> Doppelganger | None:
        """The first picture from the border down to the median face that holds, or None."""
        if task.recognised_throughout:
            return None
        return first_on_the_way(task.continuum, task.border_t, task.holds)


def build(dtype: torch.dtype, seed: int) -> OnTheWayFinder:
    """The finder of a visit; see `engine.finders.registry`."""
    return OnTheWayFinder()


def first_on_the_way(continuum: Continuum, border_t: float, holds: Holds) -> Doppelganger | None:
    """The first picture from `border_t` down to the start of the continuum that holds, or None."""
    ts = [border_t, *np.arange(border_t - STRIDE_T, 0, -STRIDE_T).tolist(), 0.0]
    t = first_that_holds(continuum.picture, holds, ts)
    if t is None:
        return None
    return Doppelganger(OnTheWayFinder.name, t, continuum.place(t), continuum.picture(t))
