"""Converts a portrayal into the record that is written to a visit's folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.border.difference import identical_share
from engine.border.tracing import Curve
from engine.faces.acceptance import eyes_note
from engine.judges.base import Judge
from engine.judges.plain import PlainReading
from engine.judges.verdict import Verdict
from engine.pipeline.assessment import AssessedDoppelganger
from engine.pipeline.choice import Refusal
from engine.pipeline.curves import JudgeCurves, NearestContinuum
from engine.pipeline.enlargement import Enlargement
from engine.pipeline.portrayal import Portrayal
from engine.pipeline.prices import PriceList
from engine.pipeline.result import PortrayalResult
from engine.pipeline.summary import summarise
from installation.outputs import folder, report
from installation.outputs.price_sheet import PricedPicture
from installation.settings.texts import Texts

NO_DOPPELGANGER = "No picture of the generator stays someone else for every binding judge in the worst case."


@dataclass(frozen=True)
class Provenance:
    """What a portrayal was made with: the generator, and the settings of its verdicts."""

    generator: report.Generator
    verdict: report.VerdictSettings


def visit_record(
    portrayal: Portrayal, provenance: Provenance, source: str, keep_portrait: bool
) -> folder.VisitRecord:
    """The record of a portrayal; source: the photograph's file name; keep_portrait: add the sitter's face."""
    face, doppelganger, nearest = portrayal.face, portrayal.doppelganger, portrayal.nearest
    result = summarise(portrayal)
    pair = result.crossing.border_pair
    sitter = report.Sitter(
        source=source,
        face_px=face.face_px,
        pose_deg=face.pose_deg,
        sharpness=face.sharpness,
        eyes_open=face.eyes_open,
        note=eyes_note(face),
    )
    search = report.Search(
        steps=portrayal.steps,
        seconds=portrayal.seconds["search"] + portrayal.seconds.get("tuning", 0.0),
        loss=portrayal.loss,
        init=portrayal.init,
        tuned=portrayal.tuning_steps > 0,
        tuning_steps=portrayal.tuning_steps,
    )
    whole = report.Report(
        generator=provenance.generator,
        sitter=sitter,
        search=search,
        verdict=provenance.verdict,
        judges=[_judge(judge_curves, nearest) for judge_curves in portrayal.judged],
        doppelganger=_doppelganger(doppelganger),
        doppelganger_note=None if doppelganger else _no_doppelganger(portrayal.refused),
        on_the_way=_doppelganger(portrayal.on_the_way),
        refused=[_refusal(each) for each in portrayal.refused],
        crossing="nearest" if result.crossing is result.nearest else "median",
        identical_share=identical_share(*pair) if pair else None,
        enlarged=_enlargement(portrayal.enlargement),
        witness=_witness(result),
        plain=[_plain(reading, result) for reading in portrayal.plain.values()],
        price_list=_price_list(portrayal.prices),
        seconds=portrayal.seconds,
    )
    return folder.VisitRecord(
        report=whole,
        result=result,
        curves={judge_curves.judge.name: _points(judge_curves.curve) for judge_curves in portrayal.judged},
        nearest_curves={name: _points(c) for name, c in nearest.curves.items()}
        if nearest and result.nearest
        else None,
        on_the_way=portrayal.on_the_way.picture if portrayal.on_the_way else None,
        portrait=portrayal.portrait.image if keep_portrait else None,
        priced_way=_priced_way(portrayal.prices),
    )


def write_visit(
    directory: Path, portrayal: Portrayal, provenance: Provenance, source: str, keep_portrait: bool = False
) -> report.Report:
    """Writes the folder of a visit, completely or not at all; returns its report. See `visit_record`."""
    record = visit_record(portrayal, provenance, source, keep_portrait)
    folder.write_folder(record, directory)
    return record.report


def _doppelganger(doppelganger: AssessedDoppelganger | None) -> report.Doppelganger | None:
    if doppelganger is None:
        return None
    return report.Doppelganger(
        kind=doppelganger.kind,
        t=doppelganger.t,
        judges={
            name: report.DoppelgangerDistances(
                distance=verdict.distance, worst_distance=doppelganger.worst_case[name].worst_distance
            )
            for name, verdict in doppelganger.verdicts.items()
        },
        likeness=doppelganger.likeness,
    )


def _no_doppelganger(refused: Sequence[Refusal]) -> str:
    """Why there is none."""
    return " ".join([refusal_words(_refusal(each)) for each in refused]) or NO_DOPPELGANGER


def _refusal(refusal: Refusal) -> report.Refusal:
    return report.Refusal(
        kind=refusal.kind, visible_change=_finite(refusal.visible_change), limit=refusal.limit
    )


def refusal_words(refusal: report.Refusal) -> str:
    """Why a doppelgänger was refused, in one sentence."""
    what = f"The picture that {refusal.kind!r} found is not given:"
    if refusal.visible_change is None:
        return f"{what} it shows no face."
    return (
        f"{what} it changes the face by {refusal.visible_change:.1f} just-noticeable differences, more than "
        f"{refusal.limit:g}."
    )


def _price_list(found: PriceList | None) -> report.PriceList | None:
    if found is None:
        return None
    return report.PriceList(
        prices=[
            report.Price(
                judge=price.judge,
                t=price.t,
                visible_change=_finite(price.visible_change),
                judges=_price_verdicts(price.verdicts),
            )
            for price in found.prices
        ],
        still_know=list(found.still_know),
        curves={name: _other(curve) for name, curve in found.curves.items()},
    )


def _priced_way(found: PriceList | None) -> folder.PricedWay | None:
    if found is None:
        return None
    match = PricedPicture(found.strip.pictures[-1], None, 0.0, _price_verdicts(found.at_match))
    priced = [
        PricedPicture(
            price.picture, price.judge, _finite(price.visible_change), _price_verdicts(price.verdicts)
        )
        for price in found.prices
    ]
    curves = {name: _points(curve) for name, curve in found.curves.items()}
    return folder.PricedWay([match, *priced], found.strip, curves)


def _price_verdicts(verdicts: Mapping[str, Verdict]) -> dict[str, report.PriceVerdict]:
    return {
        name: report.PriceVerdict(distance=verdict.distance, same=verdict.same)
        for name, verdict in verdicts.items()
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _enlargement(enlargement: Enlargement | None) -> report.Enlargement | None:
    if enlargement is None:
        return None
    return report.Enlargement(resolution=len(enlargement.picture), filter=enlargement.filter)


def _witness(result: PortrayalResult) -> report.Witness | None:
    if result.witness is None or result.witness.of_doppelganger is None:
        return None
    verdict = result.witness.of_doppelganger
    return report.Witness(
        judge=verdict.judge, same=verdict.same, distance=verdict.distance, threshold=verdict.threshold
    )


def _plain(reading: PlainReading, result: PortrayalResult) -> report.PlainReading:
    """The reading of the pictures that people keep, by their names in the folder."""
    pair = result.crossing.border_pair or (None, None)
    pictures = {
        "border_same.png": pair[0],
        "border_other.png": pair[1],
        "doppelganger.png": result.doppelganger,
        "doppelganger_1024.png": result.enlarged,
    }
    verdicts = {name: reading.verdict(picture) for name, picture in pictures.items() if picture is not None}
    return report.PlainReading(
        judge=reading.judge.name,
        threshold=reading.judge.threshold,
        pictures={
            name: report.PlainVerdict(
                same=verdict.same, distance=verdict.distance, worst_distance=verdict.worst_distance
            )
            for name, verdict in verdicts.items()
        },
    )


def _judge(judge_curves: JudgeCurves, nearest: NearestContinuum | None) -> report.Judge:
    judge, curve = judge_curves.judge, judge_curves.curve
    return report.Judge(
        name=judge.name,
        metric=judge.metric,
        threshold=judge.threshold,
        threshold_source=judge.threshold_source,
        distance_at_match=judge_curves.at_match,
        distance_at_median=judge_curves.at_median,
        crossings=[crossing.t for crossing in curve.crossings],
        border=_border(curve),
        search_continuum=_other(judge_curves.search_curve) if judge_curves.search_curve else None,
        nearest_continuum=_other(nearest.curves[judge.name]) if nearest else None,
        sentence=sentence(judge),
        binding=judge.binding,
        note=None if curve.border else no_border(judge_curves),
        alignment=tuple(tuple(row) for row in judge_curves.reference.alignment),
    )


def _other(curve: Curve) -> report.OtherContinuum:
    return report.OtherContinuum(
        crossings=[crossing.t for crossing in curve.crossings], border=_border(curve)
    )


def _points(curve: Curve) -> folder.Curve:
    """The curve's points, without the pictures in which the judge sees no face."""
    measured = [sample for sample in curve.samples if sample.verdict.measured]
    return folder.Curve(np.array([s.t for s in measured]), np.array([s.verdict.distance for s in measured]))


