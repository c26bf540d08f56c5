"""The shortest way across, with the embedded generator and dlib, for people who do not exist."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.finders.base import JudgeConstraint
from engine.finders.nearest import (
    NearestFinder,
    NearestSettings,
    _multipliers,
    close_in,
    principal_directions,
    search_nearest,
)
from engine.inversion.projection import Place, draw, latent_spread
from engine.judges.judging import judge_worst_case, make_reference
from engine.judges.verifiers.dlib import DlibJudge
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.perceptual.visible_change import VisibleChange
from engine.pipeline.assessment import AssessedDoppelganger
from engine.pipeline.choice import Refusal, refusal
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.network import Generator, to_uint8
from tests.conftest import REPO
from tests.support.judge_kit import NO_LANDMARKS, Tints

SHORT = NearestSettings(steps=15)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load_generator(REPO / "weights" / "nobody.safetensors")


@pytest.fixture(scope="module")
def match(generator) -> Place:
    """Somebody who does not exist."""
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(5))
    return Place(generator.truncate(generator.broadcast(generator.mapping(z)), 0.5))


def drawn(generator: Generator, place: Place) -> Pixels:
    with torch.no_grad():
        return to_uint8(draw(generator, place))[0].numpy()


@pytest.fixture(scope="module")
def change(generator, match) -> Iterator[VisibleChange]:
    with FaceAnalyser() as finder:
        size = generator.resolution
        importance = torch.full((1, 1, size, size), 0.25)
        importance[:, :, size // 4 : -size // 8, size // 4 : -size // 4] = 1.0
        yield VisibleChange(drawn(generator, match), importance, NormalisedLaplacianPyramid(), finder)


def constraint_of(judge, picture: Pixels, mesh: np.ndarray, margin: float = 0.01) -> JudgeConstraint:
    return JudgeConstraint(judge, make_reference(judge, [(picture, mesh)]), judge.threshold * (1 + margin))


@pytest.fixture(scope="module")
def mesh(generator, match) -> np.ndarray:
    with FaceAnalyser() as finder:
        return finder.find(drawn(generator, match))[0].landmarks


@pytest.fixture(scope="module")
def dlib_constraint(generator, match, mesh) -> JudgeConstraint:
    return constraint_of(DlibJudge(), drawn(generator, match), mesh)


def test_finds_a_picture_that_holds_and_looks_the_same(generator, match, change, dlib_constraint):
    (before,) = judge_worst_case(dlib_constraint.judge, dlib_constraint.reference, [drawn(generator, match)])
    assert before.worst_distance < 0.4
    *_, last = search_nearest(generator, match, [dlib_constraint], change, SHORT)

    def holds(pictures):
        found = judge_worst_case(dlib_constraint.judge, dlib_constraint.reference, pictures)
        return [one.worst_distance > dlib_constraint.limit for one in found]

    twin = close_in(generator, last.place, match, holds)
    assert twin is not None and twin.kind == "nearest"
    assert holds([twin.picture]) == [True]
    measured = change.measure(twin.picture)
    assert measured.perceptual < 3 and measured.total < 8
    assert np.array_equal(twin.picture, drawn(generator, twin.place))


def test_a_face_that_is_none_any_more_is_not_given(generator, match, change, dlib_constraint):
    """As far from the match as a search may go, in no direction that faces have: its judge is convinced, and
    what it shows is beyond the limit."""
    noise = torch.randn(match.latent.shape, generator=torch.Generator().manual_seed(1))
    place = Place(match.latent + NearestSettings().farthest * latent_spread(generator) * noise)
    ruined = drawn(generator, place)
    (verdict,) = judge_worst_case(dlib_constraint.judge, dlib_constraint.reference, [ruined])
    assert verdict.worst_distance > dlib_constraint.limit
    likeness = {"visible_change": change.measure(ruined).total}
    found = AssessedDoppelganger("nearest", None, place, ruined, {}, {}, likeness)
    limit = PortrayalSettings().most_visible_change
    assert not NearestFinder.stays_among_faces
    assert refusal(found, NearestFinder.stays_among_faces, limit) == Refusal(
        "nearest", found.visible_change, limit
    )


def test_is_a_stream_that_can_be_left_and_repeats_itself(generator, match, change, dlib_constraint):
    runs = [
        list(islice(search_nearest(generator, match, [dlib_constraint], change, SHORT), 3)) for _ in range(2)
    ]
    for one, same in zip(*runs, strict=True):
        assert (one.phase, one.index, one.steps) == ("nearest", same.index, 15)
        assert one.loss == same.loss
        assert torch.equal(one.place.latent, same.place.latent)
    assert not torch.equal(runs[0][2].place.latent, match.latent)


@pytest.mark.parametrize("gradients", [(True, True), (True, False), (False,)])
def test_every_judge_is_convinced_through_its_network_or_probed(gradients, astronaut):
    torch.manual_seed(3)
    small = Generator(z_dim=16, w_dim=16, resolution=32, channel_base=256, channel_max=16)
    small = small.requires_grad_(False).eval()
    small.mapping.w_avg.copy_(small.mapping(torch.randn(500, 16)).mean(dim=0))
    start = Place(small.broadcast(small.mapping(torch.randn(1, 16))))
    picture = drawn(small, start)
    with FaceAnalyser() as finder:
        faceless = VisibleChange(
            picture, torch.linspace(0.25, 1, 1024).view(1, 1, 32, 32), NormalisedLaplacianPyramid(), finder
        )
        constraints = [
            constraint_of(Tints(f"judge {i}", 20.0 + 5 * i, known), picture, NO_LANDMARKS)
            for i, known in enumerate(gradients)
        ]
        *_, last = search_nearest(small, start, constraints, faceless, NearestSettings(steps=40))
    for one in constraints:
        (before,) = judge_worst_case(one.judge, one.reference, [picture])
        (after,) = judge_worst_case(one.judge, one.reference, [drawn(small, last.place)])
        assert before.worst_distance < one.judge.threshold, one.judge.name
        assert after.worst_distance > one.limit, one.judge.name
    # The farthest limit is not overshot: nothing is changed for nothing.
    assert after.worst_distance < 1.6 * constraints[-1].limit


def test_stays_within_reach_of_the_match_where_no_picture_holds(generator, match, change, dlib_constraint):
    never = replace(dlib_constraint, limit=100.0)
    strides = replace(SHORT, steps=15, check_every=100, reach=0.3)
    spread = latent_spread(generator)
    lengths = [
        float(((step.place.latent - match.latent) / spread).square().mean().sqrt())
        for step in search_nearest(generator, match, [never], change, strides)
    ]
    assert 0.9 < max(lengths) <= strides.farthest + 1e-4
    assert lengths[-1] > 0.9  # it goes as far as it may


@settings(max_examples=60)
@given(
    count=st.integers(1, 4),
    seed=st.integers(0, 10_000),
)
def test_multipliers_take_the_shortest_way_back(count, seed):
    random = torch.Generator().manual_seed(seed)
    normals = torch.randn(count, 30, generator=random)
    wanted = torch.randn(count, generator=random)
    multipliers = _multipliers(normals, wanted)
    taken = normals @ (normals.T @ multipliers)
    assert (multipliers >= 0).all()
    assert (taken >= wanted - 1e-4).all()
    # Nothing is spent on a constraint that has more than it wants.
    assert (multipliers * (taken - wanted)).abs().max() < 1e-3


def test_multipliers_survive_a_constraint_without_a_gradient():
    normals = torch.stack([torch.zeros(10), torch.ones(10)])
    found = _multipliers(normals, torch.tensor([0.0, 1.0]))
    assert torch.isfinite(found).all() and float((normals @ (normals.T @ found))[1]) == pytest.approx(1)


def test_principal_directions_are_those_of_w(generator):
    directions = principal_directions(generator, 8)
    lengths = directions.norm(dim=1)
    assert directions.shape == (8, generator.w_dim)
    assert (lengths[:-1] >= lengths[1:]).all() and lengths[-1] > 1
    unit = directions / lengths[:, None]
    assert torch.allclose(unit @ unit.T, torch.eye(8), atol=1e-3)
