"""Whether a swapped face follows its driver: a face that never moves has no flashes, either."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.live.decoders.faces import Faces
from engine.live.decoders.network import Side, TwoDecoders, as_input, other
from engine.live.expression import Mesh, measure

# With fewer frames there is nothing to correlate.
LEAST_FRAMES = 8
BATCH = 16


@dataclass(frozen=True)
class Following:
    """Correlation, -1 to 1, of the swapped face with its driver, frame by frame; nan where nothing moves."""

    mouth: float
    smile: float
    yaw: float


def following(driver: Sequence[Mesh | None], swapped: Sequence[Mesh | None]) -> Following:
    """From the meshes of both in the same frames; those where one is missing are left out."""
    both = [
        (measure(a), measure(b))
        for a, b in zip(driver, swapped, strict=True)
        if a is not None and b is not None
    ]

    def correlation(name: str) -> float:
        return _correlation(np.array([[getattr(a, name), getattr(b, name)] for a, b in both]))

    return Following(correlation("jaw"), correlation("corners"), correlation("yaw_deg"))


def _correlation(columns: NDArray[np.float64]) -> float:
    if len(columns) < LEAST_FRAMES or (columns.std(axis=0) < 1e-9).any():
        return float("nan")
    return float(np.corrcoef(columns.T)[0, 1])


@torch.inference_mode()
def answers(network: TwoDecoders, seen: Faces, to: Side) -> torch.Tensor:
    """What a decoder draws of the other person's faces: float (N, C, S, S) on the CPU."""
    device = next(network.parameters()).device
    network.eval()
    parts = [
        network(as_input(seen.pictures[at : at + BATCH, :3]).to(device), other(to), to).float().cpu()
        for at in range(0, len(seen), BATCH)
    ]
    return torch.cat(parts)


def miss_grey(drawn: torch.Tensor, truth: Faces) -> float:
    """Mean absolute difference from the true faces within their masks, in grey levels of 255.

    drawn: (N, C, S, S), or (1, C, S, S) for the same picture each time.
    """
    target = truth.pictures.float() / 255
    mask = target[:, 3:]
    missed = (drawn[:, :3].clamp(0, 1) - target[:, :3]).abs() * mask
    return float(255 * missed.sum() / (3 * mask.sum()).clamp(min=1e-6))
