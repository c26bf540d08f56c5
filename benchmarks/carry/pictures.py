"""The plot of all distances, and the contact sheet."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.carry.measuring import SitterFigures
from benchmarks.carry.sitters import KINDS, load
from installation.outputs.plots import DIM, GREY, OTHER, SAME
from installation.stage.canvas import WHITE, Align, Canvas, grey
from installation.stage.typesetting import text_width

HIGHEST_DRAWN = 3.0  # thresholds; what is farther lies on the upper edge of the plot


def draw_plot(
    measured: Sequence[SitterFigures], thresholds: dict[bool, dict[str, float]]
) -> NDArray[np.uint8]:
    """uint8 (1000, 1500, 3): one panel a judge, one column a kind, one mark a sitter; photographs are white,
    rendered people grey; a disc is *the same person*, a ring *someone else*."""
    width, height = 3000, 2000
    left, right, top, bottom, gap = 470, 2930, 330, 1560, 90
    judges = list(thresholds[False])
    panel_px = (right - left - gap * (len(judges) - 1)) / len(judges)
    ratios_drawn = [
        _threshold_ratio(figures, name, kind, thresholds)
        for figures in measured
        for name in judges
        for kind in figures.likeness
    ]
    highest = 1.05 * max(1.5, *(ratio for ratio in ratios_drawn if ratio < HIGHEST_DRAWN))
    canvas = Canvas(width, height)

    def y_of(ratio: float) -> float:
        return bottom - (bottom - top) * min(ratio, highest) / highest

    canvas.text(
        "how far each recogniser finds four pictures from the sitter",
        (left, 110),
        46,
        400,
        GREY,
    )
    line_y = y_of(1.0)
    canvas.text(OTHER, (left - 84, line_y - 40), 50, 600, align=Align.RIGHT)
    canvas.text("threshold", (left - 84, line_y + 16), 46, 300, GREY, align=Align.RIGHT)
    canvas.text(SAME, (left - 84, line_y + 76), 50, 600, align=Align.RIGHT)
    canvas.text("0", (left - 84, bottom + 16), 46, 300, GREY, align=Align.RIGHT)
    for number, name in enumerate(judges):
        start = left + number * (panel_px + gap)
        weight, what = (600, "on the panel") if name == "dlib" else (400, "not asked in the search")
        canvas.text(name, (start, 210), 50, weight)
        canvas.text(what, (start, 262), 42, 300, GREY)
        canvas.polyline([(start, bottom), (start + panel_px, bottom)], 2, DIM)
        canvas.polyline([(start - 30, line_y), (start + panel_px, line_y)], 3, GREY)
        column = panel_px / len(KINDS)
        x_of = {kind: start + column * (i + 0.5) for i, kind in enumerate(KINDS)}
        aside = np.linspace(-0.32, 0.32, len(measured)) * column if len(measured) > 1 else [0.0]
        places = [
            {
                kind: (x_of[kind] + float(dx), y_of(_threshold_ratio(figures, name, kind, thresholds)))
                for kind in figures.likeness
            }
            for figures, dx in zip(measured, aside, strict=True)
        ]
        for place in places:
            if {"match", "nearest"} <= place.keys():
                canvas.polyline([place["match"], place["nearest"]], 2, DIM)
        for figures, place in zip(measured, places, strict=True):
            colour = grey(125) if figures.rendered else WHITE
            for kind, at in place.items():
                canvas.verdict_sign(at, 13, _threshold_ratio(figures, name, kind, thresholds) <= 1, colour)
        for kind, x in x_of.items():
            _write_upright(canvas, kind, (x, bottom + 40), 600 if kind == "nearest" else 300)
    key = (("photographs", WHITE), ("rendered people", grey(125)))
    x = left
    for words, colour in key:
        canvas.verdict_sign((x + 13, height - 74), 13, True, colour)
        canvas.text(words, (x + 44, height - 58), 46, 300, GREY)
        x += round(text_width(words, 46, 300)) + 130
    return np.asarray(
        cv2.resize(canvas.rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8
    )


def _threshold_ratio(
    figures: SitterFigures, judge: str, kind: str, thresholds: dict[bool, dict[str, float]]
) -> float:
    """A picture's distance from the portrait, in thresholds of the judge."""
    return figures.by_judge[judge].distance[kind] / thresholds[figures.rendered][judge]


def _write_upright(canvas: Canvas, words: str, at: tuple[float, float], weight: int) -> None:
    """Words that run downwards from `at`, centred."""
    lying = Canvas(round(text_width(words, 46, weight)) + 10, 70)
    lying.text(words, (0, 50), 46, weight)
    standing = np.rot90(lying.pixels, -1)
    x, y = round(at[0]) - standing.shape[1] // 2, round(at[1])
    region = canvas.pixels[y : y + standing.shape[0], x : x + standing.shape[1]]
    np.maximum(region, standing[: region.shape[0]], out=region)


def save_sheet(work: Path, only: Sequence[str], px: int = 256) -> None:
    """sheet.png in WORK: portrait, match, nearest, on the way, random; one sitter a row."""
    rows = []
    for sitter in load(work, only):
        pictures = [sitter.portrait.image, *(sitter.pictures.get(kind) for kind in KINDS)]
        blank = np.zeros((px, px, 3), np.uint8)
        size = (px, px)
        rows.append(
            np.hstack(
                [
                    blank
                    if p is None
                    else cv2.resize(p, size, interpolation=cv2.INTER_AREA if len(p) > px else cv2.INTER_CUBIC)
                    for p in pictures
                ]
            )
        )
    if rows:
        Image.fromarray(np.vstack(rows)).save(work / "sheet.png")
