"""Farewell: why a visit has ended without a picture, and what has been erased or was never recorded.

The idle glow fades out.
"""

import math
from typing import ClassVar

from pydantic import Field

from installation.settings.parameters import Parameters
from installation.stage.canvas import Anchor, Canvas, TextBlock
from installation.stage.scene import Scene
from installation.stage.theme import ease, sitter_text, theme_of
from installation.stage.view import View
from scenes.widgets.idle_glow import draw_idle_glow


class FarewellParameters(Parameters):
    """The end of a visit."""

    scene: ClassVar[str] = "farewell"

    line_s: float = Field(0.9, ge=0, le=5, description="from one line of what is erased to the next")
    farewell: str = Field("", max_length=60, description="the last words; empty: the language's own")


class Farewell(Scene):
    """Draws the lines one after the other. The visit has been erased when this scene is entered."""

    parameters = FarewellParameters

    def draw(self, canvas: Canvas, view: View) -> None:
        parameters, theme, layout = view.parameters.of(FarewellParameters), theme_of(view), canvas.layout
        lasts_s = view.duration_s if math.isfinite(view.duration_s) else 10.0
        draw_idle_glow(canvas, theme, layout.face, 1 - ease(view.elapsed_s, 0.9 * lasts_s))
        ending = view.visit.ending
        blocks = []
        if ending is not None and ending.is_failure:
            words = sitter_text(view, f"farewell.{ending}")
            blocks.append(TextBlock(words, layout.large_px, 500, theme.ink, theme.fade, 1.2))
        lines = [sitter_text(view, "farewell.photographs"), sitter_text(view, "farewell.measurements")]
        if view.participant.link is None:
            lines.append(view.text("farewell.pictures"))
        else:
            minutes = max(math.ceil((view.participant.link.until_s - view.now_s) / 60), 1)
            lines.append(view.text("farewell.fetch", minutes=minutes))
        for number, line in enumerate(lines):
            light = theme.fade * ease(view.elapsed_s - number * parameters.line_s, 0.8)
            after = 0.5 if number < len(lines) - 1 else 1.2
            blocks.append(TextBlock(line, layout.body_px, 300, theme.ink, light, after))
        light = theme.fade * ease(view.elapsed_s - len(lines) * parameters.line_s, 0.8)
        goodbye = parameters.farewell or view.text("farewell.goodbye")
        blocks.append(TextBlock(goodbye, layout.large_px, 500, theme.ink, light))
        canvas.column(blocks, layout.panel, Anchor.TOP if layout.stacked else Anchor.MIDDLE)
