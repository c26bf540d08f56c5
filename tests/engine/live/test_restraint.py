"""A face follows only while it is known to stay someone else."""

from itertools import pairwise

import pytest

from engine.judges.verdict import Verdict
from engine.live.motion import REST, Motion
from engine.live.restraint import EASE_S, LATE_S, LESS, REST_S, SILENT_S, Restraint

RATE_HZ = 25
TURNED = Motion(yaw_deg=10)
OTHER, SAME = Verdict("dlib", 0.6, 0.63), Verdict("dlib", 0.6, 0.59)


def play(
    restraint: Restraint, begin_s: float, end_s: float, judged: Verdict | None = OTHER, late_s: float = 0.0
) -> list[float]:
    """The yaw that is drawn, 25 times a second; judged twice a second, from the beginning on."""
    drawn = []
    for frame in range(round(begin_s * RATE_HZ), round(end_s * RATE_HZ)):
        now_s = frame / RATE_HZ
        if frame % (RATE_HZ // 2) == 0:
            restraint.judged(judged, now_s, now_s)
        drawn.append(restraint.step(TURNED, now_s - late_s, now_s).yaw_deg)
    return drawn


def test_it_follows_what_is_someone_else() -> None:
    drawn = play(Restraint(), 0, 2)
    assert drawn[0] == 0 and drawn == sorted(drawn)
    assert drawn[round(EASE_S * RATE_HZ) + 1] == pytest.approx(10)
    assert play(Restraint(reach=0.75), 0, 2)[-1] == pytest.approx(7.5)


def test_before_the_first_verdict_nothing_moves() -> None:
    restraint = Restraint()
    assert all(restraint.step(TURNED, frame / RATE_HZ, frame / RATE_HZ) == REST for frame in range(50))


@pytest.mark.parametrize("verdict", [SAME, None], ids=["same", "no face"])
def test_what_may_be_the_sitter_eases_to_rest_and_then_reaches_less_far(verdict: Verdict | None) -> None:
    restraint = Restraint()
    play(restraint, 0, 2)
    restraint.judged(verdict, 2, 2)
    eased = [restraint.step(TURNED, 2 + f / RATE_HZ, 2 + f / RATE_HZ).yaw_deg for f in range(RATE_HZ)]
    steps = [before - after for before, after in pairwise(eased)]
    assert all(0 <= step <= 10 / EASE_S / RATE_HZ + 1e-9 for step in steps), "it jumps"
    assert eased[round(EASE_S * RATE_HZ) + 1 :] == [0.0] * (RATE_HZ - round(EASE_S * RATE_HZ) - 1)
    later = play(restraint, 3, 6)
    assert all(yaw == 0 for yaw in later[: round((REST_S - 1) * RATE_HZ)])
    assert later[-1] == pytest.approx(10 * LESS)


def test_motion_that_comes_late_is_not_followed() -> None:
    restraint = Restraint()
    play(restraint, 0, 2)
    assert play(restraint, 2, 3, late_s=LATE_S - 0.05)[-1] == pytest.approx(10)
    assert play(restraint, 3, 4, late_s=LATE_S + 0.05)[-1] == 0
    assert play(restraint, 4, 5)[-1] == pytest.approx(10)
    for frame in range(RATE_HZ):
        drawn = restraint.step(REST, None, 5 + frame / RATE_HZ)  # no camera
    assert drawn == REST


def test_a_judge_that_falls_silent_is_no_yes() -> None:
    restraint = Restraint()
    play(restraint, 0, 2)
    restraint.judged(OTHER, 2, 2)
    drawn = [restraint.step(TURNED, 2 + f / RATE_HZ, 2 + f / RATE_HZ).yaw_deg for f in range(4 * RATE_HZ)]
    assert drawn[round(SILENT_S * RATE_HZ)] == pytest.approx(10)
    assert drawn[-1] == 0


def test_a_motion_is_followed_no_further_than_it_is_safe() -> None:
    restraint = Restraint(lambda motion: 1.0 if motion.yaw_deg < 12 else 0.5)
    assert play(restraint, 0, 2)[-1] == pytest.approx(10)
    for frame in range(RATE_HZ // 2):
        now_s = 2 + frame / RATE_HZ
        restraint.judged(OTHER, now_s, now_s)
        assert restraint.step(Motion(yaw_deg=14), now_s, now_s).yaw_deg == pytest.approx(7)
