"""Search: the engine's pictures as they are made, and its progress."""

import math
from typing import ClassVar

from pydantic import Field
from pygame import Rect

from installation.settings.parameters import Parameters
from installation.stage.canvas import Canvas, TextBlock
from installation.stage.start_edge import start_edge
from installation.stage.theme import ease, sitter_exists, sitter_text, theme_of
from installation.stage.view import View
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.stop_button import CancellableScene

_FADE_IN_S = 1.0  # of the first picture


class SearchParameters(Parameters):
    """The search, live."""

    scene: ClassVar[str] = "search"

    stages: bool = Field(True, description="whether a line says what the machine is doing")
    follow_s: float = Field(0.8, ge=0.05, le=5, description="how fast the line follows the engine's progress")
    headline: str = Field("", max_length=60, description="the headline; empty: the language's own")


class Search(CancellableScene):
    """Draws the newest picture of the search; between two of them only its brightness changes."""

    parameters = SearchParameters

    def __init__(self) -> None:
        self._share = 0.0
        self._last_s = 0.0
        self._first_picture_s: float | None = None

    def enter(self, view: View) -> None:
        self._share, self._last_s, self._first_picture_s = 0.0, view.now_s, None

    def update(self, view: View) -> None:
        passed_s, self._last_s = view.now_s - self._last_s, view.now_s
        share = view.participant.search.share if view.participant.search else 0.0
        if (
            self._first_picture_s is None
            and view.participant.search is not None
            and view.participant.search.picture is not None
        ):
            self._first_picture_s = view.now_s
        follow_s = view.parameters.of(SearchParameters).follow_s
        self._share += (1 - math.exp(-max(passed_s, 0.0) / follow_s)) * (share - self._share)

    def draw(self, canvas: Canvas, view: View) -> None:
        parameters, theme, layout = view.parameters.of(SearchParameters), theme_of(view), canvas.layout
        self.draw_stop_button(canvas, view)
        panel, clear = layout.panel, layout.clear
        came = 0.0
        if (
            view.participant.search is not None
            and view.participant.search.picture is not None
            and self._first_picture_s is not None
        ):
            came = ease(view.now_s - self._first_picture_s, _FADE_IN_S)
            canvas.picture(view.participant.search.picture, layout.face, came * theme.breath)
        if came < 1:
            draw_idle_glow(canvas, theme, layout.face, 1 - came)
        key = "search.you" if sitter_exists(view) else "search.nobody"
        blocks = [
            TextBlock(
                parameters.headline or view.text(key), layout.large_px, 500, theme.ink, theme.fade_in, 0.5
            )
        ]
        if parameters.stages and view.participant.search is not None:
            stage = f"search.{view.participant.search.stage}"
            line = sitter_text(view, stage) if stage in view.text.lines else ""
            blocks.append(TextBlock(line, layout.body_px, 300, theme.quiet_ink, theme.fade_in))
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
