"""The checkpoints of others, turned into weights under NVIDIA's names.

- NVIDIA's `.pkl` of StyleGAN2-ADA and StyleGAN3: a pickle of whole networks, with their source text. Only
  the tensors are taken; the source text is never looked at.
- rosinality's `.pt`: a state dict under other names. Its tensors need no change but for dimensions of size
  one: both keep weights before the run-time scaling, and both keep the up-sampling convolutions the way
  a transposed convolution takes them.

Both return the weights as {name: tensor}. They raise `InvalidWeights`, or any exception where a file is
damaged; see `engine.common.weights_file.reporting_weights_errors`.
"""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from engine.common.weights_file import (
    OLD_TORCH_START,
    ForbiddenName,
    InvalidWeights,
    is_plain_tensor,
    load_torch,
    reporting_forbidden_names,
)
from engine.stylegan2.pickles import Record, read_pickle

MAX_MODULES = 1000  # FFHQ-1024 has 72

RECONSTRUCT = "torch_utils.persistence._reconstruct_persistent_obj"
PARAMETER = "torch._utils._rebuild_parameter"
TENSOR = "torch._utils._rebuild_tensor_v2"
STORAGE = "torch.storage._load_from_bytes"
NVIDIA_NAMES: dict[str, type] = {
    RECONSTRUCT: Record,
    PARAMETER: Record,
    TENSOR: Record,
    STORAGE: Record,
    "numpy.core.multiarray.scalar": Record,
    "numpy._core.multiarray.scalar": Record,
    "numpy.dtype": Record,
    "dnnlib.util.EasyDict": dict,
    "collections.OrderedDict": dict,
    "builtins.set": list,
    "__builtin__.set": list,
}


def read_nvidia(path: Path) -> dict[str, torch.Tensor]:
    """The averaged generator (G_ema, or G where there is none) of NVIDIA's `.pkl`."""
    try:
        with path.open("rb") as file:
            networks = read_pickle(file, NVIDIA_NAMES)
    except ForbiddenName as error:
        if error.name == "dnnlib.tflib.network.Network":
            raise InvalidWeights(
                "this is NVIDIA's older TensorFlow format; fetch the same network as ffhq.pkl "
                "with './kiosk weights fetch ffhq-1024'"
            ) from error
        raise
    if not isinstance(networks, dict) or not networks.keys() & {"G_ema", "G"}:
        raise InvalidWeights("it holds no generator (neither G_ema nor G)")
    state: dict[str, torch.Tensor] = {}
    modules = [("", networks.get("G_ema") or networks["G"])]
    for visited, (prefix, module) in enumerate(modules):
        if visited == MAX_MODULES:
            raise InvalidWeights(f"its generator has more than {MAX_MODULES} parts")
        fields = _arguments(module, RECONSTRUCT)[0]["state"]
        for tensors in (fields["_parameters"], fields["_buffers"]):
            state |= {prefix + name: _tensor(value) for name, value in tensors.items() if value is not None}
        # The list grows while it is walked: children come after their parents.
        modules += [(f"{prefix}{name}.", child) for name, child in fields["_modules"].items()]
    return state


def _tensor(record: Record) -> torch.Tensor:
    if record.name == PARAMETER:
        record = record.arguments[0]
    stored, offset, size, stride = _arguments(record, TENSOR)[:4]
    (content,) = _arguments(stored, STORAGE)
    if not content.startswith(OLD_TORCH_START):
        raise InvalidWeights("a tensor in it is not stored the way PyTorch does")
    with reporting_forbidden_names():
        storage = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    flat = torch.empty(0, dtype=storage.dtype).set_(storage)
    # as_strided refuses what lies outside the storage; set_ with a size would enlarge the storage.
    return flat.as_strided(size, stride, offset)


def _arguments(record: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(record, Record) or record.name != name:
        raise InvalidWeights(f"something else stands where {name.rpartition('.')[2]} should")
    return record.arguments


def read_rosinality(path: Path) -> dict[str, torch.Tensor]:
    """The averaged generator (g_ema) of rosinality's `.pt`, with latent_avg as mapping.w_avg."""
    content = load_torch(path)
    if not isinstance(content, dict) or not content.keys() >= {"g_ema", "latent_avg"}:
        raise InvalidWeights("it holds no generator as rosinality keeps it (g_ema and latent_avg)")
    state = {"mapping.w_avg": content["latent_avg"]}
    for name, tensor in content["g_ema"].items():
        if not is_plain_tensor(tensor):
            raise InvalidWeights(f"{name} is no plain tensor of floating-point numbers")
        nvidia_name = _nvidia_name(name)
        state[nvidia_name] = _without_ones(nvidia_name, tensor)
    return state


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
