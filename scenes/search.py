"""Search: the middle of all faces becomes the visitor, and then shows where the visitor ends.

1. The median face is held, and said to be it. Then the engine's own pictures follow in their order, up to the
   closest match. While the judges are asked, the scene goes back along these pictures and returns.
2. Once the border on the median way is known, a ride on that way, with the verdict on the very picture that
   is shown, to and fro until the engine has found the nearest picture, too.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from pygame import Rect

from engine.border.strip import Strip
from installation.settings.parameters import Parameters
from installation.stage.canvas import Canvas, TextBlock
from installation.stage.layout import below
from installation.stage.start_edge import start_edge
from installation.stage.theme import Theme, ease, sitter_exists, sitter_text, theme_of
from installation.stage.view import ShownPicture, View
from scenes.widgets.becoming import Becoming
from scenes.widgets.calm_verdict import CalmVerdict
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.stop_button import CancellableScene
from scenes.widgets.sweep import Leg, index_at, sweep_t
from scenes.widgets.verdict import draw_needle, draw_words, shown_picture

_FADE_IN_S = 1.0  # of the first picture, and of the ride


class SearchParameters(Parameters):
    """The search, live."""

    scene: ClassVar[str] = "search"

    median_s: float = Field(3, ge=0, le=20, description="the median face, before it begins to change")
    way_s: float = Field(6, ge=2, le=60, description="each way between match and median face")
    stages: bool = Field(True, description="whether a line says what the machine is doing")
    follow_s: float = Field(0.8, ge=0.05, le=5, description="how fast the line follows the engine's progress")
    headline: str = Field("", max_length=60, description="the headline; empty: the language's own")


class Search(CancellableScene):
    """Draws the pictures of the search as they come, then the median way."""

    parameters = SearchParameters

    def __init__(self) -> None:
        self._forget(0.0)

    def enter(self, view: View) -> None:
        self._forget(view.now_s)

    def leave(self) -> None:
        super().leave()
        self._forget(0.0)

    def _forget(self, now_s: float) -> None:
        self._share = 0.0
        self._last_s = now_s
        self._becoming = Becoming()
        self._picture_s: float | None = None  # when the first picture was there
        # The second act.
        self._strip: Strip | None = None
        self._ride_s = 0.0  # when it began
        self._index = 0
        self._calm = CalmVerdict()
        self._shown: tuple[ShownPicture, ...] = ()

    def shown(self) -> Sequence[ShownPicture]:
        return self._shown

    def update(self, view: View) -> None:
        values, search = view.parameters.of(SearchParameters), view.participant.search
        passed_s, self._last_s = max(view.now_s - self._last_s, 0.0), view.now_s
        share = search.share if search else 0.0
        self._share += (1 - math.exp(-passed_s / values.follow_s)) * (share - self._share)
        if view.participant.result is not None:
            self._ride(view, view.participant.result.median, values)
            return
        median = view.people[0].pictures[0] if view.people else None
        motionless = theme_of(view).reduced_motion
        self._becoming.step(median, search, view.elapsed_s >= values.median_s, passed_s, motionless)
        if self._picture_s is None and self._becoming.picture is not None:
            self._picture_s = view.now_s

    def _ride(self, view: View, strip: Strip, values: SearchParameters) -> None:
        if self._strip is None:
            self._ride_s = view.now_s
        self._strip = strip  # more pictures come while the ride goes on
        legs = (
            Leg(1.0, 1.0, 1.0),
            Leg(1.0, 0.0, values.way_s),
            Leg(0.0, 0.0, 0.6),
            Leg(0.0, 1.0, 0.8 * values.way_s),
        )
        elapsed_s = (view.now_s - self._ride_s) % sum(leg.duration_s for leg in legs)
        t = sweep_t(legs, strip.border_t, elapsed_s, theme_of(view).reduced_motion)
        self._index = self._calm.index(strip, index_at(strip, t), view.now_s)

    def draw(self, canvas: Canvas, view: View) -> None:
        self._shown = ()
        theme, layout = theme_of(view), canvas.layout
        self.draw_stop_button(canvas, view)
        if self._strip is not None:
            self._draw_ride(canvas, view, theme, self._strip)
            return
        came = 0.0 if self._picture_s is None else ease(view.now_s - self._picture_s, _FADE_IN_S)
        if self._becoming.picture is not None:
            canvas.picture(self._becoming.picture, layout.face, came * theme.breath)
        if came < 1:
            draw_idle_glow(canvas, theme, layout.face, 1 - came)
        self._draw_words(canvas, view, theme)

    def _draw_words(self, canvas: Canvas, view: View, theme: Theme) -> None:
        """Draws what the machine does, with a line that follows its progress."""
        parameters, layout = view.parameters.of(SearchParameters), canvas.layout
        panel, clear = layout.panel, layout.clear
        key = "search.you" if sitter_exists(view) else "search.nobody"
        headline = parameters.headline or view.text(key)
        line = ""
        search = view.participant.search
        if search is not None and search.queue_place is not None:
            headline = view.text("search.queued", place=search.queue_place)
        elif self._becoming.is_median:
            headline = view.text("search.middle")
        elif parameters.stages and search is not None:
            stage = f"search.{search.stage}"
            line = sitter_text(view, stage) if stage in view.text.lines else ""
        blocks = [
            TextBlock(headline, layout.large_px, 500, theme.ink, theme.fade_in, 0.5),
            TextBlock(line, layout.body_px, 300, theme.quiet_ink, theme.fade_in),
        ]
        top = panel.top if layout.stacked else panel.centery - 2 * layout.large_px
        width = round(panel.width * self._share)
        canvas.fill(
            Rect(panel.left, top, panel.width, layout.stroke_px), theme.quiet_ink, 0.4 * theme.fade_in
        )
        start = start_edge(panel, view.text)
        done = Rect(start.left_of(width), top, width, 2 * layout.stroke_px)
        canvas.fill(done, theme.ink, theme.fade_in)
        canvas.disc((start.x(width), top + layout.stroke_px), 3 * layout.stroke_px, theme.ink, theme.breath)
        top += layout.body_px
        canvas.column(blocks, Rect(clear.left, top, clear.width, clear.bottom - top))

    def _draw_ride(self, canvas: Canvas, view: View, theme: Theme, strip: Strip) -> None:
        """Draws the median way's picture with its verdict, and what is still looked for."""
        layout, light = canvas.layout, ease(view.now_s - self._ride_s, _FADE_IN_S)
        canvas.picture(strip.pictures[self._index], layout.face)
        rest = layout.clear.copy()
        if not layout.stacked:
            rest.top = layout.face.top + round(0.3 * layout.face.height)
            rest.height = layout.clear.bottom - rest.top
        taken = draw_words(canvas, view, theme, rest, strip.verdict(self._index).same, light)
        rest = below(rest, taken, layout.body_px // 2)
        taken = draw_needle(canvas, view, theme, rest, strip, self._index, light)
        rest = below(rest, taken, layout.body_px // 2)
        values = view.parameters.of(SearchParameters)
        is_first = view.now_s - self._ride_s < values.way_s
        words = sitter_text(view, "search.way" if is_first or not values.stages else "search.doppelganger")
        canvas.column([TextBlock(words, layout.body_px, 500, theme.ink, light)], rest)
        if light > 0:
            self._shown = (shown_picture(strip, self._index),)
