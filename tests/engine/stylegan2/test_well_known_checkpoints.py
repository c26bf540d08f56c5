"""Checkpoints that are in circulation: read where they hold a StyleGAN2 generator, else named."""

import io
import pickle
import random
import sys
import zipfile
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import torch
from safetensors.torch import save

from engine.common.errors import WeightsError
from engine.stylegan2.checkpoint import load_generator, save_generator
from engine.stylegan2.network import Generator
from tests.conftest import golden, largest_difference
from tests.support.checkpoint_files import (
    Making,
    State,
    as_module,
    as_rosinality,
    as_rosinality_module,
    nvidia_modules,
    old_torch,
    rosinality_modules,
    small_state,
    write_nvidia,
    zip_torch,
)

forms = pytest.mark.parametrize("form", [zip_torch, old_torch])


def snapshot(state: State) -> dict[str, Any]:
    """What rosinality's train.py saves."""
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    optimiser = torch.optim.Adam([weight])
    weight.sum().backward()
    optimiser.step()
    return {
        "g": {name: tensor + 1 for name, tensor in as_rosinality(state).items()},
        "d": {"convs.0.0.weight": torch.zeros(4, 3, 1, 1), "final_linear.1.weight": torch.zeros(1, 4)},
        "g_ema": as_rosinality(state),
        "g_optim": optimiser.state_dict(),
        "d_optim": optimiser.state_dict(),
        "args": Namespace(
            path="faces", iter=800000, lr=0.002, arch="stylegan2", latent=6, n_mlp=2, ckpt=None
        ),
        "ada_aug_p": 0.25,
    }


def in_psp(state: State, latent_avg: Any) -> dict[str, Any]:
    """What pSp's and e4e's coach.py saves: an encoder and, under decoder., the generator."""
    decoder = {f"decoder.{name}": tensor for name, tensor in as_rosinality(state).items()}
    encoder = {"encoder.input_layer.0.weight": torch.zeros(4, 3, 3, 3), "encoder.steps": torch.tensor(7)}
    opts = {"output_size": 64, "device": "cuda:0", "lr": 0.0001, "checkpoint_path": Path("psp.pt")}
    return {"state_dict": encoder | decoder, "latent_avg": latent_avg, "opts": opts}


def same_pictures(path: Path, state: State, expected: dict[str, torch.Tensor]) -> bool:
    generator = load_generator(path)
    return largest_difference(generator.synthesis(expected["w_plus"]), expected, "image_w_plus") < 1e-4


@forms
def test_a_training_snapshot_of_rosinality(tmp_path: Path, form: Callable[[Any], bytes]) -> None:
    state, expected = golden(64)
    path = tmp_path / "150000.pt"
    path.write_bytes(form(snapshot(state)))
    assert same_pictures(path, state, expected)


def test_the_mean_of_w_is_estimated_as_nvidia_estimates_it(tmp_path: Path) -> None:
    """projector.py: 10,000 draws of NumPy's generator with seed 123, their mean."""
    path = tmp_path / "150000.pt"
    path.write_bytes(zip_torch(snapshot(small_state())))
    generator = load_generator(path)
    z = np.random.RandomState(123).randn(10000, 6)
    expected = generator.mapping(torch.from_numpy(z).float()).numpy().astype(np.float64).mean(axis=0)
    assert np.allclose(generator.mapping.w_avg, expected, rtol=1e-4, atol=1e-6)
    again = load_generator(path)
    assert torch.equal(again.mapping.w_avg, generator.mapping.w_avg)


def test_nvidias_network_without_a_running_average(tmp_path: Path) -> None:
    state = small_state()
    del state["mapping.w_avg"]
    path = write_nvidia(tmp_path / "network.pkl", state, making=Making(w_avg_beta=None))
    assert load_generator(path).mapping.w_avg.any()


