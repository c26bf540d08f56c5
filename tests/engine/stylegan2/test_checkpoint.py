"""Checkpoints of every kind are written here as their makers write them, and the malicious ones too."""

import hashlib
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.common.errors import WeightsError
from engine.common.weights_file import OLD_TORCH_START
from engine.stylegan2 import pickles
from engine.stylegan2.checkpoint import (
    Architecture,
    convert,
    generator_name,
    generator_sha256,
    load_generator,
    save_generator,
)
from engine.stylegan2.network import Generator
from tests.conftest import REPO, golden, largest_difference

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


# --- NVIDIA's format -------------------------------------------------------------------------------------


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


# Python 3.7, which wrote ffhq.pkl, used protocol 3.
@pytest.mark.parametrize(("resolution", "protocol"), [(64, 3), (64, 4), (64, 5), (256, 4)])
def test_nvidia(tmp_path: Path, resolution: int, protocol: int) -> None:
    state, expected = golden(resolution)
    canary = tmp_path / "canary"
    source = f"open({str(canary)!r}, 'w')"
    other = {name: value + 1 for name, value in state.items()}
    with nvidia_modules():
        training = as_module(other, source)
    path = write_nvidia(tmp_path / "network.pkl", state, source, protocol, G=training)
    generator = load_generator(path)
    assert largest_difference(generator.synthesis(expected["w_plus"]), expected, "image_w_plus") < 1e-4
    assert largest_difference(generator(expected["z"]), expected, "image_const_noise") < 1e-4
    assert not generator.training
    assert all(
        p.dtype == torch.float32 and not p.requires_grad and p.device.type == "cpu"
        for p in generator.parameters()
    )
    assert generator_name(path) == "network"
    assert not canary.exists()
    with nvidia_modules():
        pickle.loads(path.read_bytes())
    assert canary.exists(), "the bait must work where the source is executed"


def test_nvidia_without_average(tmp_path: Path) -> None:
    state = small_state()
    with nvidia_modules():
        training = as_module(state, "")
        path = tmp_path / "network.pkl"
        path.write_bytes(pickle.dumps({"G": training, "D": None}))
    assert torch.equal(load_generator(path).mapping.w_avg, state["mapping.w_avg"])


def test_tensorflow_is_named_with_what_to_fetch_instead(tmp_path: Path) -> None:
    path = tmp_path / "stylegan2-ffhq-config-f.pkl"
    path.write_bytes(
        b"\x80\x04\x8c\x15dnnlib.tflib.network\x94\x8c\x07Network\x94\x93\x94)\x81\x94.".replace(
            b"\x15", b"\x14"
        )
    )
    with pytest.raises(
        WeightsError, match=r"config-f\.pkl: .*TensorFlow.*ffhq\.pkl.*weights fetch ffhq-1024"
    ):
        load_generator(path)


# --- rosinality's format ---------------------------------------------------------------------------------


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


