"""Cameras: files on the clock, faults of every kind, real devices as far as they go without one."""

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.common.errors import MachineError, UsageError
from engine.faces.photograph import load_photograph
from hardware.camera.base import CameraError, CameraState, Frame
from hardware.camera.capture import Capture, CaptureLimits
from hardware.camera.faulty import Fault, FaultySource
from hardware.camera.file import Clip, FileSource
from hardware.camera.inspection import Inspector
from hardware.camera.opening import camera_source, open_camera
from hardware.camera.pulled import PulledCapture
from hardware.camera.settings import CameraSettings, Crop, view
from hardware.camera.synthetic import SyntheticSource
from hardware.camera.v4l2 import Device, V4l2Source, devices, v4l2_properties

FAST = CameraSettings(rate_hz=100, mirror=False)
# The same order of things as in the gallery, in a tenth of the time.
QUICK = CaptureLimits(
    max_age_s=0.1,
    patience_s=0.2,
    open_patience_s=0.4,
    first_wait_s=0.02,
    longest_wait_s=0.1,
    settled_s=0.5,
    max_stuck=2,
)
# Where no fault is to be found by its time: a machine that is busy for a second has a camera that works.
STEADY = CaptureLimits(
    max_age_s=60, patience_s=60, open_patience_s=60, first_wait_s=0.02, longest_wait_s=0.1, settled_s=0.5
)


