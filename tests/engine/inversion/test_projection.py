"""The search, on the embedded generator and on small ones."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.inversion.projection import (
    SearchSettings,
    Step,
    draw,
    fast_dtype,
    median_face,
    noise_penalty,
    search_latent,
    tune,
)
from engine.inversion.target import to_target
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.network import Generator, to_uint8
from tests.conftest import REPO

SETTINGS = SearchSettings(steps=30, tuning_steps=10, dtype=fast_dtype(torch.device("cpu")))


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load_generator(REPO / "weights" / "nobody.safetensors")


@pytest.fixture(scope="module")
def somebody(generator: Generator) -> torch.Tensor:
    """A person of the generator's own."""
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        return generator(z, psi=0.8)


def distance_to(target: torch.Tensor):
    return NormalisedLaplacianPyramid().towards(target, torch.ones_like(target[:, :1]))


def run(steps: Iterator[Step]) -> list[Step]:
    return list(steps)


def test_finds_a_person_of_the_generator(generator: Generator, somebody: torch.Tensor) -> None:
    steps = run(search_latent(generator, distance_to(somebody), SETTINGS))
    assert steps[-1].loss < 0.5 * steps[0].loss
    assert steps[-1].picture.shape == (generator.resolution, generator.resolution, 3)


def test_begins_at_the_median_face(generator: Generator, somebody: torch.Tensor) -> None:
    first = next(search_latent(generator, distance_to(somebody), SETTINGS))
    assert torch.equal(first.place.latent, median_face(generator).latent)


def test_w_moves_all_layers_together_and_w_plus_does_not(
    generator: Generator, somebody: torch.Tensor
) -> None:
    few = replace(SETTINGS, steps=4, walk_steps=1)
    median = median_face(generator)
    random = torch.Generator().manual_seed(1)
    guessed = replace(median, latent=median.latent + 0.1 * torch.randn(median.latent.shape, generator=random))
    for settings, together in ((replace(few, space="w"), True), (few, False)):
        for start in (None, guessed):
            latent = run(search_latent(generator, distance_to(somebody), settings, start))[-1].place.latent
            assert torch.allclose(latent[:, :1].expand_as(latent), latent) is together


def test_is_deterministic(generator: Generator, somebody: torch.Tensor) -> None:
    settings = replace(SETTINGS, steps=6)
    ends = [run(search_latent(generator, distance_to(somebody), settings))[-1] for _ in range(2)]
    assert torch.equal(ends[0].place.latent, ends[1].place.latent)


def test_stops_when_it_no_longer_gains(generator: Generator, somebody: torch.Tensor) -> None:
    settings = replace(SETTINGS, steps=500, rate=0.0, patience=5)
    steps = run(search_latent(generator, distance_to(somebody), settings))
    assert len(steps) < 100


def test_tuning_gains_and_leaves_the_generator_as_it_is(generator: Generator, somebody: torch.Tensor) -> None:
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    steps = run(tune(generator, distance_to(somebody), median_face(generator), SETTINGS))
    assert steps[-1].loss < 0.8 * steps[0].loss
    assert all(torch.equal(before[name], tensor) for name, tensor in generator.state_dict().items())
    place = steps[-1].place
    assert not torch.equal(draw(generator, place), draw(generator, median_face(generator)))


@pytest.mark.parametrize(
    ("settings", "moves", "together"),
    [
        (replace(SETTINGS, pivot_rate=0.0), False, True),
        (replace(SETTINGS, space="w"), True, True),
        (SETTINGS, True, False),
    ],
)
def test_the_latent_moves_on_while_tuning(settings: SearchSettings, moves: bool, together: bool) -> None:
    small = small_generator()
    pivot = median_face(small)
    *_, last = tune(small, distance_to(torch.rand(1, 3, 16, 16)), pivot, replace(settings, tuning_steps=3))
    latent = last.place.latent
    assert torch.equal(latent, pivot.latent) is not moves
    assert torch.allclose(latent[:, :1].expand_as(latent), latent) is together
    assert not latent.requires_grad


