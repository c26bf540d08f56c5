"""What a result says of itself: which continuum the visit speaks of, and who is asked at the end."""

from dataclasses import replace

import numpy as np

from engine.border.strip import Strip
from engine.judges.verdict import Verdict
from engine.pipeline.result import JudgeResult, PortrayalResult
from tests.support.visit_record import make_strip


def judge_result(judge: str, binding: bool, distance: float | None, measured: bool = True) -> JudgeResult:
    verdict = None if distance is None else Verdict(judge, 1.0, distance, measured)
    return JudgeResult(judge, binding, 1.0, None, (), 0.5, None, verdict)


def result_of(median: Strip, nearest: Strip | None, *judges: JudgeResult) -> PortrayalResult:
    return PortrayalResult(median, nearest, judges, median.pictures[0])


def without_border(strip: Strip) -> Strip:
    return replace(strip, border=None)


def test_the_nearest_crossing_counts_where_it_has_a_border() -> None:
    median, nearest = make_strip(), make_strip()
    assert result_of(median, nearest).crossing is nearest
    assert result_of(median, without_border(nearest)).crossing is median
    assert result_of(median, None).crossing is median
    assert result_of(without_border(median), nearest).crossing is nearest


def test_match_and_pair_are_pictures_of_the_crossing() -> None:
    median, nearest = make_strip(), make_strip()
    result = result_of(median, replace(nearest, pictures=nearest.pictures[:, ::-1]))
    assert np.array_equal(result.match, nearest.pictures[-1, ::-1])
    assert nearest.border is not None and result.crossing.border_pair is not None
    for index, picture in zip(nearest.border, result.crossing.border_pair, strict=True):
        assert np.array_equal(picture, nearest.pictures[index, ::-1])
    assert without_border(nearest).border_pair is None


def test_the_witness_convinces_nobody_and_is_the_anthropometry_only_alone() -> None:
    strip = make_strip()
    leading = judge_result("dlib", True, 1.2)
    weakest = judge_result("anthropometry", False, 0.8)
    network = judge_result("network", False, 0.9)
    assert result_of(strip, None, leading, weakest).witness is weakest
    assert result_of(strip, None, leading, weakest, network).witness is network
    assert result_of(strip, None, leading, network, weakest).witness is network


def test_there_is_no_witness_where_none_saw_the_doppelganger() -> None:
    strip = make_strip()
    leading = judge_result("dlib", True, 1.2)
    assert result_of(strip, None, leading).witness is None
    assert result_of(strip, None, leading, judge_result("network", False, None)).witness is None
    blind = judge_result("network", False, np.inf, measured=False)
    assert result_of(strip, None, leading, blind).witness is None
