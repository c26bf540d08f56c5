"""`kiosk deepfake` as a person types it: from two films to a third one, and every way it refuses."""

from pathlib import Path

import av
import numpy as np
import pytest

from engine.common.subjects import Subjects
from engine.live.acting import Act
from installation.cli.main import main
from installation.outputs import marks
from installation.outputs.films.acted_film import PICTURES_HZ, write_acted_film
from installation.outputs.films.film import write_film
from tests.support.leaning_clip import write_clip
from tests.support.puppet_kit import shared_rig

FEW_STEPS = "[search]\nsteps = 2\ntuning_steps = 1\n"
SECONDS = 1.6


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film of somebody who does not exist, a.mp4, and a configuration of few steps."""
    folder = tmp_path_factory.mktemp("invented")
    write_acted_film(folder / "a.mp4", shared_rig(), Act(3), SECONDS)
    (folder / "few.toml").write_text(FEW_STEPS)
    return folder


@pytest.fixture(scope="module")
def somebody(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    """A film of somebody who exists, with sound."""
    path = tmp_path_factory.mktemp("somebody") / "somebody.mp4"
    write_clip(path, astronaut, seconds=2.5)
    return path


@pytest.fixture(scope="module")
def learned(invented: Path, somebody: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learned") / "weights"
    words = [
        "deepfake",
        "train",
        str(somebody),
        str(invented / "a.mp4"),
        "--minutes",
        "0.005",
        "--out",
        folder,
    ]
    words += ["--config", invented / "few.toml", "--i-have-their-consent", "Eileen <C>"]
    assert main([str(word) for word in words]) == 0
    return folder


def test_two_films_make_a_third_in_both_ways_side_by_side(
    somebody: Path, learned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sorted(path.name for path in learned.iterdir()) == ["thin.csv", "thin.safetensors"]
    out = tmp_path / "film.mp4"
    words = ["deepfake", "swap", str(somebody), "--to", "B", "--weights", str(learned), "--out", str(out)]
    assert main([*words, "--i-have-their-consent", "Eileen <C>", "--way", "both"]) == 0
    of_2017, ours = capsys.readouterr().out.splitlines()
    assert "frames, 2017." in of_2017 and "frames, ours." in ours
    assert "flashes" in of_2017 and "a minute" in of_2017 and "flashes" in ours and "a minute" in ours
    assert marks.read_digital_source_type(out) == marks.COMPOSITE_MEDIA  # the room is photographed
    assert marks.read_subjects(out) == Subjects(False, ("Eileen <C>",))
    films = []
    for path in (somebody, out):
        with av.open(str(path)) as container:
            assert container.streams.audio
            films.append(
                [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
            )
    assert len(films[0]) == len(films[1])
    differ = []
    for before, after in zip(*films, strict=True):
        halves = np.hsplit(after, 2)
        differ.append(np.abs(halves[0] - halves[1]).mean())
        for half in halves:
            changed = np.abs(half - before).mean(axis=2)
            assert changed.max() > 30 and changed[-40:].max() < 30  # the face, and not the floor
    assert max(differ) > 0.1


def test_who_has_not_agreed_is_not_swapped(
    invented: Path, somebody: Path, learned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out.mp4")]
    for words in (
        ["train", str(invented / "a.mp4"), str(somebody), "--out", str(tmp_path / "weights")],
        ["train", str(somebody), str(invented / "a.mp4"), "--out", str(tmp_path / "weights")],
        ["swap", str(somebody), "--to", "B", "--weights", str(learned), *out],
    ):
        assert main(["deepfake", *words]) == 2
        line = capsys.readouterr().err
        assert "somebody.mp4" in line and "has not agreed" in line and line.count("\n") == 1
    assert main(["deepfake", "swap", str(somebody), "--to", "B", "--weights", str(tmp_path), *out]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_synthetic_film_of_a_real_face_is_no_film_of_nobody(invented: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.mp4"
    write_film(plain, [np.zeros((64, 64, 3), np.uint8)] * 3)
    assert marks.read_digital_source_type(plain) == marks.TRAINED_ALGORITHMIC_MEDIA
    assert marks.read_subjects(plain) == Subjects(invented=False)
    assert marks.read_subjects(invented / "a.mp4") == Subjects(invented=True)
    assert marks.read_subjects(invented / "few.toml") == Subjects(invented=False)


def test_refusals_come_before_the_work(
    invented: Path, learned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, text = invented / "a.mp4", invented / "few.toml"
    taken = tmp_path / "taken.mp4"
    taken.write_bytes(b"")
    swap = ["swap", film, "--to", "B"]
    for words, code, reason in (
        (["train", film, text, "--out", tmp_path / "w"], 2, "is no film"),
        (["train", film, tmp_path / "missing.mp4", "--out", tmp_path / "w"], 2, "does not exist"),
        (["train", film, film, "--out", tmp_path / "w", "--minutes", "0"], 2, "--minutes"),
        (["train", film, film, "--out", tmp_path / "no" / "w"], 2, "no such folder"),
        (["train", film, film, "--out", tmp_path / "w", "--i-have-their-consent", ""], 2, "give names"),
        ([*swap, "--weights", learned, "--out", taken], 2, "exists already"),
        ([*swap, "--weights", learned, "--out", tmp_path / "a.avi"], 2, "OUT.mp4"),
        ([*swap, "--weights", tmp_path, "--out", tmp_path / "a.mp4"], 4, "no such file"),
        (["people", "--out", tmp_path / "p", "--seconds", "0"], 2, "--seconds"),
        (["people", "--out", tmp_path], 2, "exists already"),
    ):
        assert main(["deepfake", *map(str, words)]) == code, words
        line = capsys.readouterr().err
        assert reason in line and line.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["taken.mp4"]


def test_a_film_without_a_face_leaves_nothing(learned: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    write_clip(empty, None, sound=False, seconds=0.5)
    words = ["deepfake", "swap", str(empty), "--to", "B", "--weights", str(learned)]
    words += ["--out", str(tmp_path / "out.mp4"), "--i-have-their-consent", "Nobody"]
    assert main(words) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["empty.mp4"]


def test_the_acted_film_rests_first_and_then_moves(invented: Path) -> None:
    with av.open(str(invented / "a.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(frames) == SECONDS * PICTURES_HZ
    assert np.abs(frames[5] - frames[20]).mean() < 1 < np.abs(frames[5] - frames[-1]).mean()
