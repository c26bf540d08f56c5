"""What has been erased, or was never taken. The light of the face goes out."""

import math
from typing import ClassVar

from pydantic import Field

from installation.settings.parameters import Parameters
from installation.stage.canvas import Block, Canvas
from installation.stage.scene import Scene
from installation.stage.theme import ease, look, words
from installation.stage.view import View
from scenes.widgets.quiet import draw_quiet


class FarewellParameters(Parameters):
    """The end of a visit."""

    scene: ClassVar[str] = "farewell"

    line_s: float = Field(0.9, ge=0, le=5, description="from one line of what is erased to the next")
    farewell: str = Field("", max_length=60, description="the last words; empty: the language's own")


class Farewell(Scene):
    """The visit is erased on entering; these are words about it."""

    parameters = FarewellParameters

    def draw(self, canvas: Canvas, view: View) -> None:
        parameters, seen, layout = view.registry.of(FarewellParameters), look(view), canvas.layout
        lasts_s = view.lasts_s if math.isfinite(view.lasts_s) else 10.0
        draw_quiet(canvas, seen, layout.face, 1 - ease(view.elapsed_s, 0.9 * lasts_s))
        lines = [words(view, "farewell.photographs"), words(view, "farewell.measurements")]
        if view.link is None:
            lines.append(view.text("farewell.pictures"))
        else:
            minutes = max(math.ceil((view.link.until_s - view.now_s) / 60), 1)
            lines.append(view.text("farewell.fetch", minutes=minutes))
        blocks = []
        for number, line in enumerate(lines):
            light = seen.passing * ease(view.elapsed_s - number * parameters.line_s, 0.8)
            after = 0.5 if number < len(lines) - 1 else 1.2
            blocks.append(Block(line, layout.body_px, 300, seen.ink, light, after))
        light = seen.passing * ease(view.elapsed_s - len(lines) * parameters.line_s, 0.8)
        goodbye = parameters.farewell or view.text("farewell.goodbye")
        blocks.append(Block(goodbye, layout.large_px, 500, seen.ink, light))
        canvas.column(blocks, layout.panel, "top" if layout.stacked else "middle")
