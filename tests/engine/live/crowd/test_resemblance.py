"""A nobody who looks like somebody is named, for any of the judges; nobody else is."""

from engine.live.crowd.resemblance import MARGIN, Resemblance, Shot
from tests.support.judge_kit import NO_LANDMARKS, Brightness, grey


def shot(level: int) -> Shot:
    return grey(level), NO_LANDMARKS


NOBODIES = {1: shot(100), 2: shot(150), 3: shot(200)}


def test_whom_a_judge_takes_for_somebody() -> None:
    resemblance = Resemblance(NOBODIES, [Brightness(20)])
    assert resemblance.alike(shot(110)) == {1}
    assert resemblance.alike(shot(125)) == frozenset()


def test_whom_it_nearly_takes_for_somebody() -> None:
    threshold = 40.0
    near, far = Brightness(threshold), Brightness(threshold / (1 + 2 * MARGIN))
    assert Resemblance({1: shot(100)}, [near]).alike(shot(141)) == {1}
    assert Resemblance({1: shot(100)}, [far]).alike(shot(141)) == frozenset()


def test_any_judge_is_enough() -> None:
    assert Resemblance(NOBODIES, [Brightness(5), Brightness(60)]).alike(shot(175)) == {2, 3}
