"""The picture the sitter takes home: from beyond the border, and staying there.

A picture *holds* when every binding judge says someone else in the worst case over the perturbations. Three
ways lead to one:

- *nearest*: the shortest way across from the closest match (`engine.finders.nearest`). It keeps the likeness
  and is what is given where it is found.
- *on-the-way*: the first picture that holds beyond the border through the median face.
- *towards-others*: where none does as far as the median face, the way goes on from the border towards other
  people of the generator, and the nearest of them that holds is taken.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch

from engine.border.continuum import Continuum
from engine.common.arrays import Pixels
from engine.inversion.projection import Place
from engine.stylegan2.network import Generator

STRIDE = 0.02  # of the way, first looking for a picture that holds
FINEST = 0.001  # of the way, then closing in on the first one
PEOPLE = 8  # how many others of the generator are tried
TRUNCATION = 0.7
# On the way from the place a search has ended in (0) to the match (1): back towards the match as far as it
# still holds, or a little further out where it does not quite hold.
ABOUT_THE_END = (0.3, 0.2, 0.1, 0.05, 0.0, -0.05, -0.1, -0.2, -0.4)
# Where the first of these holds already; the match itself usually does not.
TOWARDS_THE_MATCH = (0.5, 0.7, 0.9, 1.0)

Holds = Callable[[Sequence[Pixels]], list[bool]]
Kind = Literal["nearest", "on-the-way", "towards-others"]


@dataclass(frozen=True)
class Doppelganger:
    """`picture` is uint8 (R, R, 3), RGB. `t`: its place on the continuum through the median (`on-the-way`);
    how far it lies on the way from the border to another person of the generator, 0 to 1
    (`towards-others`); or 0, being itself one end of its own continuum (`nearest`)."""

    kind: Kind
    t: float
    place: Place
    picture: Pixels


def _first_that_holds(picture: Callable[[float], Pixels], holds: Holds, ts: Sequence[float]) -> float | None:
    """The first of `ts`, in their order, that holds; then back towards the one before while it holds."""
    before = ts[0]
    for t in ts:
        if holds([picture(t)])[0]:
            return _close_in(picture, holds, t, before)
        before = t
    return None


def _last_that_holds(picture: Callable[[float], Pixels], holds: Holds, ts: Sequence[float]) -> float:
    """Along `ts`, of which the first holds, as far as all do; then on towards the next while it holds."""
    for t, following in pairwise(ts):
        if not holds([picture(following)])[0]:
            return _close_in(picture, holds, t, following)
    return ts[-1]


def _close_in(picture: Callable[[float], Pixels], holds: Holds, good: float, bad: float) -> float:
    """From a t that holds as far towards one that does not as it still holds, by bisection."""
    while abs(good - bad) > FINEST:
        middle = (good + bad) / 2
        if holds([picture(middle)])[0]:
            good = middle
        else:
            bad = middle
    return good


def nearest(generator: Generator, found: Place, match: Place, holds: Holds) -> Doppelganger | None:
    """Closes in on the match from the place where the search for the nearest picture has ended: the first
    picture that holds, seen from the match, or None."""
    way = Continuum(generator, found, match)
    t = _first_that_holds(way.picture, holds, ABOUT_THE_END)
    if t == ABOUT_THE_END[0]:
        t = _last_that_holds(way.picture, holds, (t, *TOWARDS_THE_MATCH))
    return None if t is None else Doppelganger("nearest", 0.0, way.place(t), way.picture(t))


def on_the_way(continuum: Continuum, border_t: float, holds: Holds) -> Doppelganger | None:
    """The first picture from `border_t` down to the median face that holds, or None."""
    ts = [border_t, *np.arange(border_t - STRIDE, 0, -STRIDE).tolist(), 0.0]
    t = _first_that_holds(continuum.picture, holds, ts)
    return None if t is None else Doppelganger("on-the-way", t, continuum.place(t), continuum.picture(t))


def _others(generator: Generator, seed: int) -> Iterator[Place]:
    random = torch.Generator().manual_seed(seed)
    for _ in range(PEOPLE):
        z = torch.randn(1, generator.z_dim, generator=random).to(generator.device)
        with torch.no_grad():
            yield Place(generator.truncate(generator.broadcast(generator.mapping(z)), TRUNCATION))


def towards_others(
    generator: Generator, border: Place, holds: Holds, unlikeness: Callable[[Pixels], float], seed: int = 0
) -> Doppelganger | None:
    """From the border towards other people of the generator: of the first pictures that hold on each way, the
    one with the smallest `unlikeness` (a perceptual distance to the sitter), or None where none holds."""
    found = []
    for other in _others(generator, seed):
        way = Continuum(generator, border, other)
        t = _first_that_holds(way.picture, holds, np.linspace(0, 1, 9).tolist())
        if t is not None:
            found.append(Doppelganger("towards-others", t, way.place(t), way.picture(t)))
    return min(found, key=lambda one: unlikeness(one.picture), default=None)
