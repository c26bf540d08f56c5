"""The folder of a visit: which files it has, all of it or nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.common.errors import UsageError
from installation.outputs import film, folder, marks, report
from installation.outputs.folder import VisitRecord
from tests.support.visit_record import face, make_record, make_strip

WITH_BORDER = {
    "border_other.png",
    "border_same.png",
    "continuum.png",
    "curve.png",
    "difference.png",
    "doppelganger.png",
    "morph.mp4",
    "report.json",
}


def test_folder_of_a_visit(tmp_path: Path) -> None:
    record, out = make_record(), tmp_path / "deep" / "visit"
    written = folder.write_folder(record, out)
    assert {path.name for path in written} == WITH_BORDER
    assert [path.name for path in out.parent.iterdir()] == ["visit"]
    assert record.strip.border is not None
    same, other = (record.strip.pictures[index] for index in record.strip.border)
    assert record.doppelganger is not None
    pictures = {"border_same": same, "border_other": other, "doppelganger": record.doppelganger}
    for name, picture in pictures.items():
        assert np.array_equal(np.asarray(Image.open(out / f"{name}.png")), picture)
    for path in written:
        if path.suffix != ".json":
            assert marks.read_digital_source_type(path) == marks.TRAINED_ALGORITHMIC_MEDIA
    assert report.read(out / "report.json") == record.report


def test_folder_without_a_border_but_with_the_portrait(tmp_path: Path) -> None:
    record = make_record(border_t=None, portrait=True)
    written = folder.write_folder(record, tmp_path / "visit")
    names = [path.name for path in written]
    assert names == ["continuum.png", "curve.png", "morph.mp4", "portrait.png", "report.json"]
    assert marks.read_digital_source_type(tmp_path / "visit" / "portrait.png") is None


def test_folder_with_the_second_continuum_too(tmp_path: Path) -> None:
    record = make_record()
    strip = make_strip(border_t=0.15)
    judges = [
        judge.model_copy(
            update={"nearest_continuum": report.OtherContinuum(crossings=[0.15], border=judge.border)}
        )
        for judge in record.report.judges
    ]
    whole = record.report.model_copy(update={"judges": judges})
    nearest = folder.NearestContinuum(strip, record.curves)
    written = folder.write_folder(
        replace(record, report=whole, nearest=nearest, on_the_way=face(0.2)), tmp_path / "visit"
    )
    assert {path.name for path in written} == WITH_BORDER | {
        "nearest_border_other.png",
        "nearest_border_same.png",
        "nearest_curve.png",
        "nearest_difference.png",
        "on_the_way.png",
    }
    assert strip.border is not None
    same = np.asarray(Image.open(tmp_path / "visit" / "nearest_border_same.png"))
    assert np.array_equal(same, strip.pictures[strip.border[0]])
    assert report.read(tmp_path / "visit" / "report.json") == whole


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError])
def test_interrupted_visit_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    def interrupted(*_: object) -> None:
        raise interruption

    monkeypatch.setattr(report, "write", interrupted)
    monkeypatch.setattr(film, "write_film", lambda *_: None)
    with pytest.raises(interruption):
        folder.write_folder(make_record(), tmp_path / "visit")
    assert list(tmp_path.iterdir()) == []


def test_occupied_places_are_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "keep.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    for place, words in (("full", "not empty"), ("file", "is a file"), ("file/below", "cannot be written")):
        with pytest.raises(UsageError, match=words):
            folder.write_folder(make_record(), tmp_path / place)
    folder.check_free(tmp_path / "empty")
    folder.check_free(tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "full"]
    assert (tmp_path / "full" / "keep.txt").read_text() == "mine"


def test_record_that_contradicts_its_report_is_refused() -> None:
    record = make_record()
    with pytest.raises(ValueError, match="border"):
        VisitRecord(record.report, make_strip(border_t=None), record.curves, record.doppelganger)
    with pytest.raises(ValueError, match="doppelgänger"):
        VisitRecord(record.report, record.strip, record.curves, None)
    with pytest.raises(ValueError, match="curves"):
        VisitRecord(record.report, record.strip, {}, record.doppelganger)
