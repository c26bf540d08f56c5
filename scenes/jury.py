"""Every judge's border on one line: the machines do not agree where the visitor ends."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field
from pygame import Rect

from engine.finding import Opinion
from installation.parameters import Parameters
from installation.view import View
from scenes.canvas import Block, Canvas
from scenes.look import Look, look, smooth
from scenes.ride import Leg, index_at, ride
from scenes.scene import Scene
from scenes.typesetting import text_width
from scenes.verdict import judge_name


class JuryParameters(Parameters):
    """The judges side by side."""

    scene: ClassVar[str] = "jury"

    judges: int = Field(5, ge=1, le=8, description="how many judges are shown, the leading one first")
    reveal_s: float = Field(1, ge=0, le=10, description="before the ride begins")
    sentences: bool = Field(True, description="whether each judge's operating point is told as a sentence")
    headline: str = Field("", max_length=60, description="the headline; empty: the language's own")


class Jury(Scene):
    """A ride along the median's way; each judge's sign changes where its border is."""

    parameters = JuryParameters

    def __init__(self) -> None:
        self._t, self._index = 1.0, 0

    def update(self, view: View) -> None:
        if view.finding is None:
            return
        lasts_s = min(view.lasts_s, 60.0)
        reveal_s = min(view.registry.of(JuryParameters).reveal_s, lasts_s / 4)
        riding_s = 0.85 * lasts_s - reveal_s
        legs = (Leg(1.0, 1.0, reveal_s), Leg(1.0, 0.0, 0.6 * riding_s), Leg(0.0, 1.0, 0.4 * riding_s))
        self._t = ride(legs, None, view.elapsed_s, look(view).reduced)
        self._index = index_at(view.finding.median, self._t)

    def draw(self, canvas: Canvas, view: View) -> None:
        if view.finding is None:
            return
        parameters, seen, layout = view.registry.of(JuryParameters), look(view), canvas.layout
        strip, opinions = view.finding.median, view.finding.opinions[: parameters.judges]
        canvas.picture(strip.pictures[self._index], layout.face)
        panel = layout.panel
        key = "jury.alone" if len(opinions) == 1 else "jury.headline"
        headline = Block(parameters.headline or view.text(key), layout.large_px, 500, seen.ink, seen.coming)
        taken = canvas.column(
            [headline], Rect(panel.left, panel.top, panel.width, round(2.6 * layout.large_px))
        )
        rest = Rect(panel.left, taken.bottom + layout.body_px // 2, panel.width, 0)
        rest.height = panel.bottom - rest.top
        self._draw_line(canvas, view, seen, rest, opinions)

    def _draw_line(
        self, canvas: Canvas, view: View, seen: Look, area: Rect, opinions: Sequence[Opinion]
    ) -> None:
        layout = canvas.layout
        size, small, stroke = layout.body_px, layout.small_px, layout.stroke_px
        left, right = area.left + size // 2, area.right - size // 2
        y = area.top + round(1.8 * small)

        def x_of(t: float) -> float:
            return left + t * (right - left)

        canvas.text(
            view.text("jury.nobody"), (area.left, area.top + small), small, 300, seen.quiet, seen.coming
        )
        canvas.text(
            view.text("jury.you"),
            (area.right, area.top + small),
            small,
            300,
            seen.quiet,
            seen.coming,
            "right",
        )
        canvas.line([(left, y), (right, y)], stroke, seen.quiet, seen.coming)
        sentences = view.registry.of(JuryParameters).sentences
        step = min((area.bottom - y - small) / max(len(opinions), 1), 3.4 * size)
        sentences = sentences and step >= 1.35 * (size + small)
        for number, opinion in enumerate(opinions):
            top = y + small * 0.7 + number * step
            light = seen.coming * smooth((view.elapsed_s - 0.25 * number) / 0.8)
            if opinion.border_t is not None:
                x = x_of(opinion.border_t)
                canvas.line([(x, y - 0.5 * size), (x, top + 0.2 * size)], stroke, seen.ink, light)
            self._draw_judge(
                canvas,
                view,
                seen,
                Rect(area.left, round(top), area.width, round(step)),
                opinion,
                light,
                sentences,
            )
        canvas.disc((x_of(self._t), y), 0.3 * size, seen.ink, seen.coming)

    def _draw_judge(
        self,
        canvas: Canvas,
        view: View,
        seen: Look,
        row: Rect,
        opinion: Opinion,
        light: float,
        sentence: bool,
    ) -> None:
        size, small = canvas.layout.body_px, canvas.layout.small_px
        same = same_at(opinion, self._t)
        baseline = row.top + 1.1 * size
        radius = 0.36 * size
        canvas.mark((row.left + radius, baseline - 0.35 * size), radius, same, seen.ink, light)
        name = judge_name(view, opinion.judge)
        canvas.text(name, (row.left + 1.2 * size, baseline), size, 600, seen.ink, light)
        if opinion.without_border is not None:
            x = row.left + 1.2 * size + text_width(name, size, 600) + 0.6 * size
            canvas.text(
                view.text(f"jury.{opinion.without_border}"), (x, baseline), size, 300, seen.ink, light
            )
        if sentence:
            line = Rect(row.left + round(1.2 * size), round(baseline + 0.25 * size), 0, round(1.4 * small))
            line.width = row.right - line.left
            canvas.column([Block(_sentence(view, opinion), small, 300, seen.quiet, light)], line)


def same_at(opinion: Opinion, t: float) -> bool:
    """The judge's verdict at t, its distances interpolated between the pictures it was asked about."""
    if not opinion.curve:
        return False
    places, distances = zip(*opinion.curve, strict=True)
    return bool(np.interp(t, places, distances) <= opinion.threshold)


def _sentence(view: View, opinion: Opinion) -> str:
    if opinion.fmr is None:
        return view.text("jury.unmeasured")
    count = f"{max(round(opinion.fmr * 10_000), 1):,}".replace(",", view.text("jury.thousands"))
    return view.text("jury.takes", count=count)
