"""Match and doppelgänger side by side, each with its verdict, and the sentence below them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pygame import Rect

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.judges.verdict import Verdict
from engine.pipeline.result import PortrayalResult
from installation.stage.canvas import Align, Anchor, Canvas, TextBlock
from installation.stage.layout import Layout
from installation.stage.start_edge import start_edge
from installation.stage.theme import Theme, ease
from installation.stage.typesetting import text_width
from installation.stage.view import ShownPicture, View
from scenes.widgets.verdict import words_of


@dataclass(frozen=True, eq=False)
class Pair:
    """The closest match and the picture to take home, uint8 (R, R, 3) RGB.

    shown: both with their places and verdicts; the match alone where nothing is known of the other.
    """

    match: Pixels
    doppelganger: Pixels
    shown: tuple[ShownPicture, ...]

    @classmethod
    def of(cls, result: PortrayalResult) -> "Pair":
        """The pair of a result."""
        strip, (picture, _) = result.crossing, result.picture_to_take_home
        last = len(strip.t) - 1
        match = ShownPicture(float(strip.t[last]), strip.pictures[last], strip.verdict(last))
        other = _on_strip(strip, picture) or _given(result, strip)
        return cls(result.match, picture, (match, other) if other else (match,))


def _on_strip(strip: Strip, picture: Pixels) -> ShownPicture | None:
    """The picture as one of the strip's, the match aside, with its verdict there; None where it is not."""
    pictures = strip.pictures[:-1]
    alike = np.flatnonzero(np.all(pictures[:, ::16, ::16] == picture[::16, ::16], axis=(1, 2, 3)))
    index = next((int(i) for i in alike if np.array_equal(pictures[i], picture)), None)
    return (
        None if index is None else ShownPicture(float(strip.t[index]), pictures[index], strip.verdict(index))
    )


def _given(result: PortrayalResult, strip: Strip) -> ShownPicture | None:
    """The doppelgänger with the verdict that the strip's judge has given on it; None where it has given none.

    It may lie on neither continuum; and drawn anew on one, it may differ in the last bit.
    """
    verdict = next((each.of_doppelganger for each in result.judge_results if each.judge == strip.judge), None)
    if verdict is None or result.doppelganger is None or strip.border is None:
        return None
    return ShownPicture(None, result.doppelganger, verdict)


def draw_pair(
    canvas: Canvas,
    view: View,
    theme: Theme,
    pair: Pair,
    sentence: str,
    elapsed_s: float,
    duration_s: float,
    part_s: float,
) -> Sequence[ShownPicture]:
    """Draws the two pictures as they part, stand beside each other, and close again.

    On upright screens one stands above the other. Parting and closing take `part_s` each. Returns those with
    a verdict written below them.
    """
    layout = canvas.layout
    moving_s = 0.0 if theme.reduced_motion else min(part_s, duration_s / 4)
    apart = min(ease(elapsed_s, moving_s), ease(duration_s - elapsed_s, moving_s)) if moving_s else 1.0
    places, below = _places(layout)
    # The ride has ended on the doppelgänger: the match comes forth from behind it, and goes back there.
    for picture, (place, _) in zip((pair.match, pair.doppelganger), places, strict=True):
        canvas.picture(picture, _between(layout.face, place, apart))
    light = max(4 * apart - 3, 0.0)
    if light <= 0:
        return ()
    words = TextBlock(sentence, layout.large_px, 500, theme.ink, light)
    canvas.column([words], below, Anchor.MIDDLE, Align.MIDDLE)
    size = _verdict_px(view, places[0][1].width, layout)
    for each, (_, line) in zip(pair.shown, places, strict=False):
        _draw_verdict(canvas, view, theme, line, each.verdict, size, light)
    return pair.shown


def _verdict_px(view: View, width_px: int, layout: Layout) -> int:
    """The type size in which both verdicts fit beside their sign and their distance."""
    widest = max(text_width(words_of(view, same), 100, 600) for same in (True, False))
    widest += text_width("0,0000", 100, 300)
    return min(layout.body_px, int(width_px / (widest / 100 + 1.8)))


def _draw_verdict(
    canvas: Canvas, view: View, theme: Theme, line: Rect, verdict: Verdict, size: int, light: float
) -> None:
    """Draws sign and words at the beginning of a line, and the distance at its end."""
    radius, baseline = 0.36 * size, line.top + canvas.layout.body_px
    start = start_edge(line, view.text)
    canvas.verdict_sign((start.x(radius), baseline - 0.35 * size), radius, verdict.same, theme.ink, light)
    at = start.x(1.2 * size), baseline
    canvas.text(words_of(view, verdict.same), at, size, 600, theme.ink, light, start.align)
    if verdict.measured:
        number = view.text.distance(verdict.distance, verdict.threshold, 4)
        canvas.changing_number(
            number, (start.end, baseline), size, 300, theme.ink, light, start.opposite_align
        )


def _places(layout: Layout) -> tuple[tuple[tuple[Rect, Rect], tuple[Rect, Rect]], Rect]:
    """The rectangles of the two pictures, each with that of its line below; and that of the sentence."""
    line, sentence = round(1.6 * layout.body_px), round(2 * layout.large_px)
    width, margin = layout.width_px, layout.margin_px
    bottom = layout.stop.top - layout.small_px // 2
    height = bottom - sentence
    beside = min((width - 3 * margin // 2) // 2, height - line - margin)
    above = min(width - 2 * margin, (height - margin) // 2 - line)
    # Where both are as large, words have more room above each other.
    is_stacked = above > 0.95 * beside
    side = above if is_stacked else beside
    if is_stacked:
        lefts = ((width - side) // 2,) * 2
        tops = (margin // 2, margin // 2 + (height - margin // 2) // 2)
    else:
        gap = (width - 2 * side) // 3
        lefts = (2 * gap + side, gap)  # *same* is on the right, as on the needle
        tops = (max((height - side - line) // 2, margin // 2),) * 2
        bottom = min(bottom, tops[0] + side + 2 * line + sentence)  # the sentence stays near the pair
    # Above each other there is room beside the pictures: a verdict is not set smaller than other words.
    wide = min(width - 2 * margin, round(1.5 * side)) if is_stacked else side - margin // 2
    first, second = (
        (Rect(left, top, side, side), Rect(left + (side - wide) // 2, top + side, wide, line))
        for left, top in zip(lefts, tops, strict=True)
    )
    return (first, second), Rect(margin, bottom - sentence, width - 2 * margin, sentence)


def _between(start: Rect, end: Rect, share: float) -> Rect:
    """A square between two places, at `share` of the way."""
    side = round(start.width + (end.width - start.width) * share)
    x = start.centerx + (end.centerx - start.centerx) * share
    y = start.centery + (end.centery - start.centery) * share
    return Rect(round(x - side / 2), round(y - side / 2), side, side)
