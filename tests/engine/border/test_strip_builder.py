"""A strip made of a continuum: its border is crossed once, however noisy the judge is beside it."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import numpy as np

from engine.border.continuum import Continuum
from engine.border.strip_builder import make_strip
from engine.border.tracing import Crossing, Curve, Sample
from engine.judges.base import Judge
from tests.support.judge_kit import verdict

WAY = cast(Continuum, SimpleNamespace(picture=lambda t: np.full((4, 4, 3), round(255 * t), np.uint8)))
DLIB = cast(Judge, SimpleNamespace(name="dlib", threshold=0.6))
LOW, HIGH = Sample(0.39, verdict(0.601)), Sample(0.40, verdict(0.599))
CURVE = Curve(
    (Sample(0.0, verdict(0.8)), LOW, HIGH, Sample(1.0, verdict(0.1))), (Crossing(LOW, HIGH, 0.0, 0),), 0.6
)


def test_the_border_is_crossed_once_where_the_judge_contradicts_itself_beside_it() -> None:
    contradicting: list[float] = []

    def sample(ts: Sequence[float]) -> list[Sample]:
        """Falls from 0.8 to 0.1, but for the pictures nearest to the border."""
        below, above = max(t for t in ts if t < LOW.t), min(t for t in ts if t > HIGH.t)
        contradicting.extend((below, above))
        distances = {t: 0.8 - 0.5 * t if t < 0.39 else 0.6 - 0.5 * (t - 0.4) / 0.6 for t in ts}
        distances |= {below: 0.5998, above: 0.6002}
        return [Sample(t, verdict(distances[t])) for t in ts]

    strip = make_strip(WAY, DLIB, CURVE, sample, 40)
    (change,) = np.flatnonzero(strip.same[1:] != strip.same[:-1])
    assert strip.border == (change + 1, change)
    assert len(contradicting) == 2 and not set(contradicting) & set(strip.t.tolist())


def test_a_picture_that_agrees_with_one_side_stays() -> None:
    """So does one beyond the last picture of the curve."""
    curve = Curve((LOW, HIGH, Sample(1.0, verdict(0.1))), CURVE.crossings, 0.6)
    strip = make_strip(WAY, DLIB, curve, lambda ts: [Sample(t, verdict(0.65)) for t in ts if t < LOW.t], 40)
    assert np.count_nonzero(strip.t < LOW.t) > 10
