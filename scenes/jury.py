"""Jury: every judge's border on one line, then what each says of the picture that is given.

1. A ride on the median way, with all borders on one line.
2. Each judge's verdict on the doppelgänger, and who that judge is, one after the other.
3. The witness: a judge that nobody had to convince. What it says is the last word.

Without a doppelgänger the first part is all there is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from pydantic import Field
from pygame import Rect

from engine.border.strip import Strip
from engine.pipeline.result import JudgeResult, PortrayalResult
from installation.settings.parameters import Parameters
from installation.stage.canvas import Align, Canvas, TextBlock
from installation.stage.start_edge import StartEdge, start_edge
from installation.stage.theme import Theme, ease, sitter_exists, sitter_text, theme_of
from installation.stage.typesetting import fits, text_width
from installation.stage.view import ShownPicture, View
from scenes.widgets.calm_verdict import CalmVerdict
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.statement import Statement, draw_statement, statements
from scenes.widgets.stop_button import CancellableScene
from scenes.widgets.sweep import Leg, index_at, sweep_t
from scenes.widgets.verdict import judge_name, shown_picture

LONGEST_S = 60.0
_LINE_SHARE = 0.36  # of the scene, for the line
_WITNESS_SHARE = 0.3
_FADE_S = 0.8  # from one part to the next
_RADIUS, _INDENT = 0.36, 1.15  # of a sign, and of the name beside it, as multiples of the type size
_PITCH = 1.25  # from line to line, as a multiple of the type size
_TRIES = 200  # at most, to place the names: a frame must not wait for them
AGREED_T = 0.02  # borders this close together look like one


class JuryParameters(Parameters):
    """The judges side by side."""

    scene: ClassVar[str] = "jury"

    judges: int = Field(5, ge=1, le=8, description="how many judges are shown, the leading one first")
    rest_s: float = Field(1.2, ge=0, le=10, description="before the ride begins, and after it")
    sentences: bool = Field(True, description="whether the judges' operating points are told, one at a time")
    headline: str = Field("", max_length=60, description="the headline; empty: the language's own")


class Jury(CancellableScene):
    """Sweeps to the median face and back; a judge's sign changes where its border is."""

    parameters = JuryParameters

    def __init__(self) -> None:
        self._forget()

    def leave(self) -> None:
        super().leave()
        self._forget()

    def _forget(self) -> None:
        self._index, self._back = 0, 0.0
        self._calm = CalmVerdict()
        self._shown: tuple[ShownPicture, ...] = ()

    def shown(self) -> Sequence[ShownPicture]:
        return self._shown

    def update(self, view: View) -> None:
        if view.participant.result is None:
            return
        strip, lasts_s = view.participant.result.median, _line_s(view, view.participant.result)
        rest_s = min(view.parameters.of(JuryParameters).rest_s, lasts_s / 4)
        away_s, back_s = (share * (lasts_s - 2 * rest_s) for share in (0.6, 0.4))
        legs = (Leg(1.0, 1.0, rest_s), Leg(1.0, 0.0, away_s), Leg(0.0, 1.0, back_s))
        t = sweep_t(legs, strip.border_t, view.elapsed_s, theme_of(view).reduced_motion)
        self._index = self._calm.index(strip, index_at(strip, t), view.now_s)
        self._back = (view.elapsed_s - rest_s - away_s) / (back_s + rest_s)

    def draw(self, canvas: Canvas, view: View) -> None:
        self._shown = ()
        self.draw_stop_button(canvas, view)
        parameters, theme, layout = view.parameters.of(JuryParameters), theme_of(view), canvas.layout
        if view.participant.result is None:
            draw_idle_glow(canvas, theme, layout.face)
            return
        line_s = _line_s(view, view.participant.result)
        if view.elapsed_s >= line_s and statements(view.participant.result, parameters.judges):
            self._draw_statements(canvas, view, theme, view.participant.result, view.elapsed_s - line_s)
            return
        theme = replace(theme, fade=min(theme.fade, ease(line_s - view.elapsed_s, _FADE_S)))
        strip, judge_results = (
            view.participant.result.median,
            view.participant.result.judge_results[: parameters.judges],
        )
        canvas.picture(strip.pictures[self._index], layout.face, theme.fade)

        area = layout.panel.copy()
        if not layout.stacked:
            area = area.inflate(0, -round(0.24 * area.height))
        area = area.clip(layout.clear)
        headline = TextBlock(
            parameters.headline or sitter_text(view, headline_key(judge_results)),
            layout.large_px,
            500,
            theme.ink,
            theme.fade,
        )
        taken = canvas.column([headline], Rect(area.topleft, (area.width, round(2.6 * layout.large_px))))
        area = _from(area, taken.bottom + layout.body_px // 4)
        area = self._draw_line(canvas, view, theme, area, strip, judge_results)
        if parameters.sentences:
            self._draw_sentence(canvas, view, theme, area, strip, judge_results)
        if theme.fade > 0 and any(judge_result.judge == strip.judge for judge_result in judge_results):
            self._shown = (shown_picture(strip, self._index),)

    def _draw_statements(
        self, canvas: Canvas, view: View, theme: Theme, result: PortrayalResult, elapsed_s: float
    ) -> None:
        """Draws the doppelgänger, and beside it one judge after the other."""
        heard = statements(result, view.parameters.of(JuryParameters).judges)
        picture, _ = result.picture_to_take_home
        canvas.picture(picture, canvas.layout.face, ease(elapsed_s, _FADE_S) * theme.breath)
        begins_s = 0.0
        for statement, lasts_s in zip(heard, _lengths_s(view, result, heard), strict=True):
            since_s = elapsed_s - begins_s
            if since_s < lasts_s:
                light = min(ease(since_s, _FADE_S), ease(lasts_s - since_s, _FADE_S))
                draw_statement(canvas, view, theme, statement, since_s / lasts_s, light)
                return
            begins_s += lasts_s

    def _draw_line(
        self,
        canvas: Canvas,
        view: View,
        theme: Theme,
        area: Rect,
        strip: Strip,
        judge_results: Sequence[JudgeResult],
    ) -> Rect:
        """Draws the continuum as a line with every border on it, named above; returns the area left below."""
        size, small, stroke = canvas.layout.body_px, canvas.layout.small_px, canvas.layout.stroke_px
        bordered = [each for each in judge_results if each.border_t is not None]
        names = [judge_name(view, each.judge) for each in bordered]
        widths = [text_width(name, size, 500) + _INDENT * size for name in names]
        left, right = area.left + 0.3 * size, area.right - 0.3 * size
        places = [left + float(each.border_t or 0.0) * (right - left) for each in bordered]
        labels = place_labels(places, widths, area.left, area.right, 0.3 * size)
        levels = 1 + max((label.level for label in labels if label), default=-1)
        y = area.top + round((levels + 0.5) * _PITCH * size)
        for number, (judge_result, name, width, label, x) in enumerate(
            zip(bordered, names, widths, labels, places, strict=True)
        ):
            light = theme.fade * ease(view.elapsed_s - 0.25 * number, 0.8)
            top = y - 0.4 * size
            if label is not None:
                baseline = y - (label.level + 0.5) * _PITCH * size
                top = baseline - 0.35 * size
                same = same_at(judge_result, strip, self._index)
                start = StartEdge(label.left, label.left + width, view.text.direction == "rtl")
                _draw_judge(canvas, theme, start, baseline, name, same, light)
            canvas.polyline([(x, y + 0.4 * size), (x, top)], stroke, theme.ink, light)
        canvas.polyline([(left, y), (right, y)], stroke, theme.quiet_ink, theme.fade)
        here = left + float(strip.t[self._index]) * (right - left)
        canvas.disc((here, y), 0.26 * size, theme.ink, theme.fade)
        baseline = y + 0.4 * size + small
        canvas.text(view.text("jury.nobody"), (area.left, baseline), small, 300, theme.quiet_ink, theme.fade)
        canvas.text(
            sitter_text(view, "jury.you"),
            (area.right, baseline),
            small,
            300,
            theme.quiet_ink,
            theme.fade,
            Align.RIGHT,
        )
        area = _from(area, round(baseline + 0.4 * size))
        rows = [each for each, label in zip(bordered, labels, strict=True) if label is None]
        rows += [each for each in judge_results if each.border_t is None]
        return self._draw_rows(canvas, view, theme, area, strip, rows)

    def _draw_rows(
        self,
        canvas: Canvas,
        view: View,
        theme: Theme,
        area: Rect,
        strip: Strip,
        judge_results: Sequence[JudgeResult],
    ) -> Rect:
        """Lists the judges not named on the line, mostly without a border; returns the area below."""
        size = canvas.layout.body_px
        top, start = area.top, start_edge(area, view.text)
        for judge_result in judge_results:
            baseline: float = top + size
            name = judge_name(view, judge_result.judge)
            same = same_at(judge_result, strip, self._index)
            _draw_judge(canvas, theme, start, baseline, name, same, theme.fade)
            if judge_result.no_border_reason is not None:
                line = sitter_text(view, f"jury.{judge_result.no_border_reason}")
                began = (_INDENT + 0.5) * size + text_width(name, size, 500)
                if began + text_width(line, size, 300) > area.width:
                    began, baseline = _INDENT * size, baseline + _PITCH * size
                at = start.x(began), baseline
                canvas.text(line, at, size, 300, theme.ink, theme.fade, start.align)
            top = round(baseline + (_PITCH - 1) * size)
        return _from(area, top + round(0.3 * size))

    def _draw_sentence(
        self,
        canvas: Canvas,
        view: View,
        theme: Theme,
        area: Rect,
        strip: Strip,
        judge_results: Sequence[JudgeResult],
    ) -> None:
        """Draws how often one judge mistakes a stranger for the visitor; nothing where there is no room."""
        judge_result = shown_judge(judge_results, float(strip.t[self._index]), self._back)
        if judge_result is None:
            return
        sentence = view.text.strangers(judge_result.fmr, sitter_exists(view))
        body = canvas.layout.body_px
        line = f"{judge_name(view, judge_result.judge)}: {sentence}"
        if fits(line, body, 300, area.size):
            canvas.column([TextBlock(line, body, 300, theme.quiet_ink, theme.fade)], area)


def _line_s(view: View, result: PortrayalResult) -> float:
    """How long the line is shown: all of the scene, unless judges are heard on the doppelgänger."""
    lasts_s = min(view.duration_s, LONGEST_S)
    heard = statements(result, view.parameters.of(JuryParameters).judges)
    return _LINE_SHARE * lasts_s if heard else lasts_s


def _lengths_s(view: View, result: PortrayalResult, heard: Sequence[Statement]) -> list[float]:
    """How long each judge is heard; the witness longer than one of several others."""
    left_s = min(view.duration_s, LONGEST_S) - _line_s(view, result)
    witness_s = _WITNESS_SHARE * min(view.duration_s, LONGEST_S) if heard[-1].is_witness else 0.0
    others = [each for each in heard if not each.is_witness]
    if not others:
        return [left_s]
    return [witness_s if each.is_witness else (left_s - witness_s) / len(others) for each in heard]


@dataclass(frozen=True)
class Label:
    """The place of a name: its level above the line, 0 the lowest, and its left end in pixels."""

    level: int
    left: float


def place_labels(
    places: Sequence[float], widths: Sequence[float], left: float, right: float, gap: float
) -> list[Label | None]:
    """Places names above marks on a line, each on its own stem: no two names overlap, no stem crosses a name.

    places: x of the marks. widths: of the names, the most important one first: it is placed if any is. Names
    stay between `left` and `right`, as low as possible. None where there is no place for a name.
    """
    placed: dict[int, Label] = {}
    best: dict[int, Label] = {}
    tries = _TRIES

    def covers(label: Label, number: int, x: float) -> bool:
        return label.left - gap / 2 < x < label.left + widths[number] + gap / 2

    def free(number: int, label: Label) -> bool:
        end = label.left + widths[number] + gap
        return not any(
            (
                there.level == label.level
                and label.left - gap < there.left + widths[other]
                and there.left < end
            )
            or (there.level > label.level and covers(label, number, places[other]))
            or (there.level < label.level and covers(there, other, places[number]))
            for other, there in placed.items()
        )

    def options(number: int) -> Iterator[Label]:
        starts = places[number] + gap, places[number] - gap - widths[number]
        inside = [start for start in starts if left <= start and start + widths[number] <= right]
        yield from (Label(level, start) for level in range(len(places)) for start in inside)

    def place_all(numbers: Sequence[int]) -> bool:
        """Places these names by backtracking; names without a place are left out. True if none is."""
        nonlocal best, tries
        if (0 in placed, len(placed)) > (0 in best, len(best)):
            best = dict(placed)
        if not numbers:
            return len(placed) == len(places)
        number, *later = numbers
        for label in options(number):
            tries -= 1
            if tries > 0 and free(number, label):
                placed[number] = label
                if place_all(later):
                    return True
                del placed[number]
        return tries > 0 and place_all(later)

    # Names to the right of their stems find room most easily from right to left; those at the right end of
    # the line, which only fit to the left, come before them.
    first, others = range(len(places))[:1], sorted(range(1, len(places)), key=lambda number: -places[number])
    leftwards = [number for number in others if places[number] + gap + widths[number] > right]
    place_all([*first, *reversed(leftwards), *(number for number in others if number not in leftwards)])
    return [best.get(number) for number in range(len(places))]


def same_at(judge_result: JudgeResult, strip: Strip, index: int) -> bool:
    """A judge's verdict on a picture of the strip: the strip's own, or from the judge's samples."""
    if judge_result.judge == strip.judge:
        return strip.verdict(index).same
    if not judge_result.samples:
        return False
    places = [sample.t for sample in judge_result.samples]
    distances = [sample.verdict.distance for sample in judge_result.samples]
    return bool(np.interp(strip.t[index], places, distances) <= judge_result.threshold)


def shown_judge(judge_results: Sequence[JudgeResult], t: float, back: float) -> JudgeResult | None:
    """The judge whose sentence is shown: first the one with the nearest border, on the way back the others.

    back: the share of the way back that is over, 0 to 1; below 0 before.
    """
    bordered = [each for each in judge_results if each.border_t is not None]
    others = [each for each in judge_results if each.border_t is None]
    if others and (back >= 0 or not bordered):
        return others[min(int(max(back, 0.0) * len(others)), len(others) - 1)]
    return min(bordered, key=lambda each: abs(t - (each.border_t or 0.0)), default=None)


def headline_key(judge_results: Sequence[JudgeResult]) -> str:
    """The text key of the headline that is true of these results."""
    borders = [judge_result.border_t for judge_result in judge_results if judge_result.border_t is not None]
    if not borders:
        return "jury.nowhere"
    if len(judge_results) == 1:
        return "jury.alone"
    agreed = len(borders) == len(judge_results) and max(borders) - min(borders) <= AGREED_T
    return "jury.agreed" if agreed else "jury.headline"


def _draw_judge(
    canvas: Canvas, theme: Theme, start: StartEdge, baseline: float, name: str, same: bool, light: float
) -> None:
    """Draws a judge's sign, and its name beside it."""
    size = canvas.layout.body_px
    radius = _RADIUS * size
    canvas.verdict_sign((start.x(radius), baseline - 0.35 * size), radius, same, theme.ink, light)
    at = start.x(_INDENT * size), baseline
    canvas.text(name, at, size, 500, theme.ink, light, start.align)


def _from(area: Rect, top: int) -> Rect:
    return Rect(area.left, top, area.width, max(area.bottom - top, 0))
