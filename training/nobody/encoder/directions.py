"""The directions of w in which a generator's pictures change most."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from engine.inversion.projection import fast_dtype
from engine.stylegan2.network import Generator


@dataclass(frozen=True)
class Directions:
    """Directions of w in which the picture changes most, for what w varies there.

    Attributes:
        basis: (K, w_dim), one standard deviation of w along each.
        inverse: (w_dim, K); `(w - w_avg) @ inverse` are coordinates, of variance 1 over random people.
        importance: (K,), mean 1: square roots of how much the picture changes along each.
    """

    basis: torch.Tensor
    inverse: torch.Tensor
    importance: torch.Tensor


def find_directions(generator: Generator, count: int, pictures: int = 176) -> Directions:
    """Looks back from random patterns in random people's pictures to w, and takes what is seen most."""
    device = generator.mapping.w_avg.device
    random = torch.Generator().manual_seed(0)
    z = torch.randn(20000, generator.z_dim, generator=random).to(device)
    with torch.no_grad():
        covariance = torch.cov(generator.mapping(z).T)
    variances, axes = torch.linalg.eigh(covariance)
    deviations = variances.clamp(min=1e-3 * float(variances.mean())).sqrt()
    root, inverse_root = (axes * deviations) @ axes.T, (axes / deviations) @ axes.T
    looks_back = []
    for part in z[:pictures].split(8):
        w = generator.mapping(part).requires_grad_(True)
        drawn = generator.synthesis(generator.broadcast(w), "const", working_dtype(device))
        (gradient,) = torch.autograd.grad((drawn * _patterns(drawn)).sum(), w)
        looks_back.append(gradient)
    projected = torch.cat(looks_back) @ root
    strengths, vectors = torch.linalg.eigh(projected.T @ projected)
    kept = vectors.flip(1)[:, :count]
    weights = strengths.flip(0)[:count].clamp(min=1e-6 * float(strengths[-1])).sqrt()
    return Directions(kept.T @ root, inverse_root @ kept, weights / weights.mean())


def _patterns(like: torch.Tensor) -> torch.Tensor:
    """Random patterns (N, 3, R, R), as strong at every scale from 8 px to R."""
    total, size = torch.zeros_like(like), like.shape[-1]
    cells = size
    while cells >= 8:
        coarse = torch.randn(len(like), 3, cells, cells).to(like) * cells / size
        total += F.interpolate(coarse, size=like.shape[2:])
        cells //= 2
    return total


def working_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on a GPU, and on a CPU that multiplies it natively."""
    return torch.bfloat16 if device.type == "cuda" else fast_dtype(device)
