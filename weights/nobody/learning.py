"""What the trainings share: losses, learning rates, growing, sheets of samples.

Apart from `regress.py`, so that a machine that only trains needs neither OpenCV nor the renderer.
"""

import math

import torch
import torch.nn.functional as F
from PIL import Image

from engine.stylegan2 import Generator


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


def grown(state: dict[str, torch.Tensor], generator: Generator) -> Generator:
    """Fills a generator from one of lower resolution; new blocks begin by adding nothing to the picture."""
    for block in generator.synthesis.children():
        torch.nn.init.zeros_(block.get_parameter("torgb.weight"))
    generator.load_state_dict(state, strict=False)
    return generator


def learning_rate(step: int, seconds_left: float, fall_s: float, peak: float) -> float:
    """Warm up over 100 steps, fall over the last `fall_s` seconds to a twentieth."""
    return peak * min(1.0, (step + 1) / 100) * max(0.05, min(1.0, seconds_left / fall_s))


def contact_sheet(pictures: torch.Tensor, columns: int) -> Image.Image:
    """uint8 (N, R, R, 3) -> one picture, row by row."""
    n, size = pictures.shape[:2]
    grid = pictures.reshape(n // columns, columns, size, size, 3).permute(0, 2, 1, 3, 4)
    return Image.fromarray(grid.reshape(n // columns * size, columns * size, 3).numpy())


@torch.no_grad()
def set_w_avg(generator: Generator, draws: int = 20000) -> None:
    """The median face: the mean of w over fresh draws of z."""
    z = torch.randn(draws, generator.z_dim, generator=torch.Generator().manual_seed(0))
    generator.mapping.w_avg.copy_(generator.mapping(z).mean(0))
