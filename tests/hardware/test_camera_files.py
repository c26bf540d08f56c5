"""Files in a camera's place and the synthetic sitter, on clocks of their own."""

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from engine.common.errors import UsageError
from engine.photographs.photograph import load_photograph
from hardware.camera.base import CameraError, CameraState
from hardware.camera.file import FileSource
from hardware.camera.film.clip import Clip
from hardware.camera.settings import CameraSettings
from hardware.camera.synthetic import SyntheticSource
from installation.capture.camera_service import open_camera
from tests.conftest import DATA
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


def test_a_phones_picture_is_shown_whole():
    camera = FileSource(DATA / "heic" / "grid.heic").open(CameraSettings())
    np.testing.assert_array_equal(camera.frame_at(0).image, load_photograph(DATA / "heic" / "grid.heic"))


def test_pictures_and_films_are_told_by_their_content(tmp_path: Path):
    shutil.copy(DATA / "heic" / "grid.heic", tmp_path / "IMG_0001.MOV")
    assert FileSource(tmp_path / "IMG_0001.MOV").open(CameraSettings()).frame_at(0).image.shape == (
        512,
        512,
        3,
    )
    cut_short = tmp_path / "IMG_0002"
    cut_short.write_bytes((DATA / "heic" / "grid.heic").read_bytes()[:20_000])
    with pytest.raises(UsageError, match="damaged or cut short"):
        FileSource(cut_short)


def test_what_is_no_picture_in_a_folder_is_passed_over_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """As a Mac leaves a stick, and with everything else that a folder may hold."""
    for name, level in (("IMG_1.png", 10), ("IMG_3.png", 30)):
        Image.fromarray(np.full((20, 20, 3), level, np.uint8)).save(tmp_path / name)
    for hidden in ("._IMG_1.png", ".DS_Store", ".IMG_0.png", "Thumbs.db", "desktop.ini"):
        (tmp_path / hidden).write_bytes(b"\0" * 4096)
    (tmp_path / "IMG_2.png").write_bytes(b"\x89PNG damaged")
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "folder.jpg").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(b"\xff")
    source = FileSource(tmp_path)
    camera = source.open(CameraSettings(picture_s=1, rate_hz=10))
    assert [int(camera.frame_at(second).image[0, 0, 0]) for second in range(4)] == [10, 30, 10, 30]
    source.open(CameraSettings()).frame_at(0)
    named = sorted(Path(record.getMessage().split(" ")[2]).name for record in caplog.records)
    assert named == ["?.jpg", "IMG_2.png", "empty.jpg", "fifo.jpg", "gone.jpg", "loop.jpg"]
    assert all(record.getMessage().isprintable() for record in caplog.records)


def test_a_picture_that_turns_out_damaged_or_vanishes_leaves_its_time_to_the_next(tmp_path: Path):
    for number, level in enumerate((10, 20, 30)):
        Image.fromarray(np.full((20, 20, 3), level, np.uint8)).save(tmp_path / f"{number}.png")
    cut_short = (tmp_path / "1.png").read_bytes()[:50]
    (tmp_path / "1.png").write_bytes(cut_short)
    camera = FileSource(tmp_path).open(CameraSettings(picture_s=1, rate_hz=10))
    levels = [int(camera.frame_at(second).image[0, 0, 0]) for second in (0, 1, 2, 3, 1)]
    assert levels == [10, 30, 30, 10, 30]
    (tmp_path / "0.png").unlink()
    assert int(camera.frame_at(0).image[0, 0, 0]) == 30
    (tmp_path / "2.png").unlink()
    with pytest.raises(CameraError, match="no picture that can be read"):
        camera.frame_at(1)


@pytest.mark.parametrize("names", [[], ["._a.png"], ["a.png", "b.jpg"], ["notes.txt"]])
def test_a_folder_without_a_picture_is_refused(tmp_path: Path, names: list[str]):
    (tmp_path / "below").mkdir()
    Image.fromarray(picture()).save(tmp_path / "below" / "a.png")
    for name in names:
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(UsageError, match="holds no picture that can be read") as refused:
        FileSource(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "avif"])
def test_an_animation_plays(tmp_path: Path, suffix: str):
    """Each picture for its own time, over and over, transparent parts over mid grey."""
    frames = [Image.new("RGBA", (32, 24), (255, 255, 255, 0)) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.paste((250, 0, 0, 255), (10 * number, 0, 10 * number + 10, 24))
    path = tmp_path / f"a.{suffix}"
    options: dict[str, Any] = {"lossless": suffix == "webp", "quality": 95}
    if suffix == "gif":
        options = {"disposal": 2}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=0, **options)
    camera = FileSource(path).open(CameraSettings(rate_hz=10))
    red = [camera.frame_at(tick / 10).image[12, 5::10, 1] < 60 for tick in (0, 1, 2, 3, 4, 5, 6, 7)]
    assert [int(np.argmax(row)) for row in red] == [0, 1, 1, 2, 2, 2, 0, 1]
    assert all(row.sum() == 1 for row in red)
    assert np.abs(camera.frame_at(0).image[12, 25].astype(int) - 128).max() <= 6
    np.testing.assert_array_equal(camera.frame_at(0).image, load_photograph(path))


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