def rosinality_picture(state: State, w_plus: torch.Tensor) -> torch.Tensor:
    """What rosinality's generator draws from one W+ (1, num_ws, w_dim): scaled weights are modulated, a
    layer that enlarges is a transposed convolution of stride 2 and a blur."""

    def blur(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x.transpose(0, 1), kernel.flip(0, 1)[None, None]).transpose(0, 1)

    def modulated(
        x: torch.Tensor, name: str, w: torch.Tensor, up: bool = False, demodulate: bool = True
    ) -> torch.Tensor:
        weight = state[f"{name}.weight"][0]
        linear = state[f"{name}.modulation.weight"]
        style = F.linear(w, linear / linear.shape[1] ** 0.5, state[f"{name}.modulation.bias"])
        weight = weight / weight[0].numel() ** 0.5 * style[0, :, None, None]
        if demodulate:
            weight = weight * (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).rsqrt()
        if not up:
            return F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        return blur(
            F.pad(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), (1, 1, 1, 1)),
            state[f"{name}.blur.kernel"],
        )

    def styled(x: torch.Tensor, name: str, w: torch.Tensor, noise: int, up: bool = False) -> torch.Tensor:
        x = (
            modulated(x, f"{name}.conv", w, up)
            + state[f"{name}.noise.weight"] * state[f"noises.noise_{noise}"]
        )
        return F.leaky_relu(x + state[f"{name}.activate.bias"][:, None, None], 0.2) * 2**0.5

    def colours(x: torch.Tensor, name: str, w: torch.Tensor) -> torch.Tensor:
        return modulated(x, f"{name}.conv", w, demodulate=False) + state[f"{name}.bias"]

    x = styled(state["input.input"], "conv1", w_plus[:, 0], 0)
    image = colours(x, "to_rgb1", w_plus[:, 1])
    for i in range(
        sum(name.startswith("to_rgbs.") and name.endswith(".bias") and "mod" not in name for name in state)
    ):
        x = styled(x, f"convs.{2 * i}", w_plus[:, 2 * i + 1], 2 * i + 1, up=True)
        x = styled(x, f"convs.{2 * i + 1}", w_plus[:, 2 * i + 2], 2 * i + 2)
        enlarged = torch.zeros(1, 3, 2 * image.shape[2], 2 * image.shape[3])
        enlarged[:, :, ::2, ::2] = image
        image = blur(F.pad(enlarged, (2, 1, 2, 1)), state[f"to_rgbs.{i}.upsample.kernel"])
        image = image + colours(x, f"to_rgbs.{i}", w_plus[:, 2 * i + 3])
    return image


@pytest.mark.parametrize("zip_form", [True, False])
@pytest.mark.parametrize("resolution", [64, 256])
def test_rosinality(tmp_path: Path, resolution: int, zip_form: bool) -> None:
    state, expected = golden(resolution)
    g_ema = as_rosinality(state)
    path = tmp_path / "network.pt"
    checkpoint = {"g_ema": g_ema, "latent_avg": state["mapping.w_avg"], "g": {}}
    torch.save(checkpoint, path, _use_new_zipfile_serialization=zip_form)
    assert path.read_bytes().startswith(b"PK" if zip_form else OLD_TORCH_START)
    generator = load_generator(path)
    assert largest_difference(generator.synthesis(expected["w_plus"]), expected, "image_w_plus") < 1e-4
    assert largest_difference(generator(expected["z"]), expected, "image_const_noise") < 1e-4
    assert torch.equal(generator.mapping.w_avg, state["mapping.w_avg"])


def test_rosinality_draws_the_same_from_its_own_tensors() -> None:
    """Both makers keep the enlarging convolutions as the transposed convolution takes them."""
    state, expected = golden(64)
    g_ema = as_rosinality(state)
    assert (rosinality_picture(g_ema, expected["w_plus"]) - expected["image_w_plus"]).abs().max() < 1e-4
    g_ema["convs.0.conv.weight"] = g_ema["convs.0.conv.weight"].flip(3, 4)
    assert (rosinality_picture(g_ema, expected["w_plus"]) - expected["image_w_plus"]).abs().max() > 1e-2


@pytest.mark.parametrize(
    "content", [{"state_dict": {}, "opts": {}}, {"g_ema": {}}, [1], {"g_ema": {3: 4}, "latent_avg": 0}]
)
def test_other_torch_files(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "network.pt")
    with pytest.raises(WeightsError, match=r"network\.pt"):
        load_generator(tmp_path / "network.pt")


# --- our own format --------------------------------------------------------------------------------------


