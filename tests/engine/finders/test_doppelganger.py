"""Which picture is taken home, on a generator small enough to know the answer."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from engine.border.continuum import Continuum
from engine.border.tracing import Crossing, Curve, Sample
from engine.common.arrays import Pixels
from engine.finders.bisection import FINEST_T
from engine.finders.nearest import close_in
from engine.finders.on_the_way import first_on_the_way
from engine.finders.towards_others import nearest_towards_others
from engine.inversion.projection import Place, median_face
from engine.pipeline.assessment import t_beyond_border
from engine.stylegan2.network import Generator
from tests.support.judge_kit import verdict


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(2)
    return Generator(z_dim=16, w_dim=16, resolution=16, channel_base=128, channel_max=8).requires_grad_(False)


@pytest.fixture
def way(generator: Generator) -> Continuum:
    return Continuum(generator, median_face(generator), Place(torch.randn(1, generator.num_ws, 16)))


def known_pictures(way: Continuum, ts: Sequence[float]) -> set[bytes]:
    return {way.picture(t).tobytes() for t in ts}


def test_takes_the_first_that_holds_beyond_the_border(way: Continuum) -> None:
    end = way.picture(1.0).astype(int)

    def apart(picture: Pixels) -> float:
        return float(np.abs(picture - end).mean())

    limit = apart(way.picture(0.4))

    def holds(pictures: Sequence[Pixels]) -> list[bool]:
        return [apart(picture) > limit for picture in pictures]

    found = first_on_the_way(way, 0.7, holds)
    assert found is not None and found.kind == "on-the-way"
    assert found.t is not None and 0.4 - 0.002 < found.t <= 0.4
    assert holds([found.picture]) == [True]


def test_the_border_picture_itself_is_taken_where_it_holds(way: Continuum) -> None:
    found = first_on_the_way(way, 0.7, lambda pictures: [True] * len(pictures))
    assert found is not None and found.t == 0.7


@pytest.mark.parametrize("border", [0.97, 0.8, 0.55, 0.35, 0.25, 0.02, -0.15])
def test_the_nearest_one_is_the_first_that_holds_seen_from_the_match(
    generator: Generator, way: Continuum, border: float
) -> None:
    """Wherever on the way about the search's end that is; and no picture is asked about in vain."""
    end = way.picture(1.0).astype(int)
    asked: list[int] = []

    def apart(picture: Pixels) -> float:
        return float(np.abs(picture - end).mean())

    limit = apart(way.picture(border))

    def holds(pictures: Sequence[Pixels]) -> list[bool]:
        asked.append(len(pictures))
        return [apart(picture) >= limit for picture in pictures]

    found = close_in(generator, way.start, way.end, holds)
    assert found is not None and found.kind == "nearest"
    assert limit <= apart(found.picture) <= apart(way.picture(border - 2 * FINEST_T))
    assert set(asked) == {1} and len(asked) <= 8 + 9


def test_the_match_itself_is_the_nearest_one_where_it_holds(generator: Generator, way: Continuum) -> None:
    found = close_in(generator, way.start, way.end, lambda pictures: [True] * len(pictures))
    assert found is not None and np.array_equal(found.picture, way.picture(1.0))


def test_goes_on_to_others_and_takes_the_nearest(generator: Generator, way: Continuum) -> None:
    assert first_on_the_way(way, 0.7, lambda pictures: [False] * len(pictures)) is None
    start = way.picture(0.7).astype(int)

    def apart(picture: Pixels) -> float:
        return float(np.abs(picture - start).mean())

    def holds(pictures: Sequence[Pixels]) -> list[bool]:
        return [apart(picture) > 5 for picture in pictures]

    found = nearest_towards_others(generator, way.place(0.7), holds, apart)
    assert found is not None and found.kind == "towards-others"
    assert holds([found.picture]) == [True]
    assert apart(found.picture) < 8

    def closeness(picture: Pixels) -> float:
        return -apart(picture)

    farthest = nearest_towards_others(generator, way.place(0.7), holds, closeness)
    assert farthest is not None and apart(found.picture) < apart(farthest.picture)


def test_none_is_said_where_none_holds(generator: Generator, way: Continuum) -> None:
    found = nearest_towards_others(generator, way.place(0.7), lambda p: [False] * len(p), lambda p: 0.0)
    assert found is None


@pytest.mark.parametrize(
    ("distances", "beyond"),
    [([0.9, 0.7, 0.5], 0.25), ([0.5, 0.4, 0.3], None), ([0.9, 0.8, 0.7], 1.0), ([0.5, 0.7, 0.9], 1.0)],
)
def test_where_the_way_beyond_the_border_begins(distances: list[float], beyond: float | None) -> None:
    """Beyond the border; nowhere where all is the sitter; at the match where that is someone else already."""
    samples = tuple(Sample(i / 2, verdict(d, error=0.01)) for i, d in enumerate(distances))
    low, high = Sample(0.25, verdict(0.61, error=0.01)), Sample(0.75, verdict(0.59, error=0.01))
    crossing = {True: Crossing(low, high, 0.5, 3), False: Crossing(high, low, 0.5, 3)}
    ends = (samples[0].verdict.same, samples[-1].verdict.same)
    crossings = () if ends[0] == ends[1] else (crossing[ends[1]],)
    assert t_beyond_border(Curve(samples, crossings, 0.6)) == beyond
