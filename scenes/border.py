"""The heart: the face crosses the border and comes back, with the verdict of the very picture on the screen.

1. A ride from the closest match to the median face and back, slower the nearer it is to the border. Who turns
   their head rides by themselves.
2. The last *same person* and the first *someone else* alternate in place,
3. stand beside each other,
4. and their difference is magnified.

A way without a border has the ride, and words. Every picture is the generator's own, never a blend of two.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar, Literal

from pydantic import Field
from pygame import Rect

from engine.border.difference import Difference
from engine.border.strip import Strip
from engine.pipeline.result import PortrayalResult
from installation.settings.parameters import Parameters
from installation.stage.canvas import Align, Anchor, Canvas, TextBlock
from installation.stage.theme import Theme, ease, format_number, sitter_text, theme_of
from installation.stage.typesetting import text_width
from installation.stage.view import ShownPicture, View
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.ride import Leg, index_at, progress_of, ride, t_of
from scenes.widgets.steering import OneEuro, Steering
from scenes.widgets.stop_button import CancellableScene
from scenes.widgets.verdict import draw_needle, draw_words, judge_name, shown, words_of

# A head held still at the border trembles: the verdict changes no sooner than this after its last change.
CALM_S = 1 / 3


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
    """The parts of the scene."""

    SWEEP = auto()
    WORDS = auto()
    ALTERNATE = auto()
    BESIDE = auto()
    DIFFERENCE = auto()


@dataclass(frozen=True, eq=False)
class Segment:
    """A part of the scene on one way."""

    kind: SegmentKind
    strip: Strip
    lasts_s: float
    last: bool  # whether it belongs to the last way, whose border is looked at closely
    legs: tuple[Leg, ...] = ()


class Border(CancellableScene):
    """Follows `schedule`, and the head of who turns it."""

    parameters = BorderParameters

    def __init__(self) -> None:
        self._forget()

    def enter(self, view: View) -> None:
        self._forget()
        values = view.parameters.of(BorderParameters)
        self._waited = view.participant.result is not None and not view.participant.result.complete
        calm = OneEuro(values.calm_hz)
        self._steering = Steering(values.steer_deg, values.rest_deg, values.patience_s, filter=calm)

    def leave(self) -> None:
        super().leave()
        self._forget()

    def _forget(self) -> None:
        self._steering = Steering()
        self._waited = False  # whether the nearest way was still looked for when the scene began
        self._settled: PortrayalResult | None = None  # what is shown to the end
        self._segment: Segment | None = None
        self._elapsed_s = 0.0  # of the segment
        self._strip: Strip | None = None
        self._index = 0
        self._changed_s = -math.inf  # when the verdict last changed
        self._shown: tuple[ShownPicture, ...] = ()
        self._difference: Difference | None = None

    def shown(self) -> Sequence[ShownPicture]:
        return self._shown

    def update(self, view: View) -> None:
        if view.participant.result is None:
            return
        values = view.parameters.of(BorderParameters)
        row = schedule(self._settled or view.participant.result, values, view.duration_s, self._waited)
        self._segment, self._elapsed_s = _at(row, view.elapsed_s)
        # What has not been found when the last way begins is not waited for any more.
        if self._settled is None and self._segment.last:
            self._settled = view.participant.result
        strip = self._segment.strip
        if self._segment.kind is SegmentKind.SWEEP:
            self._ride(view, values)
            return
        self._strip = strip
        if self._segment.kind is SegmentKind.WORDS:
            self._index = index_at(
                strip, ride(self._segment.legs, None, self._elapsed_s, theme_of(view).reduced_motion)
            )
        elif self._segment.kind is SegmentKind.ALTERNATE and strip.border is not None:
            beat = int(self._elapsed_s / values.beat_s)
            self._index = strip.border[beat % 2]

    def _ride(self, view: View, values: BorderParameters) -> None:
        assert self._segment is not None
        strip, left_s = self._segment.strip, self._segment.lasts_s - self._elapsed_s
        border_t = strip.border_t
        t = ride(self._segment.legs, border_t, self._elapsed_s, theme_of(view).reduced_motion)
        yaw_deg = view.participant.sighting.yaw_deg if view.participant.sighting and values.steer else None
        # The hand goes back to time before the ride ends, so that it ends where it should.
        if left_s < 2 * self._steering.ease_s:
            self._steering.rest()
            yaw_deg = None
        progress = self._steering.step(yaw_deg, progress_of(t, border_t), view.now_s)
        if self._steering.share > 0:
            t = t_of(progress, border_t)
        self._turn_to(strip, index_at(strip, t), view.now_s)

    def _turn_to(self, strip: Strip, index: int, now_s: float) -> None:
        """Shows a picture of the ride; one with the other verdict only when the last change is long past."""
        if self._strip is strip and strip.same[index] != strip.same[self._index]:
            if now_s - self._changed_s < CALM_S:
                return
            self._changed_s = now_s
        self._strip, self._index = strip, index

    def draw(self, canvas: Canvas, view: View) -> None:
        self._shown = ()
        self.draw_stop_button(canvas, view)
        theme, layout = theme_of(view), canvas.layout
        if self._segment is None or self._strip is None:
            draw_idle_glow(canvas, theme, layout.face)
            return
        match self._segment.kind:
            case SegmentKind.SWEEP | SegmentKind.ALTERNATE:
                canvas.picture(self._strip.pictures[self._index], layout.face)
                self._draw_verdict(canvas, view, theme)
                if theme.fade_in > 0:
                    self._shown = (shown(self._strip, self._index),)
            case SegmentKind.WORDS:
                canvas.picture(self._strip.pictures[self._index], layout.face, theme.fade)
                self._draw_without(canvas, view, theme)
            case SegmentKind.BESIDE:
                self._draw_beside(canvas, view, theme)
            case SegmentKind.DIFFERENCE:
                self._draw_difference(canvas, view, theme)

    def _draw_verdict(self, canvas: Canvas, view: View, theme: Theme) -> None:
        assert self._segment is not None and self._strip is not None
        values, layout, strip = view.parameters.of(BorderParameters), canvas.layout, self._strip
        rest = layout.clear.copy()
        if not layout.stacked:
            rest.top = layout.face.top + round(0.3 * layout.face.height)
            rest.height = layout.clear.bottom - rest.top
        taken = draw_words(canvas, view, theme, rest, strip.verdict(self._index).same, theme.fade_in)
        rest = _below(rest, taken, layout.body_px // 2)
        if values.needle:
            taken = draw_needle(canvas, view, theme, rest, strip, self._index, theme.fade_in)
            rest = _below(rest, taken, layout.body_px // 2)
        line = view.text(
            "border.line",
            judge=judge_name(view, strip.judge),
            threshold=format_number(view, strip.threshold, 3),
        )
        blocks = [TextBlock(line, layout.body_px, 300, theme.quiet_ink, theme.fade_in, 0.8)]
        steerable = (
            values.steer
            and view.participant.sighting is not None
            and view.participant.sighting.yaw_deg is not None
        )
        if steerable and self._segment.kind is SegmentKind.SWEEP:
            invitation = values.invitation or view.text("border.steer")
            light = theme.fade_in * (1 - 0.6 * self._steering.share)
            blocks.append(TextBlock(invitation, layout.body_px, 500, theme.ink, light))
        canvas.column(blocks, rest)

    def _draw_without(self, canvas: Canvas, view: View, theme: Theme) -> None:
        assert self._segment is not None and self._strip is not None
        layout, why = canvas.layout, self._strip.no_border_reason
        left_s = self._segment.lasts_s - self._elapsed_s
        light = min(ease(self._elapsed_s, 0.8), ease(left_s, 0.8), theme.fade)
        judge = judge_name(view, self._strip.judge)
        blocks = [
            TextBlock(view.text(f"without.{why}"), layout.title_px, 600, theme.ink, light, 0.4),
            TextBlock(
                sitter_text(view, f"without.{why}_words", judge=judge), layout.large_px, 300, theme.ink, light
            ),
        ]
        canvas.column(blocks, layout.clear, Anchor.TOP if layout.stacked else Anchor.MIDDLE)

    def _draw_beside(self, canvas: Canvas, view: View, theme: Theme) -> None:
        """The two pictures part, stand beside each other (upright: one above the other), close."""
        assert self._segment is not None and self._strip is not None and self._strip.border is not None
        layout, strip = canvas.layout, self._strip
        part_s = view.parameters.of(BorderParameters).part_s
        moving_s = 0.0 if theme.reduced_motion else min(part_s, self._segment.lasts_s / 4)
        apart = (
            min(
                ease(self._elapsed_s, moving_s),
                ease(self._segment.lasts_s - self._elapsed_s, moving_s),
            )
            if moving_s
            else 1.0
        )
        places = _places(canvas)
        same, other = self._strip.border
        for index, place in ((other, places[1]), (same, places[0])):
            canvas.picture(strip.pictures[index], _between(layout.face, place[0], apart))
        light = max(4 * apart - 3, 0.0)
        if light <= 0:
            return
        verdicts = words_of(view, True), words_of(view, False)
        widest = max(text_width(each, 100, 600) for each in verdicts) + text_width("0,0000", 100, 300)
        size = min(layout.body_px, int(places[0][1].width / (widest / 100 + 1.8)))
        radius = 0.36 * size
        for index, (_, line) in zip((same, other), places, strict=True):
            baseline = line.top + layout.body_px
            sign = line.left + radius, baseline - 0.35 * size
            canvas.verdict_sign(sign, radius, strip.verdict(index).same, theme.ink, light)
            verdict = words_of(view, strip.verdict(index).same)
            canvas.text(verdict, (line.left + 1.2 * size, baseline), size, 600, theme.ink, light)
            if not strip.rests(index):
                figures = format_number(view, strip.verdict(index).distance, 4)
                canvas.changing_number(
                    figures, (line.right, baseline), size, 300, theme.ink, light, Align.RIGHT
                )
        self._shown = (shown(strip, same), shown(strip, other))

    def _draw_difference(self, canvas: Canvas, view: View, theme: Theme) -> None:
        assert self._segment is not None and self._strip is not None and self._strip.border is not None
        layout = canvas.layout
        same, other = (self._strip.pictures[index] for index in self._strip.border)
        if self._difference is None:
            self._difference = Difference.between(same, other)
        factor = self._difference.factor
        rising = ease(self._elapsed_s - 0.5, 0.25 * self._segment.lasts_s)
        gain = float(factor if theme.reduced_motion else factor**rising)
        light = min(ease(self._elapsed_s, 0.5), ease(self._segment.lasts_s - self._elapsed_s, 0.5))
        canvas.picture(self._difference.magnified(gain), layout.face, light)
        panel = layout.panel
        area = panel if layout.stacked else panel.inflate(0, -round(0.4 * panel.height))
        area = area.clip(layout.clear)
        headline = TextBlock(view.text("border.difference"), layout.large_px, 500, theme.ink, light)
        area = _below(area, canvas.column([headline], area), layout.body_px)
        told, most = view.text.levels(self._difference.mean_levels), f"× {factor}"
        # Sign by sign: what the number says is remembered nowhere.
        widths = (sum(text_width(sign, layout.title_px, 200) for sign in each) for each in (told, most))
        indent_px = round(max(widths) + 0.5 * layout.title_px)
        for figures, key in ((told, "border.levels"), (f"× {gain:.0f}", "border.magnified")):
            area = self._draw_figures(canvas, theme, area, figures, view.text(key), indent_px, light)
        end = TextBlock(sitter_text(view, "border.end"), layout.body_px, 300, theme.ink, light)
        canvas.column([end], area)

    def _draw_figures(
        self,
        canvas: Canvas,
        theme: Theme,
        area: Rect,
        figures: str,
        caption: str,
        indent_px: int,
        light: float,
    ) -> Rect:
        """A number and, beside it, what it says; returns what is left below."""
        layout = canvas.layout
        size = layout.title_px
        canvas.changing_number(figures, (area.left, area.top + size), size, 200, theme.ink, light)
        left = area.left + indent_px
        beside = Rect(left, area.top + round(0.1 * size), area.right - left, round(1.3 * size))
        canvas.column(
            [TextBlock(caption, layout.body_px, 300, theme.quiet_ink, light)], beside, Anchor.MIDDLE
        )
        return _below(area, Rect(area.left, area.top, area.width, round(1.3 * size)), layout.body_px // 2)


def schedule(
    result: PortrayalResult, values: BorderParameters, lasts_s: float, waited: bool = False
) -> list[Segment]:
    """The scene's parts in order, together `lasts_s`; where that is infinite, as the parameters say.

    waited: whether the nearest way was still looked for when the scene began. Then the way through the median
    is ridden twice, which lasts equally long whatever is found meanwhile.
    """
    median, nearest = result.median, result.nearest
    if nearest is None or nearest.border is None or values.way == "median":
        nearest = None
    waits = waited and values.way != "median"
    closing = nearest or median
    both = values.way == "both" or nearest is None
    begin, end = [], []
    if waits:
        begin = [_ride(median, values, rounds=2)]
    elif closing.border is None or (both and nearest is not None):
        begin = [_ride(median, values)]
    if both and median.border is None:
        end = [_words(median, values, last=nearest is None)]
    if closing.border is not None:
        end += _closely(closing, values)
    if not waits or math.isinf(lasts_s):
        return _filling(begin + end, lasts_s)
    share = _together_s(begin) / (_together_s(begin) + _together_s(_closely(median, values)))
    return _filling(begin, share * lasts_s) + _filling(end, (1 - share) * lasts_s)


def _together_s(row: list[Segment]) -> float:
    return sum(segment.lasts_s for segment in row)


def _filling(row: list[Segment], lasts_s: float) -> list[Segment]:
    """The same segments, together `lasts_s`; as they are where that is infinite."""
    scale = lasts_s / _together_s(row) if math.isfinite(lasts_s) else 1.0
    return [
        Segment(
            segment.kind,
            segment.strip,
            segment.lasts_s * scale,
            segment.last,
            tuple(Leg(leg.start_t, leg.end_t, leg.lasts_s * scale) for leg in segment.legs),
        )
        for segment in row
    ]


def _closely(strip: Strip, values: BorderParameters) -> list[Segment]:
    """The last way: ridden up to its border, whose two pictures are then looked at closely."""
    return [
        _ride(strip, values, last=True),
        Segment(SegmentKind.ALTERNATE, strip, values.alternate_s, True),
        Segment(SegmentKind.BESIDE, strip, values.beside_s, True),
        Segment(SegmentKind.DIFFERENCE, strip, values.difference_s, True),
    ]


def _ride(strip: Strip, values: BorderParameters, rounds: int = 1, last: bool = False) -> Segment:
    """From the match to the other end and back to the match, `rounds` times, or at last to the border."""
    back_t = float(strip.t[strip.border[0]]) if last and strip.border is not None else 1.0
    legs = rounds * (
        Leg(1.0, 1.0, values.match_s),
        Leg(1.0, 0.0, values.way_s),
        Leg(0.0, 0.0, values.end_s),
        Leg(0.0, back_t, 0.8 * values.way_s),
    )
    return Segment(SegmentKind.SWEEP, strip, sum(leg.lasts_s for leg in legs), last, legs)


def _words(strip: Strip, values: BorderParameters, last: bool) -> Segment:
    """Words beside the match; where they end the scene, the face rides on beside them."""
    legs: tuple[Leg, ...] = (Leg(1.0, 1.0, values.words_s),)
    if last:
        legs += Leg(1.0, 0.0, values.way_s), Leg(0.0, 1.0, 0.8 * values.way_s)
    return Segment(SegmentKind.WORDS, strip, sum(leg.lasts_s for leg in legs), last, legs)


def _at(row: list[Segment], elapsed_s: float) -> tuple[Segment, float]:
    """The segment at a time, and how long it has been going on."""
    for segment in row[:-1]:
        if elapsed_s < segment.lasts_s:
            return segment, elapsed_s
        elapsed_s -= segment.lasts_s
    return row[-1], min(elapsed_s, row[-1].lasts_s)


def _places(canvas: Canvas) -> tuple[tuple[Rect, Rect], tuple[Rect, Rect]]:
    """Where the two stand apart, each with the line of words below it."""
    layout = canvas.layout
    line = round(1.6 * layout.body_px)
    width, margin = layout.width_px, layout.margin_px
    height = layout.stop.top - layout.small_px // 2 + margin // 2
    beside = min((width - 3 * margin // 2) // 2, height - line - 2 * margin)
    above = min(width - 2 * margin, (height - 2 * margin) // 2 - line)
    side = max(beside, above)
    if above > beside:
        lefts = ((width - side) // 2,) * 2
        tops = (margin // 2, margin // 2 + (height - margin) // 2)
    else:
        gap = (width - 2 * side) // 3
        lefts = (gap, 2 * gap + side)
        tops = ((height - side - line) // 2,) * 2
    first, second = (
        (
            Rect(left, top, side, side),
            Rect(left + margin // 2, top + side, side - margin, line),
        )
        for left, top in zip(lefts, tops, strict=True)
    )
    return first, second


def _between(start: Rect, end: Rect, share: float) -> Rect:
    """A square on its way from one place to another."""
    side = round(start.width + (end.width - start.width) * share)
    x = start.centerx + (end.centerx - start.centerx) * share
    y = start.centery + (end.centery - start.centery) * share
    return Rect(round(x - side / 2), round(y - side / 2), side, side)


def _below(rest: Rect, taken: Rect, gap: int) -> Rect:
    top = taken.bottom + gap
    return Rect(rest.left, top, rest.width, max(rest.bottom - top, 0))
