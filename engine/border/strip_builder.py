"""Builds a strip: pictures that play evenly along a continuum, with a judge's distances.

Judged are one picture in `JUDGED_EVERY`, and those that the border was found with. The distance of the others
is interpolated between their judged neighbours, and marked as such (`Strip.measured`).

Near the border a judge is noisy. A picture is left out where the judge contradicts both pictures of the curve
beside it, which agree: otherwise the border would be crossed there and back again.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.border.continuum import Continuum, filmstrip
from engine.border.strip import REST, Strip
from engine.border.tracing import Crossing, Curve, Sample
from engine.common.arrays import Pixels
from engine.judges.base import Judge

JUDGED_EVERY = 4


def make_strip(
    continuum: Continuum,
    judge: Judge,
    curve: Curve,
    sample: Callable[[Sequence[float]], list[Sample]],
    count: int,
    on_picture: Callable[[Pixels], None] = lambda _: None,
) -> Strip:
    """The strip of one judge.

    Args:
        curve: the judge's along this continuum; its pictures are in the strip.
        sample: judges the pictures at several t.
        count: pictures besides those of the curve.
        on_picture: called with each picture in turn.
    """
    border = curve.border
    traced = {known.t for known in curve.samples}
    others = [t for t in filmstrip(border.t if border else None, count).tolist() if t not in traced]
    if border:  # nothing comes between its two pictures
        others = [t for t in others if not border.low.t < t < border.high.t]
    asked = sample(others[::JUDGED_EVERY])
    contradicting = {known.t for known in asked if _contradicts(known, curve.samples)}
    judged = sorted(
        [*curve.samples, *(known for known in asked if known.t not in contradicting)],
        key=lambda known: known.t,
    )
    ts = sorted([*traced, *(t for t in others if t not in contradicting)])
    pictures = []
    for t in ts:
        pictures.append(continuum.picture(t))
        on_picture(pictures[-1])
    distances, measured = _distances(ts, judged, judge.threshold)
    return Strip(
        pictures=np.stack(pictures),
        t=np.array(ts),
        distances=distances,
        measured=measured,
        judge=judge.name,
        threshold=judge.threshold,
        border=_indices(ts, border) if border else None,
    )


def pictures_seen(curve: Curve, count: int) -> int:
    """About how many pictures are judged or drawn for a strip of `count` pictures."""
    return len(curve.samples) + count + count // JUDGED_EVERY


def _contradicts(sample: Sample, traced: Sequence[Sample]) -> bool:
    """Whether the pictures of the curve on both sides of a picture agree with each other and not with it."""
    below = max((each for each in traced if each.t < sample.t), key=lambda each: each.t, default=None)
    above = min((each for each in traced if each.t > sample.t), key=lambda each: each.t, default=None)
    if below is None or above is None or not sample.verdict.measured:
        return False
    return below.verdict.same == above.verdict.same != sample.verdict.same


def _distances(
    ts: Sequence[float], judged: Sequence[Sample], threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each t's distance, linear between judged neighbours, and whether it was measured.

    Where the judge sees no face, the needle rests at its end, and that is no measurement.
    """
    distances = [
        sample.verdict.distance if sample.verdict.measured else REST * threshold for sample in judged
    ]
    measured = {sample.t for sample in judged if sample.verdict.measured}
    between = np.interp(ts, [sample.t for sample in judged], distances)
    return between, np.array([t in measured for t in ts])


def _indices(ts: Sequence[float], border: Crossing) -> tuple[int, int]:
    return ts.index(border.same.t), ts.index(border.other.t)
