"""The card: one picture to keep or to post, 1080 x 1350, drawn with the same canvas as the scenes."""

from pygame import Rect

from engine.border.difference import Difference
from engine.common.arrays import Pixels
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas, grey
from installation.stage.start_edge import start_edge
from installation.stage.typesetting import shorten, text_width, wrap

WIDTH_PX, HEIGHT_PX = 1080, 1350

_MARGIN_PX = 60
_PAIR_PX, _GAP_PX = 140, 6
_FACT_PX, _LEADING_PX = 30, 40
_SYNTHETIC_PX, _SYNTHETIC_GREY = 34, grey(235)  # a phone shows a third of this size, still to be read


def draw(
    doppelganger: Pixels,
    pair: tuple[Pixels, Pixels] | None,
    text: Texts,
    same: bool = False,
    is_real: bool = True,
) -> Pixels:
    """Draws the card, uint8 (1350, 1080, 3) RGB: the doppelgänger, the verdict on it, and one sentence.

    pair: both sides of the border, *same person* first, where there is one. Pictures are uint8 (R, R, 3) RGB
    of any size. same: the verdict on the doppelgänger, where no border was found. is_real: whether the sitter
    is a real person.
    """
    canvas = Canvas(WIDTH_PX, HEIGHT_PX)
    canvas.language = text.language
    _place(canvas, doppelganger, Rect(0, 0, WIDTH_PX, WIDTH_PX))
    right = WIDTH_PX - _MARGIN_PX
    if pair is None:
        fact = text.for_sitter(is_real, "card.fact_same" if same else "card.fact")
    else:
        right = _draw_pair(canvas, pair) - _MARGIN_PX
        apart = Difference.between(*pair).mean_levels
        fact = text.for_sitter(is_real, "card.fact_of_pair", difference=text.levels(apart))

    start = start_edge(Rect(_MARGIN_PX, 0, right - _MARGIN_PX, HEIGHT_PX), text)
    baseline = WIDTH_PX + 74
    verdict = text("verdict.same" if same else "verdict.other").upper()
    canvas.verdict_sign((start.x(15), baseline - 16), 15, same)
    canvas.text(verdict, (start.left_of(text_width(verdict, 46, 600), 50), baseline), 46, 600)
    for line in wrap(fact, _FACT_PX, 400, right - _MARGIN_PX):
        baseline += _LEADING_PX
        line = shorten(line, _FACT_PX, 400, right - _MARGIN_PX)
        left = start.left_of(text_width(line, _FACT_PX, 400))
        canvas.text(line, (left, baseline + 14), _FACT_PX, 400, grey(205))
    made = text.for_sitter(is_real, "card.synthetic")
    synthetic = shorten(made, _SYNTHETIC_PX, 500, WIDTH_PX - 2 * _MARGIN_PX)
    start = start_edge(Rect(_MARGIN_PX, 0, WIDTH_PX - 2 * _MARGIN_PX, HEIGHT_PX), text)
    left = start.left_of(text_width(synthetic, _SYNTHETIC_PX, 500))
    canvas.text(synthetic, (left, HEIGHT_PX - 36), _SYNTHETIC_PX, 500, _SYNTHETIC_GREY)
    return canvas.rgb


def _place(canvas: Canvas, picture: Pixels, rect: Rect) -> None:
    canvas.picture(picture, rect, fade_edges=False, antialias=True)


def _draw_pair(canvas: Canvas, pair: tuple[Pixels, Pixels]) -> int:
    """Draws both pictures at the lower right, each with its sign; returns their left edge."""
    left = WIDTH_PX - _MARGIN_PX - 2 * _PAIR_PX - _GAP_PX
    top = WIDTH_PX + 24
    for number, picture in enumerate(pair):
        x = left + number * (_PAIR_PX + _GAP_PX)
        _place(canvas, picture, Rect(x, top, _PAIR_PX, _PAIR_PX))
        canvas.verdict_sign((x + _PAIR_PX / 2, top + _PAIR_PX + 22), 9, number == 0)
    return left