def picture(seed: int = 0, height: int = 48, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_clip(path: Path, pictures: int, rate_hz: int = 10, width: int = 64, height: int = 48) -> Path:
    """A film whose picture number n is grey with 20 n + 10."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate_hz)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # Several pictures to a key frame, and such that depend on later ones.
        stream.options = {"g": "5", "bf": "2", "crf": "10"}
        for number in range(pictures):
            image = np.full((height, width, 3), 20 * number + 10, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def number_in(image: np.ndarray) -> int:
    """Which picture of `write_clip` this is."""
    return round((float(image.mean()) - 10) / 20)


def wait_until(true: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.005)
    return True


def next_of(feed: Capture) -> Frame:
    """The next picture there is: a moment later it may be too old, and gone."""
    found: list[Frame] = []

    def has_come() -> bool:
        frame = feed.latest()
        found.extend([frame] if frame else [])
        return bool(found)

    assert wait_until(has_come)
    return found[0]


def camera_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("camera-")]


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    Image.fromarray(picture()).save(tmp_path / "portrait.png")
    return tmp_path / "portrait.png"


@pytest.fixture
def faulty(portrait: Path) -> Iterator[FaultySource]:
    source = FaultySource(FileSource(portrait))
    yield source
    source.fault = None
    assert wait_until(lambda: not camera_threads()), "a thread of a camera was left behind"


# --- settings ---


@pytest.mark.parametrize(("rotation_deg", "turns"), [(0, 0), (90, -1), (180, 2), (270, 1)])
def test_rotation_is_clockwise(rotation_deg: int, turns: int):
    image = picture()
    seen = view(image, CameraSettings(rotation_deg=rotation_deg, mirror=False))
    np.testing.assert_array_equal(seen, np.rot90(image, turns))


def test_crop_is_of_the_upright_picture_and_before_the_mirror():
    image = picture(height=40, width=80)
    settings = CameraSettings(rotation_deg=90, crop=Crop(0.25, 0.0, 1.0, 0.5), mirror=True)
    upright = np.rot90(image, -1)  # 80 high, 40 wide
    np.testing.assert_array_equal(view(image, settings), upright[0:40, 10:40][:, ::-1])


@given(
    height=st.integers(16, 40),
    width=st.integers(16, 40),
    edges=st.lists(st.floats(0, 1), min_size=4, max_size=4, unique=True),
    rotation_deg=st.sampled_from([0, 90, 180, 270]),
    mirror=st.booleans(),
)
def test_any_view_is_a_picture_of_its_own(
    height: int, width: int, edges: list[float], rotation_deg: int, mirror: bool
):
    left, right = sorted(edges[:2])
    top, bottom = sorted(edges[2:])
    image = picture(height=height, width=width)
    settings = CameraSettings(rotation_deg=rotation_deg, mirror=mirror, crop=Crop(left, top, right, bottom))
    seen = view(image, settings)
    assert seen.dtype == np.uint8 and seen.ndim == 3 and seen.shape[2] == 3
    assert min(seen.shape) >= 1
    assert seen.flags.c_contiguous and not seen.flags.writeable
    assert not np.shares_memory(seen, image)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotation_deg": 45},
        {"exposure_ms": 0.0},
        {"exposure_ms": float("nan")},
        {"width_px": 0},
        {"height_px": 100_000},
        {"rate_hz": 1},
        {"picture_s": 0},
    ],
)
def test_settings_out_of_range_are_refused_in_one_line(wrong: dict):
    with pytest.raises(UsageError) as refused:
        CameraSettings(**wrong)
    assert "\n" not in str(refused.value) and "give" in str(refused.value)


@pytest.mark.parametrize(
    "wrong", [(0.5, 0, 0.5, 1), (0, 0.6, 1, 0.4), (-0.1, 0, 1, 1), (0, 0, 1, float("nan"))]
)
def test_a_crop_outside_the_picture_is_refused(wrong: tuple):
    with pytest.raises(UsageError):
        Crop(*wrong)


# --- the camera by one string ---


@pytest.mark.parametrize(
    "camera", ["", "webcam", "-1", "name:", "name:  ", "file:", "synthetic ", "Synthetic"]
)
def test_strings_that_name_no_camera(camera: str):
    with pytest.raises(UsageError) as refused:
        open_camera(camera, sitter=lambda time_s: picture())
    assert "\n" not in str(refused.value) and "give" in str(refused.value)


def test_a_file_without_its_prefix_is_recognised(portrait: Path):
    with pytest.raises(UsageError, match="Did you mean 'file:"):
        open_camera(str(portrait))


@pytest.mark.parametrize("camera", ["97", "/dev/video97", "/dev/null", "name:No such camera"])
def test_a_camera_that_is_not_there(camera: str):
    with pytest.raises(MachineError) as refused:
        open_camera(camera)
    assert refused.value.exit_code == 5
    assert "\n" not in str(refused.value) and "plug it in" in str(refused.value)


def test_a_real_camera_does_not_follow_a_virtual_clock():
    with pytest.raises(UsageError, match="virtual clock"):
        open_camera("0", clock=lambda: 0.0)


def test_files_that_cannot_be_used(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "cut.mp4").write_bytes(write_clip(tmp_path / "whole.mp4", 5).read_bytes()[:300])
    os.mkfifo(tmp_path / "pipe")
    too_long = "x" * 5000
    for name in ("missing.jpg", "empty", "text.jpg", "text.mp4", "cut.mp4", "pipe", "a\0b", too_long):
        with pytest.raises(UsageError) as refused:
            camera_source(f"file:{tmp_path}/{name}")
        assert "\n" not in str(refused.value), name


def test_a_camera_is_opened_without_loading_any_engine():
    command = "import sys, hardware.camera; print([m for m in sys.modules if m in ('torch', 'mediapipe')])"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- files on the clock ---


def test_a_picture_begins_as_the_engine_reads_it(portrait: Path):
    feed = open_camera(f"file:{portrait}", CameraSettings(mirror=False), clock=lambda: 0.0)
    frame = feed.latest()
    assert frame is not None
    np.testing.assert_array_equal(frame.image, load_photograph(portrait))


def test_a_large_picture_is_shrunk_and_a_small_one_left(tmp_path: Path, portrait: Path):
    Image.fromarray(picture(height=600, width=300)).save(tmp_path / "tall.png")
    settings = CameraSettings(width_px=200, height_px=100)
    assert FileSource(tmp_path / "tall.png").open(settings).frame_at(0).image.shape == (200, 100, 3)
    assert FileSource(portrait).open(settings).frame_at(0).image.shape == (48, 64, 3)


def test_a_folder_shows_its_pictures_by_name_and_begins_again(tmp_path: Path):
    for number, name in enumerate(["b.PNG", "a.png", "c.png"]):
        Image.fromarray(np.full((20, 20, 3), 10 * number, np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    camera = FileSource(tmp_path).open(CameraSettings(picture_s=2, rate_hz=10))
    levels = [int(camera.frame_at(time_s).image[0, 0, 0]) for time_s in (0, 1.9, 2.0, 3.9, 4.0, 6.0, 0.0)]
    assert levels == [10, 10, 0, 0, 20, 10, 10]


def test_a_damaged_picture_in_a_folder_is_a_lost_camera_until_its_time_is_over(tmp_path: Path):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"\x89PNG damaged")
    now = 0.0
    feed = open_camera(f"file:{tmp_path}", CameraSettings(picture_s=1, rate_hz=10), clock=lambda: now)
    seen = []
    for tick in range(30):
        now = tick / 10
        seen.append((feed.latest() is not None, feed.health().state))
    assert seen == [(True, CameraState.RUNNING)] * 10 + [(False, CameraState.GARBAGE)] * 10 + seen[:10]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_clip_is_exact_to_the_frame_in_any_order(tmp_path: Path, suffix: str):
    path = write_clip(tmp_path / f"clip.{suffix}", pictures=12)
    camera = FileSource(path).open(CameraSettings(rate_hz=10))
    forwards = [camera.frame_at(index / 10) for index in range(30)]
    assert [number_in(frame.image) for frame in forwards] == [index % 12 for index in range(30)]
    assert [frame.index for frame in forwards] == list(range(30))
    assert [frame.captured_s for frame in forwards] == pytest.approx([index / 10 for index in range(30)])
    for index in np.random.default_rng(1).integers(0, 30, 20):
        np.testing.assert_array_equal(camera.frame_at(index / 10).image, forwards[index].image)
    camera.close()


def test_a_clip_on_a_faster_and_on_a_slower_clock(tmp_path: Path):
    path = write_clip(tmp_path / "clip.mp4", pictures=12)
    faster = FileSource(path).open(CameraSettings(rate_hz=30))
    assert [number_in(faster.frame_at(tick / 60).image) for tick in range(13)] == [0] * 6 + [1] * 6 + [2]
    slower = FileSource(path).open(CameraSettings(rate_hz=5))
    assert [number_in(slower.frame_at(tick / 10).image) for tick in range(6)] == [0, 0, 2, 2, 4, 4]


def test_a_clip_filmed_upright_by_a_phone(tmp_path: Path):
    path = write_clip(tmp_path / "clip.mp4", pictures=3)
    lying = np.zeros((48, 64, 3), np.uint8)
    lying[:, :32] = 200
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(lying, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    # ISO/IEC 14496-12, 8.3.2: the matrix of a track header of version 0; a quarter turn clockwise.
    matrix = data.index(b"tkhd") + 4 + 40
    turned = (0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000)
    data[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big") for value in turned)
    path.write_bytes(data)
    image = Clip(path, 640).picture_at(0.0)
    assert image.shape == (64, 48, 3)
    assert image[:24].mean() > 150 and image[40:].mean() < 50


def test_reading_follows_the_clock_and_leaves_out_what_is_late(portrait: Path):
    now = 10.0
    camera = FileSource(portrait, now=lambda: now).open(CameraSettings(rate_hz=100))
    assert (camera.read().index, camera.read().index) == (0, 1)
    now += 0.5
    late = camera.read()
    assert (late.index, late.captured_s) == (50, 10.5)


def test_the_pulled_feed_depends_on_the_clock_alone(tmp_path: Path):
    path = write_clip(tmp_path / "clip.mp4", pictures=12)
    threads = threading.active_count()

    def film(from_s: float) -> list[tuple[int, float, int]]:
        now = from_s
        feed = open_camera(f"file:{path}", CameraSettings(rate_hz=10), clock=lambda: now)
        shown = []
        for tick in range(120):
            now = from_s + tick / 60
            frame = feed.latest()
            assert frame is not None and -1e-6 <= frame.age_s(now) < 0.1
            shown.append((frame.index, round(frame.captured_s - from_s, 6), number_in(frame.image)))
        feed.stop()
        assert feed.latest() is None and feed.health().state is CameraState.STOPPED
        return shown

    first = film(0.0)
    assert first == film(1000.0)
    assert [index for index, _, _ in first] == [tick // 6 for tick in range(120)]
    assert threading.active_count() == threads


# --- the synthetic sitter ---


def test_the_synthetic_sitter_sits_in_the_middle_and_moves():
    source = SyntheticSource(lambda time_s: np.full((32, 32, 3), 100 + 25 * time_s, np.uint8))
    camera = source.open(CameraSettings(width_px=320, height_px=180, rate_hz=10))
    levels = [int(camera.frame_at(time_s).image[90, 160, 0]) for time_s in (0, 1, 2, 3, 4)]
    assert levels == [100, 125, 150, 175, 200]
    image = camera.frame_at(0).image
    assert image.shape == (180, 320, 3) and not np.any(image[:5] != 40)
    np.testing.assert_array_equal(image, camera.frame_at(0).image)


def test_the_synthetic_sitter_needs_somebody():
    with pytest.raises(UsageError, match="generator"):
        open_camera("synthetic")
    feed = open_camera("synthetic", sitter=lambda time_s: picture(height=32, width=32), clock=lambda: 0.0)
    assert feed.latest() is not None


# --- the thread, with a camera that works ---


def test_the_newest_picture_comes_with_its_age(portrait: Path):
    with Capture(FileSource(portrait), FAST, STEADY) as feed:
        assert wait_until(lambda: feed.latest() is not None)
        seen = []
        for _ in range(50):
            frame = feed.latest()
            assert frame is not None and 0 <= frame.age_s(time.monotonic()) <= STEADY.max_age_s
            seen.append(frame.index)
            time.sleep(0.01)
        assert seen == sorted(seen) and len(set(seen)) > 1
        health = feed.health()
        assert health.state is CameraState.RUNNING and health.size_px == (64, 48)
        assert health.camera == "portrait.png" and health.reopened == 0
        assert 0 < health.rate_hz < 110
    assert feed.latest() is None
    assert feed.health().state is CameraState.STOPPED


def test_settings_change_while_it_runs(portrait: Path):
    with Capture(FileSource(portrait), FAST, STEADY) as feed:
        assert wait_until(lambda: feed.latest() is not None)
        feed.apply(CameraSettings(rate_hz=100, mirror=False, rotation_deg=90))
        assert wait_until(lambda: feed.health().size_px == (48, 64))
        assert feed.health().reopened == 0
        feed.apply(CameraSettings(rate_hz=100, mirror=False, width_px=64, height_px=64))
        assert wait_until(lambda: feed.health().reopened == 1 and feed.latest() is not None)
        assert feed.health().size_px == (64, 48)


def test_opening_by_its_string(portrait: Path):
    feed = open_camera(f"file:{portrait}", FAST)
    assert wait_until(lambda: feed.latest() is not None)
    feed.stop()


# --- the thread, with every fault ---

STATES = {
    Fault.HANG: CameraState.HUNG,
    Fault.REPEAT: CameraState.OLD,
    Fault.LATE: CameraState.OLD,
    Fault.BLACK: CameraState.BLACK,
    Fault.VANISH: CameraState.MISSING,
    Fault.GARBAGE: CameraState.GARBAGE,
}


@pytest.mark.parametrize("fault", STATES)
def test_a_fault_is_seen_named_and_overcome(faulty: FaultySource, fault: Fault):
    with Capture(faulty, FAST, QUICK) as feed:
        newest = next_of(feed)
        faulty.fault = fault
        assert wait_until(lambda: feed.latest() is None)
        broken_s = time.monotonic()
        assert wait_until(lambda: feed.health().state is STATES[fault]), feed.health()
        # Nothing comes out of it, however long it lasts, and it is opened again and again.
        opened = feed.health().reopened
        while time.monotonic() < broken_s + 1.0:
            assert feed.latest() is None
            time.sleep(0.005)
        if fault is not Fault.VANISH:
            assert faulty.opened > 1
        assert feed.health().reopened > opened or fault is Fault.HANG
        faulty.fault = None
        frame = next_of(feed)
        assert frame.captured_s > broken_s and frame.index > newest.index
        assert wait_until(lambda: feed.health().state is CameraState.RUNNING)


def test_a_lost_camera_takes_its_last_picture_along(faulty: FaultySource):
    with Capture(faulty, FAST, CaptureLimits(max_age_s=60)) as feed:
        assert wait_until(lambda: feed.latest() is not None)
        faulty.fault = Fault.VANISH
        assert wait_until(lambda: feed.health().state is CameraState.MISSING)
        assert feed.latest() is None


def test_another_size_is_opened_again_and_accepted(faulty: FaultySource):
    with Capture(faulty, FAST, STEADY) as feed:
        assert wait_until(lambda: feed.latest() is not None)
        faulty.fault = Fault.RESIZE
        assert wait_until(lambda: feed.health().size_px == (32, 24))
        assert feed.health().reopened == 1
        assert wait_until(lambda: feed.health().state is CameraState.RUNNING)


def test_back_under_another_number(faulty: FaultySource):
    with Capture(faulty, FAST, QUICK) as feed:
        assert wait_until(lambda: feed.health().camera == "faulty camera 0")
        faulty.fault = Fault.MOVE
        assert wait_until(lambda: feed.health().camera == "faulty camera 1" and feed.latest() is not None)


def test_threads_that_hang_are_left_behind_only_so_often(faulty: FaultySource):
    with Capture(faulty, FAST, QUICK) as feed:
        assert wait_until(lambda: feed.latest() is not None)
        faulty.fault = Fault.HANG
        assert wait_until(lambda: feed.health().state is CameraState.STUCK)
        opened = faulty.opened
        time.sleep(1.0)
        assert faulty.opened == opened >= QUICK.max_stuck
        assert len(camera_threads()) == QUICK.max_stuck + 1
        faulty.fault = None
        assert wait_until(lambda: feed.health().state is CameraState.RUNNING)
        assert wait_until(lambda: len(camera_threads()) == 2)


@pytest.mark.parametrize("fault", [None, *STATES])
@pytest.mark.parametrize("after_s", [0.0, 0.3])
def test_stopping_takes_no_time(faulty: FaultySource, fault: Fault | None, after_s: float):
    feed = Capture(faulty, FAST)
    feed.start()
    assert wait_until(lambda: feed.latest() is not None)
    faulty.fault = fault
    time.sleep(after_s)
    began_s = time.monotonic()
    feed.stop()
    assert time.monotonic() - began_s < 2
    assert feed.latest() is None
    feed.stop()


def test_waits_grow_to_their_limit_and_begin_anew_once_it_has_settled(portrait: Path):
    opened_s: list[float] = []

    class Counting(FaultySource):
        def open(self, settings: CameraSettings):
            opened_s.append(time.monotonic())
            return super().open(settings)

    faulty = Counting(FileSource(portrait))
    limits = CaptureLimits(first_wait_s=0.05, longest_wait_s=0.4, settled_s=0.2, patience_s=0.2)
    faulty.fault = Fault.VANISH
    with Capture(faulty, FAST, limits) as feed:
        assert wait_until(lambda: len(opened_s) == 6)
        waits_s = np.diff(opened_s)
        assert np.all(waits_s > np.array([0.05, 0.1, 0.2, 0.4, 0.4]) - 0.005)
        second_s: list[float] = []
        for _ in range(3):
            faulty.fault = None
            assert wait_until(lambda: feed.latest() is not None)
            time.sleep(0.4)
            opened_s.clear()
            faulty.fault = Fault.VANISH
            assert wait_until(lambda: len(opened_s) >= 2)
            second_s.append(opened_s[1] - opened_s[0])
        # The quickest of three: what else the machine does makes waits longer, never shorter.
        assert 0.095 < min(second_s) < 0.35


def test_a_driver_that_raises_anything_is_survived():
    class Broken:
        def open(self, settings: CameraSettings):
            raise ZeroDivisionError("secret")

    with Capture(Broken(), FAST, QUICK) as feed:
        assert wait_until(lambda: feed.health().state is CameraState.GARBAGE)
        assert wait_until(lambda: feed.health().reopened > 1)


@pytest.mark.parametrize("fault", [*STATES, Fault.RESIZE, Fault.MOVE])
def test_every_fault_on_a_virtual_clock(faulty: FaultySource, fault: Fault):
    now = 0.0
    feed = PulledCapture(faulty, CameraSettings(rate_hz=30), lambda: now)

    def run(seconds: float) -> list[Frame | None]:
        nonlocal now
        frames = []
        for _ in range(round(seconds * 60)):
            now += 1 / 60
            frames.append(feed.latest())
        return frames

    assert None not in run(1.0)[2:]  # the very first picture of a live camera proves nothing
    faulty.fault = fault
    broken_s = now
    frames = run(2.0)
    if fault in STATES:
        assert frames[40:] == [None] * 80
        assert all(frame.captured_s <= broken_s for frame in frames if frame is not None)
        assert feed.health().state is STATES[fault]
    else:
        assert None not in frames[5:]
        assert feed.health().reopened == 1
    faulty.fault = None
    assert run(1.0)[-1] is not None
    assert feed.health().state is CameraState.RUNNING
    feed.stop()


# --- what it costs, and what it keeps ---


def test_threads_files_and_memory_after_fifty_reopenings(tmp_path: Path):
    faulty = FaultySource(FileSource(write_clip(tmp_path / "clip.mp4", 12, width=320, height=240)))
    process = psutil.Process()
    with Capture(faulty, FAST, CaptureLimits(first_wait_s=0.005, longest_wait_s=0.005)) as feed:

        def cycle() -> None:
            faulty.fault = Fault.VANISH
            assert wait_until(lambda: feed.health().state is CameraState.MISSING)
            faulty.fault = None
            assert wait_until(lambda: feed.latest() is not None)

        for _ in range(10):
            cycle()
        before = process.num_threads(), process.num_fds(), process.memory_info().rss
        for _ in range(50):
            cycle()
        after = process.num_threads(), process.num_fds(), process.memory_info().rss
    assert abs(after[0] - before[0]) <= 1  # a reader may just be on its way out
    assert abs(after[1] - before[1]) <= 1  # and its file with it
    assert after[2] - before[2] < 8 * 2**20
    assert feed.health().reopened >= 60


def test_only_the_newest_picture_is_kept(faulty: FaultySource):
    def pictures_alive() -> int:
        gc.collect()
        return sum(isinstance(thing, Frame) for thing in gc.get_objects())

    with Capture(faulty, FAST, QUICK) as feed:
        assert wait_until(lambda: (frame := feed.latest()) is not None and frame.index > 20)
        # The newest, and one on its way from the camera to there.
        assert wait_until(lambda: pictures_alive() <= 3)
        faulty.fault = Fault.HANG
        assert wait_until(lambda: feed.latest() is None)
        # Not even in the thread that was left behind in the camera.
        assert wait_until(lambda: feed.health().state is CameraState.HUNG)
        assert wait_until(lambda: pictures_alive() == 0)


def test_the_log_names_state_and_camera_only_and_only_when_it_changes(
    faulty: FaultySource, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    with Capture(faulty, FAST, STEADY) as feed:
        assert wait_until(lambda: feed.latest() is not None)
        faulty.fault = Fault.VANISH
        assert wait_until(lambda: feed.health().reopened > 3)
        faulty.fault = None
        assert wait_until(lambda: feed.latest() is not None)
    running = "faulty camera 0: running. Nothing to do."
    missing = f"faulty camera 0: missing. {CameraState.MISSING.what_to_do}"
    assert [message for logger, _, message in caplog.record_tuples if logger.startswith("hardware")] == [
        running,
        missing,
        running,
    ]


NOTHING_WRITTEN = """
import resource, signal, sys, time
from pathlib import Path
from hardware.camera import CameraSettings, Capture, CaptureLimits
from hardware.camera.faulty import Fault, FaultySource
from hardware.camera.file import FileSource

# From here on the kernel ends this process with the first byte that it writes to a file.
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
faulty = FaultySource(FileSource(Path(sys.argv[1])))
limits = CaptureLimits(max_age_s=0.1, patience_s=0.2, open_patience_s=0.4, longest_wait_s=0.1)
with Capture(faulty, CameraSettings(rate_hz=100), limits) as feed:
    for fault in Fault:
        faulty.fault = fault
        time.sleep(0.2)
        faulty.fault = None
        while feed.latest() is None:
            time.sleep(0.01)
if "write" in sys.argv:
    Path(sys.argv[1]).write_bytes(b"x")
"""


@pytest.mark.parametrize(("then", "status"), [("", 0), ("write", -signal.SIGXFSZ)])
def test_nothing_is_written(portrait: Path, then: str, status: int):
    command = [sys.executable, "-B", "-c", NOTHING_WRITTEN, str(portrait), then]
    # What it says goes through pipes, which are no files.
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == status


def test_every_state_says_what_to_do():
    for state in CameraState:
        assert (
            state.what_to_do.endswith(".") and "\n" not in state.what_to_do and len(state.what_to_do) <= 100
        )


# --- inspection ---


def frames_of(*images: object) -> Iterator[Frame]:
    for index, image in enumerate(images):
        yield Frame(image, float(index), index)  # type: ignore[arg-type]


def verdicts(live: bool, *images: object) -> list[CameraState | None]:
    inspector = Inspector(live, max_age_s=0.5)
    return [inspector.fault(frame, frame.captured_s) for frame in frames_of(*images)]


def test_a_dark_room_is_not_black_and_a_still_one_does_not_repeat():
    noise = np.random.default_rng(0)
    dark = [noise.poisson(3, (90, 160, 3)).astype(np.uint8) * 3 for _ in range(20)]
    assert verdicts(True, *dark) == [CameraState.OPENING] + [None] * 19


def test_files_may_stand_still_be_black_and_change_their_size():
    black = np.zeros((48, 64, 3), np.uint8)
    assert verdicts(False, black, black, picture(height=20, width=20)) == [None] * 3
    expected = [CameraState.BLACK, CameraState.BLACK, CameraState.RESIZED]
    assert verdicts(True, black, black, picture(height=20, width=20)) == expected


def test_times_that_stand_still_or_lie_far_off_are_old():
    inspector = Inspector(live=True, max_age_s=0.5)
    assert inspector.fault(Frame(picture(0), 9.9, 0), 10.0) is CameraState.OPENING
    assert inspector.fault(Frame(picture(1), 10.0, 0), 10.1) is None
    assert inspector.fault(Frame(picture(2), 10.0, 1), 10.1) is CameraState.OLD
    assert inspector.fault(Frame(picture(3), 10.2, 2), 10.9) is CameraState.OLD
    assert inspector.fault(Frame(picture(4), 20.0, 3), 11.0) is CameraState.OLD
    assert inspector.fault(Frame(picture(5), 20.1, 4), 20.2) is None


# --- real devices, as far as they go without one ---


class Machine:
    """A /sys/class/video4linux and a /dev of its own, with cameras to plug in."""

    def __init__(self, root: Path) -> None:
        self.sysfs, self.dev, self.sockets = root / "sys", root / "dev", root / "sockets"
        for folder in (self.sysfs, self.dev, self.sockets):
            folder.mkdir()

    def plug(self, number: int, name: str, socket: str, index: int = 0) -> None:
        node = self.sysfs / f"video{number}"
        node.mkdir()
        (node / "name").write_text(f"{name}\n")
        (node / "index").write_text(f"{index}\n")
        (self.sockets / socket).mkdir(exist_ok=True)
        (node / "device").symlink_to(self.sockets / socket)
        (self.dev / f"video{number}").touch()

    def unplug(self, number: int) -> None:
        node = self.sysfs / f"video{number}"
        for entry in node.iterdir():
            entry.unlink()
        node.rmdir()
        (self.dev / f"video{number}").unlink()


class Driver:
    """OpenCV's VideoCapture, giving blue pictures; `clock` is what the driver takes for the time."""

    def __init__(self, number: int, opens: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self.number, self.opens, self.clock = number, opens, clock
        self.properties: dict[int, float] = {}
        self.misses = 0
        self.released = False

    def isOpened(self) -> bool:  # OpenCV's name
        return self.opens

    def set(self, identifier: int, value: float) -> bool:
        self.properties[identifier] = value
        return identifier != cv2.CAP_PROP_EXPOSURE

    def get(self, identifier: int) -> float:
        return self.clock() * 1000 if identifier == cv2.CAP_PROP_POS_MSEC else 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.misses:
            self.misses -= 1
            return False, None
        blue = np.zeros((48, 64, 3), np.uint8)
        blue[..., 0] = 255
        return True, blue

    def release(self) -> None:
        self.released = True


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def source_of(machine: Machine, wanted: str) -> V4l2Source:
    return V4l2Source(wanted, machine.sysfs, machine.dev, Driver)


def test_devices_are_listed_without_those_that_give_no_pictures(machine: Machine):
    machine.plug(10, "HD Webcam", "usb1")
    machine.plug(2, "Logitech BRIO", "usb2")
    machine.plug(3, "Logitech BRIO", "usb2", index=1)
    assert devices(machine.sysfs) == [
        Device(2, "Logitech BRIO", str(machine.sockets / "usb2")),
        Device(10, "HD Webcam", str(machine.sockets / "usb1")),
    ]
    assert devices(machine.sysfs / "missing") == []


@pytest.mark.parametrize(
    ("wanted", "number"),
    [("0", 0), ("4", 4), ("/dev/video4", 4), ("name:logi", 2), ("name:BRIO", 2), ("name:webcam", 0)],
)
def test_a_device_is_found_by_number_path_and_name(machine: Machine, wanted: str, number: int):
    machine.plug(0, "HD Webcam", "usb1")
    machine.plug(2, "Logitech BRIO", "usb2")
    machine.plug(3, "Logitech BRIO", "usb2", index=1)
    machine.plug(4, "Another", "usb3")
    assert source_of(machine, wanted).find().number == number


def test_a_missing_device_is_told_with_those_that_are_there(machine: Machine):
    machine.plug(4, "HD Webcam", "usb1")
    with pytest.raises(CameraError, match=r"'name:Logitech'.*there: 4 \(HD Webcam\)") as missing:
        source_of(machine, "name:Logitech").find()
    assert missing.value.state is CameraState.MISSING


@pytest.mark.parametrize("wanted", ["0", "/dev/video0", "name:Logitech"])
def test_a_camera_is_found_again_under_another_number(machine: Machine, wanted: str):
    machine.plug(0, "Logitech", "usb1")
    machine.plug(5, "Other", "usb5")
    source = source_of(machine, wanted)
    source.open(CameraSettings()).close()
    machine.unplug(0)
    with pytest.raises(CameraError):
        source.open(CameraSettings())
    machine.plug(7, "Logitech", "usb1")  # the same socket
    assert source.open(CameraSettings()).name == "Logitech (/dev/video7)"
    machine.unplug(7)
    machine.plug(0, "Other too", "usb6")  # in its old place now, but not it
    machine.plug(8, "Logitech", "usb9")  # another socket
    assert source.find().number == 8


def test_the_twin_beside_it_is_not_taken_for_it(machine: Machine):
    machine.plug(0, "Logitech", "usb1")
    machine.plug(1, "Logitech", "usb2")
    source = source_of(machine, "0")
    source.open(CameraSettings()).close()
    machine.unplug(0)
    with pytest.raises(CameraError):
        source.find()
    machine.plug(3, "Logitech", "usb1")
    assert source.find().number == 3


def test_a_replacement_of_another_make_is_taken_at_the_number(machine: Machine):
    machine.plug(0, "Logitech", "usb1")
    source = source_of(machine, "0")
    source.open(CameraSettings()).close()
    machine.unplug(0)
    machine.plug(0, "New make", "usb1")
    assert source.open(CameraSettings()).name.startswith("New make")


def test_a_device_that_this_user_may_not_use(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.plug(0, "Logitech", "usb1")
    # Tests may run as root, who may use everything.
    monkeypatch.setattr(os, "access", lambda path, mode: path != machine.dev / "video0")
    with pytest.raises(CameraError, match="video") as refused:
        source_of(machine, "0").find()
    assert refused.value.state is CameraState.REFUSED


def test_a_device_that_does_not_open_is_released(machine: Machine):
    machine.plug(0, "Logitech", "usb1")
    driver = Driver(0, opens=False)
    source = V4l2Source("0", machine.sysfs, machine.dev, lambda number: driver)
    with pytest.raises(CameraError) as refused:
        source.open(CameraSettings())
    assert refused.value.state is CameraState.REFUSED and driver.released


def test_settings_become_properties_in_the_right_order():
    settings = CameraSettings(width_px=1920, height_px=1080, rate_hz=25, exposure_ms=12.5)
    assert v4l2_properties(settings) == [
        (cv2.CAP_PROP_FOURCC, 0x47504A4D),
        (cv2.CAP_PROP_FRAME_WIDTH, 1920),
        (cv2.CAP_PROP_FRAME_HEIGHT, 1080),
        (cv2.CAP_PROP_FPS, 25),
        (cv2.CAP_PROP_AUTO_EXPOSURE, 1),
        (cv2.CAP_PROP_EXPOSURE, 125),
    ]
    assert v4l2_properties(CameraSettings())[-1] == (cv2.CAP_PROP_AUTO_EXPOSURE, 3)


def test_a_picture_of_a_device_is_rgb_and_carries_the_driver_s_time(machine: Machine):
    machine.plug(0, "Logitech", "usb1")
    drivers: list[Driver] = []

    def opened(number: int, clock: Callable[[], float]) -> Frame:
        drivers.append(Driver(number, clock=clock))
        camera = V4l2Source("0", machine.sysfs, machine.dev, lambda n: drivers[-1]).open(CameraSettings())
        camera.read()
        frame = camera.read()
        camera.close()
        return frame

    frame = opened(0, lambda: time.monotonic() - 0.08)
    assert frame.image[0, 0].tolist() == [0, 0, 255] and frame.index == 1
    assert 0.08 <= frame.age_s(time.monotonic()) < 0.5
    for elsewhere in (lambda: 0.0, time.time):
        assert 0 <= opened(0, elsewhere).age_s(time.monotonic()) < 0.5
    assert all(driver.released for driver in drivers)


def test_a_few_damaged_pictures_are_skipped_and_many_are_a_lost_camera(machine: Machine):
    machine.plug(0, "Logitech", "usb1")
    driver = Driver(0)
    camera = V4l2Source("0", machine.sysfs, machine.dev, lambda number: driver).open(CameraSettings())
    driver.misses = 4
    assert camera.read().index == 0
    driver.misses = 100
    with pytest.raises(CameraError, match="look at its cable"):
        camera.read()


def test_a_driver_that_gives_its_last_picture_for_ever_is_seen_through(machine: Machine):
    # OpenCV reports success after its own timeout, with the picture and the time it had before.
    machine.plug(0, "Logitech", "usb1")
    stuck_s = time.monotonic()
    source = V4l2Source("0", machine.sysfs, machine.dev, lambda number: Driver(number, clock=lambda: stuck_s))
    with Capture(source, FAST, QUICK) as feed:
        assert wait_until(lambda: feed.health().state is CameraState.OLD)
        assert wait_until(lambda: feed.latest() is None)


def test_open_cv_itself_says_no_in_good_order(tmp_path: Path):
    """The one test through OpenCV: a device file that is none."""
    machine = Machine(tmp_path)
    free = next(number for number in range(60, 1000) if not Path(f"/dev/video{number}").exists())
    machine.plug(free, "None", "usb1")
    with pytest.raises(CameraError) as refused:
        V4l2Source(str(free), machine.sysfs, machine.dev).open(CameraSettings())
    assert refused.value.state is CameraState.REFUSED
