"""Films that are cut short, damaged, coded in an unknown way, without times, or oddly named."""

import shutil
import subprocess
from pathlib import Path

import av
import pytest

from engine.common.errors import UsageError
from hardware.camera.base import CameraError
from hardware.camera.file import FileSource
from hardware.camera.film.clip import Clip
from hardware.camera.settings import CameraSettings
from tests.support.camera_kit import number_in, write_clip
from tests.support.programs import require_programs

PICTURES = 12


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "film.mp4", PICTURES)


def shown(path: Path, times: int = PICTURES) -> list[int]:
    """The numbers of the pictures at so many tenths of a second."""
    clip = Clip(path, 4096)
    try:
        return [number_in(clip.picture_at(tick / 10 + 0.05)) for tick in range(times)]
    finally:
        clip.close()


def packets(path: Path) -> list[tuple[int, int, int]]:
    """Place, size in bytes and number in the film of each packet, as they follow one another."""
    with av.open(str(path)) as container:
        found = [packet for packet in container.demux(video=0) if packet.size]
        unit_s = float(container.streams.video[0].time_base or 0)
    return [(int(each.pos or 0), each.size, round(float(each.pts or 0) * unit_s * 10)) for each in found]


def overwritten(path: Path, places: list[tuple[int, int, int]]) -> Path:
    content = bytearray(path.read_bytes())
    for place, size, _ in places:
        content[place : place + size] = b"\xff" * size
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", [b"xxxx", b"encv"])
def test_a_film_without_a_decoder_is_refused(film: Path, kind: bytes) -> None:
    film.write_bytes(film.read_bytes().replace(b"avc1\0\0\0\0", kind + bytes(4)))
    with pytest.raises(UsageError, match="neither a picture nor a film that can be read"):
        FileSource(film)


def test_a_packet_that_cannot_be_decoded_is_passed_over(film: Path) -> None:
    lost = [each for each in packets(film) if each[2] == 5]  # the second key frame
    clip = shown(overwritten(film, lost), 2 * PICTURES)
    assert clip[:4] == [0, 1, 2, 3] and clip[10:12] == [10, 11]
    assert clip[PICTURES:] == clip[:PICTURES]


def test_a_picture_that_is_lost_delays_no_other(tmp_path: Path) -> None:
    """FFV1, of which each picture may stand alone."""
    require_programs("ffmpeg")
    film = tmp_path / "a.mkv"
    write_clip(tmp_path / "film.mp4", PICTURES)
    words = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "film.mp4"), "-c:v", "ffv1", "-g", "1", str(film)]
    subprocess.run(words, check=True)
    lost = [(place + size // 4, size // 2, number) for place, size, number in packets(film) if number == 4]
    numbers = shown(overwritten(film, lost))
    assert numbers[:4] == [0, 1, 2, 3] and numbers[5:] == list(range(5, PICTURES))


def test_a_film_cut_short_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    require_programs("ffmpeg")
    write_clip(tmp_path / "film.mp4", PICTURES)
    film = tmp_path / "a.mp4"  # its index comes first
    faststart = ["-c", "copy", "-movflags", "+faststart", str(film)]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(tmp_path / "film.mp4"), *faststart], check=True)
    place, size, _ = packets(film)[6]
    film.write_bytes(film.read_bytes()[: place + size // 2])
    assert shown(film, 5) == [0, 1, 2, 3, 4]


def test_a_film_of_which_nothing_can_be_decoded_is_a_camera_failure(film: Path) -> None:
    source = FileSource(film)
    overwritten(film, packets(film))
    with pytest.raises(UsageError, match="damaged"):
        FileSource(film)  # which tells at the start of the installation
    camera = source.open(CameraSettings(rate_hz=10))
    for time_s in (0.0, 0.5, 1.0, 1.5):
        with pytest.raises(CameraError, match="damaged"):
            camera.frame_at(time_s)
    camera.close()


def test_a_first_picture_that_is_lost_is_replaced_by_the_next(film: Path) -> None:
    overwritten(film, [each for each in packets(film) if each[2] < 5])
    assert shown(film)[0] in (5, 6) and shown(film)[-1] == PICTURES - 1


@pytest.mark.parametrize("suffix", ["h264", "hevc"])
def test_a_coded_stream_without_a_container_plays_at_its_rate(
    tmp_path: Path, film: Path, suffix: str
) -> None:
    require_programs("ffmpeg")
    path = tmp_path / f"a.{suffix}"
    coder = (
        ["-c", "copy"] if suffix == "h264" else ["-c:v", "libx265", "-x265-params", "log-level=none:crf=8"]
    )
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(film), *coder, str(path)], check=True)
    clip = Clip(path, 4096)
    rate_hz = 25  # what FFmpeg takes for a stream that says none
    numbers = [number_in(clip.picture_at((index + 0.5) / rate_hz)) for index in range(2 * PICTURES)]
    clip.close()
    assert numbers == [*range(PICTURES)] * 2


