"""`kiosk group` as a person types it: each face as its owner chose, and every way it refuses."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.common.errors import UsageError
from engine.live.crowd.decision import Decision
from engine.pipeline.group_portrait import PublishedFace
from installation.cli.group import parse_choices
from installation.cli.main import main
from installation.outputs.group.folder import GroupReport
from installation.outputs.group.marking import source_type_of
from installation.outputs.marks import COMPOSITE_MEDIA, TRAINED_ALGORITHMIC_MEDIA, read_digital_source_type
from tests.support.crowd_kit import Walker, scene

SIZE = (720, 320)
PLACES = ((130, 150), (360, 160), (590, 150))
SHORT = '[search]\nsteps = 10\ntuning = "never"\n[film]\npictures = 12\n'


@pytest.fixture(scope="module")
def photograph(renders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    faces = sorted(renders.glob("*.webp"))
    walkers = [
        Walker(faces[52], lambda _: (*PLACES[0], 100)),
        Walker(faces[11], lambda _: (*PLACES[1], 100)),
        Walker(faces[30], lambda _: (*PLACES[2], 100)),
    ]
    path = tmp_path_factory.mktemp("photograph") / "three.png"
    Image.fromarray(scene(walkers, 0.0, SIZE).picture).save(path)
    return path


@pytest.fixture(scope="module")
def portrait(photograph: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("group")
    (folder / "short.toml").write_text(SHORT)
    words = ["group", photograph, "--choices", "real,doppelganger", "--out", folder / "out"]
    assert main([*map(str, words), "--config", str(folder / "short.toml")]) == 0
    return folder / "out"


def around(picture: np.ndarray, place: tuple[int, int], half: int = 25) -> np.ndarray:
    x, y = place
    return picture[y - half : y + half, x - half : x + half].astype(int)


def test_each_face_is_what_its_owner_chose(portrait: Path) -> None:
    report = GroupReport.model_validate_json((portrait / "report.json").read_text())
    assert [face.choice for face in report.faces] == ["real", "doppelganger", "anonymous"]
    assert [face.appears for face in report.faces][::2] == ["real", "anonymous"]
    binding = [judge.name for judge in report.judges if judge.binding]
    for face in report.faces:
        assert face.judges is not None and face.judges.keys() == {judge.name for judge in report.judges}
        for name in binding:
            assert face.judges[name].same is (face.choice is Decision.REAL)
    real, *others = report.faces
    assert real.rmse is not None and real.rmse < 2 and real.ssim is not None and real.ssim > 0.98
    for face in others:
        assert face.rmse is not None and face.rmse > 2


def test_of_the_photograph_only_the_real_face_is_in_the_picture(photograph: Path, portrait: Path) -> None:
    before, after = np.asarray(Image.open(photograph)), np.asarray(Image.open(portrait / "group.png"))
    assert before.shape == after.shape
    np.testing.assert_allclose(around(after, PLACES[0], 10), around(before, PLACES[0], 10), atol=2)
    for place in PLACES[1:]:
        assert np.abs(around(after, place) - around(before, place)).mean() > 4
        assert around(after, place).mean() > 20
    same = (before == after).all(axis=2)
    own = np.zeros_like(same)
    own[PLACES[0][1] - 110 : PLACES[0][1] + 110, PLACES[0][0] - 90 : PLACES[0][0] + 90] = True
    assert same[~own].mean() < 0.001
    assert not after[:, 245].any() and not after[:, 475].any()  # the room between them


def test_it_is_marked_and_nothing_else_is_in_the_folder(portrait: Path) -> None:
    assert {path.name for path in portrait.iterdir()} == {
        "group.png",
        "group.mp4",
        "report.json",
        "unlike.png",
    }
    assert read_digital_source_type(portrait / "unlike.png") == TRAINED_ALGORITHMIC_MEDIA
    for name in ("group.png", "group.mp4"):  # one of the faces is photographed
        assert read_digital_source_type(portrait / name) == COMPOSITE_MEDIA
    assert json.loads((portrait / "report.json").read_text())["schema"] == 1


def test_a_table_of_those_who_were_replaced(portrait: Path) -> None:
    report = GroupReport.model_validate_json((portrait / "report.json").read_text())
    replaced, table = report.faces[1:], report.table
    assert table.faces == 2 and table.frechet is None  # of two faces there is no set
    assert table.rmse == pytest.approx(np.mean([face.rmse for face in replaced if face.rmse]), rel=1e-3)
    assert table.distances.keys() == {judge.name for judge in report.judges}


def test_what_the_files_say_they_are() -> None:
    def source_type(*appear: Decision | None) -> str | None:
        return source_type_of([PublishedFace(Decision.REAL, each) for each in appear])

    assert source_type(Decision.REAL, None) is None
    assert source_type(Decision.REAL, Decision.ANONYMOUS) == COMPOSITE_MEDIA
    assert source_type(Decision.DOPPELGANGER, None) == TRAINED_ALGORITHMIC_MEDIA


def test_choices() -> None:
    assert parse_choices("") == []
    assert parse_choices("Real, anonymous") == [Decision.REAL, Decision.ANONYMOUS]
    for wrong in ("real,", "me", "real;anonymous"):
        with pytest.raises(UsageError, match="--choices"):
            parse_choices(wrong)


def test_what_it_refuses(photograph: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    nobody, broken = tmp_path / "nobody.png", tmp_path / "broken.jpg"
    cv2.imwrite(str(nobody), np.full((200, 300, 3), 90, np.uint8))
    broken.write_bytes(b"\xff\xd8\xff no picture")
    out, alone = tmp_path / "out", tmp_path / "alone.png"
    with Image.open(photograph) as picture:
        picture.crop((0, 0, 240, 320)).save(alone)
    cases: list[tuple[list[str | Path], int, str]] = [
        ([tmp_path / "absent.png", "--out", out], 2, "absent.png"),
        ([broken, "--out", out], 2, "broken.jpg"),
        ([nobody, "--out", out], 3, "No face"),
        ([photograph, "--out", tmp_path], 2, "exists already"),
        ([photograph, "--out", tmp_path / "nowhere" / "out"], 2, "no such folder"),
        ([photograph, "--out", out, "--choices", "real,real,real,real"], 2, "only 3 faces were found"),
        ([alone, "--out", out, "--choices", "real,real"], 2, "only 1 face was found"),
        ([photograph, "--out", out, "--choices", "beautiful"], 2, "none of"),
    ]
    for words, code, said in cases:
        assert main(["group", *map(str, words)]) == code, words
        line = capfd.readouterr().err
        assert said in line and len(line.strip().splitlines()) == 1, line
    assert not out.exists() and not list(tmp_path.glob(".*"))
