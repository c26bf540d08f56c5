"""A verdict that changes its mind from picture to picture is shown at most three times a second."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from engine.border.strip import Strip
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from scenes.jury import Jury
from scenes.widgets.calm_verdict import MIN_VERDICT_S, CalmVerdict
from tests.support.scene_views import make_view, somebody


@pytest.fixture(scope="module")
def wavering() -> Strip:
    """A strip on which every other picture near the border is *same*."""
    strip = somebody().result.median
    distances = np.where(np.arange(len(strip.t)) % 2, 0.9, 1.1) * strip.threshold
    assert strip.border is not None
    distances[0], distances[-1] = 1.5 * strip.threshold, 0.5 * strip.threshold
    distances[list(strip.border)] = 0.9 * strip.threshold, 1.1 * strip.threshold
    return replace(strip, distances=distances)


def test_the_verdict_is_held(wavering: Strip) -> None:
    calm = CalmVerdict()
    times = np.arange(0, 4, 1 / 60)
    asked = [int(index) for index in np.linspace(len(wavering.t) - 1, 0, len(times))]
    shown = [calm.index(wavering, index, now) for index, now in zip(asked, times, strict=True)]
    changed_s = [
        now
        for (before, index), now in zip(pairwise(shown), times[1:], strict=True)
        if wavering.same[before] != wavering.same[index]
    ]
    assert len(changed_s) > 3
    assert min(np.diff(changed_s)) >= MIN_VERDICT_S - 1e-9
    raw = sum(wavering.same[before] != wavering.same[index] for before, index in pairwise(asked))
    assert raw > len(changed_s)  # the control: what was asked for flickers


def test_another_strip_begins_anew(wavering: Strip) -> None:
    calm = CalmVerdict()
    last = len(wavering.t) - 1
    assert [calm.index(wavering, index, 0.01 * number) for number, index in enumerate((last, 0, last))] == [
        last,
        0,
        0,
    ]
    assert calm.index(replace(wavering), last, 0.03) == last


def test_the_jury_is_as_calm_as_the_border(wavering: Strip, values: Registry) -> None:
    result = replace(somebody().result, median=wavering)
    scene = Jury()
    scene.enter(make_view(Phase.JURY, 0.0, values, result=result))
    shown: list[tuple[float, bool]] = []
    for frame in range(12 * 60):
        scene.update(make_view(Phase.JURY, frame / 60, values, result=result))
        shown.append((frame / 60, bool(wavering.same[scene._index])))
    changes_s = [now for (_, before), (now, same) in pairwise(shown) if before != same]
    assert len(changes_s) > 2
    assert min(np.diff(changes_s)) >= MIN_VERDICT_S - 1e-9
