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
from engine.stylegan2.settings import LR_MULTIPLIER, Settings, agreed, number, refuse_unknown, require, shown

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

UPSAMPLING_GAIN = 4

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
    return {name: _without_ones(name, _plain_filter(name, tensor)) for name, tensor in renamed.items()}


def _plain_filter(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """A filter as NVIDIA keeps it: rosinality's has the factor 4 in it that up-sampling by 2 needs."""
    return tensor / UPSAMPLING_GAIN if name.endswith(".resample_filter") else tensor


# What each module keeps beside its tensors. ANY: of sizes, which shapes tell, of training, or of the order
# of computation. Everything else is the only value known here; a function tells it from the module's path
# and the shapes of the weights.
Shapes = Mapping[str, torch.Size]
Expected = Any | Callable[[str, Shapes], Any]


def _convolution_scale(module: str, shapes: Shapes) -> float:
    return 1 / math.sqrt(shapes[f"{module}.weight"][-3:].numel())


def _inputs_scale(module: str, shapes: Shapes) -> float:
    return 1 / math.sqrt(shapes[f"{module}.weight"][-1])


def _padding(module: str, shapes: Shapes) -> int:
    return shapes[f"{module}.weight"][-1] // 2


def _is_upsampling(module: str, _: Shapes) -> bool:
    return re.fullmatch(r"convs\.\d*[02468]\.conv", module) is not None


def _is_no_colour(module: str, _: Shapes) -> bool:
    return not module.startswith("to_rgb")


ANY: Any = object()
MODULES: list[tuple[str, dict[str, Expected]]] = [
    ("", dict.fromkeys(("size", "style_dim", "channels", "log_size", "num_layers", "n_latent"), ANY)),
    (r"style\.[1-9]\d*", {"lr_mul": ANY, "scale": ANY, "activation": "fused_lrelu"}),
    (r".*\.modulation", {"lr_mul": 1, "scale": _inputs_scale, "activation": None}),
    (
        r".*\.conv",
        {
            **{"eps": 1e-8, "scale": _convolution_scale, "padding": _padding, "demodulate": _is_no_colour},
            **{"upsample": _is_upsampling, "downsample": False, "fused": ANY, "kernel_size": ANY},
            **{"in_channel": ANY, "out_channel": ANY},
        },
    ),
    (r".*\.blur", {"pad": (1, 1)}),
    (r".*\.upsample", {"factor": 2, "pad": (2, 1)}),
    (r".*\.activate", {"negative_slope": 0.2, "scale": math.sqrt(2), "bias": ANY}),
]


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
    if training.get("arch", "stylegan2") != "stylegan2":
        raise InvalidWeights(
            f"a generator of the architecture {shown(training['arch'])}; only 'stylegan2' can be used"
        )
    factors = [training["lr_mlp"]] if "lr_mlp" in training else []
    for setting in settings:
        _check(setting, shapes)
        if re.fullmatch(r"style\.[1-9]\d*", setting.module) and setting.name in ("lr_mul", "scale"):
            inputs = 1 / _inputs_scale(setting.module, shapes) if setting.name == "scale" else 1
            factors.append(number(setting.name, setting.value) * inputs)
    return Settings(lr_multiplier=agreed("lr_mlp", factors, LR_MULTIPLIER))


def _check(setting: Setting, shapes: Shapes) -> None:
    """Refuses a setting that would make another network of these weights, or is not known."""
    name, module = setting.name, setting.module
    known = next((known for pattern, known in MODULES if re.fullmatch(pattern, module)), {})
    refuse_unknown([name], {"training"} | known.keys())
    expected = known.get(name, ANY)
    if expected is not ANY:
        value = expected(module, shapes) if callable(expected) else expected
        in_style = name == "activation" and value is not None
        require(name if in_style else f"{name} of {module}", setting.value, value)


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
