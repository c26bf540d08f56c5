"""What the trainings share: losses, learning rates, growing, sheets of samples, files.

Apart from `regress.py`, so that a machine that only trains needs neither OpenCV nor the renderer.
"""

import math
import re
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from PIL import Image

from engine.common.errors import UsageError
from engine.stylegan2.network import FullyConnected, Generator

Tensors = dict[str, torch.Tensor]


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


def kept(checkpoint: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What a run goes on from. Raises UsageError where there is nothing."""
    if not checkpoint.is_file():
        raise UsageError(f"{checkpoint}: is not there. Name the folder of a run that has begun.")
    return cast(dict[str, Any], torch.load(checkpoint, map_location=device, weights_only=True))


def coarser(state: Tensors, resolution: int) -> Tensors:
    """What a generator of that resolution can take of a finer one: all but the finest blocks."""
    return {name: tensor for name, tensor in state.items() if (_block_px(name) or 0) <= resolution}


def grown(state: Tensors, generator: Generator, source: Path) -> Generator:
    """Fills a generator from one of lower resolution; new blocks begin by adding nothing to the picture.

    Raises UsageError, which names the `source`, where anything else is more there, or less, or of another
    shape.
    """
    known = {_block_px(name) for name in state}
    wanted = {name: own.shape for name, own in generator.state_dict().items() if _block_px(name) in known}
    if wanted != {name: tensor.shape for name, tensor in state.items()}:
        raise UsageError(
            f"{source}: does not fit a generator of {generator.resolution} px with "
            f"{generator.mapping_layers} mapping layers. Ask for at least its own resolution, or begin "
            "another run."
        )
    for block in generator.synthesis.children():
        torch.nn.init.zeros_(block.get_parameter("torgb.weight"))
    generator.load_state_dict(state, strict=False)
    return generator


def _block_px(name: str) -> int | None:
    """The resolution that a tensor of a generator belongs to; None for the mapping."""
    found = re.match(r"synthesis\.b(\d+)\.", name)
    return int(found[1]) if found else None


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


@torch.no_grad()
def widen(generator: Generator, psi: float) -> None:
    """Lets truncation `psi` show what truncation 1 has shown so far; the pictures themselves stay the same.

    w becomes w / psi, and the affine layers take the difference back: A (w / psi - d) + b with
    d = w_avg (1 / psi - 1). A network that has learned pairs shows at 1 what it knows of the renders, which
    is nearer to their mean than they are; faces at the usual 0.7 would be too much alike.
    """
    last = generator.mapping.get_submodule(f"fc{generator.mapping_layers - 1}")
    for name in ("weight", "bias"):  # leaky ReLU, which follows, is the same at any scale
        last.get_parameter(name).div_(psi)
    moved = generator.mapping.w_avg * (1 / psi - 1)
    for layer in generator.synthesis.modules():
        if isinstance(affine := getattr(layer, "affine", None), FullyConnected):
            affine.bias.sub_(affine(moved[None])[0] - affine(torch.zeros_like(moved)[None])[0])
    generator.mapping.w_avg.div_(psi)