def test_saved_and_loaded(tmp_path: Path) -> None:
    state, expected = golden(64)
    generator = load_generator(write_nvidia(tmp_path / "network.pkl", state))
    z = expected["z"]
    for half, tolerance in [(False, 0.0), (True, 0.05)]:
        path = tmp_path / "saved.safetensors"
        save_generator(generator, path, "nobody", half=half)
        assert (load_generator(path)(z) - generator(z)).abs().max() <= tolerance
        assert load_file(path)["mapping.fc0.weight"].dtype == (torch.float16 if half else torch.float32)
        assert generator_name(path) == "nobody"
        assert convert(path) == path
        assert path.stat().st_mode & 0o777 == 0o644
        assert generator_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
        with safe_open(path, "pt") as file:
            assert json.loads(file.metadata()["stylegan2"]) == {
                "z_dim": 64, "w_dim": 64, "resolution": 64, "channel_base": 1024, "channel_max": 48,
                "mapping_layers": 8, "name": "nobody",
            }  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "network.pkl",
        "network.safetensors",
        "saved.safetensors",
    ]


def test_the_loaded_generator_does_not_hang_on_its_file(tmp_path: Path) -> None:
    path = tmp_path / "saved.safetensors"
    save_generator(Generator(resolution=8, z_dim=4, w_dim=4, channel_max=4), path, "small", half=False)
    generator = load_generator(path)
    before = generator.get_parameter("synthesis.b4.const").clone()
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(generator.get_parameter("synthesis.b4.const"), before)


def test_half_precision_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    generator = Generator(resolution=8, z_dim=4, w_dim=4, channel_max=4).requires_grad_(False)
    generator.get_parameter("synthesis.b4.const")[0] = 1e6
    with pytest.raises(WeightsError, match=r"synthesis\.b4\.const.*float16"):
        save_generator(generator, tmp_path / "saved.safetensors", "small")
    assert not any(tmp_path.iterdir())


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be written"):
        save_generator(
            Generator(resolution=8, channel_max=4), tmp_path / "none" / "saved.safetensors", "small"
        )


def test_converted_once(tmp_path: Path) -> None:
    state = small_state()
    path = write_nvidia(tmp_path / "network.pkl", state)
    converted = convert(path)
    assert converted == tmp_path / "network.safetensors"
    written = converted.stat()
    assert convert(path).stat().st_mtime_ns == written.st_mtime_ns
    state["mapping.w_avg"] = state["mapping.w_avg"] + 1
    write_nvidia(path, state)
    assert torch.equal(load_generator(path).mapping.w_avg, state["mapping.w_avg"])


def test_a_conversion_overwrites_nothing_else(tmp_path: Path) -> None:
    path = write_nvidia(tmp_path / "network.pkl", small_state())
    for content in (b"not ours", None):
        other = tmp_path / "network.safetensors"
        other.write_bytes(content) if content else save_file({"a": torch.zeros(3)}, other)
        before = other.read_bytes()
        with pytest.raises(WeightsError, match=r"would overwrite network\.safetensors"):
            load_generator(path)
        assert other.read_bytes() == before


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"stylegan2": "null"},
        {"stylegan2": "{"},
        {"stylegan2": "{}"},
        {"stylegan2": '{"z_dim": 1e99}'},
    ],
)
def test_safetensors_of_something_else(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors", metadata)
    with pytest.raises(WeightsError, match=r"other\.safetensors"):
        load_generator(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mapping_layers", 10**9),
        ("resolution", 2**30),
        ("resolution", 6),
        ("z_dim", -1),
        ("w_dim", 2.0),
        ("w_dim", 7),
    ],
)
def test_an_architecture_that_lies(tmp_path: Path, field: str, value: Any) -> None:
    path = tmp_path / "saved.safetensors"
    generator = Generator(z_dim=6, w_dim=5, resolution=8, channel_base=24, channel_max=4, mapping_layers=2)
    recorded = {**asdict(Architecture.of(generator)), "name": "liar", field: value}
    save_file(generator.state_dict(), path, {"stylegan2": json.dumps(recorded)})
    with pytest.raises(WeightsError, match=r"saved\.safetensors: .*(architecture|shape)"):
        load_generator(path)


