"""Losses that compare pictures, and the learning rate over a run."""

import math

import torch
import torch.nn.functional as F


def importance(alpha: torch.Tensor) -> torch.Tensor:
    """(N, 1, R, R) alpha -> weights (N, 1, R, R): 1 for the face, 0.6 for hair, 0.25 for the ground.

    Hair strands are drawn from random seeds that no latent tells; asking for them only blurs the face.
    """
    size = alpha.shape[-1]
    y, x = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    distance = torch.sqrt(((x - 0.5) / 0.31) ** 2 + ((y - 0.57) / 0.37) ** 2)
    face = torch.sigmoid((1 - distance) * 12)
    return 0.25 + alpha * (0.35 + 0.4 * face)


def pyramid_loss(a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor, levels: int = 5) -> torch.Tensor:
    """Weighted L1 over a Laplacian pyramid; each band counts the same however faint it is."""
    difference, total = a - b, torch.zeros([])
    for level in range(min(levels, int(math.log2(a.shape[-1])) - 2)):
        coarse = F.avg_pool2d(difference, 2)
        band = difference - F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        total = total + (band.abs() * weight).mean() * 2.0 ** (2 - level / 2)
        difference, weight = coarse, F.avg_pool2d(weight, 2)
    return total + (difference.abs() * weight).mean() * 2


def learning_rate(step: int, seconds_left: float, fall_s: float, peak: float) -> float:
    """Warm up over 100 steps, fall over the last `fall_s` seconds to a twentieth."""
    return peak * min(1.0, (step + 1) / 100) * max(0.05, min(1.0, seconds_left / fall_s))
