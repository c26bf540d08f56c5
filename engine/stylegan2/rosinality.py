"""Generators of rosinality/stylegan2-pytorch, and of pSp, e4e, ReStyle and others that took its code.

Their state dicts have other names than NVIDIA's. The tensors need no change but for dimensions of size one:
both keep weights before the run-time scaling, and both keep the up-sampling convolutions the way a
transposed convolution takes them.

Names and defaults: `model.py` and `train.py` of rosinality/stylegan2-pytorch.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch

from engine.common.errors import InvalidWeights
from engine.stylegan2.modules import Setting
from engine.stylegan2.settings import LR_MULTIPLIER, Settings, agreed, refuse_unknown, require

CONVOLUTION = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "conv.blur.kernel": "resample_filter",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
}
COLOURS = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "upsample.kernel": "resample_filter",
    "bias": "bias",
}
FULLY_CONNECTED = {"weight": "weight", "bias": "bias"}

# rosinality's layer, NVIDIA's name for it, and their names for what is in it.
LAYERS: list[tuple[str, Callable[[int], str], dict[str, str]]] = [
    (r"style\.(\d{1,2})\.(.+)", lambda i: f"mapping.fc{i - 1}", FULLY_CONNECTED),
    (r"(conv1)\.(.+)", lambda _: "synthesis.b4.conv1", CONVOLUTION),
    (r"(to_rgb1)\.(.+)", lambda _: "synthesis.b4.torgb", COLOURS),
    (r"convs\.(\d{1,2})\.(.+)", lambda i: f"synthesis.b{8 << i // 2}.conv{i % 2}", CONVOLUTION),
    (r"to_rgbs\.(\d{1,2})\.(.+)", lambda i: f"synthesis.b{8 << i}.torgb", COLOURS),
    (r"(input)\.(.+)", lambda _: "synthesis.b4", {"input": "const"}),
    (r"noises\.(noise_0)()", lambda _: "synthesis.b4.conv1", {"": "noise_const"}),
    (
        r"noises\.noise_(\d{1,2})()",
        lambda i: f"synthesis.b{8 << (i - 1) // 2}.conv{(i - 1) % 2}",
        {"": "noise_const"},
    ),
]


def as_nvidia(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of rosinality's generator under NVIDIA's names and in its shapes.

    Raises `InvalidWeights` where a name is not of that generator.
    """
    renamed = {_nvidia_name(name): tensor for name, tensor in state.items()}
    return {name: _without_ones(name, tensor) for name, tensor in renamed.items()}


# Of sizes, which shapes tell, of training, and of the order of computation.
KNOWN = {
    *("training", "size", "style_dim", "channels", "log_size", "num_layers", "n_latent"),
    *("in_channel", "out_channel", "kernel_size", "upsample", "downsample", "padding", "stride", "pad"),
    *("factor", "fused", "bias", "lr_mul", "scale", "activation", "eps", "demodulate", "negative_slope"),
}


def rosinality_settings(
    settings: list[Setting], shapes: Mapping[str, torch.Size], training: Mapping[str, Any]
) -> Settings:
    """How rosinality's generator computes.

    Args:
        settings: what its modules say of themselves; a state dict says nothing.
        shapes: of its weights, by rosinality's names.
        training: the arguments of its training, where the checkpoint has them.

    Raises:
        InvalidWeights: a setting that is not known, or has a value that `Generator` cannot compute with.
    """
    refuse_unknown([setting.name for setting in settings], KNOWN)
    if training.get("arch", "stylegan2") != "stylegan2":
        raise InvalidWeights(
            f"a generator of the architecture {training['arch']!r}; only 'stylegan2' can be used"
        )
    factors = [training["lr_mlp"]] if "lr_mlp" in training else []
    for setting in settings:
        name, module, value = setting.name, setting.module, setting.value
        if re.fullmatch(r"style\.[1-9]\d*", module):
            if name == "lr_mul":
                factors.append(value)
            elif name == "scale":
                factors.append(value * math.sqrt(shapes[f"{module}.weight"][1]))
            elif name == "activation":
                require(name, value, "fused_lrelu")
        elif module.endswith(".activate"):
            if name in ("negative_slope", "scale"):
                require(f"{name} of {module}", value, {"negative_slope": 0.2, "scale": math.sqrt(2)}[name])
        elif name == "demodulate":
            require(f"{name} of {module}", value, not module.startswith("to_rgb"))
    return Settings(lr_multiplier=agreed("lr_mlp", factors, LR_MULTIPLIER))


def _nvidia_name(name: str) -> str:
    for pattern, layer, contents in LAYERS:
        found = re.fullmatch(pattern, name)
        if found and found[2] in contents:
            return f"{layer(int(found[1]) if found[1].isdigit() else 0)}.{contents[found[2]]}"
    raise InvalidWeights(f"{name} is not part of a StyleGAN2 generator")


def _without_ones(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Drops the dimensions of size one that NVIDIA's tensors do not have."""
    match name.rpartition(".")[2], tensor.ndim:
        case ("weight", 5) | ("const", 4) | ("noise_strength", 1):
            return tensor.squeeze(0)
        case ("noise_const", 4):
            return tensor.squeeze((0, 1))
        case ("bias", 4):
            return tensor.squeeze((0, 2, 3))
        case _:
            return tensor
