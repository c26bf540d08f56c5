"""The film as a file: what phones play, marked, and all of it or nothing."""

from pathlib import Path

import av
import numpy as np
import pytest

from installation.outputs import marks
from installation.outputs.films import film


def ramp_frames(count: int, width: int = 96, height: int = 64) -> list[np.ndarray]:
    """Smooth colour ramps that move with the frame number."""
    x = np.linspace(0, 1, width)[None, :, None] * np.array([200, 60, 20])
    y = np.linspace(0, 1, height)[:, None, None] * np.array([10, 120, 200])
    return [(x + y + 20 * np.sin(i / 9)).clip(0, 255).astype(np.uint8) for i in range(count)]


def index_precedes_pictures(path: Path) -> bool:
    kinds = [kind for kind, _, _ in marks.mp4_boxes(path)]
    return kinds.index("moov") < kinds.index("mdat")


def test_film_is_what_phones_play(tmp_path: Path) -> None:
    path, frames = tmp_path / "film.mp4", ramp_frames(70)
    assert film.write_film(path, iter(frames), fps=30, crf=12) == 70
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]
    assert index_precedes_pictures(path)
    assert marks.read_digital_source_type(path) == marks.TRAINED_ALGORITHMIC_MEDIA
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (context.width, context.height) == (96, 64)
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1)
        assert context.color_range == 1
        assert stream.average_rate == 30
        assert stream.duration is not None and stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(70 / 30)
        assert "encoder" not in container.metadata and "creation_time" not in container.metadata
        decoded = [
            frame.reformat(format="rgb24", src_colorspace="ITU709", src_color_range="MPEG").to_ndarray()
            for frame in container.decode(stream)
        ]
    assert len(decoded) == 70
    error = np.abs(np.stack(decoded).astype(int) - np.stack(frames))
    assert error.mean() < 2.5


def test_a_film_in_memory_is_the_same_film(tmp_path: Path) -> None:
    film.write_film(tmp_path / "film.mp4", ramp_frames(10))
    assert film.film_bytes(ramp_frames(10)) == (tmp_path / "film.mp4").read_bytes()


def test_wrong_matrix_would_be_noticed(tmp_path: Path) -> None:
    path, frames = tmp_path / "film.mp4", ramp_frames(10)
    film.write_film(path, frames, crf=12)
    with av.open(str(path)) as container:
        wrong = [
            frame.reformat(format="rgb24", src_colorspace="ITU601", src_color_range="JPEG").to_ndarray()
            for frame in container.decode(video=0)
        ]
    assert np.abs(np.stack(wrong).astype(int) - np.stack(frames)).mean() > 5


def test_film_without_faststart_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "slow.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for picture in ramp_frames(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    assert not index_precedes_pictures(path)
    assert marks.read_digital_source_type(path) is None


def test_marking_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film.write_film(path, ramp_frames(2))
    before = path.read_bytes()
    marks.mark_mp4(path)
    assert path.read_bytes() == before


def test_truncated_mp4_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film.write_film(path, ramp_frames(2))
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match="box"):
        list(marks.mp4_boxes(path))


def test_failing_film_leaves_nothing(tmp_path: Path) -> None:
    def frames():
        yield from ramp_frames(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        film.write_film(tmp_path / "film.mp4", frames())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(361, 641), (3840, 2160), (160, 2001)], ids=str)
def test_a_film_that_is_not_for_phones_has_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    path = tmp_path / "film.mp4"
    picture = np.full((height, width, 3), 200, np.uint8)
    with film.Film(path, width, height, fps=240, for_phones=False) as recording:
        recording.add(picture)
    with av.open(str(path)) as container:
        (frame,) = container.decode(video=0)
    assert (frame.width, frame.height) == (width + width % 2, height + height % 2)
    assert frame.to_ndarray(format="gray").min() > 190, "the added row is no black edge"


@pytest.mark.parametrize("name", ["12:30.mp4", "http:x.mp4"])
def test_a_name_that_looks_like_a_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with film.Film(Path(name), 96, 64) as recording:
        recording.add(ramp_frames(1)[0])
    assert marks.read_digital_source_type(tmp_path / name) == marks.TRAINED_ALGORITHMIC_MEDIA


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "at least one"),
        ([np.zeros((64, 65, 3), np.uint8)], "even"),
        ([np.zeros((2160, 3840, 3), np.uint8)], "4.2"),
        ([np.zeros((64, 64, 3), np.uint8), np.zeros((32, 64, 3), np.uint8)], "frame 2"),
    ],
)
def test_unplayable_film_is_refused(tmp_path: Path, frames: list[np.ndarray], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        film.write_film(tmp_path / "film.mp4", frames)
    assert list(tmp_path.iterdir()) == []
