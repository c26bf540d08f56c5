"""Swapping in odd films: a right result each, or one clear line."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from engine.common.errors import NoUsableFace
from engine.common.subjects import Subjects
from engine.live.decoders.layout import LAYOUTS
from engine.live.decoders.network import TwoDecoders
from installation.cli.main import main
from installation.outputs.films.recorded import recording_of
from installation.outputs.films.swapped_film import SwapReport, write_swapped_film
from tests.support.puppet_kit import shared_analyser

THIN = LAYOUTS["thin"]
RATE_HZ = 12
AGREED = ["--i-have-their-consent", "Eileen"]


@cache
def red() -> TwoDecoders:
    """Draws a red face for whomever it sees."""
    network = TwoDecoders(THIN)
    mean = torch.zeros(4, THIN.side_px, THIN.side_px)
    mean[0], mean[3] = 0.8, 1.0
    network.set_mean("b", mean)
    return network


def written(
    path: Path,
    pictures: Sequence[np.ndarray],
    frames_at: Sequence[int] = (),
    axes: tuple[int, int, int, int] = (1, 0, 0, 1),
) -> Path:
    """A film without sound. frames_at: the time of each picture, in frames. axes: where x and y go on the
    screen."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE_HZ, options={"crf": "16", "g": "1", "bf": "0"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        a, b, c, d = (65536 * value for value in axes)
        video.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for at, picture in zip(frames_at or range(len(pictures)), pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, RATE_HZ)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


@pytest.fixture(scope="module")
def face(astronaut: np.ndarray) -> np.ndarray:
    """uint8 (240, 192, 3)."""
    return np.asarray(astronaut[:240, 128:320])


def swapped(film: Path, out: Path) -> tuple[SwapReport, list[np.ndarray], int]:
    """The report, the frames with another face, and how many sound tracks they have."""
    with recording_of(film) as recording:
        (report,) = write_swapped_film(out, recording, red(), "b", Subjects(False), shared_analyser())
    with av.open(str(out)) as container:
        sounds = len(container.streams.audio)
        return report, [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], sounds


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(H, W), whether a pixel has changed by more than the codec does."""
    return np.asarray(cv2.blur(np.abs(after.astype(np.float32) - before).mean(axis=2), (5, 5)) > 12)


def test_one_frame_and_no_sound(face: np.ndarray, tmp_path: Path) -> None:
    report, frames, sounds = swapped(written(tmp_path / "a.mp4", [face]), tmp_path / "b.mp4")
    assert (report.frames, report.swapped, report.flashes, len(frames), sounds) == (1, 1, 0, 1, 0)
    assert changed(face, frames[0]).mean() > 0.05 and np.isnan(report.following.yaw)


def test_of_two_faces_the_larger_is_swapped_and_the_other_never_touched(
    face: np.ndarray, tmp_path: Path
) -> None:
    small = np.asarray(cv2.resize(face, (128, 160), interpolation=cv2.INTER_AREA))
    both = np.full((240, 320, 3), 90, np.uint8)
    both[:, :192], both[60:220, 192:] = face, small
    report, frames, _ = swapped(written(tmp_path / "a.mp4", [both] * 4), tmp_path / "b.mp4")
    assert report.swapped == 4
    for frame in frames:
        where = changed(both, frame)
        assert where[:, :192].mean() > 0.05 and where[:, 200:].mean() < 0.01


def test_a_rotated_film_is_swapped_upright(face: np.ndarray, tmp_path: Path) -> None:
    lying = np.rot90(face)
    film = written(tmp_path / "a.mp4", [lying] * 2, axes=(0, 1, -1, 0))
    report, frames, _ = swapped(film, tmp_path / "b.mp4")
    assert report.swapped == 2 and frames[0].shape == face.shape
    assert 0.05 < changed(face, frames[0]).mean() < 0.5


def test_a_variable_frame_rate_keeps_its_time(face: np.ndarray, tmp_path: Path) -> None:
    """Each picture of the new film is the one that the other shows at its time."""
    times, levels = (0, 1, 4, 5, 11), (10, 60, 110, 160, 210)
    pictures = [face.copy() for _ in times]
    for picture, level in zip(pictures, levels, strict=True):
        picture[:32, :32] = level
    film = written(tmp_path / "a.mp4", pictures, times)
    report, frames, _ = swapped(film, tmp_path / "b.mp4")
    assert report.swapped == report.frames == len(frames) >= 4
    for number, frame in enumerate(frames):
        at = number * report.seconds / report.frames * RATE_HZ
        shown = max(level for time, level in zip(times, levels, strict=True) if time <= at + 1e-6)
        assert abs(frame[8:24, 8:24].mean() - shown) < 8


def test_a_film_that_is_cut_off_is_swapped_as_far_as_it_goes_or_refused(
    face: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = written(tmp_path / "a.mkv", [np.roll(face, number, axis=1) for number in range(6)])
    content = film.read_bytes()
    film.write_bytes(content[: len(content) * 2 // 3])
    report, frames, _ = swapped(film, tmp_path / "b.mp4")
    assert 1 <= report.frames == len(frames) <= 6 and report.swapped >= 1
    index = written(tmp_path / "c.mp4", [face] * 3)  # its index is at the end
    index.write_bytes(index.read_bytes()[:-400])
    assert main(swap_words(index, tmp_path)) == 2
    line = capsys.readouterr().err
    assert "c.mp4" in line and "no film that can be read" in line and line.count("\n") == 1


def test_an_unknown_codec_is_refused_in_one_line(
    face: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = written(tmp_path / "a.mp4", [face] * 2)
    film.write_bytes(film.read_bytes().replace(b"avc1", b"zzzz"))
    assert main(swap_words(film, tmp_path)) == 2
    line = capsys.readouterr().err
    assert "a.mp4" in line and "no film that can be read" in line and line.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_without_a_face_nothing_is_written(tmp_path: Path) -> None:
    film = written(tmp_path / "a.mp4", [np.full((96, 96, 3), 90, np.uint8)] * 2)
    with pytest.raises(NoUsableFace, match=r"a\.mp4: no face was found"):
        swapped(film, tmp_path / "b.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def swap_words(film: Path, folder: Path) -> list[str]:
    words = ["deepfake", "swap", str(film), "--to", "B", "--weights", str(folder)]
    return [*words, "--out", str(folder / "out.mp4"), *AGREED]
