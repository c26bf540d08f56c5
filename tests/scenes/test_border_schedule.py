"""The schedule of the border scene, and the pace of a sweep."""

import math
from dataclasses import replace

import numpy as np
import pytest

from installation.settings.texts import Texts, languages
from installation.visit.parameters import Timeouts
from scenes.widgets.border_schedule import BorderParameters, SegmentKind, reading_s, schedule
from scenes.widgets.sweep import Leg, sweep_t
from tests.support.scene_views import somebody, with_threshold


def test_time_slows_down_at_the_border() -> None:
    leg = Leg(1.0, 0.0, 10.0)
    t = np.array([sweep_t((leg,), 0.4, s, False) for s in np.linspace(0, 10, 1001)])
    speed = np.abs(np.diff(t))
    near = speed[np.abs(t[1:] - 0.4) < 0.03].mean()
    assert near < 0.25 * speed[np.abs(t[1:] - 0.7) < 0.1].mean()
    assert speed.max() < 0.02 and t[0] == 1.0 and t[-1] == 0.0


SENTENCE = "Your likeness. Someone else’s face."


@pytest.mark.parametrize("lasts_s", [5.0, 30.0, 300.0])
def test_border_scene_lasts_as_long_as_it_has(lasts_s: float) -> None:
    found, values = somebody().result, BorderParameters()
    without = replace(found, median=with_threshold(found.median, 2.0), nearest=None)
    for result in (found, replace(found, nearest=None), without):
        row = schedule(result, values, lasts_s, SENTENCE)
        assert sum(segment.duration_s for segment in row) == pytest.approx(lasts_s)
        for segment in row:
            if segment.legs:
                assert sum(leg.duration_s for leg in segment.legs) == pytest.approx(segment.duration_s)


def test_the_ride_holds_on_the_last_same_person_and_goes_on_to_the_doppelganger() -> None:
    found, values = somebody().result, BorderParameters()
    assert found.nearest is not None
    for result, end_t in ((found, 0.0), (replace(found, nearest=None), None)):
        strip = result.crossing
        assert strip.border is not None
        same_t, other_t = (float(strip.t[index]) for index in strip.border)
        ride, pair, difference = schedule(result, values, math.inf, SENTENCE)
        kinds = [ride.kind, pair.kind, difference.kind]
        assert kinds == [SegmentKind.RIDE, SegmentKind.PAIR, SegmentKind.DIFFERENCE]
        hold = next(leg for leg in ride.legs if leg.start_t == leg.end_t == same_t)
        assert hold.duration_s == values.hold_s
        before, flip = ride.legs[ride.legs.index(hold) - 1], ride.legs[ride.legs.index(hold) + 1]
        assert (before.start_t, before.end_t, flip.start_t, flip.end_t) == (1.0, same_t, other_t, other_t)
        assert ride.legs[-1].end_t == (other_t if end_t is None else end_t)


@pytest.mark.parametrize("language", languages())
def test_the_pair_stays_for_as_long_as_its_sentence_is_read_twice(language: str) -> None:
    """Aloud, at 120 words a minute; beside what it takes to part and to close."""
    sentence, values = Texts.load(language)("doppelganger.holds"), BorderParameters()
    (pair,) = (
        segment
        for segment in schedule(somebody().result, values, Timeouts().border_s, sentence)
        if segment.kind is SegmentKind.PAIR
    )
    assert pair.duration_s - 2 * values.part_s >= 2 * len(sentence.split()) * 60 / 120
    faster = BorderParameters(words_per_minute=240)
    assert reading_s(sentence, faster.words_per_minute) == reading_s(sentence, 120) / 2


def test_a_way_without_a_border_is_ridden_and_told_in_words() -> None:
    found = somebody().result
    for threshold in (0.0, 2.0):
        without = replace(found, median=with_threshold(found.median, threshold), nearest=None)
        parts = [segment.kind for segment in schedule(without, BorderParameters(), 30.0, SENTENCE)]
        assert parts == [SegmentKind.RIDE, SegmentKind.WORDS]
