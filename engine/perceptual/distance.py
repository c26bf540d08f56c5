"""What a perceptual distance is: how different two pictures look, as the search minimises it.

Implementations: `laplacian_pyramid` (no network), `encoder_features` (the generator's own encoder), `lpips`
(weights to be fetched). None of them is a judge, and none was ever told who is who.
"""

from collections.abc import Callable
from typing import Protocol

import torch


class Distance(Protocol):
    """A perceptual distance, prepared once for a target picture."""

    @property
    def sees_px(self) -> int | None:
        """The side that larger pictures are shrunk to before they are compared; None where they are not."""
        ...

    def towards(self, target: torch.Tensor, weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """Target (1, 3, R, R) in [-1, 1] and importance (1, 1, R, R) -> function of pictures (N, 3, R, R)
        that gives distances (N,), differentiable, zero for the target itself."""
        ...
