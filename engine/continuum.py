"""The straight way between two places of the generator, addressable by t in [0, 1].

t = 0 is the start (the median face), t = 1 the end (the closest match). Latent and weights move together:
theta(t) = theta_0 + offsets(t), so that t = 0 stays the generator's own median face even where the match was
tuned.

Every picture is the generator's output at its own t, as 8-bit RGB, the very array that is judged and written.
"""

from collections.abc import Sequence

import numpy as np
import torch

from engine.projection import Place, draw
from engine.stylegan2 import Generator, to_uint8


def between(start: Place, end: Place, t: float) -> Place:
    """The place at t on the straight way; a tensor that one end has not moved counts as zero there."""
    offsets = {}
    for name in start.offsets.keys() | end.offsets.keys():
        a, b = start.offsets.get(name), end.offsets.get(name)
        offsets[name] = torch.zeros_like(b) if a is None and b is not None else a  # type: ignore[assignment]
        offsets[name] = offsets[name] * (1 - t) + (b * t if b is not None else 0)
    return Place(torch.lerp(start.latent, end.latent, t), dict(sorted(offsets.items())))


class Continuum:
    """Pictures by t; each is made once."""

    def __init__(self, generator: Generator, start: Place, end: Place) -> None:
        self.generator, self.start, self.end = generator, start, end
        self._made: dict[float, np.ndarray] = {}

    def place(self, t: float) -> Place:
        """Latent and offsets at t."""
        return between(self.start, self.end, t)

    @torch.no_grad()
    def picture(self, t: float) -> np.ndarray:
        """uint8 (R, R, 3), RGB."""
        if t not in self._made:
            self._made[t] = to_uint8(draw(self.generator, self.place(t)))[0].numpy()
        return self._made[t]

    def pictures(self, ts: Sequence[float]) -> np.ndarray:
        """uint8 (N, R, R, 3), RGB."""
        return np.stack([self.picture(t) for t in ts])
