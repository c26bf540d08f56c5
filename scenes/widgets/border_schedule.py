"""The schedule of the border scene: its segments, their order and their durations. Pure.

A scene with a border sweeps along a continuum up to the border, then shows the border's two pictures in turn,
beside each other, and their difference. A continuum without a border has a sweep, and words.
"""

import math
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import ClassVar, Literal

from pydantic import Field

from engine.border.strip import Strip
from engine.pipeline.result import PortrayalResult
from installation.settings.parameters import Parameters
from scenes.widgets.sweep import Leg


class BorderParameters(Parameters):
    """The face crosses the border. Seconds weigh the parts against each other; they fill the scene."""

    scene: ClassVar[str] = "border"

    way: Literal["both", "median", "nearest"] = Field(
        "both",
        description="through the median face, to the nearest face that is someone else, or both in turn",
    )
    match_s: float = Field(1.2, ge=0, le=20, description="the closest match, before it moves")
    way_s: float = Field(5, ge=1, le=60, description="each way across the border")
    end_s: float = Field(0.6, ge=0, le=20, description="the other end of the way, before it comes back")
    alternate_s: float = Field(4.2, ge=0, le=60, description="the border's two pictures in one place")
    beat_s: float = Field(
        0.7, ge=0.4, le=5, description="each of them; not shorter, nothing may flash; it does not scale"
    )
    beside_s: float = Field(4, ge=0, le=60, description="the two beside each other")
    part_s: float = Field(
        0.9, ge=0, le=5, description="how long they take to part, and to close; it does not scale"
    )
    difference_s: float = Field(6, ge=0, le=60, description="their difference, magnified")
    words_s: float = Field(5, ge=1, le=60, description="the words for a way without a border")
    steer: bool = Field(True, description="whether visitors ride by turning their head")
    steer_deg: float = Field(
        22, ge=5, le=45, description="the turn of the head that leads to an end of the way"
    )
    rest_deg: float = Field(
        7, ge=1, le=20, description="a head turned less than this does not begin to steer"
    )
    patience_s: float = Field(2.5, ge=0, le=20, description="a head at rest this long gives the ride back")
    calm_hz: float = Field(
        1, ge=0.2, le=10, description="how closely the ride follows a head that hardly moves; less is calmer"
    )
    needle: bool = Field(True, description="whether the distance is shown against the threshold")
    invitation: str = Field("", max_length=60, description="to turn the head; empty: the language's own")


class SegmentKind(Enum):
    """What a segment of the scene shows."""

    SWEEP = auto()  # the continuum, to and fro
    WORDS = auto()  # words for a continuum without a border, beside a face
    ALTERNATE = auto()  # the border's two pictures in turn
    BESIDE = auto()  # the two beside each other
    DIFFERENCE = auto()  # their difference, magnified


@dataclass(frozen=True, eq=False)
class Segment:
    """A part of the scene on one continuum.

    is_final: whether it belongs to the last continuum, whose border is looked at closely. legs: the sweep.
    """

    kind: SegmentKind
    strip: Strip
    duration_s: float
    is_final: bool
    legs: tuple[Leg, ...] = ()


def schedule(
    result: PortrayalResult, values: BorderParameters, duration_s: float, was_incomplete: bool = False
) -> list[Segment]:
    """The scene's segments in order, scaled to `duration_s` in all; unscaled where that is infinite.

    was_incomplete: whether the nearest continuum was still looked for when the scene began. Then the one
    through the median is swept twice, which lasts equally long whatever is found meanwhile.
    """
    median, nearest = result.median, result.nearest
    if nearest is None or nearest.border is None or values.way == "median":
        nearest = None
    waits = was_incomplete and values.way != "median"
    closing = nearest or median
    both = values.way == "both" or nearest is None
    begin, end = [], []
    if waits:
        begin = [_sweep(median, values, rounds=2)]
    elif closing.border is None or (both and nearest is not None):
        begin = [_sweep(median, values)]
    if both and median.border is None:
        end = [_words(median, values, is_final=nearest is None)]
    if closing.border is not None:
        end += _border_segments(closing, values)
    if not waits or math.isinf(duration_s):
        return _scaled(begin + end, duration_s)
    share = _total_s(begin) / (_total_s(begin) + _total_s(_border_segments(median, values)))
    return _scaled(begin, share * duration_s) + _scaled(end, (1 - share) * duration_s)


def segment_at(segments: list[Segment], elapsed_s: float) -> tuple[Segment, float]:
    """The segment at a time of the scene, and the time since it began."""
    for segment in segments[:-1]:
        if elapsed_s < segment.duration_s:
            return segment, elapsed_s
        elapsed_s -= segment.duration_s
    return segments[-1], min(elapsed_s, segments[-1].duration_s)


def _total_s(segments: list[Segment]) -> float:
    return sum(segment.duration_s for segment in segments)


def _scaled(segments: list[Segment], duration_s: float) -> list[Segment]:
    """The same segments, together `duration_s`; unchanged where that is infinite."""
    scale = duration_s / _total_s(segments) if math.isfinite(duration_s) else 1.0
    return [
        replace(
            segment,
            duration_s=segment.duration_s * scale,
            legs=tuple(replace(leg, duration_s=leg.duration_s * scale) for leg in segment.legs),
        )
        for segment in segments
    ]


def _border_segments(strip: Strip, values: BorderParameters) -> list[Segment]:
    """The last continuum: a sweep that ends at the border, whose two pictures are then looked at closely."""
    return [
        _sweep(strip, values, is_final=True),
        Segment(SegmentKind.ALTERNATE, strip, values.alternate_s, True),
        Segment(SegmentKind.BESIDE, strip, values.beside_s, True),
        Segment(SegmentKind.DIFFERENCE, strip, values.difference_s, True),
    ]


def _sweep(strip: Strip, values: BorderParameters, rounds: int = 1, is_final: bool = False) -> Segment:
    """From the match to the other end and back to the match, `rounds` times, or at last to the border."""
    back_t = float(strip.t[strip.border[0]]) if is_final and strip.border is not None else 1.0
    legs = rounds * (
        Leg(1.0, 1.0, values.match_s),
        Leg(1.0, 0.0, values.way_s),
        Leg(0.0, 0.0, values.end_s),
        Leg(0.0, back_t, 0.8 * values.way_s),
    )
    return Segment(SegmentKind.SWEEP, strip, sum(leg.duration_s for leg in legs), is_final, legs)


def _words(strip: Strip, values: BorderParameters, is_final: bool) -> Segment:
    """Words beside the match; where they end the scene, the sweep goes on beside them."""
    legs: tuple[Leg, ...] = (Leg(1.0, 1.0, values.words_s),)
    if is_final:
        legs += Leg(1.0, 0.0, values.way_s), Leg(0.0, 1.0, 0.8 * values.way_s)
    return Segment(SegmentKind.WORDS, strip, sum(leg.duration_s for leg in legs), is_final, legs)
