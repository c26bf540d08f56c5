"""The price list of a small generator's picture, with judges that go by the colours of its halves."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.border.continuum import Continuum
from engine.border.tracing import trace
from engine.faces.analyser import FaceAnalyser
from engine.finders.base import Doppelganger
from engine.inversion.projection import Place, median_face
from engine.judges.base import Judge
from engine.judges.judging import make_reference
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.perceptual.visible_change import VisibleChange
from engine.pipeline import prices
from engine.pipeline.curves import JudgeCurves, sampler
from engine.pipeline.prices import PriceList, find_prices
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.network import Generator
from tests.support.judge_kit import NO_LANDMARKS, Tints

SETTINGS = PortrayalSettings(nearest_strip=4, most_visible_change=1e6)


@pytest.fixture(scope="module")
def continuum() -> Continuum:
    torch.manual_seed(3)
    small = Generator(z_dim=16, w_dim=16, resolution=32, channel_base=256, channel_max=16)
    small = small.requires_grad_(False).eval()
    small.mapping.w_avg.copy_(small.mapping(torch.randn(500, 16)).mean(dim=0))
    match = Place(small.broadcast(small.mapping(torch.randn(1, 16))))
    return Continuum(small, median_face(small), match)


@pytest.fixture(scope="module")
def change(continuum: Continuum) -> Iterator[VisibleChange]:
    importance = torch.linspace(0.25, 1, 1024).view(1, 1, 32, 32)
    with FaceAnalyser() as finder:
        yield VisibleChange(continuum.picture(1.0), importance, NormalisedLaplacianPyramid(), finder)


def judged_by(continuum: Continuum, *judges: Judge) -> list[JudgeCurves]:
    found = []
    for judge in judges:
        reference = make_reference(judge, [(continuum.picture(1.0), NO_LANDMARKS)])
        sample = sampler(judge, reference, continuum.picture, SETTINGS, lambda _: None)
        curve = trace(continuum.picture, sample, judge.threshold, [0.0, 1.0])
        found.append(JudgeCurves(judge, reference, curve, None))
    return found


def prices_of(
    continuum: Continuum, change: VisibleChange, *judges: Judge, found: Doppelganger | None = None
) -> PriceList | None:
    return find_prices(continuum, judged_by(continuum, *judges), change, found, SETTINGS, lambda _: None)


def test_one_judge_after_the_other_lets_go_of_the_match(continuum: Continuum, change: VisibleChange) -> None:
    """Named in another order than they let go in; one is only asked, and knows the sitter to the end."""
    judges = (
        Tints("dear", 27.0, binding=False),
        Tints("cheap", 20.0, binding=False),
        Tints("asked", 200.0, gradients=False, binding=False),
    )
    listed = prices_of(continuum, change, *judges)
    assert listed is not None
    cheap, dear = listed.prices
    assert (cheap.judge, dear.judge) == ("cheap", "dear") and 1 > cheap.t > dear.t >= 0
    assert 0 < cheap.visible_change < dear.visible_change
    assert {name for name, verdict in cheap.verdicts.items() if verdict.same} == {"dear", "asked"}
    assert {name for name, verdict in dear.verdicts.items() if verdict.same} == {"asked"}
    assert all(verdict.same for verdict in listed.at_match.values()) and listed.still_know == ("asked",)
    assert np.array_equal(listed.strip.pictures[-1], continuum.picture(1.0))
    for price in listed.prices:
        border = listed.curves[price.judge].border
        assert border is not None and border.low.t == price.t and border.mean_abs_diff <= 1.0
    assert any(np.array_equal(picture, dear.picture) for picture in listed.strip.pictures)


def test_what_the_visit_has_found_is_not_searched_for_again(
    continuum: Continuum, change: VisibleChange, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(continuum.end.latent + 3 * (continuum.start.latent - continuum.end.latent))
    known = Doppelganger("nearest", None, place, Continuum(continuum.generator, place, place).picture(0))
    monkeypatch.setattr(prices, "search_nearest", None)
    again = prices_of(continuum, change, Tints("only", 20.0), found=known)
    assert again is not None and np.array_equal(again.strip.pictures[0], known.picture)


def test_without_a_judge_that_can_be_convinced_there_is_no_list(
    continuum: Continuum, change: VisibleChange
) -> None:
    assert prices_of(continuum, change, Tints("asked", 20.0, gradients=False, binding=False)) is None


def test_nothing_is_listed_beyond_the_limit_of_visible_change(
    continuum: Continuum, change: VisibleChange
) -> None:
    judged = judged_by(continuum, Tints("only", 20.0, binding=False))
    settings = replace(SETTINGS, most_visible_change=1e-3)
    assert find_prices(continuum, judged, change, None, settings, lambda _: None) is None
