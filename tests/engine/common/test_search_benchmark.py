"""`benchmarks.search` on a toy: how cost grows, its plot, and the published projector."""

import json
import math

import numpy as np
import pytest
import torch

from benchmarks.search.__main__ import _finite
from benchmarks.search.plot import growth_plot
from benchmarks.search.projector import published_search
from benchmarks.search.throughput import TRIAL, exponent, growth
from engine.inversion.projection import draw, median_face
from engine.judges.judging import make_reference
from engine.stylegan2.network import Generator
from tests.support.judge_kit import NO_LANDMARKS, Tints


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(1)
    small = Generator(z_dim=16, w_dim=16, resolution=32, channel_base=256, channel_max=16)
    return small.requires_grad_(False).eval()


def test_growth_and_its_plot(generator) -> None:
    """Of a panel of the same judge: what a second one adds is then its number alone."""
    picture = np.full((32, 32, 3), 90, np.uint8)
    panel = [Tints(f"judge {i}", 20.0) for i in range(2)]
    reference = make_reference(panel[0], [(picture, NO_LANDMARKS)])
    costs = growth(panel, reference, generator, picture, 1, TRIAL)
    assert {name: list(cost) for name, cost in costs.items()} == {
        "pixels": [32 * 32, 64 * 64],
        "strip pictures": [2, 4],
        "perturbations": [1, 2],
        "judges": [1, 2],
    }
    assert all(seconds > 0 for cost in costs.values() for seconds in cost.values())
    shown = growth_plot(costs, {name: exponent(cost) for name, cost in costs.items()})
    assert shown.shape == (1200, 1200, 3) and shown.any()


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent(power) -> None:
    assert exponent({n: 3 * n**power for n in (1, 2, 4, 8)}) == pytest.approx(power)


def test_what_has_no_figure_is_null() -> None:
    told = _finite({"reached": math.inf, "slopes": {"one point": math.nan, "linear": 1.0}, "name": "a"})
    assert json.loads(json.dumps(told)) == {
        "reached": None,
        "slopes": {"one point": None, "linear": 1.0},
        "name": "a",
    }


def test_the_published_projector(generator) -> None:
    """Its first rate is 0, one w moves, and it comes nearer."""
    with torch.no_grad():
        target = draw(generator, median_face(generator)) * 0.5

    def far(pictures: torch.Tensor) -> torch.Tensor:
        return (pictures - target).square().mean(dim=(1, 2, 3))

    seen = [distance for _, distance in published_search(generator, far, far, 40)]
    assert len(seen) == 40 and seen[-1] < seen[0]
