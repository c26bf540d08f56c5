"""The three plots of a visit: the curve, the contact sheet of the continuum, the difference at the border.

Each function returns a picture, uint8 (H, W, 3) RGB. White on black; colour carries no information.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pygame import Rect

from engine.border.difference import identical_share, spotlight, what_moved
from engine.border.strip import Strip
from engine.common.arrays import Pixels
from installation.settings.texts import FALLBACK, Texts
from installation.stage.canvas import WHITE, Align, Canvas, grey
from installation.stage.typesetting import shorten, text_width

GREY, DIM = grey(165), grey(70)
_ENGLISH = Texts.load(FALLBACK)
SAME, OTHER = _ENGLISH("verdict.same"), _ENGLISH("verdict.other")

# Dash and gap in pixels: the first judge's line is unbroken, the others differ by their dashes.
_DASHES: tuple[tuple[float, ...], ...] = ((34, 16), (6, 14), (34, 14, 6, 14), (14, 14))


@dataclass(frozen=True, eq=False)
class JudgeCurve:
    """One judge's distances along a straight continuum.

    t and distances: (M,), t ascending.  border_t: the crossing with the largest t, or None.
    zone: the ambiguous zone around the border as (t_low, t_high).
    """

    name: str
    threshold: float
    t: NDArray[np.float64]
    distances: NDArray[np.float64]
    crossings: Sequence[float] = ()
    border_t: float | None = None
    zone: tuple[float, float] | None = None


def curve(judges: Sequence[JudgeCurve], strip: Strip, start: str = "median face") -> Pixels:
    """Every judge's distance along the continuum, in units of its own threshold; (2000, 3000, 3).

    The axis is made of the pictures themselves, the median face (or what `start` names) at its left end and
    the closest match at its right end. Below the threshold it is the same person, above it someone else.
    The first judge is the one whose border the visit shows: a full line, with its border carried down to
    the axis.
    """
    width, height = 3000, 2000
    left, right, top, bottom = 500, 2380, 130, 1560
    faces, face_px, face_top, caption_y = 9, 222, 1624, 1930
    canvas = Canvas(width, height)
    ratios = [np.asarray(judge.distances) / judge.threshold for judge in judges]
    highest = max(1.5, 1.08 * max(float(np.max(ratio)) for ratio in ratios))
    lowest = min(0.0, *(float(np.min(ratio)) for ratio in ratios))

    def x_of(t: float) -> float:
        return left + (right - left) * t

    def y_of(ratio: float) -> float:
        return bottom - (bottom - top) * (ratio - lowest) / (highest - lowest)

    for judge in reversed(judges):  # the first judge's zone is drawn over the others'
        if judge.zone is not None:
            low, high = (x_of(t) for t in judge.zone)
            middle, half = (low + high) / 2, max((high - low) / 2, 3)
            zone = Rect(round(middle - half), top, round(middle + half) - round(middle - half), bottom - top)
            canvas.fill(zone, grey(50 if judge is judges[0] else 28))

    threshold_y = y_of(1.0)
    zero_y = y_of(0.0)
    canvas.text("how far each judge finds the pictures from the sitter", (left, 84), 46, 400, GREY)
    canvas.polyline([(left, zero_y), (right, zero_y)], 2, DIM)
    canvas.polyline([(left - 60, threshold_y), (right, threshold_y)], 3, GREY)
    canvas.text(OTHER, (left - 84, threshold_y - 40), 50, 600, align=Align.RIGHT)
    canvas.text("threshold", (left - 84, threshold_y + 16), 46, 300, GREY, align=Align.RIGHT)
    canvas.text(SAME, (left - 84, threshold_y + 76), 50, 600, align=Align.RIGHT)
    canvas.text("0", (left - 84, zero_y + 16), 46, 300, GREY, align=Align.RIGHT)

    main_border_t = judges[0].border_t
    if main_border_t is not None:
        x = x_of(main_border_t)
        canvas.polyline([(x, threshold_y), (x, face_top + face_px + 12)], 3, WHITE)

    for number, (judge, ratio) in enumerate(zip(judges, ratios, strict=True)):
        points = [(x_of(t), y_of(r)) for t, r in zip(judge.t, ratio, strict=True)]
        first = number == 0
        if first:
            canvas.polyline(points, 7, WHITE)
        else:
            canvas.dashed_polyline(points, _DASHES[(number - 1) % len(_DASHES)], 4, grey(205))
        for crossing in judge.crossings:
            canvas.verdict_sign((x_of(crossing), threshold_y), 13, same=False)
        if judge.border_t is not None:
            canvas.verdict_sign((x_of(judge.border_t), threshold_y), 18 if first else 14, same=True)

    _label_lines(canvas, judges, [y_of(float(ratio[-1])) for ratio in ratios], (top + 20, bottom - 70), right)

    for t in np.linspace(0.0, 1.0, faces):
        picture = strip.pictures[np.abs(strip.t - t).argmin()]
        _place(canvas, picture, round(x_of(t)) - face_px // 2, face_top, face_px)
    if main_border_t is not None:
        _border_on_faces(canvas, x_of(main_border_t), face_top, face_px)

    ends = [(start, x_of(0.0)), ("closest match", x_of(1.0))]
    for words, x in ends:
        canvas.text(words, (x, caption_y), 46, 400, GREY, align=Align.MIDDLE)
    if main_border_t is not None:
        words = "the border"
        reach = [(text_width(w, 46) + text_width(words, 46, 600)) / 2 + 40 for w, _ in ends]
        x = min(max(x_of(main_border_t), ends[0][1] + reach[0]), ends[1][1] - reach[1])
        canvas.text(words, (x, caption_y), 46, 600, align=Align.MIDDLE)
    return canvas.rgb


def continuum(strip: Strip) -> Pixels:
    """The contact sheet: judged pictures from the median face to the closest match; (H, 3000, 3).

    Under each picture a line as long as its t, its verdict as sign and words, and its distance. The two
    pictures of the border stand side by side in one frame.
    """
    columns, rows, picture_px, gap, margin, caption_px = 5, 4, 536, 50, 60, 100
    chosen = _chosen(strip, columns, columns * rows)
    rows = -(-len(chosen) // columns)
    row_px = picture_px + caption_px + gap
    width = 2 * margin + columns * picture_px + (columns - 1) * gap
    canvas = Canvas(width, margin + rows * row_px + 90)

    for cell, index in enumerate(chosen):
        x, y = margin + cell % columns * (picture_px + gap), margin + cell // columns * row_px
        same, distance = strip.verdict(index).same, strip.verdict(index).distance
        _place(canvas, strip.pictures[index], x, y, picture_px)
        line_y = y + picture_px + 12
        canvas.polyline([(x, line_y), (x + picture_px - 1, line_y)], 3, DIM)
        if strip.t[index] > 0:
            canvas.polyline([(x, line_y), (x + (picture_px - 1) * strip.t[index], line_y)], 5, WHITE)
        baseline = y + picture_px + 70
        canvas.verdict_sign((x + 15, baseline - 14), 14, same)
        canvas.text(SAME if same else OTHER, (x + 44, baseline), 44, 500)
        if not strip.rests(index):
            at_border = strip.border is not None and index in strip.border
            words = f"{distance:.{4 if at_border else 3}f}"
            canvas.text(words, (x + picture_px, baseline), 44, 300, align=Align.RIGHT)

    foot_y = canvas.layout.height_px - 50
    if strip.border is None:
        footnote = _ENGLISH(f"film.{strip.no_border_reason}", judge=_ENGLISH.judge(strip.judge))
    else:
        cell = min(chosen.index(index) for index in strip.border)
        x, y = margin + cell % columns * (picture_px + gap), margin + cell // columns * row_px
        _frame(canvas, x - 20, y - 20, 2 * picture_px + gap + 40, picture_px + caption_px + 24)
        footnote = f"framed: the border, where {strip.judge} changes its mind"
    canvas.text(footnote, (margin, foot_y), 44, 400, GREY)
    words = f"{strip.judge}: same person up to {strip.threshold:.3f}"
    canvas.text(words, (width - margin, foot_y), 44, 400, GREY, align=Align.RIGHT)
    return canvas.rgb


def difference(same: Pixels, other: Pixels) -> Pixels:
    """What moved between the border pair, uint8 (R, R, 3) each: (1640, 1440, 3). The rest is dark.

    Under it stands how many of the values are identical. The pure difference is that of the two pictures.
    """
    size, margin = 1440, 64
    canvas = Canvas(size, size + 200)
    _place(canvas, spotlight(same, what_moved(same, other)), 0, 0, size)
    words = _ENGLISH("film.identical", share=_ENGLISH.share(identical_share(same, other)))
    canvas.text("what moved", (margin, size + 92), 64, 600)
    canvas.text(words, (margin, size + 156), 44, 400, GREY)
    return canvas.rgb


def _place(canvas: Canvas, picture: Pixels, left: int, top: int, size_px: int) -> None:
    """Draws a square picture, uint8 (R, R, 3) RGB, whole and without faded edges."""
    canvas.picture(picture, Rect(left, top, size_px, size_px), fade_edges=False, antialias=True)


def _label_lines(
    canvas: Canvas,
    judges: Sequence[JudgeCurve],
    ends_y: Sequence[float],
    span: tuple[float, float],
    x: float,
) -> None:
    """Each judge's name and what became of its border, beside the end of its line; close ones move apart."""
    order = sorted(range(len(judges)), key=lambda i: ends_y[i])
    labels_y = _spread([ends_y[i] for i in order], 124, *span)
    for i, y in zip(order, labels_y, strict=True):
        canvas.polyline([(x + 14, ends_y[i]), (x + 84, y), (x + 104, y)], 2, GREY)
        first = i == 0
        name_at, words_at = (x + 124, y + 17), (x + 124, y + 68)
        weight = 600 if first else 400
        canvas.text(shorten(judges[i].name, 50, weight, 470), name_at, 50, weight)
        canvas.text(shorten(_border_words(judges[i]), 44, 300, 470), words_at, 44, 300, GREY)


