"""`kiosk drive` as a person types it: the film it leaves, and every way it refuses."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from engine.common.errors import NoUsableFace
from engine.faces.analyser import FaceAnalyser
from engine.faces.measurement import measure_pose
from engine.speech import synthesis
from installation.cli.main import main
from installation.outputs.films.driven_film import OneFace, write_driven_film
from installation.outputs.marks import TRAINED_ALGORITHMIC_MEDIA, read_digital_source_type
from tests.conftest import DATA
from tests.support.leaning_clip import RATE_HZ, ROLL_DEG, SECONDS, STILL_S, write_clip
from tests.support.puppet_kit import shared_analyser, shared_rig

FEW_STEPS = "[search]\nsteps = 2\ntuning_steps = 1\n"


@pytest.fixture(scope="module")
def few_steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "few.toml"
    path.write_text(FEW_STEPS)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("clips") / "leaning.mp4"
    write_clip(path, astronaut)
    return path


def test_a_picture_moves_as_the_face_in_the_clip(clip: Path, few_steps: Path, tmp_path: Path) -> None:
    picture = sorted((DATA / "people").glob("*.webp"))[0]
    out = tmp_path / "film.mp4"
    assert main(["drive", str(picture), str(clip), "--out", str(out), "--config", str(few_steps)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert read_digital_source_type(out) == TRAINED_ALGORITHMIC_MEDIA

    with av.open(str(out)) as container:
        frames = [np.asarray(f.to_ndarray(format="rgb24"), np.uint8) for f in container.decode(video=0)]
        assert container.metadata.get("comment") is None
    assert len(frames) == SECONDS * RATE_HZ
    with av.open(str(out)) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert abs(len(sound) / 48000 - SECONDS) < 0.1
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum.argmax() * 48000 / len(sound) == pytest.approx(440, abs=2)

    with FaceAnalyser() as analyser:
        rolls = []
        for frame in (frames[0], frames[int(STILL_S * RATE_HZ)], frames[-1]):
            mesh = analyser.mesh(frame, (64.0, 64.0, 192.0, 224.0))
            assert mesh is not None
            rolls.append(measure_pose(mesh).roll)
    assert abs(rolls[1] - rolls[0]) < 1.0
    assert rolls[2] - rolls[0] == pytest.approx(ROLL_DEG, abs=2.5)
    # No flash: from one frame to the next the picture changes little.
    assert max(np.abs(np.diff(np.stack(frames).astype(np.int16), axis=0)).mean(axis=(1, 2, 3))) < 6


def test_without_the_speech_packages_the_exit_code_is_5(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = sorted((DATA / "people").glob("*.webp"))[0]
    synthesis._library.cache_clear()
    monkeypatch.setattr(synthesis, "PACKAGE", "not_installed_here")
    words = ["drive", str(picture), "--say", "Hello", "--out", str(tmp_path / "film.mp4")]
    assert main(words) == 5
    line = capsys.readouterr().err
    assert "doctor" in line and line.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_only_what_cannot_be_written_is_said_of_the_film(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreadable(*_: object) -> None:
        raise OSError("the networks cannot be read")

    monkeypatch.setattr("installation.workers.models.ModelBundle", unreadable)
    picture = sorted((DATA / "people").glob("*.webp"))[0]
    assert main(["drive", str(picture), str(clip), "--out", str(tmp_path / "film.mp4")]) == 1
    assert "cannot be written" not in capsys.readouterr().err


def test_a_clip_without_a_face_leaves_nothing(tmp_path: Path) -> None:
    empty, out = tmp_path / "empty.mp4", tmp_path / "film.mp4"
    write_clip(empty, None, sound=False)
    with pytest.raises(NoUsableFace, match="no face was found in it"):
        write_driven_film(out, OneFace(shared_rig(), shared_analyser()), empty)
    assert [path.name for path in tmp_path.iterdir()] == ["empty.mp4"]


def test_refusals_come_before_the_work(
    clip: Path, astronaut: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "somebody.png"
    Image.fromarray(astronaut).save(picture)
    taken = tmp_path / "taken.mp4"
    taken.write_bytes(b"")
    for words, reason in (
        ([picture, clip, "--out", taken], "exists already"),
        ([picture, clip, "--out", tmp_path / "film.avi"], "OUT.mp4"),
        ([picture, clip, "--out", tmp_path / "nowhere" / "film.mp4"], "in a folder that is there"),
        ([clip, clip, "--out", tmp_path / "a.mp4"], str(clip)),
        ([picture, picture, "--out", tmp_path / "a.mp4"], str(picture)),
        ([picture, tmp_path / "missing.mp4", "--out", tmp_path / "a.mp4"], "missing.mp4"),
        ([picture, "--out", tmp_path / "a.mp4"], "give a clip, or --say"),
        ([picture, clip, "--say", "Hello"], "give a clip, or --say"),
        ([picture, clip, "--language", "de"], "--language"),
        ([picture, "--say", "Hello", "--exchange", picture], "--exchange goes with a clip"),
        ([picture, "--say", "", "--out", tmp_path / "a.mp4"], "nothing to say"),
        ([picture, "--say", "Hello", "--language", "xx", "--out", tmp_path / "a.mp4"], "'xx'"),
        ([picture, "--speech", picture, "--out", tmp_path / "a.mp4"], "no sound"),
    ):
        assert main(["drive", *map(str, words)]) == 2, words
        line = capsys.readouterr().err
        assert reason in line and line.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["somebody.png", "taken.mp4"]
