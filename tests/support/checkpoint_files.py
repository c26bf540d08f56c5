"""Checkpoints of StyleGAN2 generators in the formats of others, for tests."""

import io
import pickle
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from engine.stylegan2.network import Generator

State = dict[str, torch.Tensor]


def small_state() -> State:
    """A generator of a few hundred weights, with the filters NVIDIA's files carry."""
    torch.manual_seed(0)
    state = Generator(
        z_dim=6, w_dim=5, resolution=8, channel_base=24, channel_max=4, mapping_layers=2
    ).state_dict()
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    for name in ["b4", "b4.conv1", "b8", "b8.conv0", "b8.conv1"]:
        state[f"synthesis.{name}.resample_filter"] = torch.outer(taps, taps) / 64
    return state


class EasyDict(dict[str, Any]):
    pass


class Reconstructed:
    """Pickles as NVIDIA's persistent classes do: a call of `_reconstruct_persistent_obj` with everything."""

    def __init__(self, class_name: str, state: dict[str, Any], source: str) -> None:
        self.meta = {
            "type": "class", "version": 6, "module_src": source, "class_name": class_name, "state": state,
        }  # fmt: skip

    def __reduce__(self) -> tuple[Any, ...]:
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (self.meta,), None


@contextmanager
def nvidia_modules() -> Iterator[None]:
    """The modules NVIDIA's pickles name exist while they are written, and only then."""
    persistence, util = ModuleType("torch_utils.persistence"), ModuleType("dnnlib.util")
    exec("def _reconstruct_persistent_obj(meta): exec(meta['module_src'])", persistence.__dict__)
    EasyDict.__module__, EasyDict.__qualname__, util.EasyDict = "dnnlib.util", "EasyDict", EasyDict  # type: ignore[attr-defined]
    modules = {
        "torch_utils": ModuleType("torch_utils"), "torch_utils.persistence": persistence,
        "dnnlib": ModuleType("dnnlib"), "dnnlib.util": util,
    }  # fmt: skip
    sys.modules.update(modules)
    yield
    for name in modules:
        del sys.modules[name]


BUFFERS = ("w_avg", "noise_const", "resample_filter")


def as_module(state: dict[str, Any], source: str, class_name: str = "Generator") -> Reconstructed:
    """A tree of NVIDIA's modules with what torch.nn.Module and their constructors keep in them."""
    fields: dict[str, Any] = {
        "training": False, "_parameters": OrderedDict(), "_buffers": OrderedDict(), "_modules": OrderedDict(),
        "_non_persistent_buffers_set": set(), "_backward_hooks": OrderedDict(), "activation": "lrelu",
        "act_gain": np.sqrt(2), "conv_clamp": None, "padding": 1, "z_dim": 2**40, "w_avg_beta": 0.995,
        "_init_args": (), "_init_kwargs": EasyDict(mapping_kwargs=EasyDict(num_layers=8)),
    }  # fmt: skip
    children: dict[str, dict[str, Any]] = {}
    for name, value in state.items():
        head, _, rest = name.partition(".")
        if rest:
            children.setdefault(head, {})[rest] = value
        elif head in BUFFERS:
            fields["_buffers"][head] = value
        else:
            is_tensor = isinstance(value, torch.Tensor)
            fields["_parameters"][head] = (
                torch.nn.Parameter(value, requires_grad=False) if is_tensor else value
            )
    for name, child in children.items():
        fields["_modules"][name] = as_module(child, source, "Layer")
    return Reconstructed(class_name, fields, source)


def write_nvidia(
    path: Path, state: dict[str, Any], source: str = "", protocol: int = 4, **others: Any
) -> Path:
    with nvidia_modules():
        discriminator = as_module({"b4.conv.weight": torch.zeros(4, 4)}, source, "Discriminator")
        networks = {
            "training_set_kwargs": EasyDict(class_name="training.dataset.ImageFolderDataset", xflip=True),
            "D": discriminator, "G_ema": as_module(state, source), "augment_pipe": None, **others,
        }  # fmt: skip
        path.write_bytes(pickle.dumps(networks, protocol=protocol))
    return path


def as_rosinality(state: State) -> State:
    """The state dict rosinality's Generator has for the same network."""
    result: State = {"input.input": state["synthesis.b4.const"][None]}
    kernel = state["synthesis.b4.resample_filter"] * 4
    layers = sum(name.endswith("weight") and name.startswith("mapping") for name in state)
    for i in range(layers):
        for leaf in ("weight", "bias"):
            result[f"style.{i + 1}.{leaf}"] = state[f"mapping.fc{i}.{leaf}"]

    def modulated(target: str, source: str) -> None:
        result[f"{target}.conv.weight"] = state[f"{source}.weight"][None]
        result[f"{target}.conv.modulation.weight"] = state[f"{source}.affine.weight"]
        result[f"{target}.conv.modulation.bias"] = state[f"{source}.affine.bias"]

    def styled(target: str, source: str, noise: int) -> None:
        modulated(target, source)
        result[f"{target}.noise.weight"] = state[f"{source}.noise_strength"][None]
        result[f"{target}.activate.bias"] = state[f"{source}.bias"]
        result[f"noises.noise_{noise}"] = state[f"{source}.noise_const"][None, None]

    def colours(target: str, source: str) -> None:
        modulated(target, source)
        result[f"{target}.bias"] = state[f"{source}.bias"][None, :, None, None]

    styled("conv1", "synthesis.b4.conv1", 0)
    colours("to_rgb1", "synthesis.b4.torgb")
    resolution, block = 8, 0
    while f"synthesis.b{resolution}.conv0.weight" in state:
        for half in (0, 1):
            styled(f"convs.{2 * block + half}", f"synthesis.b{resolution}.conv{half}", 2 * block + half + 1)
        result[f"convs.{2 * block}.conv.blur.kernel"] = kernel
        colours(f"to_rgbs.{block}", f"synthesis.b{resolution}.torgb")
        result[f"to_rgbs.{block}.upsample.kernel"] = kernel
        resolution, block = resolution * 2, block + 1
    return result


def old_torch(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def zip_torch(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
