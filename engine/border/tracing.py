"""Finds where a judge's verdict changes along a row of pictures, and how certain that place is.

Pure: the row is any function from t to a picture, the judge any function from several t to samples.

*crossing*: neighbouring pictures with different verdicts. *border*: the crossing with the largest t, so the
last one before the closest match. *zone*: the stretch about the border where the judge's answer is within its
own noise, taken as two standard errors of the mean over the perturbations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.judges.verdict import Verdict

COARSE = 17
MAX_STEP_GREY = 1.0  # the two pictures of a crossing differ by at most this, of 255, on average
MIN_WIDTH = 2.0**-20  # in t; bisection stops here even where pictures still differ more


@dataclass(frozen=True)
class Sample:
    """A judge's verdict on the picture at `t`."""

    t: float
    verdict: Verdict


@dataclass(frozen=True)
class Crossing:
    """Two neighbouring pictures, `low.t < high.t`, with different verdicts.

    `mean_abs_diff` and `max_abs_diff` compare the two pictures, in grey levels of 255.
    """

    low: Sample
    high: Sample
    mean_abs_diff: float
    max_abs_diff: int

    @property
    def t(self) -> float:
        return (self.low.t + self.high.t) / 2

    @property
    def width(self) -> float:
        return self.high.t - self.low.t

    @property
    def same(self) -> Sample:
        return self.low if self.low.verdict.same else self.high

    @property
    def other(self) -> Sample:
        return self.high if self.low.verdict.same else self.low


@dataclass(frozen=True)
class Curve:
    """All verdicts of one judge along a row of pictures, sorted by t, and its crossings, by t."""

    samples: tuple[Sample, ...]
    crossings: tuple[Crossing, ...]
    threshold: float

    @property
    def border(self) -> Crossing | None:
        return self.crossings[-1] if self.crossings else None

    @property
    def zone(self) -> tuple[float, float] | None:
        """(t_low, t_high) about the border: outside it the judge is sure, as far as the samples tell."""
        if self.border is None:
            return None
        verdicts = [sample.verdict for sample in self.samples]
        margins = np.array(
            [abs(verdict.distance - self.threshold) - 2 * verdict.error for verdict in verdicts]
        )
        ts = np.array([s.t for s in self.samples])
        below, above = ts <= self.border.low.t, ts >= self.border.high.t
        return (
            _first_zero(ts[below][::-1], margins[below][::-1]),
            _first_zero(ts[above], margins[above]),
        )


def _first_zero(ts: NDArray[np.float64], margins: NDArray[np.float64]) -> float:
    """Where the margin first becomes positive along `ts`, linear between samples; else the end."""
    sure = np.flatnonzero(margins > 0)
    if len(sure) == 0:
        return float(ts[-1])
    i = int(sure[0])
    if i == 0:
        return float(ts[0])
    share = margins[i - 1] / (margins[i - 1] - margins[i])
    return float(ts[i - 1] + share * (ts[i] - ts[i - 1]))


def difference(a: Pixels, b: Pixels) -> tuple[float, int]:
    """Mean and largest absolute difference of two uint8 pictures, in grey levels."""
    gap = np.abs(a.astype(np.int16) - b.astype(np.int16))
    return float(gap.mean()), int(gap.max())


def trace(
    picture: Callable[[float], Pixels],
    judge: Callable[[Sequence[float]], list[Sample]],
    threshold: float,
    ts: Sequence[float] | None = None,
    split: Callable[[float, float], float | None] = lambda low, high: (low + high) / 2,
    max_width: float = 1.0,
) -> Curve:
    """Finds all crossings of one judge: coarse first, then bisection.

    Args:
        picture: t -> uint8 (R, R, 3).
        judge: several t -> as many samples, in the same order.
        threshold: the judge's; kept with the curve.
        ts: where to look first, rising; 17 places by default.
        split: a place between two others, or None where there is none (a recorded search has only its own
            pictures). Bisection also ends once the two pictures differ by at most one grey level on average
            and are at most `max_width` apart in t.
    """
    coarse = np.linspace(0, 1, COARSE).tolist() if ts is None else list(ts)
    samples = judge(coarse)
    crossings = []
    for low, high in zip(samples.copy(), samples[1:], strict=False):
        if low.verdict.same == high.verdict.same:
            continue
        mean, largest = difference(picture(low.t), picture(high.t))
        while (mean > MAX_STEP_GREY or high.t - low.t > max_width) and high.t - low.t > MIN_WIDTH:
            middle_t = split(low.t, high.t)
            if middle_t is None:
                break
            (middle,) = judge([middle_t])
            samples.append(middle)
            low, high = (middle, high) if middle.verdict.same == low.verdict.same else (low, middle)
            mean, largest = difference(picture(low.t), picture(high.t))
        crossings.append(Crossing(low, high, mean, largest))
    return Curve(tuple(sorted(samples, key=lambda s: s.t)), tuple(crossings), threshold)