def _border_words(judge: JudgeCurve) -> str:
    if judge.border_t is not None:
        return f"border at {judge.border_t:.3f}"
    same = np.asarray(judge.distances) <= judge.threshold
    if np.all(same):
        return "always the same person"
    return "no border" if np.any(same) else "always someone else"


def _spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Positions near the ascending `wanted`, at least `apart` from each other, inside low..high."""
    placed: list[float] = []
    for position in wanted:
        placed.append(max(position, placed[-1] + apart if placed else low))
    limit = high
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], limit)
        limit = placed[i] - apart
    return placed


def _border_on_faces(canvas: Canvas, x: float, top: int, height: int) -> None:
    """The border's line through the row of faces, with a black edge so that it shows on any of them."""
    column = round(x)
    canvas.fill(Rect(column - 5, top, 11, height), grey(0))
    canvas.polyline([(x, top), (x, top + height + 12)], 4, WHITE)


def _chosen(strip: Strip, columns: int, count: int) -> list[int]:
    """Indices of up to `count` judged pictures, evenly spread over t, the ends and the border pair included.

    The pair never falls apart at the end of a row.
    """
    judged = np.flatnonzero(strip.measured)
    if strip.border is None:
        wanted = np.linspace(strip.t[judged[0]], strip.t[judged[-1]], count)
        return sorted({int(judged[np.abs(strip.t[judged] - t).argmin()]) for t in wanted})

    low, high = sorted(strip.border)
    before, after = judged[judged < low], judged[judged > high]
    free = count - 2
    share = round(free * float(strip.t[low]))
    share = min(max(share, free - len(after), min(2, len(before))), len(before), free)
    if share % columns == columns - 1:
        share += 1 if share < min(len(before), free) else -1
    return [*_evenly(strip, before, share), low, high, *_evenly(strip, after, free - share)]


def _evenly(strip: Strip, indices: NDArray[np.intp], count: int) -> list[int]:
    """Up to `count` of the ascending `indices`, evenly spread over t, the outer ends among them."""
    if count >= len(indices):
        return [int(i) for i in indices]
    if count <= 0:
        return []
    remaining, chosen = list(indices), []
    for t in np.linspace(strip.t[indices[0]], strip.t[indices[-1]], count):
        nearest = min(remaining, key=lambda i: abs(strip.t[i] - t))
        remaining.remove(nearest)
        chosen.append(int(nearest))
    return sorted(chosen)


def _frame(canvas: Canvas, left: int, top: int, width: int, height: int) -> None:
    right, bottom = left + width, top + height
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    canvas.polyline(corners, 5, WHITE)
