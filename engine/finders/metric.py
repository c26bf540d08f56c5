"""How visible a move of the latent is: a metric in which short moves change a picture little.

The search for the match has differentiated the perceptual distance at every step. Towards its end what is
left of the distance is detail without order, so that these gradients are samples of how the picture moves
with the latent: `H = mean(g g^T) + floor * I` is a Gauss-Newton matrix of the visible change about the match,
at no further cost. Steps that are short in this metric come as near in fewer (docs/search.md).
"""

from collections.abc import Iterable

import torch
from torch import Tensor

SAMPLES = 36
"""How many of the last gradients are kept."""

FLOOR = 10.0
"""The least eigenvalue, in means of all eigenvalues of `mean(g g^T)`: few samples know few directions."""


class LatentMetric:
    """The metric of one match. Without gradients it is the Euclidean one."""

    def __init__(self, gradients: Iterable[Tensor] = ()) -> None:
        """gradients: of one loss at several steps, each of any shape with D numbers."""
        self._rows = [gradient.flatten() for gradient in gradients]
        self._free: Tensor | None = None
        self._directions: Tensor | None = None
        if not self._rows:
            return
        samples = torch.stack(self._rows) / len(self._rows) ** 0.5
        floor = FLOOR * samples.square().sum() / samples.shape[1]
        if floor > 0:
            _, lengths, self._directions = torch.linalg.svd(samples, full_matrices=False)
            self._shrinking = (1 + lengths.square() / floor).rsqrt() - 1

    def within(self, free: Tensor) -> "LatentMetric":
        """The metric of those coordinates alone that are 1 in `free` and not 0; moves have no others."""
        inner = LatentMetric(row * free.flatten() for row in self._rows)
        inner._free = free.flatten()
        return inner

    def whiten(self, vectors: Tensor) -> Tensor:
        """(..., D) -> (..., D): by `H^(-1/2)`, up to a factor. Gradients become those in coordinates in which
        equal lengths are equally visible, and moves in these coordinates become moves of the latent."""
        if self._free is not None:
            vectors = vectors * self._free
        if self._directions is None:
            return vectors
        known = vectors @ self._directions.T
        return vectors + (known * self._shrinking) @ self._directions
