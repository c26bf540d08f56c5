"""The network-free distance ranks as an eye would."""

import pytest
import torch
import torch.nn.functional as F

from engine.common.arrays import Pixels
from engine.inversion.target import to_target
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid


@pytest.fixture
def face(astronaut: Pixels) -> torch.Tensor:
    return to_target(astronaut[0:256, 90:346], 128)


def everything(face: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(face[:, :1])


def test_is_zero_for_the_picture_itself_and_grows(face: torch.Tensor) -> None:
    distance = NormalisedLaplacianPyramid().towards(face, everything(face))
    assert float(distance(face)) == 0
    blurred = [F.interpolate(F.avg_pool2d(face, k), 128, mode="bilinear") for k in (2, 4, 8)]
    distances = [float(distance(picture)) for picture in blurred]
    assert 0 < distances[0] < distances[1] < distances[2]


def test_minds_structure_more_than_exposure(face: torch.Tensor) -> None:
    distance = NormalisedLaplacianPyramid().towards(face, everything(face))
    brighter = face + 0.05
    shuffled = face + 0.05 * torch.sign(torch.randn(face.shape, generator=torch.Generator().manual_seed(0)))
    assert float(distance(brighter)) < 0.7 * float(distance(shuffled))


def test_counts_only_what_has_weight(face: torch.Tensor) -> None:
    weight = everything(face).clone()
    weight[..., 64:] = 0
    changed = face.clone()
    changed[..., 110:] = 0
    distance = NormalisedLaplacianPyramid().towards(face, weight)
    everywhere = NormalisedLaplacianPyramid().towards(face, everything(face))
    assert float(distance(changed)) < 0.05 * float(everywhere(changed))


def test_takes_several_pictures_at_once(face: torch.Tensor) -> None:
    distance = NormalisedLaplacianPyramid().towards(face, everything(face))
    both = distance(torch.cat([face, face.flip(3)]))
    assert both.shape == (2,) and float(both[0]) == 0 and float(both[1]) > 0
