"""The folder of a visit, written completely or not at all.

All files are written into a hidden folder beside the wanted one, which is renamed when it is complete.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.common.atomic_file import replacing_folder
from engine.common.errors import UsageError
from engine.pipeline.result import PortrayalResult
from installation.outputs import marks, plots, report
from installation.outputs.films import border_film, film, scene_film
from installation.outputs.films.soundtrack import Soundtrack
from installation.outputs.price_sheet import PricedPicture, price_sheet
from installation.outputs.report import Report


@dataclass(frozen=True, eq=False)
class Curve:
    """One judge's distances, (M,), at the judged t, (M,) ascending."""

    t: NDArray[np.float64]
    distances: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PricedWay:
    """The way of the price list: its pictures from the match outwards, and the whole of it as a strip, with
    every judge's curve, by name."""

    pictures: Sequence[PricedPicture]
    strip: Strip
    curves: Mapping[str, Curve]


@dataclass(frozen=True, eq=False)
class VisitRecord:
    """Everything that is written of a visit. Pictures are uint8 (R, R, 3) RGB, exactly as they were judged.

    result: what was found; the pictures of its continua's borders are in their strips. curves: along the
    median continuum, for every judge of the report, by name; nearest_curves: along the nearest one, where the
    result has it. on_the_way: the doppelgänger beyond the border through the median; None where none was
    found. portrait: the sitter's crop, uint8 (512, 512, 3) RGB; None unless the sitter's face is to be kept.
    priced_way: of the report's price list, where it has one.
    """

    report: Report
    result: PortrayalResult
    curves: Mapping[str, Curve]
    nearest_curves: Mapping[str, Curve] | None = None
    portrait: NDArray[np.uint8] | None = None
    on_the_way: NDArray[np.uint8] | None = None
    priced_way: PricedWay | None = None

    def __post_init__(self) -> None:
        strip, names = self.result.crossing, {judge.name for judge in self.report.judges}
        if strip.judge not in names or any(set(curves) != names for curves in self._all_curves()):
            raise ValueError("the strip's judge and the curves must be those of the report")
        if (self.result.nearest is None) != (self.nearest_curves is None):
            raise ValueError("there must be curves of the nearest continuum where the result has it")
        if (self.report.border(self.report.judge(strip.judge)) is None) != (strip.border is None):
            raise ValueError("report and result must agree on whether there is a border")
        if (self.report.crossing == "nearest") != (strip is self.result.nearest):
            raise ValueError("report and result must agree on the crossing")
        if (self.report.doppelganger is None) != (self.result.doppelganger is None):
            raise ValueError("report and result must agree on whether there is a doppelgänger")
        if (self.report.price_list is None) != (self.priced_way is None):
            raise ValueError("report and record must agree on whether there is a price list")

    def _all_curves(self) -> list[Mapping[str, Curve]]:
        return [self.curves] if self.nearest_curves is None else [self.curves, self.nearest_curves]


def check_free(directory: Path) -> None:
    """Raise UsageError where a visit cannot be written to `directory`; called before the work begins."""
    if directory.is_dir() and any(directory.iterdir()):
        raise UsageError(f"{directory}: is not empty; choose another folder with --out")
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory}: is a file; choose a folder with --out")


def write_folder(record: VisitRecord, directory: Path) -> list[Path]:
    """Write the visit to `directory`, which must not exist or be empty, and return its files' paths.

    On any exception, an interruption included, nothing of the visit is left. Raises UsageError where the
    directory cannot be written.
    """
    directory = directory.resolve()
    check_free(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with replacing_folder(directory) as temporary:
            _write_files(record, temporary)
    except OSError as error:
        message = f"{directory}: cannot be written ({error.strerror}); choose another folder with --out"
        raise UsageError(message) from error
    return sorted(directory.iterdir())


def _write_files(record: VisitRecord, directory: Path) -> None:
    result = record.result
    pictures = _pictures_of_median(record)
    if record.nearest_curves is not None and result.crossing is result.nearest:
        pictures = {f"median_{name}": picture for name, picture in pictures.items()}
        pictures |= _pictures_of_nearest(record, result.nearest, record.nearest_curves)
    if result.doppelganger is not None:
        pictures["doppelganger.png"] = result.doppelganger
    if result.enlarged is not None:
        pictures["doppelganger_1024.png"] = result.enlarged
    if record.on_the_way is not None:
        pictures["on_the_way.png"] = record.on_the_way
    if record.priced_way is not None:
        pictures |= _pictures_of_prices(record, record.priced_way)
    for name, picture in pictures.items():
        (directory / name).write_bytes(marks.png_bytes(picture))
    if record.portrait is not None:
        (directory / "portrait.png").write_bytes(marks.png_bytes(record.portrait, source_type=None))
    soundtrack = Soundtrack()
    frames = border_film.frames(result, soundtrack=soundtrack)
    film.write_film(directory / "morph.mp4", frames, scene_film.FPS, soundtrack=soundtrack)
    report.write(record.report, directory / "report.json")


def _pictures_of_median(record: VisitRecord) -> dict[str, Pixels]:
    strip = record.result.median
    curves = [
        _judge_curve(judge, judge, record.curves)
        for judge in _judges_of(record, strip)
        if len(record.curves[judge.name].t)
    ]
    return _pictures_of(strip, plots.curve(curves, strip))


def _pictures_of_nearest(record: VisitRecord, strip: Strip, points: Mapping[str, Curve]) -> dict[str, Pixels]:
    curves = [
        _judge_curve(judge, judge.nearest_continuum, points)
        for judge in _judges_of(record, strip)
        if judge.nearest_continuum and len(points[judge.name].t)
    ]
    return _pictures_of(strip, plots.curve(curves, strip, start="doppelgänger"))


def _pictures_of_prices(record: VisitRecord, way: PricedWay) -> dict[str, Pixels]:
    """The price list's sheet, and the curves along its way."""
    assert record.report.price_list is not None
    curves = [
        _judge_curve(judge, record.report.price_list.curves[judge.name], way.curves)
        for judge in _judges_of(record, way.strip)
        if len(way.curves[judge.name].t)
    ]
    return {
        "prices.png": price_sheet(way.pictures, record.report.price_list.still_know),
        "prices_curve.png": plots.curve(curves, way.strip, start="the last price"),
    }


def _judges_of(record: VisitRecord, strip: Strip) -> list[report.Judge]:
    """The report's judges, the strip's own first."""
    return sorted(record.report.judges, key=lambda judge: judge.name != strip.judge)


def _pictures_of(strip: Strip, curve: Pixels) -> dict[str, Pixels]:
    """The pictures of a continuum by file name: sheet, curve, and its border where there is one."""
    pictures = {"continuum.png": plots.continuum(strip), "curve.png": curve}
    if strip.border_pair is not None:
        same, other = strip.border_pair
        pictures |= {
            "border_same.png": same,
            "border_other.png": other,
            "difference.png": plots.difference(same, other),
        }
    return pictures


def _judge_curve(
    judge: report.Judge, continuum: report.Judge | report.OtherContinuum, curves: Mapping[str, Curve]
) -> plots.JudgeCurve:
    """The curve of a judge on one of the continua, for the plot."""
    zone = continuum.border.zone if continuum.border else None
    return plots.JudgeCurve(
        name=judge.name,
        threshold=judge.threshold,
        t=curves[judge.name].t,
        distances=curves[judge.name].distances,
        crossings=continuum.crossings,
        border_t=continuum.border.t if continuum.border else None,
        zone=(zone.t_low, zone.t_high) if zone else None,
    )
