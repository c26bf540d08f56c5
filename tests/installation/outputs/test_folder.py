"""The folder of a visit: which files it has, all of it or nothing."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.common.errors import UsageError
from installation.outputs import folder, marks, plots, report
from installation.outputs.films import border_film, film, scene_film
from installation.outputs.folder import VisitRecord
from installation.outputs.price_sheet import PricedPicture, price_sheet
from installation.stage.scene import scene_of
from tests.support.visit_record import face, make_record, make_result, make_strip

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


@pytest.fixture(autouse=True)
def short_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a film shows to its end is another test's; drawing it takes 20 s."""
    monkeypatch.setattr(border_film, "frames", partial(border_film.frames, duration_s=1.0))


def png(path: Path) -> Pixels:
    return np.asarray(Image.open(path))


def test_folder_of_a_visit(tmp_path: Path) -> None:
    record, out = make_record(), tmp_path / "deep" / "visit"
    written = folder.write_folder(record, out)
    assert {path.name for path in written} == WITH_BORDER
    assert [path.name for path in out.parent.iterdir()] == ["visit"]
    assert record.result.median.border_pair is not None and record.result.doppelganger is not None
    same, other = record.result.median.border_pair
    pictures = {"border_same": same, "border_other": other, "doppelganger": record.result.doppelganger}
    for name, picture in pictures.items():
        assert np.array_equal(png(out / f"{name}.png"), picture)
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


def with_nearest(record: VisitRecord, nearest: Strip) -> VisitRecord:
    """The record with a second continuum, whose border the visit then speaks of."""
    judges = [
        judge.model_copy(
            update={"nearest_continuum": report.OtherContinuum(crossings=[0.15], border=judge.border)}
        )
        for judge in record.report.judges
    ]
    whole = record.report.model_copy(update={"judges": judges, "crossing": "nearest"})
    result = replace(record.result, nearest=nearest)
    return replace(record, report=whole, result=result, nearest_curves=record.curves, on_the_way=face(0.2))


def test_everything_without_a_prefix_is_of_the_nearest_crossing_where_there_is_one(tmp_path: Path) -> None:
    nearest = make_strip(border_t=0.15)
    nearest = replace(
        nearest, pictures=np.ascontiguousarray(nearest.pictures[:, ::-1])
    )  # known by its pictures
    record, out = with_nearest(make_record(), nearest), tmp_path / "visit"
    written = folder.write_folder(record, out)
    assert {path.name for path in written} == WITH_BORDER | {
        "median_border_other.png",
        "median_border_same.png",
        "median_continuum.png",
        "median_curve.png",
        "median_difference.png",
        "on_the_way.png",
    }
    assert nearest.border_pair is not None and record.result.median.border_pair is not None
    for prefix, (same, other) in (("", nearest.border_pair), ("median_", record.result.median.border_pair)):
        assert np.array_equal(png(out / f"{prefix}border_same.png"), same)
        assert np.array_equal(png(out / f"{prefix}border_other.png"), other)
        assert np.array_equal(png(out / f"{prefix}difference.png"), plots.difference(same, other))
    assert np.array_equal(png(out / "continuum.png"), plots.continuum(nearest))
    assert np.array_equal(png(out / "median_continuum.png"), plots.continuum(record.result.median))
    assert report.read(out / "report.json") == record.report


def with_prices(record: VisitRecord) -> VisitRecord:
    """The record with a price list, on which dlib lets go."""
    strip = record.result.median
    verdicts = {judge.name: report.PriceVerdict(distance=0.7, same=False) for judge in record.report.judges}
    listed = report.PriceList(
        prices=[report.Price(judge="dlib", t=0.2, visible_change=2.5, judges=verdicts)],
        still_know=["anthropometry"],
        curves={
            judge.name: report.OtherContinuum(crossings=judge.crossings, border=judge.border)
            for judge in record.report.judges
        },
    )
    match = PricedPicture(strip.pictures[-1], None, 0.0, verdicts)
    way = folder.PricedWay([match, PricedPicture(face(0.2), "dlib", 2.5, verdicts)], strip, record.curves)
    whole = record.report.model_copy(update={"price_list": listed})
    return replace(record, report=whole, priced_way=way)


def test_a_price_list_adds_its_sheet_and_its_curve(tmp_path: Path) -> None:
    record = with_prices(make_record())
    written = folder.write_folder(record, tmp_path / "visit")
    assert {path.name for path in written} == WITH_BORDER | {"prices.png", "prices_curve.png"}
    assert record.priced_way is not None
    sheet = price_sheet(record.priced_way.pictures, ["anthropometry"])
    assert np.array_equal(png(tmp_path / "visit" / "prices.png"), sheet)
    assert report.read(tmp_path / "visit" / "report.json") == record.report
    with pytest.raises(ValueError, match="price list"):
        replace(record, priced_way=None)


def test_the_film_shows_the_crossing_that_the_pair_is_of() -> None:
    """Every picture with a verdict is of the nearest strip, and both sides of its border are shown."""
    nearest = make_strip(border_t=0.15)
    result = replace(make_record().result, nearest=nearest)
    scene, canvas = scene_of("border")(), scene_film.film_canvas()
    shown = [
        picture.picture
        for _ in border_film.frames(
            result, fps=5, scene=scene, canvas=canvas, duration_s=border_film.DURATION_S
        )
        for picture in scene.shown()
    ]
    doppelganger = result.doppelganger
    assert shown and nearest.border_pair is not None and doppelganger is not None
    of_visit = [nearest.pictures, doppelganger]
    assert all(any(np.shares_memory(picture, each) for each in of_visit) for picture in shown)
    for side in nearest.border_pair:
        assert any(np.array_equal(picture, side) for picture in shown)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError])
def test_interrupted_visit_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    def interrupted(*_: object) -> None:
        raise interruption

    monkeypatch.setattr(report, "write", interrupted)
    monkeypatch.setattr(film, "write_film", lambda *_, **__: None)
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
        replace(record, result=make_result(make_strip(border_t=None)))
    with pytest.raises(ValueError, match="doppelgänger"):
        replace(record, result=replace(record.result, doppelganger=None))
    with pytest.raises(ValueError, match="curves"):
        replace(record, curves={})
    with pytest.raises(ValueError, match="nearest"):
        replace(record, result=replace(record.result, nearest=make_strip()))
    with pytest.raises(ValueError, match="crossing"):
        nearest = with_nearest(record, make_strip(border_t=0.15))
        replace(nearest, report=nearest.report.model_copy(update={"crossing": "median"}))