@pytest.mark.parametrize(
    "name", ["12:30.mp4", "http:x.mp4", "file:a.mp4", "concat:a.mp4", "a%03d.mp4", "-f.mp4"]
)
def test_a_name_that_looks_like_a_protocol(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shutil.copy(film, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    camera = FileSource(Path(name)).open(CameraSettings(rate_hz=10))
    assert number_in(camera.frame_at(0.3).image) == 3
    camera.close()


@pytest.mark.parametrize("suffix", ["heic", "jpg", "avif"])
@pytest.mark.parametrize("brand", [b"isom", b"msf1"])
def test_a_film_that_is_named_as_a_picture(tmp_path: Path, suffix: str, brand: bytes) -> None:
    """`msf1`: an image sequence by ISO/IEC 23008-12, which is a film of its pictures."""
    content = write_clip(tmp_path / "film.mp4", PICTURES).read_bytes()
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content.replace(b"ftypisom", b"ftyp" + brand, 1))
    camera = FileSource(path).open(CameraSettings(rate_hz=10))
    assert number_in(camera.frame_at(0.3).image) == 3
    camera.close()


def test_pixels_that_change_their_shape_within_a_film(tmp_path: Path) -> None:
    require_programs("ffmpeg")
    parts = []
    for aspect, begins_s in (("1/1", "1"), ("2/1", "1.6")):
        words = ["-f", "lavfi", "-i", "testsrc2=s=128x96:r=10:d=0.6", "-vf", f"setsar={aspect}"]
        coder = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-output_ts_offset", begins_s]
        part = tmp_path / "part.ts"
        subprocess.run(["ffmpeg", "-v", "error", "-y", *words, *coder, str(part)], check=True)
        parts.append(part.read_bytes())
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    clip = Clip(tmp_path / "a.ts", 4096)
    shapes = [clip.picture_at(tick / 10 + 0.05).shape for tick in range(12)]
    assert shapes == [(96, 128, 3)] * 6 + [(96, 256, 3)] * 6
    assert clip.picture_at(0.05).shape == (96, 128, 3)
    clip.close()


def kept(path: Path, rate_hz: float) -> list[int]:
    """The numbers of the pictures in another film of this rate."""
    clip = Clip(path, 4096)
    try:
        return [number_in(clip.picture_at(at_s)) for at_s in clip.times_s(rate_hz)]
    finally:
        clip.close()


def test_a_film_that_was_cut_off_says_so(tmp_path: Path) -> None:
    fast = write_clip(tmp_path / "fast.mp4", PICTURES, movflags="faststart")
    whole = Clip(fast, 4096)
    assert whole.missing_s == pytest.approx(0, abs=0.01) and whole.remarks(10) == []
    place = sorted(packets(fast))[PICTURES // 2][0]
    fast.write_bytes(fast.read_bytes()[:place])
    cut = Clip(fast, 4096)
    assert cut.missing_s == pytest.approx(PICTURES / 10 - cut.duration_s, abs=0.01)
    (line,) = cut.remarks(10)
    assert "fast.mp4 was cut off" in line and f"after {cut.duration_s:.1f} s" in line


def test_rounded_times_lose_no_picture(tmp_path: Path) -> None:
    """Matroska rounds to milliseconds: the third picture of thirty a second comes at 67 instead of 66.7."""
    path = write_clip(tmp_path / "film.mkv", PICTURES, rate_hz=30)
    assert kept(path, round(Clip(path, 64).rate_hz)) == list(range(PICTURES))


def test_pictures_in_bursts_are_kept_or_counted(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "bursts.mkv", PICTURES, 25, ticks=[0, 1, 2, 3, 15, 16, 17, 18, 30, 31, 32, 33]
    )
    clip = Clip(path, 4096)
    assert round(clip.rate_hz) == 25 and clip.remarks(25) == []
    assert sorted(set(kept(path, 25))) == list(range(PICTURES))
    (line,) = clip.remarks(5)
    assert f"of {PICTURES} pictures are left out" in line
