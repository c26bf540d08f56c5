"""Crossings of known curves are found, all of them, and no others."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.border.tracing import Curve, Sample, trace
from engine.common.arrays import Pixels
from tests.support.judge_kit import verdict


def ramp(t: float) -> Pixels:
    """A picture that brightens from 0 to 200 grey levels."""
    return np.full((8, 8, 3), round(t * 200), np.uint8)


def judging(
    distance: Callable[[float], float], error: float = 0.0
) -> Callable[[Sequence[float]], list[Sample]]:
    return lambda ts: [Sample(t, verdict(distance(t), error=error)) for t in ts]


def find(distance: Callable[[float], float], error: float = 0.0) -> Curve:
    return trace(ramp, judging(distance, error), 0.6)


@given(st.floats(0.01, 0.99))
def test_one_crossing_is_found_where_it_is(place: float) -> None:
    curve = find(lambda t: 0.6 + (place - t) * 0.3)
    border = curve.border
    assert border is not None and len(curve.crossings) == 1
    assert border.low.t <= place <= border.high.t + 1e-9
    assert border.mean_abs_diff <= 1.0
    assert not border.low.verdict.same and border.high.verdict.same


def test_no_border_where_the_answer_never_changes() -> None:
    assert find(lambda t: 0.3).border is None
    assert find(lambda t: 0.9).border is None


def test_all_crossings_and_the_border_is_the_last() -> None:
    curve = find(lambda t: 0.6 + 0.2 * np.cos(3 * np.pi * t + 0.01))
    assert [round(c.t, 2) for c in curve.crossings] == pytest.approx([1 / 6, 1 / 2, 5 / 6], abs=0.02)
    assert curve.border is curve.crossings[-1]
    assert [c.low.verdict.same for c in curve.crossings] == [False, True, False]


def test_zone_grows_with_the_noise() -> None:
    def slope(t: float) -> float:
        return 0.9 - 0.6 * t

    zones = [find(slope, error).zone for error in (0.001, 0.01, 0.03)]
    widths = [high - low for low, high in zones if zones]  # type: ignore[misc]
    assert widths[0] < widths[1] < widths[2]
    assert widths[2] == pytest.approx(2 * 2 * 0.03 / 0.6, rel=0.1)


def test_the_pair_is_no_wider_than_it_may_be() -> None:
    """Also on a way whose ends look alike, where one grey level says little."""
    curve = trace(lambda t: np.full((8, 8, 3), round(t * 4), np.uint8), judging(lambda t: 0.9 - 0.6 * t), 0.6)
    assert curve.border is not None and curve.border.width == 1 / 16
    curve = trace(ramp, judging(lambda t: 0.9 - 0.6 * t), 0.6, max_width=1 / 1000)
    assert curve.border is not None and 1 / 2000 < curve.border.width <= 1 / 1000


def test_the_zone_ends_where_the_judge_sees_no_face() -> None:
    """Where it is sure to say someone else."""
    curve = find(lambda t: np.inf if t < 0.4375 else 0.9 - 0.6 * t, error=0.03)
    assert curve.zone is not None and curve.zone[0] == 0.4375


def test_a_recorded_row_is_bisected_on_its_own_pictures() -> None:
    asked: list[float] = []

    def judge(ts: Sequence[float]) -> list[Sample]:
        asked.extend(ts)
        return judging(lambda t: 0.9 - 0.6 * t)(ts)

    def split(low: float, high: float) -> float | None:
        middle = round((low + high) / 2 * 100)
        return middle / 100 if low < middle / 100 < high else None

    curve = trace(ramp, judge, 0.6, ts=[0, 0.25, 0.5, 0.75, 1], split=split)
    assert curve.border is not None
    assert curve.border.width <= 0.011
    assert all(abs(t * 100 - round(t * 100)) < 1e-9 for t in asked)
