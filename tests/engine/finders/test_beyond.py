"""Beyond the border: with judges that need no file."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.border.continuum import Continuum
from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.finders.base import Doppelganger, FinderTask, JudgeConstraint
from engine.finders.beyond import FULL_MARGIN, SHAPING_LAYERS, BeyondFinder, with_reach
from engine.finders.metric import LatentMetric
from engine.finders.nearest import NearestFinder, NearestSettings
from engine.finders.on_the_way import OnTheWayFinder
from engine.inversion.projection import Place, draw
from engine.judges.base import Affine
from engine.judges.judging import judge_pictures, make_reference
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.perceptual.visible_change import VisibleChange
from engine.pipeline.assessment import holding
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.network import Generator, to_uint8
from tests.support.judge_kit import NO_LANDMARKS, Tints

STEPS = NearestSettings(steps=40, rate=0.02)


class Shares(Tints):
    """Knows the colours' shares, however bright the picture is, in crops of a recogniser's size."""

    crop_px = 112

    def __init__(self, name: str, threshold: float) -> None:
        super().__init__(name, threshold)
        halves = torch.nn.AvgPool2d((self.crop_px // 2, self.crop_px))
        self.network = torch.nn.Sequential(halves, torch.nn.Flatten(), _Shares())

    def align(self, portrait: Pixels, landmarks: np.ndarray) -> Affine:
        return np.array([[112.0, 0, 0], [0, 112, 0]])


class _Shares(torch.nn.Module):
    def forward(self, colours: torch.Tensor) -> torch.Tensor:
        return 100 * colours / colours.mean(dim=1, keepdim=True)


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(3)
    small = Generator(z_dim=16, w_dim=16, resolution=32, channel_base=256, channel_max=16)
    small = small.requires_grad_(False).eval()
    small.mapping.w_avg.copy_(small.mapping(torch.randn(500, 16)).mean(dim=0))
    return small


@pytest.fixture(scope="module")
def match(generator) -> Place:
    return Place(generator.broadcast(generator.mapping(torch.randn(1, 16))))


@pytest.fixture(scope="module")
def task(generator, match) -> Iterator[FinderTask]:
    with torch.no_grad():
        picture = to_uint8(draw(generator, match))[0].numpy()
    importance = torch.linspace(0.25, 1, 1024).view(1, 1, 32, 32)

    def constraint(name: str, margin: float) -> JudgeConstraint:
        judge = Shares(name, 12.0)
        reference = make_reference(judge, [(picture, NO_LANDMARKS)])
        return JudgeConstraint(judge, reference, judge.threshold * (1 + margin))

    constraints = [constraint("binding", 0.01)]
    with FaceAnalyser() as finder:
        yield FinderTask(
            generator=generator,
            continuum=Continuum(generator, match, match),
            border_t=1.0,
            recognised_throughout=False,
            constraints=constraints,
            holds=holding(constraints, PortrayalSettings(), lambda _: None),
            match_holds=False,
            change=VisibleChange(picture, importance, NormalisedLaplacianPyramid(), finder),
            portrait_distance=lambda _: 0.0,
        )


@pytest.fixture(scope="module")
def far(task) -> Doppelganger:
    found = BeyondFinder(1.0, STEPS).find(task)
    assert found is not None and found.kind == "beyond"
    return found


def distance(constraint: JudgeConstraint, picture: np.ndarray) -> float:
    (verdict,) = judge_pictures(constraint.judge, constraint.reference, [picture])
    return verdict.distance / constraint.judge.threshold


def test_further_reach_is_further_beyond_the_threshold(task, far):
    near = BeyondFinder(0.2, STEPS).find(task)
    assert near is not None
    assert 1 < distance(task.constraints[0], near.picture) < distance(task.constraints[0], far.picture)
    assert distance(task.constraints[0], far.picture) > 1 + 0.7 * FULL_MARGIN


def test_only_the_layers_that_shape_a_face_move(far, match):
    moved = (far.place.latent - match.latent).abs().amax(dim=(0, 2)) > 0
    shaping = round(SHAPING_LAYERS * len(moved))
    assert moved[:shaping].all() and not moved[shaping:].any()


def test_judges_that_bind_nobody_are_to_be_convinced_too(task):
    """The other judge looks for another tint: without it among the others, it knows the sitter still."""
    picture = task.continuum.picture(1.0)
    judge = Shares("other", 12.0)
    other = JudgeConstraint(judge, make_reference(judge, [(picture, NO_LANDMARKS)]), 3 * judge.threshold)
    asked = replace(task, others=[other])
    alone, both = BeyondFinder(0.2, STEPS).find(task), BeyondFinder(0.2, STEPS).find(asked)
    assert alone is not None and both is not None
    assert distance(other, both.picture) > 2 > distance(other, alone.picture)


def test_it_stops_where_the_change_is_the_largest_that_is_given(task, far):
    largest = 0.9 * task.change.measure(far.picture).perceptual
    limited = replace(task, change=_Perceptual(task.change), most_visible_change=largest)
    nearer = BeyondFinder(1.0, STEPS).find(limited)
    assert nearer is not None
    assert task.change.measure(nearer.picture).perceptual <= largest
    assert 1 < distance(task.constraints[0], nearer.picture) < distance(task.constraints[0], far.picture)


def test_where_nothing_may_be_given_the_nearest_one_is_searched_for(task, far, monkeypatch):
    finder = BeyondFinder(1.0, replace(STEPS, steps=5))
    nothing = replace(task, holds=lambda pictures: [False] * len(pictures))
    monkeypatch.setattr(finder.nearest, "find", lambda asked: far if asked is nothing else None)
    assert finder.find(nothing) is far


class _Perceptual:
    """The visible change of pictures without a face: its perceptual part stands for the whole."""

    def __init__(self, change: VisibleChange) -> None:
        self.smooth = change.smooth
        self._change = change

    def measure(self, picture):
        measured = self._change.measure(picture)
        return type("Measured", (), {"total": measured.perceptual})()


def test_nearest_gives_way_to_it_with_its_settings():
    nearest, way = NearestFinder(replace(STEPS, seed=5)), OnTheWayFinder()
    assert with_reach((nearest, way), 0.0) == (nearest, way)
    beyond, same = with_reach((nearest, way), 0.3)
    assert same is way and isinstance(beyond, BeyondFinder)
    assert (beyond.reach, beyond.settings.seed, beyond.settings.steps) == (0.3, 5, STEPS.steps)


def test_a_metric_within_some_coordinates_knows_no_others():
    random = torch.Generator().manual_seed(0)
    gradients = [torch.randn(6, generator=random) for _ in range(8)]
    free = torch.tensor([1.0, 1, 1, 0, 0, 0])
    inner, vector = LatentMetric(gradients).within(free), torch.randn(6, generator=random)
    assert not inner.whiten(vector)[3:].any()
    assert torch.allclose(LatentMetric().within(free).whiten(vector)[:3], vector[:3])
    assert not torch.allclose(inner.whiten(vector)[:3], vector[:3])
