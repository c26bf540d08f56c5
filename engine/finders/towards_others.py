"""*towards-others*: from the border towards other people of the generator.

Where no picture as far as the median face holds, the way goes on from the border towards random people whom
the generator makes.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from engine.border.continuum import Continuum
from engine.common.arrays import Pixels
from engine.finders.base import Doppelganger, Finder, FinderTask, Holds
from engine.finders.bisection import first_that_holds
from engine.inversion.projection import Place
from engine.stylegan2.network import Generator

PEOPLE = 8  # how many others of the generator are tried
TRUNCATION = 0.7
LOOKS = 9  # pictures that are tried on each way before bisection


class TowardsOthersFinder(Finder):
    """Looks from the border towards several random people, and takes the one most like the sitter."""

    name = "towards-others"
    description = "lies on the way to somebody else"
    last_resort = True
    stays_among_faces = True

    def __init__(self, seed: int = 0) -> None:
        """`seed` says which other people are tried."""
        self.seed = seed

    def find(self, task: FinderTask) -> Doppelganger | None:
        """Of the first pictures that hold on each way, the one that looks most like the portrait, or None."""
        border = task.continuum.place(task.border_t)
        return nearest_towards_others(task.generator, border, task.holds, task.portrait_distance, self.seed)


def build(dtype: torch.dtype, seed: int) -> TowardsOthersFinder:
    """The finder of a visit; see `engine.finders.registry`."""
    return TowardsOthersFinder(seed)


def nearest_towards_others(
    generator: Generator,
    border: Place,
    holds: Holds,
    portrait_distance: Callable[[Pixels], float],
    seed: int = 0,
) -> Doppelganger | None:
    """Of the first pictures that hold on the ways from `border` to other people, the one with the smallest
    `portrait_distance`, or None where none holds."""
    found = []
    for other in _others(generator, seed):
        way = Continuum(generator, border, other)
        t = first_that_holds(way.picture, holds, np.linspace(0, 1, LOOKS).tolist())
        if t is not None:
            found.append(Doppelganger(TowardsOthersFinder.name, None, way.place(t), way.picture(t)))
    return min(found, key=lambda doppelganger: portrait_distance(doppelganger.picture), default=None)


def _others(generator: Generator, seed: int) -> Iterator[Place]:
    random = torch.Generator().manual_seed(seed)
    for _ in range(PEOPLE):
        z = torch.randn(1, generator.z_dim, generator=random).to(generator.device)
        with torch.no_grad():
            yield Place(generator.truncate(generator.broadcast(generator.mapping(z)), TRUNCATION))