@given(
    resolution=st.sampled_from([4, 8, 16, 64, 256, 1024]),
    channel_base=st.integers(1024, 40000),
    channel_max=st.integers(1, 600),
    mapping_layers=st.integers(1, 9),
)
@settings(max_examples=60)
def test_the_inferred_architecture_has_the_same_shapes(
    resolution: int, channel_base: int, channel_max: int, mapping_layers: int
) -> None:
    shapes = Architecture(7, 9, resolution, channel_base, channel_max, mapping_layers).shapes()
    assert Architecture.inferred(shapes).shapes() == shapes


def test_the_architecture_of_ffhq() -> None:
    ffhq = Architecture(512, 512, 1024, 32768, 512, 8)
    assert Architecture.inferred(ffhq.shapes()) == ffhq


# --- weights that do not fit -----------------------------------------------------------------------------


def changed(name: str, change: Callable[[torch.Tensor], Any]) -> dict[str, Any]:
    state: dict[str, Any] = small_state()
    state[name] = change(state[name])
    return state


def without(name: str) -> dict[str, Any]:
    state = small_state()
    del state[name]
    return state


CONV = "synthesis.b8.conv0.weight"
WRONG: list[tuple[Callable[[], dict[str, Any]], str]] = [
    (lambda: without(CONV), rf"{CONV} is missing"),
    (lambda: without("mapping.fc0.weight"), r"mapping\.fc0\.weight is missing"),
    (lambda: without("mapping.w_avg"), r"mapping\.w_avg is missing"),
    (lambda: without("synthesis.b8.conv1.weight"), r"synthesis\.b8\.conv1\.weight is missing"),
    (lambda: {**small_state(), "mapping.embed.weight": torch.zeros(3)}, r"embed\.weight is not part"),
    (lambda: {**small_state(), "synthesis.b16.conv1.weight": torch.zeros(1, 1, 3, 3)}, "is missing"),
    (lambda: {**small_state(), "synthesis.b9000.conv1.weight": torch.zeros(1)}, "is missing"),
    (lambda: changed(CONV, lambda t: t[:, :1]), r"has the shape \[3, 1, 3, 3\], expected \[3, 4, 3, 3\]"),
    (lambda: changed("synthesis.b8.conv1.weight", lambda t: t.repeat(9, 1, 1, 1)), "channels are not"),
    (lambda: changed("mapping.w_avg", lambda t: t[0]), r"mapping\.w_avg has the shape \[\]"),
    (lambda: changed(CONV, lambda t: t * torch.nan), r"conv0\.weight holds numbers that are not finite"),
    (lambda: changed(CONV, lambda t: t / 0), "not finite"),
    (lambda: changed(CONV, lambda t: t.int()), r"conv0\.weight is no plain tensor"),
    (lambda: changed(CONV, lambda t: t.to(torch.complex64)), "no plain tensor"),
    (lambda: changed(CONV, lambda t: "text"), "damaged"),
    (lambda: changed("synthesis.b8.resample_filter", lambda t: t.roll(1)), r"b8\.resample_filter is not"),
    (lambda: changed("synthesis.b8.resample_filter", lambda t: t[:2]), r"b8\.resample_filter is not"),
    (lambda: {}, "is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "message"), WRONG)
def test_weights_that_do_not_fit(tmp_path: Path, state: Callable[[], dict[str, Any]], message: str) -> None:
    path = write_nvidia(tmp_path / "network.pkl", state())
    with pytest.raises(WeightsError, match=rf"network\.pkl: .*{message}"):
        load_generator(path)
    assert [p.name for p in tmp_path.iterdir()] == ["network.pkl"]


def test_names_out_of_a_file_do_not_reach_the_terminal_as_they_are(tmp_path: Path) -> None:
    path = write_nvidia(tmp_path / "network.pkl", {**small_state(), "\x1b[2J" + "a" * 10**6: torch.zeros(3)})
    with pytest.raises(WeightsError) as refusal:
        load_generator(path)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < len(str(path)) + 310


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"missing\.pkl: no such file.*kiosk weights"):
        load_generator(tmp_path / "missing.pkl")
    with pytest.raises(WeightsError):
        load_generator(tmp_path)
    large = tmp_path / "large.pkl"
    large.touch()
    os.truncate(large, 2 * 2**30 + 1)
    with pytest.raises(WeightsError, match="larger than 2 GiB"):
        load_generator(large)
    large.unlink()
    for content in (
        b"",
        b"\x80",
        b"PK\x03\x04",
        OLD_TORCH_START,
        b"<!DOCTYPE html><html>",
        b"\0" * 99,
        b"\x80\x04N.",
    ):
        path = tmp_path / "garbage.pkl"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"garbage\.pkl"):
            load_generator(path)
        assert [p.name for p in tmp_path.iterdir()] == ["garbage.pkl"]


