"""What has been erased. The light of the face goes out."""

import math
from typing import ClassVar

from pydantic import Field

from installation.parameters import Parameters
from installation.view import View
from scenes.canvas import Block, Canvas
from scenes.look import look, smooth
from scenes.quiet import draw_quiet
from scenes.scene import Scene


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
        lasts_s = view.lasts_s if math.isfinite(view.lasts_s) else 8.0
        draw_quiet(canvas, seen, layout.face, view.now_s, smooth(1 - 1.15 * view.elapsed_s / lasts_s))
        blocks = []
        for number, key in enumerate(("photographs", "measurements", "pictures")):
            light = smooth((view.elapsed_s - number * parameters.line_s) / 0.8)
            blocks.append(Block(view.text(f"farewell.{key}"), layout.body_px, 300, seen.ink, light, 0.4))
        blocks[-1] = Block(blocks[-1].words, layout.body_px, 300, seen.ink, blocks[-1].light, 1.0)
        light = smooth((view.elapsed_s - 3 * parameters.line_s) / 0.8)
        if view.link is not None:
            minutes = max(math.ceil((view.link.until_s - view.now_s) / 60), 1)
            lives = view.text("farewell.lives", minutes=minutes)
            blocks.append(Block(lives, layout.body_px, 300, seen.quiet, light, 1.0))
        words = parameters.farewell or view.text("farewell.goodbye")
        blocks.append(Block(words, layout.large_px, 500, seen.ink, light))
        canvas.column(blocks, layout.panel, "top" if layout.stacked else "middle")
