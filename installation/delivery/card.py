"""The card: one picture to keep or to post, 1080 x 1350, in the same language of light as the film."""

import numpy as np

from engine.common.arrays import Pixels
from installation.outputs import drawing
from installation.outputs.drawing import WHITE
from installation.settings.texts import Texts

WIDTH_PX, HEIGHT_PX = 1080, 1350

_MARGIN_PX = 60
_BAND_PX = HEIGHT_PX - WIDTH_PX
_PAIR_PX, _GAP_PX = 140, 6
_FACT_PX, _LEADING_PX = 30, 40
_MADE_PX, _MADE_GREY = 34, 235  # on a phone's screen a third of it: it has to be read there, too


def draw(
    doppelganger: Pixels,
    pair: tuple[Pixels, Pixels] | None,
    text: Texts,
    same: bool = False,
    exists: bool = True,
) -> Pixels:
    """The doppelgänger, both sides of the border if given, and one line of fact: uint8 (1350, 1080, 3) RGB.

    Pictures are uint8 (R, R, 3) RGB of any size; of the pair, *same person* is the first. same: the verdict
    on the doppelgänger, where no border was found. exists: whether the sitter does.
    """
    canvas = drawing.blank(WIDTH_PX, HEIGHT_PX)
    drawing.place(canvas, doppelganger, 0, 0, WIDTH_PX)
    right = WIDTH_PX - _MARGIN_PX
    if pair is None:
        fact = text.about(exists, "card.fact_same" if same else "card.fact")
    else:
        right = _draw_pair(canvas, pair) - _MARGIN_PX
        apart = float(np.abs(pair[0].astype(np.int16) - pair[1]).mean())
        fact = text.about(exists, "card.fact_of_pair", difference=text.levels(apart))

    baseline = WIDTH_PX + 74
    verdict = text("verdict.same" if same else "verdict.other").upper()
    drawing.mark(canvas, (_MARGIN_PX + 15, baseline - 16), 15, same)
    drawing.write(canvas, verdict, (_MARGIN_PX + 50, baseline), 46, 600, WHITE)
    for line in wrap(fact, _FACT_PX, right - _MARGIN_PX):
        baseline += _LEADING_PX if line else 0
        drawing.write(canvas, line, (_MARGIN_PX, baseline + 14), _FACT_PX, 400, 205)
    across = WIDTH_PX - 2 * _MARGIN_PX
    made = text("card.synthetic")
    drawing.write(canvas, made, (_MARGIN_PX, HEIGHT_PX - 36), _MADE_PX, 500, _MADE_GREY, width_px=across)
    return canvas


def _draw_pair(canvas: Pixels, pair: tuple[Pixels, Pixels]) -> int:
    """Both pictures at the right of the band, each with its sign. Returns their left edge."""
    left = WIDTH_PX - _MARGIN_PX - 2 * _PAIR_PX - _GAP_PX
    top = WIDTH_PX + 24
    for number, picture in enumerate(pair):
        x = left + number * (_PAIR_PX + _GAP_PX)
        drawing.place(canvas, picture, x, top, _PAIR_PX)
        drawing.mark(canvas, (x + _PAIR_PX / 2, top + _PAIR_PX + 22), 9, number == 0)
    return left


def wrap(text: str, size_px: int, width_px: float) -> list[str]:
    """`text` in lines of at most `width_px`, broken at spaces; what is too long between two is shortened."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and drawing.text_width(longer, size_px) <= width_px:
            lines[-1] = longer
        else:
            lines.append(drawing.shorten(word, size_px, 400, width_px))
    return lines
