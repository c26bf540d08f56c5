"""Two decoders that learn, while nobody takes part: one encoder sees A, and both decoders draw from its code.

Above are A, who is seen, and B in the same pose, as it should be drawn; in the middle the code, as a picture;
below what the decoders of A and of B make of it. Beside that stands what this is, and how far off it is, in
words and as a line over time. Nobody in it exists.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pygame import Rect

from engine.live.decoders.training_frame import TrainingFrame
from installation.stage.canvas import Align, Anchor, Canvas, TextBlock
from installation.stage.layout import Layout, below
from installation.stage.scene import Scene
from installation.stage.theme import Theme, ease, format_number, theme_of
from installation.stage.view import View
from installation.visit.parameters import DecodersParameters
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.invitation import invitation

_CODE_HEIGHT, _GAP = 0.1, 0.03  # of the square: the code, and above and below it
_INSET = 0.04  # the square is smaller than the face's place by this share
_COLUMNS = 0.27, 0.73  # of its width: the middles of A's column and B's
_CODE_PX = 8  # so large is each number of the code drawn before it is scaled
_CURVE_LINES = 3  # how high the curve is, in lines of text
_FADE_S = 1.0


class Decoders(Scene):
    """Draws `view.training`; the idle glow while there is none."""

    parameters = DecodersParameters

    def __init__(self) -> None:
        self._began_s = 0.0

    def enter(self, view: View) -> None:
        self._began_s = view.now_s

    def draw(self, canvas: Canvas, view: View) -> None:
        theme, layout, frame = theme_of(view), canvas.layout, view.training
        if frame is None:
            draw_idle_glow(canvas, theme, layout.face)
            return
        light = ease(view.now_s - self._began_s, _FADE_S)
        _draw_pictures(canvas, view, theme, frame, light)
        _draw_words(canvas, view, theme, layout, frame, light)


class _Places(NamedTuple):
    """Where the pictures are, and the baselines of the words above and below them."""

    seen: Rect
    wanted: Rect
    code: Rect
    drawn: tuple[Rect, Rect]
    baselines: tuple[float, float]


def _places(layout: Layout) -> _Places:
    square = layout.face.inflate(*(-round(_INSET * layout.face.height),) * 2)
    word, gap = round(1.5 * layout.small_px), round(_GAP * square.height)
    high = round(_CODE_HEIGHT * square.height)
    side = (square.height - 2 * word - 2 * gap - high) // 2
    lefts = [square.left + round(share * square.width) - side // 2 for share in _COLUMNS]
    top = square.top + word
    code = Rect(lefts[0], top + side + gap, lefts[1] + side - lefts[0], high)
    low = code.bottom + gap
    return _Places(
        seen=Rect(lefts[0], top, side, side),
        wanted=Rect(lefts[1], top, side, side),
        code=code,
        drawn=(Rect(lefts[0], low, side, side), Rect(lefts[1], low, side, side)),
        baselines=(top - 0.35 * word, low + side + 0.7 * word),
    )


def _draw_pictures(canvas: Canvas, view: View, theme: Theme, frame: TrainingFrame, light: float) -> None:
    places, layout = _places(canvas.layout), canvas.layout
    canvas.picture(frame.seen, places.seen, light)
    canvas.picture(frame.wanted, places.wanted, light)
    for picture, place in zip(frame.drawn, places.drawn, strict=True):
        canvas.picture(picture, place, light)
    blocks = np.kron(frame.code, np.ones((_CODE_PX, _CODE_PX), np.uint8))
    canvas.picture(np.dstack([blocks] * 3), places.code, light, fade_edges=False)
    stroke = layout.stroke_px
    for x, above, under in (
        (places.seen.centerx, places.seen.bottom, places.code.top),
        *((place.centerx, places.code.bottom, place.top) for place in places.drawn),
    ):
        canvas.polyline([(x, above), (x, under)], stroke, theme.quiet_ink, light)
    for key, place, baseline in (
        ("a", places.seen, places.baselines[0]),
        ("b", places.wanted, places.baselines[0]),
        ("decoder_a", places.drawn[0], places.baselines[1]),
        ("decoder_b", places.drawn[1], places.baselines[1]),
    ):
        words = view.text(f"decoders.{key}")
        at = place.centerx, baseline
        canvas.text(words, at, layout.small_px, 400, theme.quiet_ink, light, Align.MIDDLE)


def _draw_words(
    canvas: Canvas, view: View, theme: Theme, layout: Layout, frame: TrainingFrame, light: float
) -> None:
    """Headline, a sentence and the curve; the invitation at the bottom."""
    parameters, body = view.parameters.of(DecodersParameters), layout.body_px
    area = layout.panel.copy()
    taken = canvas.column([invitation(view, layout, theme)], area, Anchor.BOTTOM)
    area.height = taken.top - area.top - body
    headline = parameters.headline or view.text("decoders.headline")
    blocks = [
        TextBlock(headline, layout.large_px, 600, theme.ink, light, 0.4),
        TextBlock(_sentence(view, frame, parameters.sentence_s), body, 300, theme.ink, light),
    ]
    curve_px = round(_CURVE_LINES * 1.4 * body)
    place = area.copy()
    shows_curve = parameters.curve and len(frame.missed_grey) > 1 and area.height > 2.5 * curve_px
    if shows_curve:
        place.height -= curve_px + body
    taken = canvas.column(blocks, place)
    if shows_curve:
        left = below(area, taken, body)
        left.height = curve_px
        _draw_curve(canvas, theme, left, frame.missed_grey, frame.frozen_grey, layout.stroke_px, light)


def _sentence(view: View, frame: TrainingFrame, lasts_s: float) -> str:
    """One sentence after the other: what is done, what that makes, and how far off it is."""
    sentences = [view.text("decoders.how"), view.text("decoders.swap")]
    if frame.missed_grey:
        off, frozen = (format_number(view, grey, 1) for grey in (frame.missed_grey[-1], frame.frozen_grey))
        sentences.append(view.text("decoders.off", off=off, frozen=frozen))
    return sentences[int(view.now_s / lasts_s) % len(sentences)]


def _draw_curve(
    canvas: Canvas,
    theme: Theme,
    place: Rect,
    missed_grey: Sequence[float],
    frozen_grey: float,
    stroke_px: int,
    light: float,
) -> None:
    """How far off it has been, from the first to now, under the dashed line of a face that never moves."""
    highest = max(frozen_grey, *missed_grey)
    xs = np.linspace(place.left, place.right, len(missed_grey))
    points = [
        (float(x), place.bottom - place.height * grey / highest)
        for x, grey in zip(xs, missed_grey, strict=True)
    ]
    level = place.bottom - place.height * frozen_grey / highest
    dash = 4 * stroke_px
    canvas.dashed_polyline(
        [(place.left, level), (place.right, level)], (dash, dash), stroke_px, theme.quiet_ink
    )
    canvas.polyline(points, 2 * stroke_px, theme.ink, light)
