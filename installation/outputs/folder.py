"""The folder of a visit, written completely or not at all.

All files are written into a hidden folder beside the wanted one, which is renamed when it is complete.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.border.strip import Strip
from engine.common.atomic_file import replacing_folder
from engine.common.errors import UsageError
from installation.outputs import border_film, film, marks, plots, report
from installation.outputs.report import Report


@dataclass(frozen=True, eq=False)
class Curve:
    """One judge's distances, (M,), at the judged t, (M,) ascending."""

    t: NDArray[np.float64]
    distances: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NearestContinuum:
    """The second continuum, from the nearest doppelgänger (t = 0) to the closest match (t = 1).

    strip and curves: as those of the first continuum in `VisitRecord`.
    """

    strip: Strip
    curves: Mapping[str, Curve]


@dataclass(frozen=True, eq=False)
class VisitRecord:
    """Everything that is written of a visit. Pictures are uint8 (R, R, 3) RGB, exactly as they were judged.

    strip: pictures along the straight continuum from t=0 to t=1 with the verdicts of `strip.judge`, whose
    border the film and the sheet show; both pictures of that border are in it.  curves: for every judge of
    the report, by name.  nearest: the second continuum, where there is one.  doppelganger: the one given,
    on_the_way: the one beyond the border through the median; None where none was found.  portrait: the
    sitter's crop, uint8 (512, 512, 3) RGB; None unless the sitter's face is to be kept.
    """

    report: Report
    strip: Strip
    curves: Mapping[str, Curve]
    doppelganger: NDArray[np.uint8] | None = None
    portrait: NDArray[np.uint8] | None = None
    on_the_way: NDArray[np.uint8] | None = None
    nearest: NearestContinuum | None = None

    def __post_init__(self) -> None:
        names = {judge.name for judge in self.report.judges}
        if self.strip.judge not in names or set(self.curves) != names:
            raise ValueError("the strip's judge and the curves must be those of the report")
        if (self.report.judge(self.strip.judge).border is None) != (self.strip.border is None):
            raise ValueError("report and strip must agree on whether there is a border")
        if (self.report.doppelganger is None) != (self.doppelganger is None):
            raise ValueError("report and record must agree on whether there is a doppelgänger")


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
    strip = record.strip
    judges = sorted(record.report.judges, key=lambda judge: judge.name != strip.judge)
    curves = [
        _judge_curve(judge, judge, record.curves) for judge in judges if len(record.curves[judge.name].t)
    ]
    pictures = {"continuum.png": plots.continuum(strip), "curve.png": plots.curve(curves, strip)}
    pictures |= _border_pictures(strip)
    if record.nearest is not None:
        nearest = record.nearest
        curves = [
            _judge_curve(judge, judge.nearest_continuum, nearest.curves)
            for judge in judges
            if judge.nearest_continuum and len(nearest.curves[judge.name].t)
        ]
        pictures["nearest_curve.png"] = plots.curve(curves, nearest.strip, start="doppelgänger")
        pictures |= {f"nearest_{name}": plate for name, plate in _border_pictures(nearest.strip).items()}
    if record.doppelganger is not None:
        pictures["doppelganger.png"] = record.doppelganger
    if record.on_the_way is not None:
        pictures["on_the_way.png"] = record.on_the_way
    for name, picture in pictures.items():
        (directory / name).write_bytes(marks.png_bytes(picture))
    if record.portrait is not None:
        (directory / "portrait.png").write_bytes(marks.png_bytes(record.portrait, synthetic=False))
    film.write_film(directory / "morph.mp4", border_film.frames(strip), border_film.FPS)
    report.write(record.report, directory / "report.json")


def _border_pictures(strip: Strip) -> dict[str, NDArray[np.uint8]]:
    if strip.border is None:
        return {}
    same, other = (strip.pictures[index] for index in strip.border)
    return {
        "border_same.png": same,
        "border_other.png": other,
        "difference.png": plots.difference(same, other),
    }


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
