"""The schedule of the border scene: its segments, their order and their durations. Pure.

A crossing with a border is one ride from the closest match over the border to the doppelgänger; then match
and doppelgänger side by side; then what moved at the border. A continuum without a border has a ride to and
fro, and words.
"""

import math
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import ClassVar

from pydantic import Field

from engine.border.strip import Strip
from engine.pipeline.result import PortrayalResult
from installation.settings.parameters import Parameters
from scenes.widgets.sweep import Leg


class BorderParameters(Parameters):
    """The face crosses the border. The seconds of the ride and of the difference are weights: with the pair,
    whose time is that of reading, they fill the scene."""

    scene: ClassVar[str] = "border"

    match_s: float = Field(1.5, ge=0, le=20, description="the closest match, before it moves")
    way_s: float = Field(6, ge=1, le=60, description="from the match to the last *same person*")
    hold_s: float = Field(2, ge=0, le=20, description="the last *same person*, before it flips")
    flip_s: float = Field(3, ge=0.5, le=20, description="the first *someone else*, while tone and light sink")
    beyond_s: float = Field(2.5, ge=0, le=20, description="from there to the doppelgänger")
    words_per_minute: float = Field(
        120,
        ge=40,
        le=300,
        description="how fast the pair's sentence is read: it stays for as long as it takes to read it twice",
    )
    part_s: float = Field(
        0.9, ge=0, le=5, description="how long match and doppelgänger take to part, and to close"
    )
    difference_s: float = Field(7, ge=0, le=60, description="what moved at the border")
    words_s: float = Field(5, ge=1, le=60, description="the words for a way without a border")
    swell_s: float = Field(1.8, ge=1, le=10, description="the light at the flip, from its rise to its end")
    swell_percent: float = Field(30, ge=0, le=60, description="how bright that light is; 0: none")
    flip_every_s: float = Field(
        2, ge=1, le=30, description="light and tone of the flip come no more often, however a head trembles"
    )
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

    RIDE = auto()  # the continuum, which visitors can steer
    WORDS = auto()  # words for a continuum without a border, beside a face
    PAIR = auto()  # match and doppelgänger beside each other
    DIFFERENCE = auto()  # what moved at the border


@dataclass(frozen=True)
class Segment:
    """A part of the scene. legs: of the ride. is_fixed: whether its duration does not scale."""

    kind: SegmentKind
    duration_s: float
    legs: tuple[Leg, ...] = ()
    is_fixed: bool = False


def schedule(
    result: PortrayalResult, values: BorderParameters, duration_s: float, sentence: str
) -> list[Segment]:
    """The scene's segments in order, `duration_s` in all; unscaled where that is infinite.

    sentence: the pair's, which takes its time to be read.
    """
    strip = result.crossing
    if strip.border is None:
        away, back = Leg(1.0, 0.0, values.way_s), Leg(0.0, 1.0, 0.8 * values.way_s)
        legs = Leg(1.0, 1.0, values.match_s), away, back
        return _scaled([_ride(legs), _words(values, (away, back))], duration_s)
    pair_s = 2 * values.part_s + 2 * reading_s(sentence, values.words_per_minute)
    ride = _ride(_crossing_legs(result, strip, values))
    pair = Segment(SegmentKind.PAIR, pair_s, is_fixed=True)
    difference = Segment(SegmentKind.DIFFERENCE, values.difference_s)
    # A match that is not recognised is the picture to take home itself: there is no pair.
    is_pair = bool(strip.same[-1])
    return _scaled([ride, pair, difference] if is_pair else [ride, difference], duration_s)


def reading_s(sentence: str, words_per_minute: float) -> float:
    """How long it takes to read a sentence once; a word has nine letters at most."""
    words = sum(math.ceil(len(word) / 9) for word in sentence.split())
    return 60 / words_per_minute * words


def segment_at(segments: list[Segment], elapsed_s: float) -> tuple[Segment, float]:
    """The segment at a time of the scene, and the time since it began."""
    for segment in segments[:-1]:
        if elapsed_s < segment.duration_s:
            return segment, elapsed_s
        elapsed_s -= segment.duration_s
    return segments[-1], min(elapsed_s, segments[-1].duration_s)


def _scaled(segments: list[Segment], duration_s: float) -> list[Segment]:
    """The same segments, together `duration_s`; the fixed ones unchanged while they leave half of it."""
    if math.isinf(duration_s):
        return segments
    fixed_s = sum(segment.duration_s for segment in segments if segment.is_fixed)
    if fixed_s > duration_s / 2:
        segments = [replace(segment, is_fixed=False) for segment in segments]
        fixed_s = 0.0
    scaling_s = sum(segment.duration_s for segment in segments if not segment.is_fixed)
    scale = (duration_s - fixed_s) / scaling_s
    return [segment if segment.is_fixed else _stretched(segment, scale) for segment in segments]


def _stretched(segment: Segment, scale: float) -> Segment:
    legs = tuple(replace(leg, duration_s=leg.duration_s * scale) for leg in segment.legs)
    return replace(segment, duration_s=segment.duration_s * scale, legs=legs)


def _crossing_legs(result: PortrayalResult, strip: Strip, values: BorderParameters) -> tuple[Leg, ...]:
    """From the match to the last *same person*; from the first *someone else* on to the doppelgänger.

    On the way to the nearest picture, that picture is the end. On the median way the doppelgänger lies just
    beyond the border, and the ride ends there.
    """
    assert strip.border is not None
    same_t, other_t = (float(strip.t[index]) for index in strip.border)
    end_t = 0.0 if strip is result.nearest else other_t
    return (
        Leg(1.0, 1.0, values.match_s),
        Leg(1.0, same_t, values.way_s),
        Leg(same_t, same_t, values.hold_s),
        Leg(other_t, other_t, values.flip_s),
        Leg(other_t, end_t, values.beyond_s),
    )


def _ride(legs: tuple[Leg, ...]) -> Segment:
    return Segment(SegmentKind.RIDE, sum(leg.duration_s for leg in legs), legs)


def _words(values: BorderParameters, ride: tuple[Leg, ...]) -> Segment:
    """Words beside the match; they stay to the end, and the ride goes on beside them."""
    legs = (Leg(1.0, 1.0, values.words_s), *ride)
    return Segment(SegmentKind.WORDS, sum(leg.duration_s for leg in legs), legs)
