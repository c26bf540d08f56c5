"""Checkpoints of StyleGAN2 generators in the formats of others, for tests."""

import io
import pickle
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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
        self.meta: dict[str, Any] = {
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


@dataclass(frozen=True)
class Making:
    """What a generator in NVIDIA's format is made with: as its constructor takes it, and what is changed in
    its modules afterwards, {attribute: value} by the module's path."""

    conv_clamp: float | None = None
    lr_multiplier: float = 0.01
    activation: str = "lrelu"
    use_noise: bool = True
    w_avg_beta: float | None = 0.995
    arguments: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def attributes(self, path: str, weight: Any) -> dict[str, Any]:
        """What NVIDIA's constructor keeps in the module of that path, beside tensors."""
        plain = isinstance(weight, torch.Tensor)
        gain = {"weight_gain": 1 / np.sqrt(weight.shape[1:].numel())} if plain else {}
        factor = self.lr_multiplier
        last = path.rpartition(".")[2]
        layer: dict[str, dict[str, Any]] = {
            "": {"z_dim": 2**40, "c_dim": 0, "w_dim": 5, "img_resolution": 8, "img_channels": 3, "num_ws": 4},
            "mapping": {"z_dim": 2**40, "c_dim": 0, "num_layers": 8, "w_avg_beta": self.w_avg_beta},
            "synthesis": {"img_resolution_log2": 3, "block_resolutions": [4, 8], "num_fp16_res": 4},
            "affine": {"activation": "linear", **gain, "bias_gain": 1},
            "torgb": {"conv_clamp": self.conv_clamp, **gain},
            "conv": {
                "up": 1 + (last == "conv0"), "activation": self.activation, "act_gain": np.sqrt(2),
                "conv_clamp": self.conv_clamp, "use_noise": self.use_noise, "padding": 1,
            },
            "fc": {
                "activation": self.activation, "bias_gain": factor,
                **{name: factor * value for name, value in gain.items()},
            },
            "b": {
                "architecture": "skip", "use_fp16": True, "channels_last": False, "num_conv": 2,
                "fused_modconv_default": "inference_only", "is_last": False,
            },
        }  # fmt: skip
        return {**layer.get(last.rstrip("0123456789"), {}), **self.changes.get(path, {})}


def as_module(
    state: dict[str, Any],
    source: str,
    class_name: str = "Generator",
    making: Making | None = None,
    path: str = "",
) -> Reconstructed:
    """A tree of NVIDIA's modules with what torch.nn.Module and their constructors keep in them; a `making`
    adds what a generator's own modules keep."""
    fields: dict[str, Any] = {
        "training": False, "_parameters": OrderedDict(), "_buffers": OrderedDict(), "_modules": OrderedDict(),
        "_non_persistent_buffers_set": set(), "_backward_hooks": OrderedDict(),
        "_init_args": (), "_init_kwargs": EasyDict(mapping_kwargs=EasyDict(num_layers=8)),
    }  # fmt: skip
    if making:
        fields |= making.attributes(path, state.get("weight"))
        if not path:
            fields["_init_kwargs"].update(making.arguments)
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
        below = f"{path}.{name}" if path else name
        fields["_modules"][name] = as_module(child, source, "Layer", making, below)
    return Reconstructed(class_name, fields, source)


def write_nvidia(
    path: Path,
    state: dict[str, Any],
    source: str = "",
    protocol: int = 4,
    making: Making | None = None,
    **others: Any,
) -> Path:
    with nvidia_modules():
        discriminator = as_module({"b4.conv.weight": torch.zeros(4, 4)}, source, "Discriminator")
        networks = {
            "training_set_kwargs": EasyDict(class_name="training.dataset.ImageFolderDataset", xflip=True),
            "D": discriminator, "G_ema": as_module(state, source, making=making or Making()),
            "augment_pipe": None, **others,
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


class Module(torch.nn.Module):
    """Stands for every class of rosinality's model.py while a network is pickled."""


@contextmanager
def rosinality_modules(module: str = "models.stylegan2.model") -> Iterator[None]:
    """The module that pickles of rosinality's networks name exists while they are written, and only then."""
    Module.__module__, Module.__qualname__ = module, "Generator"
    parts = module.split(".")
    modules = [".".join(parts[: i + 1]) for i in range(len(parts))]  # a package is imported before its parts
    sys.modules.update({name: ModuleType(name) for name in modules})
    sys.modules[module].Generator = Module  # type: ignore[attr-defined]
    yield
    for name in modules:
        del sys.modules[name]


def as_rosinality_module(
    state: State, lr_mlp: float = 0.01, changes: Mapping[str, Mapping[str, Any]] | None = None
) -> Module:
    """rosinality's Generator itself, with what its constructors keep; `changes` as in `Making`."""
    root = Module()
    root.__dict__ |= {"size": 8, "style_dim": 6, "channels": {4: 4, 8: 3}, "log_size": 3, "n_latent": 4}
    for name, value in state.items():
        path, _, leaf = name.rpartition(".")
        part = root
        for child in path.split("."):
            if child not in part._modules:
                part.add_module(child, Module())
            part = part._modules[child]  # type: ignore[assignment]
        if leaf == "kernel" or leaf.startswith("noise_"):
            part.register_buffer(leaf, value)
        else:
            part.register_parameter(leaf, torch.nn.Parameter(value))
        if path.startswith("style."):
            scale = lr_mlp / value.shape[-1] ** 0.5
            part.__dict__ |= {"activation": "fused_lrelu", "lr_mul": lr_mlp}
            part.__dict__ |= {"scale": scale} if leaf == "weight" else {}
        elif path.endswith(".activate"):
            part.__dict__ |= {"negative_slope": 0.2, "scale": 2**0.5}
        elif path.endswith(".conv") and leaf == "weight":
            demodulate = not path.startswith("to_rgb")
            part.__dict__ |= {"eps": 1e-8, "demodulate": demodulate, "fused": True, "kernel_size": 3}
    for path, attributes in (changes or {}).items():
        root.get_submodule(path).__dict__ |= attributes
    return root


def old_torch(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def zip_torch(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
