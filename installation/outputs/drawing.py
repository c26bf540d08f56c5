"""The visual language of everything a visit writes: black ground, white ink, one typeface, the face as light.

A canvas is np.uint8 (H, W, 3) RGB, black to begin with. Ink is grey, 0 black to 255 white, and is laid on
by the maximum, so that it never darkens what is there. Positions are (x, y) in canvas pixels and may be
fractions.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from installation.stage.fonts import font

WHITE, GREY, DIM = 255, 165, 70

SAME = "same person"
OTHER = "someone else"

# cv2 draws between pixels when positions carry this many fractional bits.
_FRACTION_BITS = 4


def verdict_words(same: bool) -> str:
    """The verdict in words."""
    return SAME if same else OTHER


def blank(width_px: int, height_px: int) -> NDArray[np.uint8]:
    """A black canvas, np.uint8 (height, width, 3)."""
    return np.zeros((height_px, width_px, 3), np.uint8)


def enlarge(picture: NDArray[Any], size_px: int) -> NDArray[Any]:
    """A square picture, (R, R, 3) of uint8 or float32, at `size_px`: bicubic up, area average down."""
    if picture.shape[0] == size_px:
        return picture
    upwards = size_px > picture.shape[0]
    return cv2.resize(
        picture, (size_px, size_px), interpolation=cv2.INTER_CUBIC if upwards else cv2.INTER_AREA
    )


def place(canvas: NDArray[np.uint8], picture: NDArray[np.uint8], left: int, top: int, size_px: int) -> None:
    """Put a square picture on the canvas, enlarged to `size_px`; it must lie inside."""
    canvas[top : top + size_px, left : left + size_px] = enlarge(picture, size_px)


def write(
    canvas: NDArray[np.uint8],
    text: str,
    at: tuple[float, float],
    size_px: int,
    weight: int = 400,
    grey: float = WHITE,
    anchor: str = "ls",
    width_px: float | None = None,
) -> None:
    """Write one line of text; `anchor` is Pillow's, `ls` being the left end of the baseline.

    Where `width_px` is given and the text is wider, it is shortened and ends in an ellipsis.
    """
    if width_px is not None:
        text = shorten(text, size_px, weight, width_px)
    typeface = font(size_px, weight)
    left, top, right, bottom = (round(edge) for edge in typeface.getbbox(text, anchor=anchor))
    mask = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), text, fill=round(grey), font=typeface, anchor=anchor)
    _lay_on(canvas, np.asarray(mask), round(at[0]) + left - 1, round(at[1]) + top - 1)


def text_width(text: str, size_px: int, weight: int = 400) -> float:
    """The width of one line of text in pixels."""
    return font(size_px, weight).getlength(text)


def shorten(text: str, size_px: int, weight: int, width_px: float) -> str:
    """`text`, or as much of its beginning as fits into `width_px` together with an ellipsis."""
    if text_width(text, size_px, weight) <= width_px:
        return text
    while text and text_width(text + "…", size_px, weight) > width_px:
        text = text[:-1]
    return text.rstrip() + "…"


def line(
    canvas: NDArray[np.uint8], points: Sequence[tuple[float, float]], width_px: int, grey: int = WHITE
) -> None:
    """An unbroken line through `points`."""
    _draw_lines(canvas, [np.asarray(points, float)], width_px, grey)


def dashed_line(
    canvas: NDArray[np.uint8],
    points: Sequence[tuple[float, float]],
    pattern_px: Sequence[float],
    width_px: int,
    grey: int = WHITE,
) -> None:
    """A line through `points` that alternates ink and gap as `pattern_px` says."""
    _draw_lines(canvas, _dashes(np.asarray(points, float), pattern_px), width_px, grey)


def mark(
    canvas: NDArray[np.uint8], centre: tuple[float, float], radius_px: float, same: bool, grey: float = WHITE
) -> None:
    """The verdict as a sign: a full disc for the same person, a ring, black inside, for someone else."""
    scale = 1 << _FRACTION_BITS
    position = (round(centre[0] * scale), round(centre[1] * scale))
    stroke_px = max(2, round(radius_px / 3.5))
    colour = (round(grey),) * 3
    if same:
        cv2.circle(canvas, position, round(radius_px * scale), colour, -1, cv2.LINE_AA, _FRACTION_BITS)
        return
    cv2.circle(canvas, position, round(radius_px * scale), (0, 0, 0), -1, cv2.LINE_AA, _FRACTION_BITS)
    middle = round((radius_px - stroke_px / 2) * scale)
    cv2.circle(canvas, position, middle, colour, stroke_px, cv2.LINE_AA, _FRACTION_BITS)


def _draw_lines(
    canvas: NDArray[np.uint8], polylines: Sequence[NDArray[np.float64]], width_px: int, grey: int
) -> None:
    """Draw polylines, (N, 2) each, into ink of just their size, and lay it on the canvas."""
    ends = np.concatenate(polylines)
    corner = np.floor(ends.min(axis=0)).astype(int) - width_px
    width, height = np.ceil(ends.max(axis=0)).astype(int) + width_px + 1 - corner
    ink = np.zeros((height, width), np.uint8)
    fixed = [np.round((points - corner) * (1 << _FRACTION_BITS)).astype(np.int32) for points in polylines]
    cv2.polylines(ink, fixed, False, (grey,), width_px, cv2.LINE_AA, _FRACTION_BITS)
    _lay_on(canvas, ink, *corner)


def _lay_on(canvas: NDArray[np.uint8], ink: NDArray[np.uint8], left: int, top: int) -> None:
    """Lay `ink`, uint8 (h, w), on the canvas with its corner at (left, top); what is outside is dropped."""
    height, width = canvas.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + ink.shape[1], width), min(top + ink.shape[0], height)
    if x0 < x1 and y0 < y1:
        region = canvas[y0:y1, x0:x1]
        np.maximum(region, ink[y0 - top : y1 - top, x0 - left : x1 - left, None], out=region)


def _dashes(points: NDArray[np.float64], pattern_px: Sequence[float]) -> list[NDArray[np.float64]]:
    """Cut the polyline `points` (N, 2) into the inked parts of the pattern, each (M, 2)."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    edges = np.arange(0.0, along[-1], sum(pattern_px))[:, None] + np.cumsum([0.0, *pattern_px[:-1]])
    edges = np.append(edges.ravel(), along[-1])
    dashes = []
    for start, end in zip(edges[0:-1:2], edges[1::2], strict=False):
        stops = np.concatenate([[start], along[(along > start) & (along < end)], [end]])
        dashes.append(np.stack([np.interp(stops, along, axis) for axis in points.T], axis=1))
    return dashes
