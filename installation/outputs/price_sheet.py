"""The price list in one picture: the closest match, then each picture with which one more judge lets go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pygame import Rect

from engine.common.arrays import Pixels
from installation.outputs import report
from installation.settings.texts import FALLBACK, Texts
from installation.stage.canvas import WHITE, Align, Canvas, grey
from installation.stage.typesetting import fitting_size, shorten

_ENGLISH = Texts.load(FALLBACK)
_GREY, _DIM = grey(165), grey(70)
_PICTURE_PX, _GAP_PX, _MARGIN_PX, _ROW_PX = 640, 60, 70, 68
_TOP_PX = 190  # of the pictures, below the title
_COLUMNS = 4  # at least so wide, for the title's sake


@dataclass(frozen=True, eq=False)
class PricedPicture:
    """A picture of the way, uint8 (R, R, 3) RGB. lets_go: the judge that does so here, None at the match.

    visible_change: null where the picture shows no face. verdicts: of every judge, by name.
    """

    picture: Pixels
    lets_go: str | None
    visible_change: float | None
    verdicts: Mapping[str, report.PriceVerdict]


def price_sheet(pictures: Sequence[PricedPicture], still_know: Sequence[str]) -> Pixels:
    """The pictures from the match outwards, left to right, uint8 (H, W, 3) RGB, white on black.

    Under each stand its visible change, which judge lets go, and who still knows the sitter: a disc with
    *same person*, a ring with *someone else*.
    """
    columns, judges = max(len(pictures), _COLUMNS), len(pictures[0].verdicts)
    width = 2 * _MARGIN_PX + columns * _PICTURE_PX + (columns - 1) * _GAP_PX
    canvas = Canvas(width, _TOP_PX + _PICTURE_PX + 270 + judges * _ROW_PX + 120)
    canvas.text("How much of you must change until the next machine lets go", (_MARGIN_PX, 116), 72, 600)
    dearest = max((each.visible_change or 0.0 for each in pictures), default=0.0)
    for column, each in enumerate(pictures):
        _draw_column(canvas, each, _MARGIN_PX + column * (_PICTURE_PX + _GAP_PX), dearest)
    _draw_foot(canvas, still_know)
    return canvas.rgb


def _draw_column(canvas: Canvas, each: PricedPicture, left: int, dearest: float) -> None:
    right, below = left + _PICTURE_PX, _TOP_PX + _PICTURE_PX
    place = Rect(left, _TOP_PX, _PICTURE_PX, _PICTURE_PX)
    canvas.picture(each.picture, place, fade_edges=False, antialias=True)
    line_y = below + 18
    canvas.polyline([(left, line_y), (right - 1, line_y)], 3, _DIM)
    if each.visible_change and dearest > 0:
        canvas.polyline(
            [(left, line_y), (left + (_PICTURE_PX - 1) * each.visible_change / dearest, line_y)], 7
        )
    change = "no face" if each.visible_change is None else f"{each.visible_change:.1f}"
    canvas.text(change, (left, below + 110), 76, 600)
    words = "the closest match" if each.lets_go is None else f"{_ENGLISH.judge(each.lets_go)} lets go"
    size = fitting_size((words,), 52, 500, _PICTURE_PX)
    canvas.text(words, (left, below + 188), size, 500)
    for row, (judge, verdict) in enumerate(each.verdicts.items()):
        _draw_verdict(canvas, judge, verdict, left, below + 270 + row * _ROW_PX, judge == each.lets_go)


def _draw_verdict(
    canvas: Canvas, judge: str, verdict: report.PriceVerdict, left: int, baseline: int, lets_go: bool
) -> None:
    weight, colour = (600, WHITE) if lets_go else (400, WHITE if verdict.same else _GREY)
    canvas.verdict_sign((left + 15, baseline - 13), 13, verdict.same)
    canvas.text(shorten(_ENGLISH.judge(judge), 38, weight, 340), (left + 44, baseline), 38, weight, colour)
    words = _ENGLISH("verdict.same" if verdict.same else "verdict.other")
    canvas.text(words, (left + _PICTURE_PX, baseline), 38, weight, colour, align=Align.RIGHT)


def _draw_foot(canvas: Canvas, still_know: Sequence[str]) -> None:
    """Draws what the figures mean, and who knows the sitter to the end."""
    y = canvas.layout.height_px - 56
    canvas.text("figures: visible change, in just-noticeable differences", (_MARGIN_PX, y), 44, 400, _GREY)
    names = ", ".join(_ENGLISH.judge(name) for name in still_know)
    words = f"still know you to the end: {names}" if names else "nobody knows you at the end"
    canvas.text(words, (canvas.layout.width_px - _MARGIN_PX, y), 44, 400, _GREY, align=Align.RIGHT)
