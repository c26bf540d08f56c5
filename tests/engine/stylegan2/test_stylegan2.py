"""The generator against the outputs of the reference implementation."""

import numpy as np
import pytest
import torch

from engine.stylegan2.network import Generator, to_uint8
from engine.stylegan2.operations import modulated_convolution
from tests.conftest import golden, largest_difference


def golden_generator(resolution: int) -> tuple[Generator, dict[str, torch.Tensor]]:
    state, arrays = golden(resolution)
    generator = Generator(*arrays["config"].tolist())
    generator.load_state_dict({k: v for k, v in state.items() if not k.endswith("resample_filter")})
    return generator.requires_grad_(False), arrays


@pytest.mark.parametrize("resolution", [64, 256])
def test_matches_the_reference_to_1e_4(resolution: int) -> None:
    generator, expected = golden_generator(resolution)
    w = generator.broadcast(generator.mapping(expected["z"]))
    pairs = {
        "w": w,
        "w_psi07": generator.truncate(w, 0.7),
        "w_psi05_cutoff4": generator.truncate(w, 0.5, 4),
        "image_const_noise": generator(expected["z"]),
        "image_no_noise_psi07": generator(expected["z"], psi=0.7, noise_mode="none"),
        "image_w_plus": generator.synthesis(expected["w_plus"]),
    }
    for name, got in pairs.items():
        assert largest_difference(got, expected, name) < 1e-4, name


def test_the_comparison_notices_a_changed_weight() -> None:
    generator, expected = golden_generator(64)
    generator.synthesis.get_parameter("b8.conv0.weight")[0, 0] += 0.01
    assert largest_difference(generator(expected["z"]), expected, "image_const_noise") > 1e-4


@pytest.mark.parametrize("style", [0.0, 1e-4, 1e-3])
def test_demodulation_of_next_to_nothing_is_what_the_reference_makes_of_it(style: float) -> None:
    """1e-8 is added to the energy of each output channel: nothing stays nothing."""
    x, weight = torch.randn(1, 4, 8, 8), torch.randn(3, 4, 3, 3)
    styles = torch.full((1, 4), style)
    scaled = weight * style
    kernel = scaled / (scaled.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
    assert torch.allclose(
        modulated_convolution(x, weight, styles), torch.nn.functional.conv2d(x, kernel, padding=1), atol=1e-5
    )


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
@pytest.mark.parametrize("side_px", [2, 16])
def test_scaling_weights_or_maps_makes_no_difference(up: bool, demodulate: bool, side_px: int) -> None:
    """Of one picture whichever has fewer numbers is scaled, of two the maps: all with the same result."""
    x, weight = torch.randn(1, 6, side_px, side_px), torch.randn(5, 6, 3, 3)
    styles, bias = torch.randn(1, 6), torch.randn(5)
    assert (weight.numel() < x.numel()) == (side_px == 16)
    options = {"demodulate": demodulate, "up": up, "gain": 1.5}
    with torch.no_grad():
        one = modulated_convolution(x, weight, styles, bias, **options)  # type: ignore[arg-type]
    searched = modulated_convolution(x.requires_grad_(), weight, styles, bias, **options)  # type: ignore[arg-type]
    several = modulated_convolution(x.repeat(2, 1, 1, 1), weight, styles.repeat(2, 1), bias, **options)  # type: ignore[arg-type]
    assert torch.allclose(one, searched, atol=1e-5) and torch.allclose(one, several[:1], atol=1e-5)
    plain = modulated_convolution(x, weight, styles, demodulate=demodulate, up=up)
    gain = 1.5 if demodulate else 1.0
    assert torch.allclose(one, gain * plain + bias[:, None, None], atol=1e-5)


@pytest.mark.parametrize("resolution", [4, 8, 64, 1024])
def test_any_resolution(resolution: int) -> None:
    generator = Generator(z_dim=16, w_dim=16, resolution=resolution, channel_base=1024, channel_max=8)
    assert generator(torch.randn(2, 16)).shape == (2, 3, resolution, resolution)
    assert generator.num_ws == 2 * int(np.log2(resolution)) - 2


def test_noise_modes() -> None:
    generator = Generator(z_dim=16, w_dim=16, resolution=16, channel_base=128, channel_max=8)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.constant_(parameter, 0.5)
    ws = generator.broadcast(generator.mapping(torch.randn(1, 16)))
    same = [generator.synthesis(ws, "const") for _ in range(2)]
    other = [generator.synthesis(ws, "random") for _ in range(2)]
    assert torch.equal(same[0], same[1])
    assert not torch.equal(other[0], other[1])
    assert not torch.equal(same[0], generator.synthesis(ws, "none"))


def test_to_uint8_rounds_as_written() -> None:
    image = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).expand(1, 3, 1, 5)
    assert to_uint8(image)[0, 0, :, 0].tolist() == [0, 0, 128, 255, 255]
