"""The schedule, fades, and the throttled log, without a network."""

import logging
from itertools import pairwise

import pytest

from installation.control.show.fades import Fades
from installation.control.show.schedule import Schedule
from installation.settings.parameters import Value
from installation.settings.registry import Registry
from installation.workers.error_log_throttle import ErrorLogThrottle
from tests.support.headless_stage import Rehearsed


def test_what_waits_comes_by_its_date_then_by_its_order() -> None:
    schedule: Schedule[str] = Schedule(longest=4)
    assert all(schedule.add(due_s, name) for due_s, name in [(3, "c"), (1, "a"), (3, "d"), (2, "b")])
    assert not schedule.add(0, "one too many")
    assert [schedule.due(2.5), schedule.due(2.5), schedule.due(2.5)] == ["a", "b", None]
    assert [schedule.due(3), schedule.due(3), schedule.due(9)] == ["c", "d", None]


def test_floats_glide_and_the_rest_waits_for_the_next_scene() -> None:
    registry = Registry(Rehearsed)
    fades = Fades(registry)
    targets = {"rehearsed/glow": 1.0, "rehearsed/needle": False, "rehearsed/ride_s": 60.0}
    assert fades.start(targets, 5, now_s=100) == ["rehearsed/needle", "rehearsed/ride_s"]
    before = registry.of(Rehearsed)
    assert (before.glow, before.needle, before.ride_s) == (0.5, True, 25)
    seen = []
    for frame in range(301):
        fades.advance(100 + frame / 60)
        seen.append(registry.of(Rehearsed).glow)
    steps = [after - before for before, after in pairwise(seen)]
    assert seen[0] == 0.5 and seen[-1] == 1.0
    assert max(steps) < 0.5 / 300 + 1e-5 and min(steps) > 0, "it neither jumps nor stands still"
    assert len(fades) == 0
    registry.begin_scene()
    assert (registry.of(Rehearsed).needle, registry.of(Rehearsed).ride_s) == (False, 60)


def test_a_hand_on_the_fader_and_another_preset_win() -> None:
    registry = Registry(Rehearsed)
    fades = Fades(registry)
    fades.start({"rehearsed/glow": 1.0, "rehearsed/tilt_deg": 30.0}, 5, now_s=0)
    fades.advance(2.5)
    fades.cancel("rehearsed/glow")
    registry.set("rehearsed/glow", 0.2)
    fades.start({"rehearsed/tilt_deg": 0.0}, 1, now_s=2.5)
    fades.advance(9)
    assert (registry.get("rehearsed/glow"), registry.get("rehearsed/tilt_deg")) == (0.2, 0.0)
    assert fades.start({"rehearsed/glow": 0.9}, 0, now_s=9) == ["rehearsed/glow"]
    assert registry.of(Rehearsed).glow == 0.9


def test_a_preset_loaded_again_without_a_fade_waits_for_no_scene() -> None:
    registry = Registry(Rehearsed)
    fades = Fades(registry)
    targets: dict[str, Value] = {
        "rehearsed/needle": False,
        "rehearsed/hint": "nearer",
        "rehearsed/ride_s": 60.0,
    }
    fades.start(targets, 10, now_s=0)
    assert fades.start(targets, 10, now_s=1) == [] and registry.of(Rehearsed).needle
    assert fades.start(targets, 0, now_s=2) == [], "what was told has not changed"
    now = registry.of(Rehearsed)
    assert (now.needle, now.hint, now.ride_s) == (False, "nearer", 25)


def test_a_flood_of_faults_is_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    error_log = ErrorLogThrottle("osc")
    for second in range(150):
        for number in range(100):
            error_log.note("malformed packet", f"number {number}")
        error_log.report(1000.0 + second)
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(lines) == 3
    assert lines[1] == "osc: malformed packet (6000 times): number 99"
    assert error_log.counts["malformed packet"] == 15_000
