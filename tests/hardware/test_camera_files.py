"""Files in a camera's place and the synthetic sitter, on clocks of their own."""

import threading
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from engine.common.errors import UsageError
from engine.photographs.photograph import load_photograph
from hardware.camera.base import CameraState
from hardware.camera.file import Clip, FileSource
from hardware.camera.settings import CameraSettings
from hardware.camera.synthetic import SyntheticSource
from installation.capture.camera_service import open_camera
from tests.support.camera_kit import number_in, picture, write_clip


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    Image.fromarray(picture()).save(tmp_path / "portrait.png")
    return tmp_path / "portrait.png"


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
        seen.append((feed.latest() is not None, feed.camera_health().state))
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
        assert feed.latest() is None and feed.camera_health().state is CameraState.STOPPED
        return shown

    first = film(0.0)
    assert first == film(1000.0)
    assert [index for index, _, _ in first] == [tick // 6 for tick in range(120)]
    assert threading.active_count() == threads


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
