"""What a portrayal makes of its judges, told by judges that go by brightness alone."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from engine.border.continuum import Continuum
from engine.border.strip import NoBorderReason, Strip
from engine.border.strip_builder import make_strip
from engine.border.tracing import Curve, trace
from engine.common.arrays import Pixels
from engine.judges.base import Judge
from engine.judges.judging import judge_pictures, judge_worst_case, make_reference
from engine.judges.plain import PlainReading
from engine.pipeline.assessment import constraints_of, holding
from engine.pipeline.curves import JudgeCurves, sampler
from engine.pipeline.portrayal import is_far
from engine.pipeline.result import PictureKind, PortrayalResult
from engine.pipeline.settings import PortrayalSettings
from installation.outputs.record import no_border
from tests.support.judge_kit import NO_LANDMARKS, Brightness, grey

PORTRAIT = grey(100)
SETTINGS = PortrayalSettings()


def curve_of(judge: Judge, levels: Sequence[int]) -> Curve:
    """Along pictures of these grey levels."""
    reference = make_reference(judge, [(PORTRAIT, NO_LANDMARKS)])

    def picture(t: float) -> Pixels:
        return grey(levels[round(t * (len(levels) - 1))])

    ts = [i / (len(levels) - 1) for i in range(len(levels))]
    sample = sampler(judge, reference, picture, SETTINGS, lambda _: None)
    return trace(picture, sample, judge.threshold, ts, split=lambda low, high: None)


def judged(*judges: Judge) -> list[JudgeCurves]:
    empty = Curve((), (), 0.0)
    return [JudgeCurves(one, make_reference(one, [(PORTRAIT, NO_LANDMARKS)]), empty, empty) for one in judges]


def holds(picture: Pixels, *judges: Judge, plain: PlainReading | None = None) -> bool:
    plains = {judge.name: plain for judge in judges} if plain else {}
    constraints = constraints_of(judged(*judges), SETTINGS, plains)
    return holding(constraints, SETTINGS, lambda _: None)([picture])[0]


def worst_distance(picture: Pixels) -> float:
    (one,) = judged(Brightness(1.0))
    return judge_worst_case(one.judge, one.reference, [picture])[0].worst_distance


def test_a_picture_holds_where_even_the_worst_case_is_beyond_the_threshold_and_its_margin() -> None:
    """A mean beyond it is not enough, nor is a worst case beyond it by less than the margin."""
    picture = grey(140)
    worst = worst_distance(picture)
    (one,) = judged(Brightness(1.0))
    (plain,) = judge_pictures(one.judge, one.reference, [picture])
    assert plain.distance > 1.2 * worst
    assert not holds(picture, Brightness(1.1 * worst))
    assert not holds(picture, Brightness(worst / (1 + SETTINGS.margin / 2)))
    assert holds(picture, Brightness(worst / (1 + 2 * SETTINGS.margin)))


def test_a_picture_holds_only_where_the_plain_reading_says_someone_else_too() -> None:
    """The package reads this judge's numbers moved by as much as the last argument says."""
    picture, judge = grey(140), Brightness(5.0)
    known = judge.embed(PORTRAIT[None])[0]

    def plain(moved: float) -> PlainReading:
        return PlainReading(judge, lambda shown: list(judge.embed(np.stack(shown)) - moved), known)

    assert holds(picture, judge) and holds(picture, judge, plain=plain(0.0))
    assert not holds(picture, judge, plain=plain(40.0))
    assert not holds(grey(104), judge, plain=plain(-40.0))


def test_every_binding_judge_has_to_be_convinced_and_no_other() -> None:
    picture = grey(140)
    convinced, knows = Brightness(5.0), Brightness(90.0)
    assert holds(picture, convinced)
    assert not holds(picture, convinced, knows) and not holds(picture, knows, convinced)
    assert holds(picture, convinced, Brightness(90.0, binding=False))


@pytest.mark.parametrize(
    ("threshold", "binding", "far"),
    [(10.0, True, True), (30.0, True, True), (40.0, True, False), (10.0, False, False)],
)
def test_a_match_is_far_where_a_binding_judge_barely_knows_it(
    threshold: float, binding: bool, far: bool
) -> None:
    """Its distance is about 20, and from 0.6 of the threshold on it is far."""
    panel = judged(Brightness(500.0), Brightness(threshold, binding=binding))
    assert is_far(grey(120), panel, SETTINGS) is far


def test_the_standard_error_of_a_sample_is_that_of_its_mean() -> None:
    (one,) = judged(Brightness(30.0))
    (verdict,) = judge_pictures(one.judge, one.reference, [grey(120)], k=SETTINGS.k)
    sample = sampler(one.judge, one.reference, lambda t: grey(120), SETTINGS, lambda _: None)
    assert sample([0.5])[0].verdict.error == pytest.approx(verdict.spread / SETTINGS.k**0.5)