def small_generator() -> Generator:
    torch.manual_seed(0)
    small = Generator(z_dim=16, w_dim=16, resolution=16, channel_base=128, channel_max=8)
    return small.requires_grad_(False)


def test_the_last_step_holds_the_best_place_found() -> None:
    """Not the last one: a search that is too bold jumps about."""
    small = small_generator()
    loss = distance_to(torch.rand(1, 3, 16, 16))
    *_, last = steps = run(search_latent(small, loss, SearchSettings(steps=12, rate=3.0, patience=100)))
    best = min(steps[:-1], key=lambda step: step.loss)
    assert best.index < 10
    assert last.loss == best.loss and torch.equal(last.place.latent, best.place.latent)
    assert torch.equal(last.picture, to_uint8(draw(small, best.place))[0])


def test_the_latent_is_shaken_in_the_first_half_alone() -> None:
    small = small_generator()
    loss = distance_to(torch.rand(1, 3, 16, 16))
    steps = run(search_latent(small, loss, SearchSettings(steps=20, patience=100)))
    still = [torch.equal(step.picture, to_uint8(draw(small, step.place))[0]) for step in steps]
    assert not any(still[:6]) and all(still[10:])


def test_what_the_loss_does_not_mind_is_drawn_to_the_median_face() -> None:
    small = small_generator()
    median = median_face(small)
    away = replace(median, latent=median.latent + torch.randn(median.latent.shape))

    def indifferent(pictures: torch.Tensor) -> torch.Tensor:
        return 0 * pictures.mean(dim=(1, 2, 3))

    def ends(settings: SearchSettings) -> float:
        steps = run(search_latent(small, indifferent, settings, away))
        return float((steps[-2].place.latent - median.latent).norm())

    settings = SearchSettings(steps=20, walk_steps=1, patience=100)
    assert ends(settings) < 0.95 * ends(replace(settings, latent_weight=0.0))