@forms
def test_a_tuned_generator_of_pti(tmp_path: Path, form: Callable[[Any], bytes]) -> None:
    """torch.save(G) of NVIDIA's network; its source text is not run, its settings are applied."""
    state, expected = golden(64)
    canary = tmp_path / "canary"
    with nvidia_modules():
        source = f"open({str(canary)!r}, 'w')"
        content = form(as_module(state, source, making=Making(conv_clamp=256)))
    path = tmp_path / "model_ABCDEF_multi_id.pt"
    path.write_bytes(content)
    assert same_pictures(path, state, expected)
    assert load_generator(path).conv_clamp == 256
    assert torch.equal(load_generator(path).mapping.w_avg, state["mapping.w_avg"])
    assert not canary.exists()


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
@pytest.mark.parametrize(
    ("module", "form", "beside"),
    [
        ("models.stylegan2.model", zip_torch, False),
        ("model", old_torch, False),
        ("training.networks", zip_torch, True),
        ("models.stylegan2.model", old_torch, True),
        ("model", pickle.dumps, False),
    ],
)
def test_a_whole_module_of_rosinality(
    tmp_path: Path, module: str, form: Callable[[Any], bytes], beside: bool
) -> None:
    state, expected = golden(64)
    path = tmp_path / "network.pt"
    with rosinality_modules(module):
        network = as_rosinality_module(as_rosinality(state))
        path.write_bytes(
            form({"g_ema": network, "latent_avg": state["mapping.w_avg"]} if beside else network)
        )
    assert same_pictures(path, state, expected)
    assert torch.equal(load_generator(path).mapping.w_avg, state["mapping.w_avg"]) == beside


def test_a_whole_module_of_nvidia_inside_others(tmp_path: Path) -> None:
    """As STIT saves it, beside its pivots; and as pickle alone writes a network."""
    state, expected = golden(64)
    with nvidia_modules():
        network = as_module(state, "", making=Making())
        files = {
            "stit.pt": zip_torch({"generator": network, "pivots": torch.zeros(1, 10, 64), "quads": [(0, 1)]}),
            "alone.pkl": pickle.dumps(network),
            "list.pt": zip_torch({"G_ema": network, "D": None, "cur_nimg": np.float64(3)}),
        }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        assert same_pictures(tmp_path / name, state, expected), name


@forms
@pytest.mark.parametrize("repeated", [True, False])
def test_the_generator_of_psp(tmp_path: Path, form: Callable[[Any], bytes], repeated: bool) -> None:
    state, expected = golden(64)
    w_avg = state["mapping.w_avg"]
    path = tmp_path / "psp_ffhq_encode.pt"
    path.write_bytes(form(in_psp(state, w_avg.repeat(10, 1) if repeated else w_avg)))
    assert same_pictures(path, state, expected)
    assert torch.equal(load_generator(path).mapping.w_avg, w_avg)


def test_what_training_code_keeps_beside_the_tensors(tmp_path: Path) -> None:
    """Of Python, NumPy and PyTorch; keys of any kind; protocol 4; half and double precision."""
    state = as_rosinality(small_state())
    beside = {
        "random": (random.getstate(), np.random.get_state(), torch.get_rng_state()),
        "objects": [torch.device("cpu"), torch.float16, torch.Size([2]), np.zeros(3), np.float32(2), {1, 2}],
        "python": [datetime.now(UTC), Decimal("0.5"), UUID(int=1), defaultdict(list, a=[1]), Path("a")],
        "keys": {None: 1, (1, 2): 2, 1.5: 3, True: 4},
    }
    for i, (dtype, protocol) in enumerate([(torch.float16, 2), (torch.float32, 4), (torch.float64, 2)]):
        g_ema = {name: tensor.to(dtype) for name, tensor in state.items()}
        path = tmp_path / f"{i}.pt"
        torch.save({"g_ema": g_ema, **beside}, path, pickle_protocol=protocol)
        const = load_generator(path).synthesis.get_parameter("b4.const")
        assert torch.allclose(const, state["input.input"][0], atol=1e-3)


def test_state_dicts_under_nvidias_names(tmp_path: Path) -> None:
    state, expected = golden(64)
    module = {f"module.{name}": tensor for name, tensor in state.items()}
    for content in (state, {"state_dict": state}, {"model": {"G_ema": state, "G": {}}}, module):
        path = tmp_path / "network.pth"
        path.write_bytes(zip_torch(content))
        assert same_pictures(path, state, expected)


