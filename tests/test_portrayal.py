"""What a portrayal makes of its judges, told by judges that go by brightness alone."""

from collections.abc import Sequence

import pytest
from judge_kit import NO_LANDMARKS, Brightness, grey

from engine.arrays import Pixels
from engine.border import Curve, trace
from engine.judges.base import Judge
from engine.judges.verdict import judge_pictures, judge_worst_case, make_reference
from engine.portrayal import Judged, PortrayalSettings, _holds, _is_far, sampler
from installation.visit_record import no_border

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


def judged(*judges: Judge) -> list[Judged]:
    empty = Curve((), (), 0.0)
    return [Judged(one, make_reference(one, [(PORTRAIT, NO_LANDMARKS)]), empty, empty) for one in judges]


def holds(picture: Pixels, *judges: Judge) -> bool:
    return _holds(judged(*judges), SETTINGS, lambda _: None)([picture])[0]


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
    judges = [Brightness(500.0), Brightness(threshold, binding=binding)]
    references = [make_reference(one, [(PORTRAIT, NO_LANDMARKS)]) for one in judges]
    assert _is_far(grey(120), judges, references, SETTINGS) is far


def test_the_standard_error_of_a_sample_is_that_of_its_mean() -> None:
    (one,) = judged(Brightness(30.0))
    (verdict,) = judge_pictures(one.judge, one.reference, [grey(120)], k=SETTINGS.k)
    sample = sampler(one.judge, one.reference, lambda t: grey(120), SETTINGS, lambda _: None)
    assert sample([0.5])[0].error == pytest.approx(verdict.spread / SETTINGS.k**0.5)


def test_the_note_says_how_far_the_judge_is_from_changing_its_mind() -> None:
    """By the picture that is nearest to it, wherever on the way that lies."""
    always = Brightness(60.0)
    (one,) = judged(always)
    curve = curve_of(always, [110, 140, 100])
    note = no_border(Judged(always, one.reference, curve, curve))
    gap = 60 - curve.samples[1].distance
    assert note == f"always recognised: even the farthest picture is {gap:.3f} within the threshold"

    never = Brightness(10.0)
    curve = curve_of(never, [180, 130, 160])
    gap = curve.samples[1].distance - 10
    note = no_border(Judged(never, one.reference, curve, curve))
    assert note == f"never recognised: even the nearest picture is {gap:.3f} beyond the threshold"

    blind = Brightness(10.0, dark=50)
    curve = curve_of(blind, [20, 30, 20])
    assert "sees no face" in no_border(Judged(blind, one.reference, curve, curve))
