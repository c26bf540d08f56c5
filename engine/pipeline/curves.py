"""The judges' verdicts along a row of pictures: a continuum, or the recorded search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.border.continuum import Continuum
from engine.border.strip import Strip
from engine.border.strip_builder import make_strip
from engine.border.tracing import COARSE, Curve, Sample, trace
from engine.common.arrays import Pixels
from engine.judges.base import Judge
from engine.judges.judging import Reference, judge_pictures
from engine.pipeline.progress import PictureCounter, Report
from engine.pipeline.settings import PortrayalSettings

BISECTIONS = 8  # about how many pictures a judge sees until a border is found
JUDGED_PICTURES = COARSE + BISECTIONS  # about how many pictures a judge sees along one continuum
NEAREST_COARSE = 9
"""At how many places a doppelgänger's own continuum is judged first: it is a few grey levels long."""
NEAREST_WIDTH_T = 1 / 128
"""How far apart in t the border pair of a doppelgänger's own continuum is at most: the whole of it is a few
grey levels long, and the border's place shall be as well known as the first one's."""


@dataclass(frozen=True)
class JudgeOfSitter:
    """One judge, and how it knows one sitter."""

    judge: Judge
    reference: Reference


@dataclass(frozen=True)
class JudgeCurves(JudgeOfSitter):
    """One judge's verdicts on one sitter's pictures.

    curve: along the continuum from the median face to the closest match. search_curve: along the recorded
    search, from its first picture to its last; None where that was not asked for.
    """

    curve: Curve
    search_curve: Curve | None

    @property
    def at_match(self) -> float:
        """The distance of the closest match."""
        return self.curve.samples[-1].verdict.distance

    @property
    def at_median(self) -> float:
        """The distance of the median face."""
        return self.curve.samples[0].verdict.distance


@dataclass(frozen=True, eq=False)
class NearestContinuum:
    """A doppelgänger's own continuum: from there (t = 0) to the closest match (t = 1).

    curves: by the judge's name. strip: of the leading judge.
    """

    continuum: Continuum
    curves: dict[str, Curve]
    strip: Strip


def sampler(
    judge: Judge,
    reference: Reference,
    picture: Callable[[float], Pixels],
    settings: PortrayalSettings,
    on_picture: Callable[[Pixels], None],
) -> Callable[[Sequence[float]], list[Sample]]:
    """Joins a judge and a row of pictures: several t -> samples. `on_picture` is called with each picture."""

    def sample(ts: Sequence[float]) -> list[Sample]:
        samples = []
        for t in ts:
            on_picture(picture(t))
            (verdict,) = judge_pictures(judge, reference, [picture(t)], settings.seed, settings.k)
            samples.append(Sample(t, verdict))
        return samples

    return sample


def judge_search(
    judge: Judge,
    reference: Reference,
    recorded: Sequence[Pixels],
    settings: PortrayalSettings,
    on_picture: Callable[[Pixels], None],
) -> Curve:
    """A judge along the recorded search, which has only the pictures it has; t is the share of them."""
    last = max(len(recorded) - 1, 1)

    def picture(t: float) -> Pixels:
        return recorded[round(t * last)]

    def split(low: float, high: float) -> float | None:
        middle = (round(low * last) + round(high * last)) // 2
        return middle / last if round(low * last) < middle else None

    coarse = sorted({round(t * (len(recorded) - 1)) for t in np.linspace(0, 1, COARSE)})
    sample = sampler(judge, reference, picture, settings, on_picture)
    return trace(picture, sample, judge.threshold, [i / last for i in coarse], split)


def judge_nearest_continuum(
    continuum: Continuum,
    panel: Sequence[JudgeOfSitter],
    settings: PortrayalSettings,
    stage: str,
    report: Report,
) -> NearestContinuum:
    """Judges a doppelgänger's own continuum as the first one was. `stage`: of the progress."""
    on_picture = PictureCounter(
        stage, len(panel) * (NEAREST_COARSE + BISECTIONS) + settings.nearest_strip, report
    ).add
    samplers = {
        each.judge.name: sampler(each.judge, each.reference, continuum.picture, settings, on_picture)
        for each in panel
    }
    curves = {
        each.judge.name: trace(
            continuum.picture,
            samplers[each.judge.name],
            each.judge.threshold,
            ts=np.linspace(0, 1, NEAREST_COARSE).tolist(),
            max_width=NEAREST_WIDTH_T,
        )
        for each in panel
    }
    first = panel[0].judge
    strip = make_strip(
        continuum, first, curves[first.name], samplers[first.name], settings.nearest_strip, on_picture
    )
    return NearestContinuum(continuum, curves, strip)
