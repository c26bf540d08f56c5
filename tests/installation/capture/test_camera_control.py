"""The camera of the visits: on when wanted, off otherwise, and tried while it is broken. Virtual time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hardware.camera.base import CameraState, Feed
from hardware.camera.faulty import Fault, FaultySource
from hardware.camera.pulled import PulledCapture
from hardware.camera.selection import camera_source
from hardware.camera.settings import CameraSettings
from installation.capture.camera import CameraControl, CameraParameters
from installation.settings.registry import Registry
from installation.visit.events import CameraFailed, CameraReady, Event
from installation.workers.supervision import Condition

RATE_HZ = 30


class Bench:
    """A desk with a camera that breaks on command, and a clock that is turned by hand."""

    def __init__(self, portrait: Path) -> None:
        self.now_s = 0.0
        self.registry = Registry(CameraParameters)
        self.source = FaultySource(camera_source(f"file:{portrait}"))
        self.applied: list[CameraSettings] = []
        self.desk = CameraControl(self._open, self.registry)

    def _open(self, settings: CameraSettings) -> Feed:
        feed = PulledCapture(self.source, settings, lambda: self.now_s)
        plainly = feed.apply

        def apply(changed: CameraSettings) -> None:
            self.applied.append(changed)
            plainly(changed)

        feed.apply = apply  # type: ignore[method-assign,assignment]
        return feed

    def pass_time(self, for_s: float) -> list[Event]:
        """What is reported, at most `for_s` from now; ends with the first report."""
        end_s = self.now_s + for_s
        while self.now_s < end_s:
            self.now_s += 1 / RATE_HZ
            if events := self.desk.poll(self.now_s):
                return events
        return []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    path = tmp_path / "wall.png"
    Image.fromarray(np.random.default_rng(0).integers(60, 200, (48, 64, 3), np.uint8)).save(path)
    return Bench(path)


def test_the_trial_at_the_start_ends_with_the_first_picture(bench: Bench):
    bench.desk.begin(bench.now_s)
    assert bench.pass_time(2) == []
    assert bench.source.opened == 1
    assert bench.desk.latest() is None
    assert bench.desk.health.condition is Condition.OK and "off" in bench.desk.health.message


def test_pictures_only_from_consent_to_the_end(bench: Bench):
    bench.desk.begin(bench.now_s)
    bench.pass_time(1)
    bench.desk.turn_on(bench.now_s)
    bench.pass_time(0.5)
    frame = bench.desk.latest()
    assert frame is not None and frame.image.shape == (48, 64, 3)
    bench.desk.turn_off()
    assert bench.desk.latest() is None


@pytest.mark.parametrize("fault", [Fault.VANISH, Fault.REPEAT, Fault.LATE, Fault.BLACK, Fault.GARBAGE])
def test_a_camera_that_breaks_is_told_of_once_and_again_when_it_is_back(bench: Bench, fault: Fault):
    bench.desk.turn_on(bench.now_s)
    assert bench.pass_time(1) == []
    bench.source.fault = fault
    broke_s = bench.now_s
    assert bench.pass_time(10) == [CameraFailed()]
    assert bench.now_s - broke_s < 5
    assert bench.desk.latest() is None
    bench.desk.turn_off()
    assert bench.pass_time(30) == []
    assert bench.desk.health.condition is Condition.WAITING and bench.desk.health.advice
    bench.source.fault = None
    assert bench.pass_time(2) == [CameraReady()]
    # Nobody wants it any more, so that its light goes out.
    opened = bench.source.opened
    assert bench.pass_time(5) == [] and bench.source.opened == opened
    assert bench.desk.latest() is None


def test_a_camera_that_is_not_there_shows_before_the_first_visitor(bench: Bench):
    bench.source.fault = Fault.VANISH
    bench.desk.begin(bench.now_s)
    assert bench.pass_time(20) == [CameraFailed()]
    bench.source.fault = None
    assert bench.pass_time(2) == [CameraReady()]


def test_a_camera_that_is_not_there_shows_to_visitors_who_soon_walk_away(bench: Bench):
    bench.source.fault = Fault.VANISH
    reports: list[Event] = []
    for _ in range(3):
        bench.desk.turn_on(bench.now_s)
        reports += bench.pass_time(4)
        bench.desk.turn_off()
        reports += bench.pass_time(1)
    assert reports == [CameraFailed()]
    assert bench.desk.health.condition is Condition.WAITING
    bench.source.fault = None
    assert bench.pass_time(2) == [CameraReady()]
    assert bench.desk.feed_health.state is CameraState.STOPPED


def test_a_visit_that_is_over_before_the_first_picture_leaves_the_camera_on_no_longer(bench: Bench):
    bench.desk.turn_on(bench.now_s)
    bench.desk.turn_off()
    assert bench.desk.latest() is None
    assert bench.pass_time(0.5) == []
    assert bench.desk.feed_health.state is CameraState.STOPPED
    # Nor does it come on again, and the next visitor finds it well.
    assert bench.pass_time(20) == [] and bench.source.opened == 1
    bench.desk.turn_on(bench.now_s)
    assert bench.pass_time(20) == [] and bench.desk.latest() is not None
    bench.desk.turn_off()
    assert bench.desk.feed_health.state is CameraState.STOPPED


def test_settings_follow_the_registry_and_a_senseless_crop_changes_nothing(bench: Bench):
    bench.desk.turn_on(bench.now_s)
    bench.pass_time(0.2)
    bench.registry.set("camera/crop_left", 0.5)
    bench.pass_time(0.2)
    frame = bench.desk.latest()
    assert frame is not None and frame.image.shape == (48, 32, 3)
    bench.registry.set("camera/crop_right", 0.6)
    bench.pass_time(0.2)
    frame = bench.desk.latest()
    assert frame is not None and frame.image.shape == (48, 32, 3)
    assert len(bench.applied) == 1


def test_a_camera_is_let_go_of_when_the_program_ends(bench: Bench):
    bench.desk.turn_on(bench.now_s)
    bench.pass_time(0.2)
    bench.desk.stop()
    assert bench.desk.latest() is None
    assert bench.pass_time(5) == []


def test_the_health_does_not_change_with_the_frame_rate(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """Each change is a message to all who subscribe."""
    bench.desk.turn_on(bench.now_s)
    bench.pass_time(1)
    measured = bench.desk.feed_health
    healths = set()
    for rate_hz in (14.6, 29.4, 29.6):
        monkeypatch.setattr(
            PulledCapture, "camera_health", lambda _, rate_hz=rate_hz: replace(measured, rate_hz=rate_hz)
        )
        healths.add(bench.desk.health)
    assert len(healths) == 1
