"""The straight line between two places of the generator, with pictures at every t in [0, 1].

t = 0 is the start (for instance the median face), t = 1 the end (the closest match). Latent and weights move
together, theta(t) = theta_0 + offsets(t), so that t = 0 stays the generator's own median face even where the
match was tuned.

Every picture is the generator's output at its t as 8-bit RGB, the very array that is judged and written.
"""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.inversion.projection import Place, draw
from engine.stylegan2.network import Generator, to_uint8

SLOWEST_T = 0.03
"""The playing speed, in t, is proportional to the distance from the border plus this."""


def between(start: Place, end: Place, t: float) -> Place:
    """The place at t on the straight line; an offset that only one end has counts as zero at the other."""
    offsets: dict[str, torch.Tensor] = {}
    for place, share in ((start, 1 - t), (end, t)):
        for name, offset in place.offsets.items():
            offsets[name] = offsets.get(name, 0) + share * offset
    return Place(torch.lerp(start.latent, end.latent, t), offsets)


def pace(
    start_t: float, end_t: float, border_t: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How to play from one t to another, slower near the border.

    Returns a fine grid of t, (4001,), and the share of the playing time, 0 to 1, at which each is reached.
    """
    grid = np.linspace(start_t, end_t, 4001)
    slowness = np.ones(4000)
    if border_t is not None:
        slowness = 1 / (np.abs((grid[1:] + grid[:-1]) / 2 - border_t) + SLOWEST_T)
    elapsed = np.concatenate([[0.0], np.cumsum(slowness)])
    return grid, elapsed / elapsed[-1]


def filmstrip(border_t: float | None, count: int) -> NDArray[np.float64]:
    """The t, (count,) rising from 0 to 1, of pictures that play evenly at that pace."""
    grid, elapsed = pace(0.0, 1.0, border_t)
    return np.interp(np.linspace(0.0, 1.0, count), elapsed, grid)


class Continuum:
    """Pictures by t, drawn when first asked for and kept."""

    def __init__(self, generator: Generator, start: Place, end: Place) -> None:
        self.generator, self.start, self.end = generator, start, end
        self._made: dict[float, Pixels] = {}

    def place(self, t: float) -> Place:
        """Latent and offsets at t."""
        return between(self.start, self.end, t)

    @torch.no_grad()
    def picture(self, t: float) -> Pixels:
        """uint8 (R, R, 3), RGB."""
        if t not in self._made:
            self._made[t] = to_uint8(draw(self.generator, self.place(t)))[0].numpy()
        return self._made[t]


class Chain(Continuum):
    """A continuum that leads through several places, straight from each to the next."""

    def __init__(self, generator: Generator, places: Sequence[Place], ts: Sequence[float]) -> None:
        """ts: where each of the places lies, rising from 0 to 1; at least two."""
        super().__init__(generator, places[0], places[-1])
        self._places, self._ts = tuple(places), tuple(ts)

    def place(self, t: float) -> Place:
        """Latent and offsets at t."""
        leg = min(max(bisect_right(self._ts, t), 1), len(self._ts) - 1)
        before, after = self._ts[leg - 1], self._ts[leg]
        return between(self._places[leg - 1], self._places[leg], (t - before) / (after - before))
