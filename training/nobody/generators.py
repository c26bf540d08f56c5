"""Prepares generators before, between and after trainings: growth, median face, truncation, noise maps."""

import re
from pathlib import Path

import torch

from engine.common.errors import UsageError
from engine.stylegan2.network import FullyConnected, Generator

Tensors = dict[str, torch.Tensor]
MAPPING_LAYERS = 2  # Karras et al. 2020b take two for small data sets; eight learn more slowly


def new_generator(z_dim: int, resolution: int) -> Generator:
    """An untrained generator of the embedded one's width."""
    return Generator(
        z_dim, 512, resolution, channel_base=8192, channel_max=256, mapping_layers=MAPPING_LAYERS
    )


def blocks_up_to(state: Tensors, resolution: int) -> Tensors:
    """What a generator of that resolution can take of a finer one: all but the finest blocks."""
    return {name: tensor for name, tensor in state.items() if (_block_px(name) or 0) <= resolution}


def load_coarser_state(state: Tensors, generator: Generator, source: Path) -> Generator:
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


@torch.no_grad()
def set_w_avg(generator: Generator, draws: int = 20000) -> None:
    """The median face: the mean of w over fresh draws of z."""
    z = torch.randn(draws, generator.z_dim, generator=torch.Generator().manual_seed(0))
    generator.mapping.w_avg.copy_(generator.mapping(z).mean(0))


@torch.no_grad()
def rescale_truncation(generator: Generator, psi: float) -> None:
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


@torch.no_grad()
def clear_noise_maps(generator: Generator) -> None:
    """Noise of full strength and empty maps: the pictures of a generator that has learned without noise, and
    room for the detail that a visit's tuning fills the maps with (`engine.inversion.projection.tune`)."""
    for layer in generator.synthesis.noise_layers().values():
        layer.noise_const.zero_()
        layer.noise_strength.fill_(1.0)


@torch.no_grad()
def fill_empty_noise_maps(generator: Generator) -> None:
    """Fills maps that `clear_noise_maps` left empty, at strength zero: training draws random noise."""
    for layer in generator.synthesis.noise_layers().values():
        if not layer.noise_const.any():
            layer.noise_const.normal_()
            layer.noise_strength.zero_()
