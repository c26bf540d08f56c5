"""Checkpoints in rosinality's format."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from engine.common.errors import WeightsError
from engine.common.weights_file import OLD_TORCH_START
from engine.stylegan2.checkpoint import (
    load_generator,
)
from tests.conftest import golden, largest_difference
from tests.support.checkpoint_files import State, as_rosinality


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
