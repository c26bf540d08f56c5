"""Steering the sweep with the head."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from engine.common.one_euro import OneEuro
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.stage.canvas import Canvas
from installation.stage.view import Guidance, Sighting
from scenes.border import Border
from scenes.widgets.border_schedule import SegmentKind
from scenes.widgets.steering import Steering
from scenes.widgets.sweep import progress_at_t
from tests.conftest import DATA
from tests.support.scene_views import make_view, somebody
from tests.support.steered_ride import longest_standstill_s, ride, verdicts
from tests.support.tracked_head import TrackedHead
from tests.support.visit_record import make_result, make_strip


def test_one_euro_calms_a_still_head_and_follows_a_turning_one() -> None:
    random = np.random.default_rng(0)
    times = np.arange(0, 4, 1 / 30)
    still = OneEuro()
    noisy = random.normal(0, 1.0, len(times))
    calm = np.array([still.step(float(value), float(now)) for value, now in zip(noisy, times, strict=True)])
    assert calm[30:].std() < 0.5 * noisy[30:].std()
    turning = OneEuro()
    for now in times:
        turning.step(0.0 if now < 2 else 20.0, float(now))
    assert turning.value == pytest.approx(20.0, abs=0.5)
    assert turning.step(-90.0, float(times[-1])) == turning.value


def test_a_turned_head_takes_over_and_gives_back_without_a_jump() -> None:
    steering = Steering()
    progress = []
    for frame in range(60 * 14):
        now = frame / 60
        yaw = 0.0 if now < 2 else 20.0 if now < 4 else -20.0 if now < 6 else 0.5
        progress.append(steering.step(yaw, 0.3, now))
    assert progress[60] == pytest.approx(0.3)
    assert progress[60 * 4 - 1] > 0.9
    assert progress[60 * 6 - 1] < 0.1
    assert progress[-1] == pytest.approx(0.3)
    assert np.abs(np.diff(progress)).max() < 0.04


@pytest.mark.parametrize("resting_deg", [-25.0, -10.7, 10.7, 20.0])
def test_a_head_that_rests_turned_does_not_steer(resting_deg: float) -> None:
    """Neither from the beginning, nor after a turn."""
    steering, noise = Steering(), np.random.default_rng(1)
    shares = []
    for frame in range(30 * 20):
        now = frame / 30
        turned = 15.0 if 8 <= now < 10 else 0.0
        steering.step(resting_deg + turned + float(noise.normal(0, 0.5)), 0.3, now)
        shares.append(steering.share)
    assert max(shares[: 30 * 8]) == 0
    assert max(shares[30 * 8 : 30 * 11]) == 1
    assert max(shares[30 * 15 :]) == 0


def test_a_head_held_turned_gives_the_ride_back() -> None:
    """And takes it over again, where it left, when it comes back."""
    steering = Steering()
    progress = []
    for frame in range(30 * 10):
        now = frame / 30
        turned = 0.0 if now < 1 else 15.0 if now < 6 else 12.0 - 12.0 * (now - 6)
        progress.append(steering.step(max(turned, 0.0), 0.3, now))
    assert progress[30 * 3] == pytest.approx(0.5 + 15 / 44, abs=0.02)
    assert progress[30 * 6 - 1] == pytest.approx(0.3)
    assert progress[30 * 7] == pytest.approx(0.5, abs=0.1)
    assert progress[-1] == pytest.approx(0.3)


def test_who_turns_the_head_crosses_the_border(values: Registry) -> None:
    found = replace(somebody().result, nearest=None)
    verdicts = {}
    for yaw_deg in (-21.0, 21.0):
        scene = Border()
        scene.enter(make_view(Phase.BORDER, 0.0, values))
        for frame in range(120):
            turned_deg = 0.0 if frame < 60 else yaw_deg
            sighting = Sighting(Guidance.READY, somebody().box, turned_deg)
            view = make_view(Phase.BORDER, frame / 30, values, sighting=sighting, result=found)
            scene.update(view)
        scene.draw(Canvas(640, 360), view)
        (one,) = scene.shown()
        verdicts[yaw_deg] = one.verdict.same
    assert verdicts == {-21.0: False, 21.0: True}


def test_a_moving_head_crosses_the_border_and_comes_back(values: Registry) -> None:
    """In a film, as the installation's tracker follows it; then the same head where nothing is steered."""
    result, yaws_deg = somebody().result, []
    with TrackedHead(DATA / "clips" / "turning_head.mp4") as head:

        def yaw_deg_at(time_s: float) -> float | None:
            yaws_deg.append(head.yaw_deg_at(time_s))
            return yaws_deg[-1]

        frames = ride(result, yaw_deg_at)
    assert min(head.measured_deg) < -20 and max(head.measured_deg) > 20
    assert verdicts(frames)[:3] == [True, False, True] and verdicts(frames)[-1] is False
    values.set("border/steer", False)
    measured = iter(yaws_deg)
    assert verdicts(ride(result, lambda _: next(measured), values)) == [True, False]


@pytest.mark.parametrize("resting_deg", [-20.0, -10.7, 10.7, 20.0])
def test_the_ride_does_not_stand_still_before_a_head_that_rests_turned(resting_deg: float) -> None:
    noise = np.random.default_rng(0)
    result = make_result(make_strip(0.4), make_strip(0.2, 120))
    frames = ride(result, lambda _: resting_deg + float(noise.normal(0, 1.0)))
    assert verdicts(frames) == [True, False]
    assert longest_standstill_s(frames) < 1.5


def test_a_ride_that_stands_still_would_be_noticed(values: Registry) -> None:
    """Where yaw counts from straight ahead, and a turned head steers without end."""
    values.set("border/patience_s", 20)
    result = make_result(make_strip(0.4), make_strip(0.2, 120))
    frames = ride(result, lambda at_s: 12.0 if at_s else 0.0, values)
    assert longest_standstill_s(frames) > 1.5


@pytest.mark.parametrize("tremble_deg", [4.0, 8.0])
def test_the_verdict_does_not_flash_before_a_head_held_still_at_the_border(
    tremble_deg: float, values: Registry
) -> None:
    """Whoever steers to the border and stays there, trembling."""
    for name, value in (("calm_hz", 10), ("rest_deg", 1), ("patience_s", 20)):
        values.set(f"border/{name}", value)
    found = replace(somebody().result, nearest=None)
    strip = found.median
    place = progress_at_t(strip.border_t or 0.0, strip.border_t)
    scene = Border()
    scene.enter(make_view(Phase.BORDER, 0.0, values))
    changes: list[float] = []
    before = True
    for frame in range(60 * 12):
        now = frame / 60
        held_deg = 0.0 if frame == 0 else 15.0 if now < 1 else 2 * 22 * (place - 0.5)
        yaw_deg = held_deg + tremble_deg * math.sin(2 * math.pi * 4 * now)
        scene.update(
            make_view(
                Phase.BORDER,
                now,
                values,
                sighting=Sighting(Guidance.READY, somebody().box, yaw_deg),
                result=found,
            )
        )
        assert scene._segment is not None and scene._strip is not None
        same = bool(scene._strip.same[scene._index])
        if scene._segment.kind is SegmentKind.RIDE and same != before:
            changes.append(now)
        before = same
    assert len(changes) > 5
    assert all(later - sooner >= 1 / 3 - 1e-6 for sooner, later in pairwise(changes))
