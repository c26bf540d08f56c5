"""Portrait: a mirror with guidance, then the countdown to the photographs."""

import math
from typing import ClassVar

from pydantic import Field

from engine.common.arrays import Pixels
from installation.settings.parameters import Parameters
from installation.stage.canvas import Anchor, Canvas, TextBlock
from installation.stage.start_edge import start_edge
from installation.stage.theme import Theme, ease, theme_of
from installation.stage.view import Guidance, View
from installation.visit.parameters import Timeouts
from installation.visit.state import countdown_left_s
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.mirror import Box, Window, reflect, window_for
from scenes.widgets.mirror_scene import MirrorScene
from scenes.widgets.signals import draw_signal


class PortraitParameters(Parameters):
    """The mirror and its guidance."""

    scene: ClassVar[str] = "portrait"

    follow_s: float = Field(0.7, ge=0, le=5, description="how slowly the mirror follows the face")
    close: bool = Field(True, description="whether the mirror comes close while the countdown runs")
    outline: bool = Field(True, description="whether the face is outlined")
    signal_s: float = Field(1.8, ge=0.8, le=10, description="how often the sign of what to do moves")
    figures: bool = Field(True, description="whether the countdown is told in figures, too")


class Portrait(MirrorScene):
    """Draws the camera's picture, an outline around the face, and one instruction at a time."""

    parameters = PortraitParameters

    def _forget(self) -> None:
        super()._forget()
        self._opened_s: float | None = None
        self._box: Box | None = None
        self._reflected: tuple[tuple[int, int], Window, Pixels] | None = None

    def update(self, view: View) -> None:
        passed_s = self._passed_s(view)
        if view.camera is None:
            return
        if self._opened_s is None:
            self._opened_s = view.now_s
        parameters = view.parameters.of(PortraitParameters)
        height, width = view.camera.image.shape[:2]
        box = view.participant.sighting.box if view.participant.sighting else None
        counting = countdown_left_s(view.visit, view.now_s, view.parameters.of(Timeouts)) is not None
        goal = window_for(width, height, box, counting and parameters.close)
        slow = 1.6 if counting else 1.0
        now = self._window or goal
        self._window = now.towards(goal, passed_s, slow * parameters.follow_s).inside(width, height)
        if box is None or self._box is None:
            self._box = box
        else:
            share = 1 - math.exp(-passed_s / 0.12)
            x0, y0, x1, y1 = (was + share * (new - was) for was, new in zip(self._box, box, strict=True))
            self._box = x0, y0, x1, y1

    def draw(self, canvas: Canvas, view: View) -> None:
        parameters, theme, layout = view.parameters.of(PortraitParameters), theme_of(view), canvas.layout
        self.draw_stop_button(canvas, view)
        left_s = countdown_left_s(view.visit, view.now_s, view.parameters.of(Timeouts))
        opened = 0.0 if self._opened_s is None else ease(view.now_s - self._opened_s, 0.6)
        if view.camera is None or self._window is None:
            draw_idle_glow(canvas, theme, layout.face)
            words = TextBlock(view.text("portrait.camera"), layout.large_px, 500, theme.ink, theme.fade_in)
            canvas.column([words], layout.clear, Anchor.TOP if layout.stacked else Anchor.MIDDLE)
            return
        canvas.picture(self._mirrored(view, layout.face.width), layout.face, opened)
        if opened < 1:
            draw_idle_glow(canvas, theme, layout.face, 1 - opened)
        if parameters.outline and self._reflected is not None and self._box is not None:
            height, width = view.camera.image.shape[:2]
            self._draw_outline(
                canvas, view, theme, self._reflected[1].shares(self._box, width, height), left_s
            )
        self._draw_words(canvas, view, theme, parameters, left_s)

    def _mirrored(self, view: View, size_px: int) -> Pixels:
        """The part of the newest frame to show, computed once for each frame."""
        assert view.camera is not None and self._window is not None
        key = (view.camera.index, size_px)
        if self._reflected is None or self._reflected[0] != key:
            self._reflected = key, self._window, reflect(view.camera.image, self._window, size_px)
        return self._reflected[2]

    def _draw_outline(self, canvas: Canvas, view: View, theme: Theme, box: Box, left_s: float | None) -> None:
        """Draws an oval around the face; it closes while the countdown runs."""
        face, stroke = canvas.layout.face, canvas.layout.stroke_px
        x0, y0, x1, y1 = box
        centre = face.left + (x0 + x1) / 2 * face.width, face.top + (y0 + y1) / 2 * face.height
        radii = 0.66 * (x1 - x0) * face.width, 0.66 * (y1 - y0) * face.height
        canvas.arc(centre, radii, stroke, theme.quiet_ink, 0.7)
        if left_s is not None:
            countdown_s = view.parameters.of(Timeouts).countdown_s
            canvas.arc(
                centre, radii, 3 * stroke, theme.ink, 1.0, 1 - left_s / countdown_s if countdown_s else 1.0
            )

    def _draw_words(
        self, canvas: Canvas, view: View, theme: Theme, parameters: PortraitParameters, left_s: float | None
    ) -> None:
        layout, panel = canvas.layout, canvas.layout.panel
        radius = round(1.5 * layout.body_px)
        top = panel.top + round(0.5 * radius) if layout.stacked else panel.centery - 2 * radius
        guidance = view.participant.sighting.guidance if view.participant.sighting else Guidance.NOBODY
        start = start_edge(panel, view.text)
        centre = start.x(2 * radius), top + radius
        if left_s is not None and parameters.figures:
            size = round(4.4 * radius)
            canvas.changing_number(
                str(max(math.ceil(left_s), 1)),
                (start.x(), top + radius + 0.35 * size),
                size,
                200,
                theme.ink,
                theme.fade_in,
                start.align,
            )
        else:
            draw_signal(
                canvas, theme, centre, radius, guidance, view.now_s / parameters.signal_s, theme.fade_in
            )
        words = layout.clear.copy()
        words.top = top + round(3.4 * radius)
        words.height = layout.clear.bottom - words.top
        line = view.text(f"guidance.{guidance.name.lower()}")
        canvas.column([TextBlock(line, layout.title_px, 500, theme.ink, theme.fade_in)], words)
