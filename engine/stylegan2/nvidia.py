"""The settings of NVIDIA's generators, out of the attributes and constructor arguments of their modules.

Names and defaults: `training/networks.py` of NVlabs/stylegan2-ada-pytorch and
`training/networks_stylegan2.py` of NVlabs/stylegan3.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import torch

from engine.common.errors import InvalidWeights
from engine.stylegan2.modules import Setting
from engine.stylegan2.settings import LR_MULTIPLIER, Settings, agreed, number, refuse_unknown, require, shown

# Sizes: the shapes of the weights tell them, and a network whose shapes do not fit is refused.
SIZES = {
    *("z_dim", "w_dim", "num_ws", "num_layers", "layer_features", "embed_features", "kernel_size"),
    *("img_resolution", "img_resolution_log2", "block_resolutions", "resolution", "is_last"),
    *("in_channels", "out_channels", "in_features", "out_features", "channel_base", "channel_max"),
    *("num_conv", "num_torgb"),
}
# Of training, memory or precision. Half precision and fused modulation change the picture by rounding only.
NO_DIFFERENCE = {
    *("training", "epochs", "w_avg_beta", "bias", "bias_init", "class_name"),
    *("trainable", "trainable_layers", "freeze_layers", "freeze_embed"),
    *("num_fp16_res", "use_fp16", "channels_last", "fp16_channels_last", "fused_modconv_default"),
}
REQUIRED = {"architecture": "skip", "img_channels": 3, "init_res": [4, 4]}
LRELU = {"act_gain": math.sqrt(2), "padding": 1}
OTHERS = {
    "activation",
    "up",
    "c_dim",
    "resample_filter",
    "conv_clamp",
    "use_noise",
    "lr_multiplier",
    "weight_gain",
    "bias_gain",
}

EMBEDDING = r"mapping\.embed"  # of conditional generators, which are refused
MAPPING = r"mapping(\.fc\d+)?"
CONVOLUTION = r"synthesis\.b\d+\.conv[01]"
COLOURS = r"synthesis\.b\d+\.torgb"
UNIT_GAIN = rf"({CONVOLUTION}|{COLOURS})(\.affine)?"


def nvidia_settings(settings: list[Setting], shapes: Mapping[str, torch.Size]) -> Settings:
    """How NVIDIA's generator computes.

    Args:
        settings: what its modules say of themselves.
        shapes: of its weights, by name.

    Raises:
        InvalidWeights: a setting that is not known, or has a value that `Generator` cannot compute with.
    """
    refuse_unknown(
        [setting.name for setting in settings],
        SIZES | NO_DIFFERENCE | REQUIRED.keys() | LRELU.keys() | OTHERS,
    )
    for setting in settings:
        _check(setting, shapes)

    def of(name: str) -> list[Any]:
        return [setting.value for setting in settings if setting.name == name]

    factors = of("lr_multiplier")
    for setting in settings:
        if re.fullmatch(MAPPING, setting.module) and setting.name in ("weight_gain", "bias_gain"):
            inputs = _inputs_root(setting.module, shapes) if setting.name == "weight_gain" else 1
            factors.append(number(setting.name, setting.value) * inputs)
    return Settings(
        conv_clamp=agreed("conv_clamp", of("conv_clamp"), None),
        lr_multiplier=agreed("lr_multiplier", factors, LR_MULTIPLIER),
        use_noise=agreed("use_noise", of("use_noise"), True),
    )


def check_structure(shapes: Mapping[str, torch.Size]) -> None:
    """Names what the weights themselves tell of an architecture that `Generator` does not have.

    Raises `InvalidWeights`. `shapes`: of the weights by name, which may be wrong in any other way too.
    """
    if "mapping.embed.weight" in shapes:
        raise InvalidWeights(
            "a conditional generator, which draws by class labels: mapping.embed.weight is not part of an "
            "unconditional one"
        )
    if skips := [name for name in shapes if re.fullmatch(r"synthesis\.b\d+\.skip\.weight", name)]:
        raise InvalidWeights(f"its setting architecture is 'resnet' ({skips[0]}); only 'skip' is known here")
    colours = {name: shape for name, shape in shapes.items() if re.fullmatch(rf"{COLOURS}\.weight", name)}
    if colours and "synthesis.b4.torgb.weight" not in colours:
        raise InvalidWeights(
            "its setting architecture is not 'skip', the only one known here: "
            "synthesis.b4.torgb.weight is missing"
        )
    for name, shape in colours.items():
        if len(shape) == 4 and shape[0] != 3:
            raise InvalidWeights(f"it draws {shape[0]} colours ({name}); only 3 (RGB) are known here")


def has_running_average(settings: list[Setting]) -> bool:
    """Whether the mapping keeps the running average of w; NVIDIA's does unless `w_avg_beta` is None."""
    return all(
        setting.value is not None
        for setting in settings
        if setting.name == "w_avg_beta" and setting.module == "mapping"
    )


def _check(setting: Setting, shapes: Mapping[str, torch.Size]) -> None:
    """Refuses a setting that would make another network of these weights."""
    name, module, value = setting.name, setting.module, setting.value
    if name in REQUIRED:
        require(name, value, REQUIRED[name])
    elif name in LRELU:
        require(name, value, LRELU[name])
    elif name == "activation":
        linear = re.fullmatch(rf"(.+\.)?(affine|torgb)|{EMBEDDING}", module)
        require(f"{name} of {module}" if linear else name, value, "linear" if linear else "lrelu")
    elif name == "up":
        require(f"{name} of {module}", value, 2 if module.endswith(".conv0") else 1)
    elif name == "resample_filter":
        if not isinstance(value, list | tuple) or [*value[:5]] != [1, 3, 3, 1]:
            raise InvalidWeights(
                f"its setting resample_filter is {shown(value)}; only [1, 3, 3, 1] is known here"
            )
    elif name == "c_dim" and module in ("", "mapping") and value:
        raise InvalidWeights(
            f"a conditional generator, which draws by class labels (c_dim is {shown(value)}); only "
            "unconditional ones (c_dim 0) can be used"
        )
    elif name in ("weight_gain", "bias_gain") and not re.fullmatch(f"{MAPPING}|{EMBEDDING}", module):
        if not re.fullmatch(UNIT_GAIN, module):
            raise InvalidWeights(f"{module or 'its generator'} has a setting that is not known here: {name}")
        gain = number(f"{name} of {module}", value)
        require(f"{name} of {module}", gain * (_inputs_root(module, shapes) if "weight" in name else 1), 1.0)


def _inputs_root(module: str, shapes: Mapping[str, torch.Size]) -> float:
    """The square root of the count of numbers that a layer adds up for one output."""
    if f"{module}.weight" not in shapes:
        raise InvalidWeights(f"{module}.weight is missing")
    return math.sqrt(shapes[f"{module}.weight"][1:].numel())
