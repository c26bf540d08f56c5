"""A verdict as visitors see it: a sign, words, and the distance as a needle on the judge's scale."""

import numpy as np
from pygame import Rect

from engine.border.strip import Strip
from installation.stage.canvas import Canvas
from installation.stage.start_edge import start_edge
from installation.stage.theme import Theme
from installation.stage.typesetting import LEADING, text_width
from installation.stage.view import ShownPicture, View

WEIGHT = 600
# Where words begin beside their sign, as a multiple of the type size.
_INDENT = 1.1


def words_of(view: View, same: bool) -> str:
    """The verdict in words, in capitals."""
    return view.text("verdict.same" if same else "verdict.other").upper()


def draw_words(
    canvas: Canvas,
    view: View,
    theme: Theme,
    rect: Rect,
    same: bool,
    light: float = 1.0,
    most_px: int | None = None,
) -> Rect:
    """Draws sign and words along the top of `rect`, in one size for both verdicts; returns what they take.

    most_px: the largest type size; None: that of titles.
    """
    both = words_of(view, True), words_of(view, False)
    widest = max(text_width(each, 100, WEIGHT) / 100 for each in both)
    size = min(most_px or canvas.layout.title_px, int(rect.width / (widest + _INDENT)))
    radius = 0.36 * size
    baseline = rect.top + size
    start = start_edge(rect, view.text)
    canvas.verdict_sign((start.x(radius), baseline - 0.35 * size), radius, same, theme.ink, light)
    at = start.x(_INDENT * size), baseline
    canvas.text(words_of(view, same), at, size, WEIGHT, theme.ink, light, start.align)
    return Rect(rect.left, rect.top, rect.width, round(LEADING * size))


def draw_needle(
    canvas: Canvas, view: View, theme: Theme, rect: Rect, strip: Strip, index: int, light: float = 1.0
) -> Rect:
    """Draws the judge's scale along the top of `rect`: 0 at its right, a stroke at the threshold, a needle.

    *Same* is on the right, as the closest match on the jury's line: a head turned right leads there.
    Below it stands the distance, with `≈` where it is interpolated, none where the judge saw no face. Returns
    what they take.
    """
    verdict = strip.verdict(index)
    unit, stroke = canvas.layout.body_px, canvas.layout.stroke_px
    radius = 0.32 * unit
    # The threshold is in the middle of the scale, unless a distance is larger than twice the threshold.
    longest = max(2 * strip.threshold, 1.05 * float(np.max(strip.distances)))
    left, right = rect.left + radius, rect.right - radius

    def x_of(value: float) -> float:
        return right - min(max(value, 0.0) / longest, 1.0) * (right - left)

    y = rect.top + unit
    threshold_x = x_of(strip.threshold)
    canvas.polyline([(threshold_x, y), (right, y)], stroke, theme.quiet_ink, light)
    dash = 0.3 * unit
    for x in np.arange(threshold_x - dash, left, -2 * dash):
        canvas.polyline([(x, y), (max(x - dash, left), y)], stroke, theme.quiet_ink, light)
    canvas.polyline(
        [(threshold_x, y - 0.7 * unit), (threshold_x, y + 0.7 * unit)], 2 * stroke, theme.ink, light
    )
    canvas.verdict_sign((x_of(verdict.distance), y), radius, verdict.same, theme.ink, light)

    size = canvas.layout.large_px
    baseline = y + 0.9 * unit + size
    figures = view.text.distance(verdict.distance, strip.threshold, 3)
    if not verdict.measured:
        figures = f"≈ {figures}"
    if not strip.rests(index):
        start = start_edge(rect, view.text)
        canvas.changing_number(figures, (start.x(), baseline), size, 300, theme.ink, light, start.align)
    return Rect(rect.left, rect.top, rect.width, round(baseline + 0.3 * size) - rect.top)


def shown_picture(strip: Strip, index: int) -> ShownPicture:
    """A picture of the strip that is drawn together with its verdict; see `Scene.shown`."""
    return ShownPicture(float(strip.t[index]), strip.pictures[index], strip.verdict(index))


def judge_name(view: View, judge: str) -> str:
    """A judge's name in the visit's language."""
    return view.text.judge(judge)
