"""A nobody who looks like somebody is named, for any of the judges; nobody else is."""

from engine.judges.base import Judge
from engine.live.crowd.resemblance import MARGIN, Resemblance, Shot
from tests.support.judge_kit import NO_LANDMARKS, Brightness, grey


def shot(level: int) -> Shot:
    return grey(level), NO_LANDMARKS


def knowing(nobodies: dict[int, int], *judges: Judge) -> Resemblance:
    """Knows nobodies by their numbers and grey levels."""
    resemblance = Resemblance(judges)
    for number, level in nobodies.items():
        resemblance.add(number, shot(level))
    return resemblance


NOBODIES = {1: 100, 2: 150, 3: 200}


def test_whom_a_judge_takes_for_somebody() -> None:
    resemblance = knowing(NOBODIES, Brightness(20))
    assert resemblance.alike(shot(110)) == {1}
    assert resemblance.alike(shot(125)) == frozenset()


def test_whom_it_nearly_takes_for_somebody() -> None:
    threshold = 40.0
    near, far = Brightness(threshold), Brightness(threshold / (1 + 2 * MARGIN))
    assert knowing({1: 100}, near).alike(shot(141)) == {1}
    assert knowing({1: 100}, far).alike(shot(141)) == frozenset()


def test_any_judge_is_enough() -> None:
    assert knowing(NOBODIES, Brightness(5), Brightness(60)).alike(shot(175)) == {2, 3}