def test_the_averaged_generator_is_taken_whatever_the_order(tmp_path: Path) -> None:
    state = small_state()
    other = {name: tensor + 1 for name, tensor in as_rosinality(state).items() if "kernel" not in name}
    prefixed = {f"generator.{name}": tensor for name, tensor in other.items()}
    prefixed |= {f"generator_ema.{name}": tensor for name, tensor in as_rosinality(state).items()}
    for i, content in enumerate(({"g": other, "g_ema": as_rosinality(state)}, {"state_dict": prefixed})):
        (tmp_path / f"{i}.pt").write_bytes(zip_torch(content))
        generator = load_generator(tmp_path / f"{i}.pt")
        assert torch.equal(generator.synthesis.get_parameter("b4.const"), state["synthesis.b4.const"])


def stylegan3() -> bytes:
    layers = {
        "synthesis.input.freqs": torch.zeros(4, 2),
        "synthesis.L0_36_512.weight": torch.zeros(4, 4, 3, 3),
    }
    with nvidia_modules():
        network = as_module({"mapping.w_avg": torch.zeros(4), **layers}, "")
        state: dict[str, Any] = network.meta["state"]["_modules"]["synthesis"].meta["state"]
        state |= {"img_resolution": 1024, "output_scale": 0.25, "in_size": np.array([36, 36])}
        return pickle.dumps({"G": network, "D": None, "G_ema": network, "augment_pipe": None})


class Network:
    """NVIDIA's TensorFlow network as it pickles itself."""

    def __init__(self, function: str) -> None:
        self.__dict__ |= {"version": 4, "name": "Gs", "static_kwargs": {"resolution": 8}, "components": {}}
        self.__dict__ |= {"build_func_name": function, "build_module_src": "import os", "variables": []}
        self.variables = [("lod", np.float32(0)), ("4x4/Const/const", np.zeros((1, 4, 4, 4), np.float32))]


def tensorflow(function: str, module: str = "dnnlib.tflib.network", protocol: int = 4) -> bytes:
    with rosinality_modules(module):
        Network.__module__, sys.modules[module].Network = module, Network  # type: ignore[attr-defined]
        return pickle.dumps(tuple(Network(function) for _ in range(3)), protocol)


