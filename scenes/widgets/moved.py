"""What moved at the border: the picture under a spotlight, and how many of its values are identical."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pygame import Rect

from engine.border.difference import identical_share, spotlight, what_moved
from engine.border.strip import Strip
from engine.common.arrays import Pixels
from installation.stage.canvas import Canvas, TextBlock
from installation.stage.layout import below
from installation.stage.start_edge import start_edge
from installation.stage.theme import Theme, ease, sitter_text
from installation.stage.view import View

_BEAT_S = 1.2  # each of the border's two pictures under the spotlight


@dataclass(frozen=True, eq=False)
class Moved:
    """The border's two pictures, uint8 (2, R, R, 3) RGB, in full and under a spotlight on what moved.

    identical: the share of their values that are equal, 0 to 1.
    """

    pictures: tuple[Pixels, Pixels]
    mask: NDArray[np.float32]
    lit: tuple[Pixels, Pixels]
    identical: float

    @classmethod
    def of(cls, strip: Strip) -> "Moved":
        """Of a continuum with a border."""
        pair = strip.border_pair
        assert pair is not None
        mask = what_moved(*pair)
        return cls(pair, mask, (spotlight(pair[0], mask), spotlight(pair[1], mask)), identical_share(*pair))


def draw_moved(
    canvas: Canvas, view: View, theme: Theme, moved: Moved, elapsed_s: float, duration_s: float
) -> None:
    """Draws the face as all of it but what moved sinks into the dark, with the share of identical values."""
    layout = canvas.layout
    # The pair has closed on the face, which goes on from there; only the words come.
    face_light = ease(duration_s - elapsed_s, 0.5)
    light = min(ease(elapsed_s, 0.5), face_light)
    dark = ease(elapsed_s - 0.5, 0.2 * duration_s)
    other = int(elapsed_s / _BEAT_S) % 2 == 1 and not theme.reduced_motion
    if dark >= 1 or theme.reduced_motion:
        picture = moved.lit[other]
    else:
        picture = spotlight(moved.pictures[other], moved.mask, dark)
    canvas.picture(picture, layout.face, face_light)
    panel = layout.panel
    area = panel if layout.stacked else panel.inflate(0, -round(0.4 * panel.height))
    area = area.clip(layout.clear)
    headline = TextBlock(view.text("border.moved"), layout.large_px, 500, theme.ink, light)
    area = below(area, canvas.column([headline], area), layout.body_px // 3)
    size, start = layout.title_px, start_edge(area, view.text)
    number = view.text.share(moved.identical)
    canvas.changing_number(number, (start.x(), area.top + size), size, 200, theme.ink, light, start.align)
    area = below(area, Rect(area.left, area.top, area.width, round(1.2 * size)), 0)
    blocks = [
        TextBlock(view.text("border.identical"), layout.body_px, 300, theme.ink, light, 0.6),
        TextBlock(sitter_text(view, "border.end"), layout.body_px, 300, theme.quiet_ink, light),
    ]
    canvas.column(blocks, area)