def test_the_note_says_how_far_the_judge_is_from_changing_its_mind() -> None:
    """By the picture that is nearest to it, wherever on the way that lies."""
    always = Brightness(60.0)
    (one,) = judged(always)
    curve = curve_of(always, [110, 140, 100])
    note = no_border(JudgeCurves(always, one.reference, curve, curve))
    gap = 60 - curve.samples[1].verdict.distance
    assert note == f"always recognised: even the farthest picture is {gap:.3f} within the threshold"

    never = Brightness(10.0)
    curve = curve_of(never, [180, 130, 160])
    gap = curve.samples[1].verdict.distance - 10
    note = no_border(JudgeCurves(never, one.reference, curve, curve))
    assert note == f"never recognised: even the nearest picture is {gap:.3f} beyond the threshold"

    blind = Brightness(10.0, dark=50)
    curve = curve_of(blind, [20, 30, 20])
    assert "sees no face" in no_border(JudgeCurves(blind, one.reference, curve, curve))


class Brightening:
    """A continuum from grey level 160 to 100, the sitter's."""

    def picture(self, t: float) -> Pixels:
        return grey(round(160 - 60 * t))


def strip_of(judge: Judge, count: int = 40) -> tuple[Strip, Curve]:
    way = Brightening()
    reference = make_reference(judge, [(PORTRAIT, NO_LANDMARKS)])
    sample = sampler(judge, reference, way.picture, SETTINGS, lambda _: None)
    curve = trace(way.picture, sample, judge.threshold)
    return make_strip(cast(Continuum, way), judge, curve, sample, count), curve


def test_a_strip_shows_the_border_and_nothing_between_its_pictures() -> None:
    strip, curve = strip_of(Brightness(30.0))
    assert curve.border is not None and strip.border is not None
    same, other = strip.border
    assert (strip.t[other], strip.t[same]) == (curve.border.low.t, curve.border.high.t)
    assert same == other + 1
    assert strip.border_t == pytest.approx(curve.border.t)
    assert not strip.same[: other + 1].any() and strip.same[same:].all()
    for one in curve.samples:
        index = int(np.flatnonzero(strip.t == one.t)[0])
        assert strip.measured[index] and strip.distances[index] == one.verdict.distance
    for picture, t in zip(strip.pictures, strip.t, strict=True):
        assert np.array_equal(picture, Brightening().picture(t))


def test_the_verdicts_of_a_strip_are_those_of_its_judge() -> None:
    strip, curve = strip_of(Brightness(30.0))
    for index, t in enumerate(strip.t):
        verdict = strip.verdict(index)
        assert (verdict.judge, verdict.threshold) == ("brightness", 30.0)
        assert verdict.distance == strip.distances[index] and verdict.measured == strip.measured[index]
        assert verdict.same is bool(strip.same[index])
        for sample in curve.samples:
            if sample.t == t:
                assert (verdict.same, verdict.distance) == (sample.verdict.same, sample.verdict.distance)
    assert {strip.verdict(i).same for i in range(len(strip.t))} == {True, False}


def test_what_was_not_judged_lies_between_its_judged_neighbours() -> None:
    strip, _ = strip_of(Brightness(30.0), count=120)
    assert 0.2 < strip.measured.mean() < 0.7
    judged_at = np.flatnonzero(strip.measured)
    expected = np.interp(strip.t, strip.t[judged_at], strip.distances[judged_at])
    assert strip.distances == pytest.approx(expected)


def test_where_the_judge_sees_no_face_its_needle_rests() -> None:
    """The first pictures are too bright for it."""

    class Dazzled(Brightness):
        def embed(self, crops: Pixels) -> np.ndarray:
            levels = super().embed(crops)
            return np.where(levels > 150, np.nan, levels)

    strip, _ = strip_of(Dazzled(30.0))
    assert strip.rests(0) and not strip.measured[0] and not strip.same[0]
    assert strip.distances[0] == 60.0
    assert not strip.rests(len(strip.t) - 1)


def given(strip: Strip, doppelganger: Pixels | None = None) -> tuple[int, PictureKind]:
    picture, kind = PortrayalResult(strip, None, (), doppelganger).picture_to_take_home
    return int(picture[0, 0, 0]), kind


def test_there_is_a_picture_to_take_home_whatever_was_found() -> None:
    strip, curve = strip_of(Brightness(30.0))
    assert curve.border is not None
    assert given(strip, grey(7)) == (7, PictureKind.HOLDS)
    beyond = int(Brightening().picture(curve.border.low.t)[0, 0, 0])
    assert given(strip) == (beyond, PictureKind.BEYOND)

    instead = PortrayalResult(strip, None, (), None, refused=True)
    assert instead.picture_to_take_home[1] is PictureKind.INSTEAD
    assert np.array_equal(instead.picture_to_take_home[0], grey(beyond))

    always, _ = strip_of(Brightness(500.0))
    assert always.no_border_reason is NoBorderReason.ALWAYS
    assert given(always) == (160, PictureKind.SAME)

    never, _ = strip_of(Brightness(0.001))
    assert never.no_border_reason is NoBorderReason.NEVER
    assert given(never) == (100, PictureKind.BEYOND)
