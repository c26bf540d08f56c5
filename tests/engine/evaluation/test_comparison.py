"""Comparing judges on changed photographs: the files of the pairs, the figures, the command."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.common.errors import UsageError
from engine.evaluation.pairs import pair_files
from installation.cli.main import main
from installation.outputs.comparison import ComparisonReport


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_pairs_are_files_of_one_name(tmp_path: Path) -> None:
    touch(tmp_path, "original/anna.jpg", "original/carl.jpg", "changed/anna.png", "changed/dora.png")
    lines: list[str] = []
    (pair,) = pair_files(tmp_path, lines.append)
    assert (pair.name, pair.original.name, pair.changed.name) == ("anna", "anna.jpg", "anna.png")
    assert pair.another is None
    assert [line.split()[2] for line in lines] == ["carl", "dora"]


def test_folders_that_hold_no_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="original is not a folder"):
        pair_files(tmp_path)
    touch(tmp_path, "original/anna.jpg", "changed/carl.png")
    with pytest.raises(UsageError, match="holds no pair"):
        pair_files(tmp_path)
    touch(tmp_path, "changed/anna.png", "another/carl.jpg")
    with pytest.raises(UsageError, match="another has no anna"):
        pair_files(tmp_path)
    touch(tmp_path, "another/anna.jpg", "changed/anna.jpg")
    with pytest.raises(UsageError, match="another file of this name"):
        pair_files(tmp_path)


@pytest.fixture(scope="module")
def pairs(people: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people: one unchanged, one replaced by a stranger, one without a face, one in other pixels."""
    folder = tmp_path_factory.mktemp("pairs")
    for part in ("original", "changed", "another"):
        (folder / part).mkdir()
    shots = list(people.values())
    changed = [shots[0][0], shots[9][0], None, shots[3][0]]
    for number, picture in enumerate(changed):
        shutil.copy(shots[number][0], folder / "original" / f"p{number}.webp")
        shutil.copy(shots[number][1], folder / "another" / f"p{number}.webp")
        grey = Image.fromarray(np.full((256, 256, 3), 127, np.uint8))
        with Image.open(picture) if picture else grey as image:
            size = (512, 512) if number == 3 else image.size
            image.resize(size).save(folder / "changed" / f"p{number}.png")
    (folder / "original" / "broken.png").write_text("no picture")
    (folder / "changed" / "broken.png").write_text("no picture")
    shutil.copy(shots[0][1], folder / "another" / "broken.webp")
    return folder


def test_changed_people_are_recognised_less(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    words = ["judges", "compare", str(pairs), "--judges", "dlib,anthropometry", "--out", str(out)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "left out broken" in printed and "4 pairs, 1 left out" in printed
    report = ComparisonReport.model_validate_json(out.read_text())
    assert (report.pairs, report.left_out, report.known_by) == (4, 1, "another")
    dlib, anthropometry = report.judges
    assert dlib.before.recognised.count == dlib.before.found_first.count == 4
    assert dlib.after.recognised.count == dlib.after.found_first.count == 2
    assert dlib.before.recognised.interval[0] < 0.5 and dlib.before.recognised.interval[1] == 1
    assert dlib.before.strangers and dlib.before.strangers.trials == 12
    assert dlib.before.distance and dlib.after.distance and dlib.before.distance < dlib.after.distance
    assert anthropometry.after.recognised.count <= 3
    assert report.likeness.compared == 3 and report.likeness.frechet is not None


def test_unchanged_people_are_alike_in_every_figure(
    people: dict[str, list[Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("original", "changed"):
        (tmp_path / part).mkdir()
        for number, shots in enumerate(list(people.values())[:3]):
            shutil.copy(shots[0], tmp_path / part / f"p{number}.webp")
    out = tmp_path / "figures.json"
    assert main(["judges", "compare", str(tmp_path), "--judges", "dlib", "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    (judge,) = report["judges"]
    assert report["known_by"] == "original" and judge["before"] == judge["after"]
    assert report["likeness"] == {
        "compared": 3,
        "rmse": 0,
        "psnr_db": pytest.approx(108, abs=1),
        "ssim": 1,
        "frechet": pytest.approx(0, abs=1e-4),
    }
    assert "before is the best there can be" in capsys.readouterr().out


def test_what_cannot_be_compared_is_one_line(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judges", "compare", str(pairs), "--judges", "nobody"]) == 2
    assert main(["judges", "compare", str(pairs), "--out", str(pairs / "figures.txt")]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "no judge 'nobody'" in first and "OUT.json" in second
