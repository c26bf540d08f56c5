"""What of a portrait counts, and where a match may be sharp."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from engine.faces.alignment import Portrait
from engine.faces.analyser import FaceAnalyser
from engine.faces.landmarks import Landmarks
from engine.faces.sitter import find_sitter
from engine.inversion.projection import SearchSettings, draw, fast_dtype, median_face, tune
from engine.inversion.target import face_importance, head_mask, to_target
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.stylegan2.checkpoint import load_generator
from tests.conftest import REPO

SIDE = 48  # of a corner, of 256 px


@pytest.fixture(scope="module")
def portrait(astronaut: NDArray[np.uint8]) -> Portrait:
    with FaceAnalyser() as finder:
        return find_sitter(finder, astronaut).portrait


def test_the_face_counts_fully_and_the_room_a_quarter(portrait: Portrait) -> None:
    counts = face_importance(portrait, 256)[0, 0]
    assert counts.shape == (256, 256)
    nose = tuple((portrait.landmarks[Landmarks.NOSE_TIP][::-1] / 2).astype(int))
    assert counts[nose] == pytest.approx(1, abs=0.01)
    assert counts[0, 0] == counts[-1, 0] == pytest.approx(0.25, abs=0.01)


def test_the_head_is_wider_than_the_face_and_ends_before_the_corners(portrait: Portrait) -> None:
    head, face = head_mask(portrait, 256)[0, 0], face_importance(portrait, 256)[0, 0]
    assert head[face > 0.9].min() > 0.95
    assert (head > 0.5).sum() > 1.5 * (face > 0.6).sum()
    corners = torch.stack([head[y, x] for y in (0, -1) for x in (0, -1)])
    assert head.min() >= 0 and head.max() <= 1 and corners.max() < 0.02


def test_the_room_stays_soft_where_the_head_is_sharp(portrait: Portrait) -> None:
    """Something fine in a corner of the room comes back only where no mask keeps it out."""
    generator = load_generator(REPO / "weights" / "nobody.safetensors")
    target = to_target(portrait.image, 256)
    stripes = (torch.arange(SIDE) % 4 < 2) * 1.2 - 0.6
    target[..., :SIDE, :SIDE] = stripes
    loss = NormalisedLaplacianPyramid().towards(target, face_importance(portrait, 256))
    settings = SearchSettings(tuning_steps=20, dtype=fast_dtype(torch.device("cpu")))

    def stripes_in_match(mask: torch.Tensor | None) -> float:
        *_, last = tune(generator, loss, median_face(generator), settings, mask)
        corner = draw(generator, last.place)[..., 8 : SIDE - 8, 8 : SIDE - 8].mean(dim=(0, 1, 2))
        return float(F.cosine_similarity(corner - corner.mean(), stripes[8:-8], dim=0)) * float(corner.std())

    assert stripes_in_match(head_mask(portrait, 256)) < 0.3 * stripes_in_match(None)
