"""The schedule of the border scene, and the pace of a sweep."""

from dataclasses import replace

import numpy as np
import pytest

from scenes.widgets.border_schedule import BorderParameters, SegmentKind, schedule
from scenes.widgets.sweep import Leg, sweep_t
from tests.support.scene_views import somebody, with_threshold


def test_time_slows_down_at_the_border() -> None:
    leg = Leg(1.0, 0.0, 10.0)
    t = np.array([sweep_t((leg,), 0.4, s, False) for s in np.linspace(0, 10, 1001)])
    speed = np.abs(np.diff(t))
    near = speed[np.abs(t[1:] - 0.4) < 0.03].mean()
    assert near < 0.25 * speed[np.abs(t[1:] - 0.7) < 0.1].mean()
    assert speed.max() < 0.02 and t[0] == 1.0 and t[-1] == 0.0


def test_border_scene_lasts_as_long_as_it_has() -> None:
    found, values = somebody().result, BorderParameters()
    for result in (
        found,
        replace(found, nearest=None),
        replace(found, median=with_threshold(found.median, 2.0)),
    ):
        for lasts_s in (5.0, 30.0, 300.0):
            assert sum(segment.duration_s for segment in schedule(result, values, lasts_s)) == pytest.approx(
                lasts_s
            )


def test_the_median_without_a_border_gives_way_to_the_shorter_one() -> None:
    found = somebody().result
    always = replace(found, median=with_threshold(found.median, 2.0))
    parts = [segment.kind for segment in schedule(always, BorderParameters(), 30.0)]
    assert parts == [
        SegmentKind.SWEEP,
        SegmentKind.WORDS,
        SegmentKind.SWEEP,
        SegmentKind.ALTERNATE,
        SegmentKind.BESIDE,
        SegmentKind.DIFFERENCE,
    ]


RIDE, WORDS = SegmentKind.SWEEP, SegmentKind.WORDS


CLOSELY = [SegmentKind.SWEEP, SegmentKind.ALTERNATE, SegmentKind.BESIDE, SegmentKind.DIFFERENCE]


@pytest.mark.parametrize(
    ("way", "border", "nearest", "parts"),
    [
        ("both", True, True, [RIDE, *CLOSELY]),
        ("both", True, False, [RIDE, *CLOSELY]),
        ("both", False, True, [RIDE, WORDS, *CLOSELY]),
        ("both", False, False, [RIDE, WORDS]),
        ("nearest", True, True, [RIDE, *CLOSELY]),
        ("nearest", True, False, [RIDE, *CLOSELY]),
        ("nearest", False, True, [RIDE, *CLOSELY]),
        ("nearest", False, False, [RIDE, WORDS]),
        ("median", True, True, CLOSELY),
        ("median", False, True, [RIDE, WORDS]),
    ],
)
def test_while_the_nearest_way_is_looked_for_nothing_is_told_twice(
    way: str, border: bool, nearest: bool, parts: list[SegmentKind]
) -> None:
    """And what is shown meanwhile lasts equally long whatever is found."""
    found, values = somebody().result, BorderParameters(way=way)
    if not border:
        found = replace(found, median=with_threshold(found.median, 0.0))
    begun = replace(found, nearest=None, complete=False)
    rows = [schedule(one, values, 40.0, was_incomplete=True) for one in (begun, found if nearest else begun)]
    assert [segment.kind for segment in rows[1]] == parts
    assert sum(segment.duration_s for segment in rows[1]) == pytest.approx(40.0)
    waits_s = [
        sum(segment.duration_s for segment in row if not segment.is_final and segment.kind is RIDE)
        for row in rows
    ]
    assert waits_s[0] == waits_s[1]
    assert all(segment.strip is found.median for segment in rows[1][: parts.count(RIDE) - 1])
    if way != "median":
        assert (rows[1][-1].strip is found.nearest) == nearest