def a_zip(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return buffer.getvalue()


def torch_of(*names: str, key: str | None = None) -> Callable[[], bytes]:
    tensors = {name: torch.zeros(2) for name in names}
    return lambda: zip_torch({key: tensors} if key else tensors)


def safetensors_of(*names: str, metadata: dict[str, str] | None = None) -> Callable[[], bytes]:
    return lambda: save({name: torch.zeros(2) for name in names}, metadata)


NAMED: dict[str, tuple[Callable[[], bytes], str]] = {
    "StyleGAN3": (stylegan3, "StyleGAN3.*another architecture.*weights fetch ffhq-1024"),
    "StyleGAN2, TensorFlow": (lambda: tensorflow("G_main"), r"TensorFlow.*legacy\.py.*ffhq-1024"),
    "StyleGAN2, TensorFlow, protocol 2": (lambda: tensorflow("G_main", protocol=2), "TensorFlow.*legacy"),
    "StyleGAN1, TensorFlow": (lambda: tensorflow("G_style"), "first StyleGAN in TensorFlow"),
    "progressive GAN": (lambda: tensorflow("G_paper", "tfutil"), "progressive GAN"),
    "StyleGAN1, PyTorch": (torch_of("generator.progression.0.conv1.0.weight"), "first StyleGAN"),
    "EG3D": (torch_of("backbone.synthesis.b4.const", "decoder.net.0.weight"), "EG3D"),
    "GFPGAN": (torch_of("conv_body_first.weight", "stylegan_decoder.style_mlp.1.weight", key="params_ema"),
               "GFPGAN, which restores faces"),
    "CodeFormer": (torch_of("position_emb", "ft_layers.0.norm1.weight", key="params_ema"), "CodeFormer"),
    "RestoreFormer": (torch_of("vqvae.encoder.conv_in.weight", key="state_dict"), "autoencoder"),
    "RestoreFormer, bare": (torch_of("encoder.conv_in.weight", "encoder.down.0.block.0.norm1.weight"),
                            "RestoreFormer"),
    "Stable Diffusion": (torch_of("model.diffusion_model.input_blocks.0.0.weight", key="state_dict"),
                         "Stable Diffusion"),
    "BasicSR": (torch_of("style_mlp.1.weight", "constant_input.weight", key="params_ema"), "BasicSR"),
    "lucidrains": (torch_of("S.net.0.weight", "G.initial_block", key="GAN"), "lucidrains"),
    "GenForce": (torch_of("mapping.dense0.weight", "synthesis.layer0.weight", key="generator_smooth"),
                 "GenForce"),
    "an encoder": (torch_of("encoder.input_layer.0.weight", key="state_dict"), "encoder without its gen"),
    "a discriminator": (torch_of("convs.0.0.weight", "final_linear.0.weight", key="d"), "discriminator"),
    "a classifier": (torch_of("layer1.0.conv1.weight", "fc.weight"), r"no StyleGAN2 generator.*layer1\.0"),
    "TorchScript": (lambda: a_zip(["vgg16/data.pkl", "vgg16/constants.pkl"]), "TorchScript"),
    "a ZIP of weights": (lambda: a_zip(["ffhq.pkl", "README"]), r"ZIP archive.*ffhq\.pkl.*unpack"),
    "NumPy's .npz": (lambda: a_zip(["w.npy"]), r"ZIP archive.*w\.npy"),
    "safetensors, diffusion": (safetensors_of("model.diffusion_model.out.weight"), "Stable Diffusion"),
    "safetensors, LoRA": (safetensors_of("lora_unet_down_blocks_0.lora_down.weight"), "LoRA"),
    "safetensors, StyleGAN2": (safetensors_of("synthesis.b4.const", "mapping.w_avg"), "without its settings"),
    "safetensors, our encoder": (safetensors_of("a", metadata={"encoder": "{}"}), "an encoder of this"),
    "safetensors, other": (safetensors_of("a"), "not of a generator"),
    "a dict of nothing": (lambda: pickle.dumps({"epoch": 3}), "holds no generator"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMED)
def test_what_is_no_generator_is_named(tmp_path: Path, kind: str) -> None:
    content, message = NAMED[kind]
    path = tmp_path / "network.pkl"
    path.write_bytes(content())
    with pytest.raises(WeightsError, match=rf"network\.pkl: .*{message}") as refusal:
        load_generator(path)
    assert "malicious" not in str(refusal.value)
    assert "damaged" not in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert [p.name for p in tmp_path.iterdir()] == ["network.pkl"]


def test_an_object_of_an_unknown_class_is_named_by_its_class(tmp_path: Path) -> None:
    class Trainer:
        pass

    Trainer.__module__, Trainer.__qualname__ = "somebody.train", "Generator"
    with rosinality_modules("somebody.train"):
        sys.modules["somebody.train"].Generator = Trainer  # type: ignore[attr-defined]
        (tmp_path / "network.pt").write_bytes(zip_torch(Trainer()))
    with pytest.raises(WeightsError, match=r"somebody\.train\.Generator, a class that is not known"):
        load_generator(tmp_path / "network.pt")


@pytest.mark.parametrize("kind", ["network.pkl", "network.safetensors", "zip.pt", "old.pt"])
@pytest.mark.parametrize("kept", [0.2, 0.6, 0.97])
def test_a_file_that_was_cut_short_is_named(tmp_path: Path, kind: str, kept: float) -> None:
    path = tmp_path / kind
    if kind.endswith(".pkl"):
        write_nvidia(path, small_state())
    elif kind.endswith(".safetensors"):
        save_generator(Generator(resolution=8, z_dim=4, w_dim=4, channel_max=4), path, "small")
    else:
        path.write_bytes((zip_torch if kind == "zip.pt" else old_torch)(snapshot(small_state())))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(WeightsError, match=r"cut short.*fetch it again"):
        load_generator(path)


def test_the_conversion_of_a_snapshot_is_a_file_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "150000.pt"
    path.write_bytes(zip_torch(snapshot(small_state())))
    generator = load_generator(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["150000.pt", "150000.safetensors"]
    again = load_generator(tmp_path / "150000.safetensors")
    assert torch.equal(again.mapping.w_avg, generator.mapping.w_avg)
