"""Settings of a checkpoint that shapes do not tell: applied, or refused by name."""

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.common.errors import WeightsError
from engine.stylegan2.checkpoint import convert, generator_sha256, load_generator, save_generator
from engine.stylegan2.network import Generator
from tests.conftest import golden
from tests.support.checkpoint_files import (
    Making,
    State,
    as_rosinality,
    as_rosinality_module,
    rosinality_modules,
    small_state,
    write_nvidia,
)


def near(got: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool((got - expected).abs().max() < 1e-4 * expected.abs().max())


def limited(x: torch.Tensor, conv_clamp: float | None) -> torch.Tensor:
    return x if conv_clamp is None else x.maximum(-torch.tensor(conv_clamp)).minimum(torch.tensor(conv_clamp))


def reference_w(state: State, z: torch.Tensor, lr_multiplier: float) -> torch.Tensor:
    """w (1, w_dim) of z (1, z_dim): each layer's weights and biases are multiplied while it computes."""
    x = z / (z.square().mean() + 1e-8).sqrt()
    for i in range(sum(name.startswith("mapping.fc") for name in state) // 2):
        weight, bias = state[f"mapping.fc{i}.weight"], state[f"mapping.fc{i}.bias"]
        x = x @ (weight * lr_multiplier / weight.shape[1] ** 0.5).T + bias * lr_multiplier
        x = torch.where(x > 0, x, 0.2 * x) * 2**0.5
    return x


def reference_picture(
    state: State, w: torch.Tensor, conv_clamp: float | None, noise: bool = True
) -> torch.Tensor:
    """The picture of w (1, w_dim), as the paper has it: the weights are modulated; what enlarges is zeros
    between the pixels, a convolution, and a filter; every layer's output is clamped after its activation."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    smooth = torch.outer(taps, taps) / 64 * 4

    def enlarged(x: torch.Tensor) -> torch.Tensor:
        result = torch.zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
        result[:, :, ::2, ::2] = x
        return result

    def filtered(x: torch.Tensor, before: int, after: int) -> torch.Tensor:
        x = F.pad(x, (before, after, before, after))
        return F.conv2d(x.transpose(0, 1), smooth[None, None]).transpose(0, 1)

    def style(name: str) -> torch.Tensor:
        weight = state[f"{name}.affine.weight"]
        return w[0] @ (weight / weight.shape[1] ** 0.5).T + state[f"{name}.affine.bias"]

    def layer(x: torch.Tensor, name: str, up: bool = False) -> torch.Tensor:
        weight = state[f"{name}.weight"] * style(name)[:, None, None]
        weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:  # the transposed convolution, as a convolution with the mirrored kernel
            x = F.conv2d(F.pad(enlarged(x), (2, 1, 2, 1)), weight.flip(2, 3))
            x = filtered(x, 1, 1)
        else:
            x = F.conv2d(x, weight, padding=1)
        if noise:
            x = x + state[f"{name}.noise_const"] * state[f"{name}.noise_strength"]
        x = x + state[f"{name}.bias"][:, None, None]
        return limited(torch.where(x > 0, x, 0.2 * x) * 2**0.5, conv_clamp)

    def colours(x: torch.Tensor, name: str) -> torch.Tensor:
        weight = state[f"{name}.weight"]
        weight = weight * style(name)[:, None, None] / weight.shape[1] ** 0.5
        return limited(F.conv2d(x, weight) + state[f"{name}.bias"][:, None, None], conv_clamp)

    x = layer(state["synthesis.b4.const"][None], "synthesis.b4.conv1")
    image, resolution = colours(x, "synthesis.b4.torgb"), 8
    while f"synthesis.b{resolution}.conv0.weight" in state:
        block = f"synthesis.b{resolution}"
        x = layer(layer(x, f"{block}.conv0", up=True), f"{block}.conv1")
        image = filtered(enlarged(image), 2, 1) + colours(x, f"{block}.torgb")
        resolution *= 2
    return image


def test_the_reference_of_these_tests_is_nvidias() -> None:
    state, expected = golden(64)
    w = reference_w(state, expected["z"][:1], 0.01)
    assert (w - expected["w"][:1]).abs().max() < 1e-4
    assert (reference_picture(state, w, None) - expected["image_const_noise"][:1]).abs().max() < 1e-4


@pytest.mark.parametrize("conv_clamp", [256, 0.7])
def test_conv_clamp_is_applied(tmp_path: Path, conv_clamp: float) -> None:
    """In float32 too. The weights are made large, so that 256 is reached."""
    state, expected = golden(64)
    for name in state:
        if name.endswith((".conv0.bias", ".conv1.bias")):
            state[name] = state[name] + 400 * torch.linspace(-1, 1, len(state[name]))
    generator = load_generator(write_nvidia(tmp_path / "network.pkl", state, making=Making(conv_clamp)))
    w = generator.mapping(expected["z"][:1])
    picture = reference_picture(state, w, conv_clamp)
    assert generator.conv_clamp == conv_clamp
    assert (generator(expected["z"][:1]) - picture).abs().max() < 1e-4 * picture.abs().max()
    assert (reference_picture(state, w, None) - picture).abs().max() > 0.1 * picture.abs().max()


@pytest.mark.parametrize("lr_multiplier", [0.01, 0.1, 1, 1.0])
def test_lr_multiplier_is_applied(tmp_path: Path, lr_multiplier: float) -> None:
    state, z = small_state(), torch.randn(1, 6)
    made = Making(lr_multiplier=lr_multiplier)
    generator = load_generator(write_nvidia(tmp_path / "network.pkl", state, making=made))
    w = reference_w(state, z, lr_multiplier)
    assert near(generator.mapping(z), w)
    assert near(generator(z), reference_picture(state, w, None))
    assert near(w, reference_w(state, z, 0.01)) == (lr_multiplier == 0.01)


def test_noise_that_is_switched_off_stays_off(tmp_path: Path) -> None:
    state, z = small_state(), torch.randn(1, 6)
    for name in state:
        if name.endswith("noise_strength"):
            state[name] = torch.tensor(0.5)
    expected = reference_picture(state, reference_w(state, z, 0.01), None, noise=False)
    without = {name: tensor for name, tensor in state.items() if "noise" not in name}
    for i, content in enumerate((state, without)):
        path = write_nvidia(tmp_path / f"{i}.pkl", content, making=Making(use_noise=False))
        assert torch.allclose(load_generator(path)(z), expected, atol=1e-4)


def test_what_makes_no_difference_is_accepted(tmp_path: Path) -> None:
    for fused in (True, False, "inference_only"):
        changes: dict[str, dict[str, Any]] = {
            "synthesis.b8": {"fused_modconv_default": fused, "use_fp16": False},
            "": {"epochs": 3.0},
        }
        made = Making(changes=changes, w_avg_beta=0.998, arguments={"fused_modconv_default": fused})
        path = write_nvidia(tmp_path / "network.pkl", small_state(), making=made)
        assert torch.equal(load_generator(path).mapping.w_avg, small_state()["mapping.w_avg"])


def test_settings_are_in_the_conversion_and_in_what_is_saved_of_it(tmp_path: Path) -> None:
    made = Making(conv_clamp=256, lr_multiplier=0.1)
    path = write_nvidia(tmp_path / "network.pkl", small_state(), making=made)
    generator, z = load_generator(path), torch.randn(1, 6)
    save_generator(generator, tmp_path / "saved.safetensors", "saved", half=False)
    for file in (convert(path), tmp_path / "saved.safetensors"):
        with safe_open(file, "pt") as content:
            recorded = json.loads(content.metadata()["stylegan2"])
        assert (recorded["conv_clamp"], recorded["lr_multiplier"]) == (256, 0.1)
        assert torch.equal(load_generator(file)(z), generator(z))


def test_a_conversion_without_settings_is_made_again(tmp_path: Path) -> None:
    """As 0.1.0 wrote it: it had left them out."""
    path = write_nvidia(tmp_path / "network.pkl", small_state(), making=Making(conv_clamp=256))
    converted = convert(path)
    with safe_open(converted, "pt") as file:
        recorded = json.loads(file.metadata()["stylegan2"])
    del recorded["conv_clamp"]
    before = {"stylegan2": json.dumps(recorded), "source_sha256": generator_sha256(path)}
    save_file(load_file(converted), converted, before)
    assert load_generator(converted).conv_clamp is None
    assert load_generator(path).conv_clamp == 256


CONV, TORGB, FC = "synthesis.b8.conv1", "synthesis.b8.torgb", "mapping.fc1"
REFUSED: list[tuple[Making, str]] = [
    (Making(activation="swish"), "activation is 'swish'; only 'lrelu'"),
    (Making(changes={FC: {"activation": "relu"}}), "activation is 'relu'"),
    (Making(changes={CONV: {"activation": "linear"}}), "activation is 'linear'"),
    (Making(arguments={"synthesis_kwargs": {"activation": "tanh"}}), "activation is 'tanh'"),
    (Making(arguments={"activation": "tanh"}), "activation is 'tanh'"),
    (Making(arguments={"mapping_kwargs": {"activation": "tanh"}}), "activation is 'tanh'"),
    (Making(changes={CONV: {"act_gain": 1.0}}), r"act_gain is 1\.0"),
    (Making(changes={CONV: {"padding": 0}}), "padding is 0"),
    (Making(changes={CONV: {"conv_clamp": 256}}), "contradict each other about the setting conv_clamp"),
    (Making(changes={TORGB: {"conv_clamp": 256}}), "contradict each other about the setting conv_clamp"),
    (Making(arguments={"synthesis_kwargs": {"conv_clamp": 256}}), "contradict .*conv_clamp"),
    (Making(arguments={"conv_clamp": 256}), "contradict .*conv_clamp"),
    (Making(conv_clamp=-1), "conv_clamp is -1"),
    (Making(conv_clamp=float("nan")), "setting conv_clamp .*nan"),
    (Making(conv_clamp="256"), "conv_clamp is '256'"),  # type: ignore[arg-type]
    (Making(lr_multiplier=-0.01), "lr_multiplier is -0.01"),
    (Making(lr_multiplier=float("inf")), "lr_multiplier is inf"),
    (Making(changes={FC: {"bias_gain": 1}}), "contradict each other about the setting lr_multiplier"),
    (Making(changes={FC: {"weight_gain": 1}}), "contradict each other about the setting lr_multiplier"),
    (Making(arguments={"mapping_kwargs": {"lr_multiplier": 1}}), "contradict .*lr_multiplier"),
    (Making(changes={TORGB: {"weight_gain": 1}}), rf"weight_gain of {TORGB} is"),
    (Making(changes={f"{CONV}.affine": {"bias_gain": 2}}), rf"bias_gain of {CONV}.affine is 2"),
    (Making(changes={"synthesis.b8": {"architecture": "resnet"}}), "architecture is 'resnet'; only 'skip'"),
    (Making(arguments={"architecture": "orig"}), "architecture is 'orig'"),
    (Making(arguments={"synthesis_kwargs": {"resample_filter": [1, 2, 1]}}), r"filter is \[1, 2, 1\]"),
    (Making(arguments={"resample_filter": None}), "resample_filter is None"),
    (Making(changes={"synthesis": {"conv_clamp": 256}}), "contradict .*conv_clamp"),
    (Making(conv_clamp=torch.tensor(256.0)), "conv_clamp is a tensor"),  # type: ignore[arg-type]
    (Making(changes={f"{CONV}.affine": {"activation": "lrelu"}}), f"activation of {CONV}.affine is 'lrelu'"),
    (Making(changes={TORGB: {"activation": "lrelu"}}), f"activation of {TORGB} is 'lrelu'"),
    (Making(arguments={"synthesis_kwargs": {"block_kwargs": {"activation": "relu"}}}), "is 'relu'"),
    (Making(changes={CONV: {"up": 2}}), f"up of {CONV} is 2; only 1"),
    (Making(changes={"synthesis.b8.conv0": {"up": 4}}), "up of synthesis.b8.conv0 is 4; only 2"),
    (Making(changes={"synthesis.b8": {"weight_gain": 2}}), "synthesis.b8 has a setting.*weight_gain"),
    (Making(changes={CONV: {"use_noise": False}}), "contradict .*use_noise"),
    (Making(use_noise="yes"), "use_noise is 'yes'"),  # type: ignore[arg-type]
    (Making(changes={"": {"c_dim": 10}}), r"conditional generator.*c_dim is 10"),
    (Making(arguments={"c_dim": 10}), "conditional generator"),
    (Making(changes={"": {"img_channels": 1}}), "img_channels is 1; only 3"),
    (Making(changes={"": {"init_res": [5, 3]}}), r"init_res is \[5, 3\]"),
    (Making(changes={"mapping": {"normalize_latents": False}}), "not known here: normalize_latents"),
    (Making(arguments={"synthesis_kwargs": {"square_wave": 1}}), "not known here: square_wave"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "message"), REFUSED)
def test_a_setting_that_is_not_known_is_refused_by_name(tmp_path: Path, made: Making, message: str) -> None:
    path = write_nvidia(tmp_path / "network.pkl", small_state(), making=made)
    with pytest.raises(WeightsError, match=rf"network\.pkl: .*{message}") as refusal:
        load_generator(path)
    assert "malicious" not in str(refusal.value)
    assert [p.name for p in tmp_path.iterdir()] == ["network.pkl"]


STRUCTURES: list[tuple[Mapping[str, torch.Tensor | None], str]] = [
    ({"synthesis.b8.skip.weight": torch.zeros(3, 4, 1, 1)}, "architecture is 'resnet'"),
    ({"synthesis.b4.torgb.weight": None}, "architecture is not 'skip'"),
    ({"synthesis.b4.torgb.weight": torch.zeros(1, 4, 1, 1)}, "draws 1 colours"),
    ({"mapping.embed.weight": torch.zeros(5, 10)}, "conditional generator"),
]


@pytest.mark.parametrize(("changed", "message"), STRUCTURES)
def test_a_state_dict_of_another_architecture_is_named(
    tmp_path: Path, changed: Mapping[str, torch.Tensor | None], message: str
) -> None:
    state = {name: tensor for name, tensor in {**small_state(), **changed}.items() if tensor is not None}
    torch.save(state, tmp_path / "network.pt")
    with pytest.raises(WeightsError, match=rf"network\.pt: .*{message}"):
        load_generator(tmp_path / "network.pt")


@pytest.mark.parametrize(
    ("field", "value"), [("conv_clamp", "256"), ("conv_clamp", 0), ("lr_multiplier", None)]
)
def test_a_safetensors_file_of_ours_that_lies_about_a_setting(tmp_path: Path, field: str, value: Any) -> None:
    path = tmp_path / "saved.safetensors"
    save_generator(Generator(resolution=8, z_dim=4, w_dim=4, channel_max=4), path, "small", half=False)
    with safe_open(path, "pt") as file:
        recorded = json.loads(file.metadata()["stylegan2"]) | {field: value}
    save_file(load_file(path), path, {"stylegan2": json.dumps(recorded)})
    with pytest.raises(WeightsError, match=rf"saved\.safetensors: .*{field}"):
        load_generator(path)


def rosinality_file(path: Path, args: Namespace | None = None, **module: Any) -> Path:
    """A snapshot of a training with these arguments, or a whole module."""
    state = as_rosinality(small_state())
    with rosinality_modules():
        torch.save(as_rosinality_module(state, **module) if module else {"g_ema": state, "args": args}, path)
    return path


@pytest.mark.parametrize("lr_mlp", [0.01, 0.1, 1])
def test_lr_mlp_of_rosinality_is_applied(tmp_path: Path, lr_mlp: float) -> None:
    z = torch.randn(1, 6)
    w = reference_w(small_state(), z, lr_mlp)
    for path in (
        rosinality_file(tmp_path / "snapshot.pt", Namespace(lr_mlp=lr_mlp)),
        rosinality_file(tmp_path / "module.pt", lr_mlp=lr_mlp),
    ):
        generator = load_generator(path)
        assert near(generator.mapping(z), w)
        assert near(generator(z), reference_picture(small_state(), w, None))


CHANGED: list[tuple[Mapping[str, Mapping[str, Any]], str]] = [
    ({"style.1": {"lr_mul": 1}}, "contradict each other about the setting lr_mlp"),
    ({"style.2": {"activation": None}}, "activation is None"),
    ({"conv1.activate": {"negative_slope": 0.1}}, "negative_slope of conv1.activate is 0.1"),
    ({"convs.0.conv": {"demodulate": False}}, r"demodulate of convs.0.conv is False"),
    ({"to_rgb1.conv": {"demodulate": True}}, r"demodulate of to_rgb1.conv is True"),
    ({"conv1.conv": {"eps": 1.0}}, r"eps of conv1.conv is 1.0; only 1e-08"),
    ({"conv1.conv": {"scale": 9.0}}, "scale of conv1.conv is 9.0"),
    ({"conv1.conv": {"padding": 0}}, "padding of conv1.conv is 0; only 1"),
    ({"conv1.conv": {"upsample": True}}, "upsample of conv1.conv is True"),
    ({"convs.0.conv": {"upsample": False}}, "upsample of convs.0.conv is False"),
    ({"convs.1.conv": {"downsample": True}}, "downsample of convs.1.conv is True"),
    ({"to_rgb1.conv": {"scale": 9.0}}, "scale of to_rgb1.conv is 9.0"),
    ({"conv1.conv.modulation": {"lr_mul": 0.5}}, "lr_mul of conv1.conv.modulation is 0.5"),
    ({"conv1.conv.modulation": {"scale": 5}}, "scale of conv1.conv.modulation is 5"),
    ({"conv1.conv.modulation": {"activation": "fused_lrelu"}}, "modulation is 'fused_lrelu'; only None"),
    ({"convs.0.conv.blur": {"pad": (0, 0)}}, r"pad of convs.0.conv.blur is \(0, 0\)"),
    ({"to_rgbs.0.upsample": {"factor": 4}}, "factor of to_rgbs.0.upsample is 4"),
    ({"to_rgbs.0.upsample": {"pad": (1, 1)}}, "pad of to_rgbs.0.upsample"),
    ({"conv1.noise": {"scale": 9.0}}, "not known here: scale"),
    ({"": {"truncation": 0.5}}, "not known here: truncation"),
    ({"style.1": {"scale": "a"}}, "scale is 'a', which is no number"),
    ({"convs.0": {"spectral": 1}}, "not known here: spectral"),
]


@pytest.mark.parametrize(("changes", "message"), CHANGED)
def test_settings_of_rosinality_that_are_not_known(tmp_path: Path, changes: Any, message: str) -> None:
    path = rosinality_file(tmp_path / "module.pt", changes=changes)
    with pytest.raises(WeightsError, match=rf"module\.pt: .*{message}"):
        load_generator(path)


def test_swagan_is_refused_by_name(tmp_path: Path) -> None:
    path = rosinality_file(tmp_path / "snapshot.pt", Namespace(arch="swagan"))
    with pytest.raises(WeightsError, match=r"snapshot\.pt: .*'swagan'; only 'stylegan2'"):
        load_generator(path)


def test_another_blur_kernel_is_refused_by_name(tmp_path: Path) -> None:
    state = as_rosinality(small_state())
    state["convs.0.conv.blur.kernel"] = torch.ones(4, 4) / 4
    torch.save({"g_ema": state}, tmp_path / "network.pt")
    with pytest.raises(WeightsError, match=r"resample_filter is not the filter \[1, 3, 3, 1\]"):
        load_generator(tmp_path / "network.pt")


@pytest.mark.parametrize("factor", [4, 0.25, -1])
@pytest.mark.parametrize("kernel", ["convs.0.conv.blur.kernel", "to_rgbs.0.upsample.kernel"])
def test_another_gain_or_sign_of_rosinalitys_kernel(tmp_path: Path, kernel: str, factor: float) -> None:
    state = as_rosinality(small_state())
    torch.save({"g_ema": state | {kernel: state[kernel] * factor}}, tmp_path / "network.pt")
    with pytest.raises(WeightsError, match=r"resample_filter .*another gain or sign"):
        load_generator(tmp_path / "network.pt")


@pytest.mark.parametrize("factor", [4, -1])
def test_another_gain_or_sign_of_nvidias_filter(tmp_path: Path, factor: float) -> None:
    state = small_state()
    state["synthesis.b8.conv0.resample_filter"] *= factor
    with pytest.raises(WeightsError, match=r"b8\.conv0\.resample_filter .*another gain or sign"):
        load_generator(write_nvidia(tmp_path / "network.pkl", state))


def test_a_whole_module_with_all_that_rosinality_keeps(tmp_path: Path) -> None:
    """Names and values: model.py of rosinality/stylegan2-pytorch."""
    state = as_rosinality(small_state())
    changes: dict[str, dict[str, Any]] = {}
    for name, weight in state.items():
        module = name.rpartition(".")[0]
        inputs = weight[0].numel() if weight.ndim < 5 else weight[0, 0].numel()
        if name.endswith(".modulation.weight"):
            changes[module] = {"activation": None, "lr_mul": 1, "scale": 1 / inputs**0.5}
        elif name.endswith(".conv.weight"):
            upsample = module == "convs.0.conv"
            size = {
                "in_channel": weight.shape[2],
                "out_channel": weight.shape[1],
                "padding": weight.shape[-1] // 2,
            }
            changes[module] = {"scale": 1 / inputs**0.5, "upsample": upsample, "downsample": False, **size}
    changes |= {"convs.0.conv.blur": {"pad": (1, 1)}, "to_rgbs.0.upsample": {"factor": 2, "pad": (2, 1)}}
    path = rosinality_file(tmp_path / "module.pt", changes=changes)
    assert load_generator(path).resolution == 8
