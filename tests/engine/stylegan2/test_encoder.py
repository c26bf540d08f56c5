"""The encoder: its file, what it guesses, and the distance made of its features."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.common.errors import WeightsError
from engine.inversion.projection import (
    SearchSettings,
    draw,
    fast_dtype,
    guess_place,
    median_face,
    search_latent,
)
from engine.inversion.target import to_target
from engine.perceptual.encoder_features import EncoderFeatures
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.stylegan2.checkpoint import generator_sha256, load_generator, save_generator
from engine.stylegan2.encoder import Encoder, load_encoder, save_encoder
from engine.stylegan2.network import Generator
from installation.settings.configuration import Configuration, Search
from installation.workers.models import ModelBundle
from tests.conftest import REPO, FolderManifest

GENERATOR = REPO / "weights" / "nobody.safetensors"
ENCODER = REPO / "weights" / "nobody-encoder.safetensors"
EMBEDDED_BYTES = 24 * 10**6


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load_generator(GENERATOR)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(ENCODER)[0]


def untrained(generator: Generator) -> Encoder:
    torch.manual_seed(0)
    return Encoder(generator.num_ws, generator.w_dim, 8).eval().requires_grad_(False)


def nearer_than_the_median_face(generator: Generator, encoder: Encoder, pictures: torch.Tensor) -> list[bool]:
    """For each picture (N, 3, R, R), whether the guess looks more like it than the median face does."""
    distance = NormalisedLaplacianPyramid().towards(pictures, torch.ones_like(pictures[:1, :1]))
    with torch.no_grad():
        guessed = draw(generator, guess_place(generator, encoder, pictures))
        median = draw(generator, median_face(generator)).expand_as(pictures)
        return (distance(guessed) < distance(median)).tolist()


# --- the file ---


def test_belongs_to_the_embedded_generator_and_fits_beside_it() -> None:
    _, told = load_encoder(ENCODER)
    assert told.generator_sha256 == generator_sha256(GENERATOR)
    manifest = tomllib.loads((REPO / "weights" / "manifest.toml").read_text())
    embedded = [entry for entry in manifest["weights"] if not {"urls", "npm"} & entry.keys()]
    assert {"nobody", "nobody-encoder"} <= {entry["name"] for entry in embedded}
    assert sum(entry["size_bytes"] for entry in embedded) <= EMBEDDED_BYTES


def test_comes_back_from_its_file(generator: Generator, tmp_path: Path) -> None:
    kept = untrained(generator)
    save_encoder(kept, tmp_path / "e.safetensors", "nobody-128", "ab" * 32)
    back, told = load_encoder(tmp_path / "e.safetensors")
    assert told.name == "nobody-128" and told.generator_sha256 == "ab" * 32
    picture = torch.rand(1, 3, 128, 128) * 2 - 1
    torch.testing.assert_close(back(picture), kept(picture), atol=1e-2, rtol=1e-2)


def test_refuses_what_is_no_encoder(generator: Generator, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not of an encoder"):
        load_encoder(GENERATOR)
    with pytest.raises(WeightsError, match="no such file"):
        load_encoder(tmp_path / "missing.safetensors")
    state = load_file(ENCODER)
    told = {"encoder": json.dumps(vars(load_encoder(ENCODER)[1]))}
    save_file(
        state | {"stem.weight": state["stem.weight"] * float("nan")}, tmp_path / "nan.safetensors", told
    )
    with pytest.raises(WeightsError, match="not finite"):
        load_encoder(tmp_path / "nan.safetensors")
    state.pop("stem.weight")
    save_file(state, tmp_path / "less.safetensors", told)
    with pytest.raises(WeightsError, match="is missing"):
        load_encoder(tmp_path / "less.safetensors")


def test_is_not_used_with_another_generator(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Generator(8, 8, 8, channel_base=64, channel_max=8, mapping_layers=2)
    save_generator(other, tmp_path / "other.safetensors", "other")
    monkeypatch.setattr("installation.workers.models.Manifest", FolderManifest(tmp_path))
    with pytest.raises(WeightsError, match="another generator"):
        own = Search(threads=torch.get_num_threads())
        ModelBundle(Configuration(generator="other", encoder="nobody-encoder", search=own))


# --- the guess ---


def test_guesses_better_than_the_median_face(generator: Generator, encoder: Encoder) -> None:
    z = torch.randn(16, generator.z_dim, generator=torch.Generator().manual_seed(11))
    with torch.no_grad():
        samples = generator(z)
    assert np.mean(nearer_than_the_median_face(generator, encoder, samples)) >= 0.9
    assert np.mean(nearer_than_the_median_face(generator, untrained(generator), samples)) < 0.9


def test_guesses_people_it_has_never_seen(
    generator: Generator, encoder: Encoder, people: dict[str, list[Path]]
) -> None:
    from engine.photographs.photograph import load_photograph

    pictures = torch.cat(
        [to_target(load_photograph(paths[0]), generator.resolution) for paths in people.values()]
    )
    assert np.mean(nearer_than_the_median_face(generator, encoder, pictures)) >= 0.8


def test_larger_pictures_are_shrunk(encoder: Encoder) -> None:
    picture = torch.rand(1, 3, 128, 128) * 2 - 1
    large = torch.nn.functional.interpolate(picture, scale_factor=2)
    torch.testing.assert_close(encoder(large), encoder(picture), atol=1e-4, rtol=1e-4)


# --- the search ---


def test_shrinking_takes_means(encoder: Encoder) -> None:
    """A fine grid becomes an even grey."""
    grid = (torch.arange(256)[:, None] + torch.arange(256)) % 2 * 2.0 - 1
    for seen, even in zip(
        encoder.features(grid.expand(1, 3, 256, 256)),
        encoder.features(torch.zeros(1, 3, 128, 128)),
        strict=True,
    ):
        assert torch.allclose(seen, even, atol=1e-5)


def test_search_walks_from_the_median_face_to_the_guess(generator: Generator, encoder: Encoder) -> None:
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        target = generator(z)
    loss = NormalisedLaplacianPyramid().towards(target, torch.ones_like(target[:, :1]))
    settings = SearchSettings(steps=12, walk_steps=4, dtype=fast_dtype(torch.device("cpu")))
    start = guess_place(generator, encoder, target)
    steps = list(search_latent(generator, loss, settings, start))
    assert [step.index for step in steps] == list(range(12))
    assert torch.equal(steps[0].place.latent, median_face(generator).latent)
    halfway = median_face(generator).latent.lerp(start.latent, 0.5)
    torch.testing.assert_close(steps[2].place.latent, halfway)
    torch.testing.assert_close(steps[4].place.latent, start.latent)
    assert steps[-1].loss <= steps[4].loss < steps[0].loss


# --- the distance ---


def test_features_are_zero_for_the_picture_itself_and_let_gradients_through(encoder: Encoder) -> None:
    random = torch.Generator().manual_seed(0)
    target = torch.rand(1, 3, 128, 128, generator=random) * 2 - 1
    distance = EncoderFeatures(encoder).towards(target, torch.ones(1, 1, 128, 128))
    other = (torch.rand(2, 3, 128, 128, generator=random) * 2 - 1).requires_grad_(True)
    both = distance(torch.cat([target, other]))
    assert both.shape == (3,) and both[0] < 1e-6 < both[1]
    both.sum().backward()
    assert other.grad is not None and other.grad.abs().sum() > 0


def test_features_count_only_what_has_weight(encoder: Encoder) -> None:
    target = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    changed = target.clone()
    changed[..., 120:] = 0
    weight = torch.ones(1, 1, 128, 128)
    everywhere = EncoderFeatures(encoder).towards(target, weight)
    weight[..., 64:] = 1e-3
    elsewhere = EncoderFeatures(encoder).towards(target, weight)
    # The last maps look at the whole picture from everywhere.
    assert float(elsewhere(changed)) < 0.5 * float(everywhere(changed))
