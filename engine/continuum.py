"""The straight way between two places of the generator, addressable by t in [0, 1].

t = 0 is the start (the median face), t = 1 the end (the closest match). Latent and weights move together:
theta(t) = theta_0 + offsets(t), so that t = 0 stays the generator's own median face even where the match was
tuned.

Every picture is the generator's output at its own t, as 8-bit RGB, the very array that is judged and written.
"""

from collections.abc import Sequence

import numpy as np
import torch

from engine.arrays import Pixels
from engine.projection import Place, draw
from engine.stylegan2 import Generator, to_uint8


def between(start: Place, end: Place, t: float) -> Place:
    """The place at t on the straight way; a tensor that one end has not moved counts as zero there."""
    offsets: dict[str, torch.Tensor] = {}
    for place, share in ((start, 1 - t), (end, t)):
        for name, offset in place.offsets.items():
            offsets[name] = offsets.get(name, 0) + share * offset
    return Place(torch.lerp(start.latent, end.latent, t), offsets)


class Continuum:
    """Pictures by t; each is made once."""

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

    def pictures(self, ts: Sequence[float]) -> Pixels:
        """uint8 (N, R, R, 3), RGB."""
        return np.stack([self.picture(t) for t in ts])
