"""The way between the median face and the closest match."""

import numpy as np
import pytest
import torch

from engine.border.continuum import Continuum, between
from engine.inversion.projection import Place, draw, median_face
from engine.stylegan2.network import Generator, to_uint8


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(1)
    return Generator(z_dim=16, w_dim=16, resolution=16, channel_base=128, channel_max=8).requires_grad_(False)


@pytest.fixture
def match(generator: Generator) -> Place:
    """A tuned place: another latent, other weights."""
    latent = torch.randn(1, generator.num_ws, 16)
    return Place(latent, {"b16.conv1.weight": torch.randn(8, 8, 3, 3)})


def test_ends_are_the_median_face_and_the_match(generator: Generator, match: Place) -> None:
    way = Continuum(generator, median_face(generator), match)
    untouched = to_uint8(generator.synthesis(generator.broadcast(generator.mapping.w_avg[None])))[0].numpy()
    assert np.array_equal(way.picture(0.0), untouched)
    assert np.array_equal(way.picture(1.0), to_uint8(draw(generator, match))[0].numpy())
    assert not np.array_equal(way.picture(0.0), way.picture(1.0))


def test_weights_move_with_the_latent(generator: Generator, match: Place) -> None:
    half = between(median_face(generator), match, 0.5)
    assert torch.allclose(half.latent, (median_face(generator).latent + match.latent) / 2)
    assert torch.allclose(half.offsets["b16.conv1.weight"], match.offsets["b16.conv1.weight"] / 2)


def test_either_end_may_be_the_tuned_one(generator: Generator, match: Place) -> None:
    there, back = between(median_face(generator), match, 0.25), between(match, median_face(generator), 0.75)
    assert torch.allclose(there.latent, back.latent)
    assert torch.allclose(there.offsets["b16.conv1.weight"], back.offsets["b16.conv1.weight"])


def test_pictures_are_those_of_each_t(generator: Generator, match: Place) -> None:
    way = Continuum(generator, median_face(generator), match)
    picture = way.picture(0.8)
    assert picture.dtype == np.uint8 and picture.shape == (16, 16, 3)
    assert np.array_equal(picture, Continuum(generator, median_face(generator), match).picture(0.8))
