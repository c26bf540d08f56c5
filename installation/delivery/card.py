"""The card: one picture to keep or to post, 1080 x 1350, drawn with the same canvas as the scenes.

The closest match and the doppelgänger stand side by side, each with the verdict on it; below them what lies
between the two. Without the match, where phones get the doppelgänger alone, that one stands in the middle.
"""

from pygame import Rect

from engine.border.difference import identical_share
from engine.common.arrays import Pixels
from installation.delivery.pictures import TakeHomePictures
from installation.settings.texts import Texts
from installation.stage.canvas import WHITE, Canvas, grey
from installation.stage.start_edge import start_edge
from installation.stage.typesetting import Colour, fitting_size, text_width, wrap

WIDTH_PX, HEIGHT_PX = 1080, 1350

_MARGIN_PX = 60
_TITLE_PX, _TITLE_BASELINE = 88, 124
_FACES_TOP, _GAP_PX, _ALONE_PX, _GROUP_TOP = 176, 8, 660, 60
_VERDICT_PX, _SENTENCE_PX, _SHARE_PX = 46, 54, 40
_MADE_PX, _MADE_GREY = 34, grey(235)  # a phone shows a third of this size, still to be read


def draw(pictures: TakeHomePictures, text: Texts) -> Pixels:
    """Draws the card, uint8 (1350, 1080, 3) RGB, in the language of `text`."""
    canvas = Canvas(WIDTH_PX, HEIGHT_PX)
    canvas.language = text.language
    area = Rect(_MARGIN_PX, 0, WIDTH_PX - 2 * _MARGIN_PX, HEIGHT_PX)
    if pictures.is_group:
        return _draw_group(canvas, text, area, pictures.doppelganger)
    _line(canvas, text, area, text("phone.title"), _TITLE_BASELINE, _TITLE_PX, 600)
    if pictures.match is None:
        side = _ALONE_PX
        left = round(start_edge(area, text).left_of(side))
        _draw_face(canvas, text, pictures.doppelganger, pictures.same, Rect(left, _FACES_TOP, side, side))
    else:
        side = (WIDTH_PX - _GAP_PX) // 2
        # *Same* is on the right, as everywhere.
        _draw_face(canvas, text, pictures.doppelganger, pictures.same, Rect(0, _FACES_TOP, side, side))
        place = Rect(side + _GAP_PX, _FACES_TOP, side, side)
        _draw_face(canvas, text, pictures.match, True, place)

    key = "card.fact_same" if pictures.same else "card.fact"
    baseline = _FACES_TOP + side + 96.0
    baseline = _lines(canvas, text, area, text.for_sitter(pictures.is_real, key), baseline, _SENTENCE_PX, 600)
    if pictures.pair is not None:
        identical = text("card.identical", share=text.share(identical_share(*pictures.pair)))
        _lines(canvas, text, area, identical, baseline + 24, _SHARE_PX, 400, grey(205))
    made = text.for_sitter(pictures.is_real, "card.synthetic")
    size = fitting_size((made,), _MADE_PX, 500, area.width)
    _line(canvas, text, area, made, HEIGHT_PX - 44, size, 500, _MADE_GREY)
    return canvas.rgb


def _draw_group(canvas: Canvas, text: Texts, area: Rect, picture: Pixels) -> Pixels:
    """The card of a group: its picture, black at its upper and lower edges, and what the signs mean."""
    place = Rect(0, _GROUP_TOP, WIDTH_PX, WIDTH_PX)
    canvas.picture(picture, place, fade_edges=False, antialias=True)
    _line(canvas, text, area, text("phone.title"), _TITLE_BASELINE, _TITLE_PX, 600)
    _lines(canvas, text, area, text("phone.group_signs"), place.bottom - _SHARE_PX, _SHARE_PX, 400)
    made = text("phone.group_synthetic")
    size = fitting_size((made,), _MADE_PX, 500, area.width)
    _line(canvas, text, area, made, HEIGHT_PX - 44, size, 500, _MADE_GREY)
    return canvas.rgb


def _draw_face(canvas: Canvas, text: Texts, picture: Pixels, same: bool, place: Rect) -> None:
    """A picture, uint8 (R, R, 3) RGB, with the verdict on it below."""
    canvas.picture(picture, place, fade_edges=False, antialias=True)
    verdict = text("verdict.same" if same else "verdict.other").upper()
    area = place.clip(Rect(_MARGIN_PX, 0, WIDTH_PX - 2 * _MARGIN_PX, HEIGHT_PX))
    size = fitting_size((verdict,), _VERDICT_PX, 600, area.width - 2 * _VERDICT_PX)
    radius, baseline = 0.33 * size, place.bottom + 62
    start = start_edge(area, text)
    canvas.verdict_sign((start.x(radius), baseline - 0.35 * size), radius, same)
    left = start.left_of(text_width(verdict, size, 600), round(1.1 * size))
    canvas.text(verdict, (left, baseline), size, 600)


def _lines(
    canvas: Canvas,
    text: Texts,
    area: Rect,
    words: str,
    top: float,
    size_px: int,
    weight: int,
    colour: Colour = WHITE,
) -> float:
    """Draws a text in as many lines as it needs below `top`; returns where the next one may begin."""
    for line in wrap(words, size_px, weight, area.width):
        top += 1.25 * size_px
        _line(canvas, text, area, line, top, size_px, weight, colour)
    return top


def _line(
    canvas: Canvas,
    text: Texts,
    area: Rect,
    words: str,
    baseline: float,
    size_px: int,
    weight: int,
    colour: Colour = WHITE,
) -> None:
    """Draws one line at the edge where the language begins; what does not fit is set smaller."""
    size_px = fitting_size((words,), size_px, weight, area.width)
    left = start_edge(area, text).left_of(text_width(words, size_px, weight))
    canvas.text(words, (left, baseline), size_px, weight, colour)