def _border(curve: Curve) -> report.Border | None:
    border = curve.border
    if border is None:
        return None
    low, high = curve.zone or (border.low.t, border.high.t)
    return report.Border(
        t=border.t,
        t_width=border.width,
        distance_same=border.same.verdict.distance,
        distance_other=border.other.verdict.distance,
        mean_abs_diff=border.mean_abs_diff,
        max_abs_diff=border.max_abs_diff,
        zone=report.Zone(t_low=low, t_high=high),
    )


def sentence(judge: Judge) -> str:
    """The judge's operating point in words for visitors."""
    return Texts.load("en").strangers(judge.fmr)


def no_border(judge_curves: JudgeCurves) -> str:
    """Why there is no border, and the distance that is missing for one."""
    closest = min(sample.verdict.distance for sample in judge_curves.curve.samples)
    farthest = max(sample.verdict.distance for sample in judge_curves.curve.samples)
    if judge_curves.curve.samples[-1].verdict.same:
        gap = judge_curves.judge.threshold - farthest
        return f"always recognised: even the farthest picture is {gap:.3f} within the threshold"
    if not np.isfinite(closest):
        return "never recognised: the judge sees no face in these pictures"
    gap = closest - judge_curves.judge.threshold
    return f"never recognised: even the nearest picture is {gap:.3f} beyond the threshold"