# --- malicious files -------------------------------------------------------------------------------------


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


def old_torch(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def zip_torch(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def system_kinds(command: str) -> dict[str, tuple[bytes, str]]:
    """Pickles that run a shell command when Python reads them, and the name to be refused."""
    evil = Calls(os.system, command)
    line = f"S{command!r}\n".encode()
    chain = (
        b"\x80\x04cbuiltins\ngetattr\n(cos\n__dict__\n"
        + text("get")
        + b"tR("
        + text("system")
        + b"tR("
        + text(command)
        + b"tR."
    )
    dotted = b"\x80\x04" + text("torch.serialization") + text("os.system") + b"\x93(" + text(command) + b"tR."
    return {
        "reduce, protocol 0": (pickle.dumps(evil, 0), "posix.system"),
        "reduce, protocol 2": (pickle.dumps(evil, 2), "posix.system"),
        "reduce, protocol 4": (pickle.dumps(evil, 4), "posix.system"),
        "inside networks": (pickle.dumps({"G_ema": evil}, 4), "posix.system"),
        "eval": (pickle.dumps(Calls(eval, f"__import__('os').system({command!r})")), "builtins.eval"),
        "INST": (b"(" + text(command) + b"ios\nsystem\n.", "INST of os.system"),
        "OBJ": (b"(cos\nsystem\n" + line + b"o.", "os.system"),
        "NEWOBJ": (b"\x80\x02csubprocess\nPopen\n(" + text(command) + b"t\x81.", "subprocess.Popen"),
        "NEWOBJ_EX": (
            b"\x80\x04csubprocess\nPopen\n(" + text(command) + b"t}" + text("shell") + b"\x88s\x92.",
            "subprocess.Popen",
        ),
        "getattr": (chain, "builtins.getattr"),
        "an attribute of an allowed module": (dotted, "torch.serialization.os.system"),
        "old torch": (old_torch({"g_ema": evil}), "posix.system"),
        "zip torch": (zip_torch({"g_ema": evil}), "posix.system"),
        "old torch, eval": (old_torch(Calls(eval, f"__import__('os').system({command!r})")), "eval"),
    }  # fmt: skip


KINDS = list(system_kinds(""))
RUNS_IN_PYTHON = [
    kind for kind in KINDS if kind.startswith(("reduce", "inside", "eval", "INST", "OBJ", "an attribute"))
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_malicious_file_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    canary = tmp_path / "canary"
    content, name = system_kinds(f"touch {canary}")[kind]
    path = tmp_path / "network.pkl"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"network\.pkl: .*{name}"):
        load_generator(path)
    assert [p.name for p in tmp_path.iterdir()] == ["network.pkl"]


@pytest.mark.parametrize("kind", RUNS_IN_PYTHON)
def test_the_malicious_files_are_malicious(tmp_path: Path, kind: str) -> None:
    canary = tmp_path / "canary"
    pickle.loads(system_kinds(f"touch {canary}")[kind][0])
    assert canary.exists()


class Stored:
    """Stands where a tensor should, and pickles as a tensor whose storage is any bytes."""

    def __init__(self, content: Any, offset: Any = 0, size: Any = (4,), stride: Any = (1,)) -> None:
        self.arguments: tuple[Any, ...] = (
            Calls(torch.storage._load_from_bytes, content),
            offset,
            size,
            stride,
            False,
            OrderedDict(),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return torch._utils._rebuild_tensor_v2, self.arguments


@pytest.mark.parametrize("form", [old_torch, zip_torch, pickle.dumps])
def test_a_malicious_storage(tmp_path: Path, form: Callable[[Any], bytes]) -> None:
    canary = tmp_path / "canary"
    content = form(Calls(os.system, f"touch {canary}"))
    path = write_nvidia(tmp_path / "network.pkl", {**small_state(), "mapping.w_avg": Stored(content)})
    with pytest.raises(WeightsError, match=r"posix\.system" if form is old_torch else r"not stored the way"):
        load_generator(path)
    assert not canary.exists()
    if form is not pickle.dumps:
        torch.load(io.BytesIO(content), weights_only=False)
        assert canary.exists(), "the bait must work where it is executed"


FOUR = old_torch(torch.zeros(4)._typed_storage())


@pytest.mark.parametrize(
    "tensor",
    [
        Stored(FOUR, size=(10**6, 10**6), stride=(0, 0)),  # four numbers said to be 10^12
        Stored(FOUR, size=(2**62, 2**62), stride=(0, 0)),
        Stored(FOUR, size=(10**9,)),
        Stored(FOUR, offset=10**9),
        Stored(FOUR, offset=-1),
        Stored(FOUR, size=(-4,)),
        Stored(FOUR, size="four"),
        Stored(FOUR[:-3]),
        Stored(b""),
        Stored(None),
        Stored([1]),
        Stored(old_torch([1])),
        Stored(old_torch(None)),
        Stored(FOUR.replace(b"K\x04", b"J\xff\xff\xff\x7f")),  # a storage said to be 2^31 numbers
        Stored(FOUR.replace(b"FloatStorage", b"ComplexFloatStorage")),
        Calls(torch._utils._rebuild_tensor_v2),
        Calls(torch._utils._rebuild_parameter, 3),
        Calls(np.dtype, "f4"),
    ],
)
def test_a_tensor_that_lies(tmp_path: Path, tensor: Any) -> None:
    path = write_nvidia(tmp_path / "network.pkl", {**small_state(), "mapping.w_avg": tensor})
    with pytest.raises(WeightsError, match=r"network\.pkl"):
        load_generator(path)


def test_small_storages_cannot_claim_a_large_network(tmp_path: Path) -> None:
    shapes = Architecture(512, 512, 256, 32768, 512, 8).shapes()
    expanded = {
        name: Stored(FOUR, size=tuple(shape), stride=(0,) * len(shape)) for name, shape in shapes.items()
    }
    path = write_nvidia(tmp_path / "network.pkl", expanded)
    with pytest.raises(WeightsError, match="claim more numbers than the file holds"):
        load_generator(path)


PUZZLES = {
    # A tuple in a tuple in a tuple as a key: its hash would end Python, or never end.
    "deep key": b"\x80\x04})" + b"\x85" * 250_000 + b"Ns.",
    "wide key": b"\x80\x04})" + b"q\x00h\x00\x86" * 200 + b"Ns.",
    "large memo": b"\x80\x04Nr\xff\xff\xff\xff.",
    "bytes that are not there": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b".",
    "long number": b"\x80\x04\x8b\xff\xff\xff\x7f.",
    "persistent id": b"\x80\x04N\x51.",
    "extension": b"\x80\x04\x82\x01.",
    "build on a name": b"\x80\x04ccollections\nOrderedDict\n}" + text("__init__") + b"NsbN.",
    "build on a dict": b"\x80\x04}}b.",
    "call of a text": b"\x80\x04" + text("system") + b")R.",
    "call without a tuple": b"\x80\x04ccollections\nOrderedDict\n]R.",
    "name made of numbers": b"\x80\x04K\x01K\x02\x93.",
    "empty stack": b"\x80\x04.",
    "mark taken for an object": b"\x80\x04((\x86.",
    "no end": b"\x80\x04}}}",
    "recursive": b"\x80\x04}\x94" + text("G_ema") + b"h\x00s.",
    "recursive list": b"\x80\x04]\x94h\x00a.",
}


@pytest.mark.parametrize("puzzle", PUZZLES)
def test_puzzles(tmp_path: Path, puzzle: str) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(PUZZLES[puzzle])
    with pytest.raises(WeightsError, match=r"network\.pkl"):
        load_generator(path)


def test_modules_in_a_circle(tmp_path: Path) -> None:
    fields = text("_parameters") + b"}" + text("_buffers") + b"}" + text("_modules") + b"h\x00"
    module = (
        b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n}"
        + text("state")
        + b"}("
        + fields
        + b"us\x85Rq\x01"
    )
    path = tmp_path / "network.pkl"
    path.write_bytes(b"\x80\x04}q\x00" + text("again") + module + b"s0}" + text("G_ema") + b"h\x01s.")
    with pytest.raises(WeightsError, match="more than 1000 parts"):
        load_generator(path)


def test_endless_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_INSTRUCTIONS", 1000)
    path = tmp_path / "network.pkl"
    path.write_bytes(b"\x80\x04" + b"}" * 1001 + b".")
    with pytest.raises(WeightsError, match="more than 1000 instructions"):
        load_generator(path)


def test_zip_bomb(tmp_path: Path) -> None:
    path = tmp_path / "network.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10_000_000)
    with pytest.raises(WeightsError, match="unpacks to more"):
        load_generator(path)


def test_reading_imports_nothing(tmp_path: Path) -> None:
    """In a process of its own, where none of the modules a checkpoint names can be found."""
    path = write_nvidia(tmp_path / "network.pkl", small_state(), "import this")
    program = (
        "import sys, pathlib; from engine.stylegan2.checkpoint import load_generator;"
        f"before = set(sys.modules); load_generator(pathlib.Path({str(path)!r}));"
        "assert not (set(sys.modules) - before) & {'this', 'dnnlib', 'torch_utils', 'training'}"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=REPO)


# --- any bytes at all ------------------------------------------------------------------------------------


def valid_files() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        pkl = write_nvidia(Path(folder) / "network.pkl", small_state())
        files = {"pkl": pkl.read_bytes(), "safetensors": convert(pkl).read_bytes()}
    content = {"g_ema": as_rosinality(small_state()), "latent_avg": small_state()["mapping.w_avg"]}
    return {**files, "pt": zip_torch(content), "old.pt": old_torch(content)}


VALID = valid_files()


@pytest.mark.parametrize("kind", VALID)
def test_the_files_to_be_damaged_are_valid(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"network.{kind}"
    path.write_bytes(VALID[kind])
    assert torch.equal(load_generator(path).mapping.w_avg, small_state()["mapping.w_avg"])


@pytest.mark.parametrize("kind", VALID)
@given(data=st.data())
@settings(max_examples=100)
def test_damaged_files_end_in_one_kind_of_error(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    content = bytearray(VALID[kind])
    places = st.one_of(
        st.integers(0, 400),
        st.integers(0, len(content) - 1),
        st.integers(len(content) - 400, len(content) - 1),
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place = min(data.draw(places), len(content))
        match data.draw(st.sampled_from(["replace", "insert", "delete", "cut"])):
            case "replace":
                content[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1))
            case "insert":
                content[place:place] = data.draw(st.binary(max_size=8))
            case "delete":
                del content[place : place + data.draw(st.integers(1, 8))]
            case "cut":
                del content[place:]
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "network.bin"
    path.write_bytes(content)
    try:
        load_generator(path)
    except WeightsError as error:
        assert str(path) in str(error)
        assert str(error).isprintable()
        assert [p.name for p in folder.iterdir()] == ["network.bin"]
