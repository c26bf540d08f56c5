"""The border's two pictures looked at closely: beside each other, and their difference."""

from pygame import Rect

from engine.border.difference import Difference
from engine.border.strip import Strip
from installation.stage.canvas import Anchor, Canvas, TextBlock
from installation.stage.layout import Layout
from installation.stage.start_edge import start_edge
from installation.stage.theme import Theme, ease, sitter_text
from installation.stage.typesetting import text_width
from installation.stage.view import View
from scenes.widgets.verdict import words_of


def draw_beside(
    canvas: Canvas,
    view: View,
    theme: Theme,
    strip: Strip,
    elapsed_s: float,
    duration_s: float,
    part_s: float,
) -> bool:
    """Draws the two pictures as they part, stand beside each other, and close again.

    On upright screens one stands above the other. Parting and closing take `part_s` each. Returns whether
    the verdicts are written below them.
    """
    assert strip.border is not None
    layout = canvas.layout
    moving_s = 0.0 if theme.reduced_motion else min(part_s, duration_s / 4)
    apart = min(ease(elapsed_s, moving_s), ease(duration_s - elapsed_s, moving_s)) if moving_s else 1.0
    places = _places(layout)
    same, other = strip.border
    for index, place in ((other, places[1]), (same, places[0])):
        canvas.picture(strip.pictures[index], _between(layout.face, place[0], apart))
    light = max(4 * apart - 3, 0.0)
    if light <= 0:
        return False
    verdicts = words_of(view, True), words_of(view, False)
    widest = max(text_width(each, 100, 600) for each in verdicts) + text_width("0,0000", 100, 300)
    size = min(layout.body_px, int(places[0][1].width / (widest / 100 + 1.8)))
    radius = 0.36 * size
    for index, (_, line) in zip((same, other), places, strict=True):
        verdict = strip.verdict(index)
        baseline = line.top + layout.body_px
        start = start_edge(line, view.text)
        sign = start.x(radius), baseline - 0.35 * size
        canvas.verdict_sign(sign, radius, verdict.same, theme.ink, light)
        at = start.x(1.2 * size), baseline
        canvas.text(words_of(view, verdict.same), at, size, 600, theme.ink, light, start.align)
        if not strip.rests(index):
            number = view.text.distance(verdict.distance, strip.threshold, 4)
            at = start.end, baseline
            canvas.changing_number(number, at, size, 300, theme.ink, light, start.opposite_align)
    return True


def draw_difference(
    canvas: Canvas,
    view: View,
    theme: Theme,
    difference: Difference,
    elapsed_s: float,
    duration_s: float,
) -> None:
    """Draws the difference, magnified more and more up to its factor, with its mean and the magnification."""
    layout = canvas.layout
    rising = ease(elapsed_s - 0.5, 0.25 * duration_s)
    gain = float(difference.factor if theme.reduced_motion else difference.factor**rising)
    light = min(ease(elapsed_s, 0.5), ease(duration_s - elapsed_s, 0.5))
    canvas.picture(difference.magnified(gain), layout.face, light)
    panel = layout.panel
    area = panel if layout.stacked else panel.inflate(0, -round(0.4 * panel.height))
    area = area.clip(layout.clear)
    headline = TextBlock(view.text("border.difference"), layout.large_px, 500, theme.ink, light)
    area = below(area, canvas.column([headline], area), layout.body_px)
    levels, largest = view.text.levels(difference.mean_levels), f"× {difference.factor}"
    # Measured character by character, as `changing_number` draws them, so that no cache holds the number.
    widths = (sum(text_width(sign, layout.title_px, 200) for sign in each) for each in (levels, largest))
    indent_px = round(max(widths) + 0.5 * layout.title_px)
    for number, key in ((levels, "border.levels"), (f"× {gain:.0f}", "border.magnified")):
        area = _draw_number(canvas, view, theme, area, number, key, indent_px, light)
    end = TextBlock(sitter_text(view, "border.end"), layout.body_px, 300, theme.ink, light)
    canvas.column([end], area)


def below(area: Rect, taken: Rect, gap_px: int) -> Rect:
    """What is left of `area` below `taken` and a gap."""
    top = taken.bottom + gap_px
    return Rect(area.left, top, area.width, max(area.bottom - top, 0))


def _draw_number(
    canvas: Canvas, view: View, theme: Theme, area: Rect, number: str, key: str, indent_px: int, light: float
) -> Rect:
    """Draws a number with the caption of this key beside it; returns what is left below."""
    layout, start = canvas.layout, start_edge(area, view.text)
    size = layout.title_px
    canvas.changing_number(number, (start.x(), area.top + size), size, 200, theme.ink, light, start.align)
    width = area.width - indent_px
    left = round(start.left_of(width, indent_px))
    beside = Rect(left, area.top + round(0.1 * size), width, round(1.3 * size))
    block = TextBlock(view.text(key), layout.body_px, 300, theme.quiet_ink, light)
    canvas.column([block], beside, Anchor.MIDDLE)
    return below(area, Rect(area.left, area.top, area.width, round(1.3 * size)), layout.body_px // 2)


def _places(layout: Layout) -> tuple[tuple[Rect, Rect], tuple[Rect, Rect]]:
    """The rectangles of the two pictures, each with that of the line of text below it."""
    line = round(1.6 * layout.body_px)
    width, margin = layout.width_px, layout.margin_px
    height = layout.stop.top - layout.small_px // 2 + margin // 2
    beside = min((width - 3 * margin // 2) // 2, height - line - 2 * margin)
    above = min(width - 2 * margin, (height - 2 * margin) // 2 - line)
    side = max(beside, above)
    if above > beside:
        lefts = ((width - side) // 2,) * 2
        tops = (margin // 2, margin // 2 + (height - margin) // 2)
    else:
        gap = (width - 2 * side) // 3
        lefts = (gap, 2 * gap + side)
        tops = ((height - side - line) // 2,) * 2
    first, second = (
        (
            Rect(left, top, side, side),
            Rect(left + margin // 2, top + side, side - margin, line),
        )
        for left, top in zip(lefts, tops, strict=True)
    )
    return first, second


def _between(start: Rect, end: Rect, share: float) -> Rect:
    """A square between two places, at `share` of the way."""
    side = round(start.width + (end.width - start.width) * share)
    x = start.centerx + (end.centerx - start.centerx) * share
    y = start.centery + (end.centery - start.centery) * share
    return Rect(round(x - side / 2), round(y - side / 2), side, side)