def test_noise_that_carries_a_picture_is_penalised() -> None:
    """At every scale: even grey, stripes of one pixel and of four, a faint veil; white noise hardly is."""
    white = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    stripes = (torch.arange(64) % 2 * 2.0 - 1).expand(64, 64)
    wide = (torch.arange(64) // 4 % 2 * 2.0 - 1).expand(64, 64)
    for picture in (torch.ones(64, 64), stripes, wide):
        assert noise_penalty([picture]) > 10 * noise_penalty([white])
    assert noise_penalty([white + 0.2]) > 1, "halved and doubled again, the veil is what remains"
    assert noise_penalty([white, white]) == pytest.approx(2 * float(noise_penalty([white])))


def test_the_search_keeps_its_noise_free_of_pictures() -> None:
    small = small_generator()
    small.synthesis.get_parameter("b16.conv1.noise_strength").fill_(0.5)
    own = small.synthesis.get_buffer("b16.conv1.noise_const")
    loss = distance_to(torch.rand(1, 3, 16, 16))
    settings = SearchSettings(steps=30, patience=100)

    def penalty(settings: SearchSettings) -> float:
        steps = run(search_latent(small, loss, settings))
        return float(noise_penalty([own + steps[-2].place.offsets["b16.conv1.noise_const"]]))

    assert penalty(settings) < 0.5 * penalty(replace(settings, noise_weight=0.0))


def test_noise_is_searched_only_where_the_generator_uses_it() -> None:
    small = small_generator()
    target = torch.rand(1, 3, 16, 16)
    settings = SearchSettings(steps=3)
    assert run(search_latent(small, distance_to(target), settings))[-1].place.offsets == {}
    small.synthesis.get_parameter("b16.conv1.noise_strength").fill_(0.3)
    offsets = run(search_latent(small, distance_to(target), settings))[-1].place.offsets
    assert list(offsets) == ["b16.conv1.noise_const"]


def test_empty_noise_maps_are_left_to_tuning(generator: Generator, somebody: torch.Tensor) -> None:
    few = replace(SETTINGS, steps=3, tuning_steps=3)
    *_, found = search_latent(generator, distance_to(somebody), few)
    assert found.place.offsets == {}
    *_, tuned = tune(generator, distance_to(somebody), found.place, few)
    sizes = {offset.shape[-1] for name, offset in tuned.place.offsets.items() if name.endswith("noise_const")}
    assert sizes == {generator.resolution, generator.resolution // 2}
    assert not any(name.endswith("noise_strength") for name in tuned.place.offsets)


def test_without_a_rate_the_weights_stay_and_maps_are_still_filled(
    generator: Generator, somebody: torch.Tensor
) -> None:
    settings = replace(SETTINGS, tuning_steps=15, tuning_rate=0.0)
    steps = run(tune(generator, distance_to(somebody), median_face(generator), settings))
    assert steps[-1].loss < 0.9 * steps[0].loss
    offsets = steps[-1].place.offsets
    assert len(offsets) == 4 and all(name.endswith("noise_const") for name in offsets)
    assert all(offset.any() for offset in offsets.values())


def test_noise_maps_take_detail_that_weights_cannot_tell(generator: Generator, astronaut: np.ndarray) -> None:
    aim = distance_to(to_target(astronaut[0:256, 90:346], generator.resolution))
    losses = [
        run(
            tune(generator, aim, median_face(generator), replace(SETTINGS, tuning_steps=15, detail_rate=rate))
        )[-1].loss
        for rate in (0.0, SETTINGS.detail_rate)
    ]
    assert losses[1] < 0.7 * losses[0]


def test_a_loss_that_sees_a_quarter_draws_no_mosaic(generator: Generator, astronaut: np.ndarray) -> None:
    """As LPIPS at 256 px looks at pictures of 1024 px."""

    def shrunk(pictures: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(pictures, 4)

    portrait = to_target(astronaut[0:256, 90:346], generator.resolution)
    to_shrunk = distance_to(shrunk(portrait))

    def aim(pictures: torch.Tensor) -> torch.Tensor:
        return to_shrunk(shrunk(pictures))

    def steps_across_cells(sees_px: int | None) -> float:
        """Steps of lightness from cell to cell, for those within a cell; about 1 in the portrait itself."""
        settings = replace(SETTINGS, tuning_steps=12)
        *_, last = tune(generator, aim, median_face(generator), settings, sees_px=sees_px)
        with torch.no_grad():
            steps = draw(generator, last.place).mean(dim=1)[0].diff(dim=1).abs().mean(dim=0)
        within = torch.arange(len(steps)) % 4 != 3
        return float(steps[~within].mean() / steps[within].mean())

    assert steps_across_cells(generator.resolution // 4) < 1.2 < steps_across_cells(None)


def test_tuning_goes_on_from_the_noise_that_the_search_has_found() -> None:
    torch.manual_seed(0)
    small = Generator(z_dim=16, w_dim=16, resolution=16, channel_base=128, channel_max=8).requires_grad_(
        False
    )
    small.synthesis.get_parameter("b16.conv1.noise_strength").fill_(-0.3)
    found = torch.rand(16, 16)
    pivot = replace(median_face(small), offsets={"b16.conv1.noise_const": found})
    settings = replace(SETTINGS, tuning_steps=1)
    (step,) = tune(small, distance_to(torch.rand(1, 3, 16, 16)), pivot, settings)
    moved = (step.place.offsets["b16.conv1.noise_const"] - found).abs()
    # One step of Adam: as far for each, in the feature maps, whatever the noise's strength.
    assert 0 < moved.max() * 0.3 <= 1.01 * SETTINGS.detail_rate


def test_needs_only_torch_and_numpy() -> None:
    """On a GPU machine with nothing else installed, generator and search still import."""
    code = """
import importlib.machinery, sys
allowed = {"torch", "numpy", "engine"} | set(sys.stdlib_module_names)
import torch, numpy
known = set(sys.modules)
import engine.stylegan2, engine.inversion.projection
new = {name.partition(".")[0] for name in set(sys.modules) - known}
sys.exit(", ".join(sorted(name for name in new if name not in allowed)) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
