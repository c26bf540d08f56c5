"""The picture given to the visitor: big, then with the code that takes it home."""

import math
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

import numpy as np
import qrcode
from numpy.typing import NDArray
from pydantic import Field
from pygame import Rect

from engine.arrays import Pixels
from engine.finding import Finding
from installation.parameters import Parameters
from installation.view import Action, View
from installation.visit import Timeouts, time_left_s
from scenes.canvas import Block, Canvas, Drawn, Kind
from scenes.look import Look, look, smooth
from scenes.scene import Scene
from scenes.typesetting import fitting_size

QUIET_MODULES = 4


class DoppelgangerParameters(Parameters):
    """The picture, its code, keep or forget."""

    scene: ClassVar[str] = "doppelganger"

    alone_s: float = Field(3, ge=0, le=20, description="the picture alone, before the code stands beside it")
    ground: int = Field(216, ge=150, le=255, description="grey of the field that the code stands on")
    choice: bool = Field(True, description="whether *keep* and *forget now* are offered")
    headline: str = Field("", max_length=80, description="the headline; empty: the language's own")


class Given(StrEnum):
    """What kind of picture there is to give."""

    HOLDS = "holds"  # a doppelgänger that stays someone else for every binding judge
    BEYOND = "beyond"  # the picture nearest to the match that the leading judge takes for someone else
    SAME = "same"  # the one farthest from the sitter, where all are recognised


class Doppelganger(Scene):
    """The picture first; the code when the link is there."""

    parameters = DoppelgangerParameters

    def __init__(self) -> None:
        self._areas: dict[Action, Rect] = {}
        self._link_s: float | None = None

    def enter(self, view: View) -> None:
        self._areas, self._link_s = {}, None

    def leave(self) -> None:
        self._areas, self._link_s = {}, None
        code.cache_clear()

    def areas(self) -> Mapping[Action, Rect]:
        return self._areas

    def update(self, view: View) -> None:
        if view.link is None:
            self._link_s = None
        elif self._link_s is None:
            alone_s = view.registry.of(DoppelgangerParameters).alone_s
            self._link_s = max(view.now_s, view.began_s + alone_s)

    def draw(self, canvas: Canvas, view: View) -> None:
        self._areas = {}
        if view.finding is None:
            return
        parameters, seen, layout = view.registry.of(DoppelgangerParameters), look(view), canvas.layout
        picture, kind = given(view.finding)
        canvas.picture(picture, layout.face, seen.coming * seen.breath)
        panel = layout.panel.copy()
        if parameters.choice:
            height = round(1.9 * layout.body_px)
            row = Rect(panel.left, panel.bottom - height, panel.width, height)
            self._draw_choice(canvas, view, seen, row)
            panel.height -= height + layout.body_px
        timeouts = view.registry.of(Timeouts)
        left_s = time_left_s(view.visit, view.now_s, timeouts)
        width = round(panel.width * min(left_s / timeouts.doppelganger_s, 1.0))
        canvas.fill(
            Rect(panel.left, panel.bottom + layout.body_px // 2, width, layout.stroke_px),
            seen.quiet,
            seen.coming,
        )
        headline = Block(
            parameters.headline or view.text(f"doppelganger.{kind}"),
            layout.large_px, 500, seen.ink, seen.coming, 0.5,
        )  # fmt: skip
        light = 0.0 if self._link_s is None else smooth((view.now_s - self._link_s) / 0.8)
        if light == 0.0 or view.link is None:
            line = "doppelganger.making" if view.elapsed_s < 15 else "doppelganger.without_link"
            below = Block(view.text(line), layout.body_px, 300, seen.quiet, seen.coming)
            canvas.column([headline, below], panel, "top" if layout.stacked else "middle")
            return
        self._draw_codes(canvas, view, seen, panel, headline, light)

    def _draw_codes(
        self, canvas: Canvas, view: View, seen: Look, panel: Rect, headline: Block, light: float
    ) -> None:
        assert view.link is not None
        layout = canvas.layout
        body = layout.body_px
        minutes = max(math.ceil((view.link.until_s - view.now_s) / 60), 1)
        lives = view.text("doppelganger.lives" if minutes > 1 else "doppelganger.lives_one", minutes=minutes)
        codes = [(code(view.link.url), view.text("doppelganger.scan"))]
        if view.link.wifi:
            codes = [
                (code(view.link.wifi), view.text("doppelganger.wifi")),
                (code(view.link.url), view.text("doppelganger.picture")),
            ]
        top = Rect(panel.left, panel.top, panel.width, round(2.7 * headline.size_px))
        taken = canvas.column([headline], top)
        words = round(3.4 * body)
        room = Rect(panel.left, taken.bottom + body // 2, panel.width, 0)
        room.height = panel.bottom - room.top - words
        gap = body
        side = min(room.height, (room.width - gap * (len(codes) - 1)) // len(codes))
        ground = view.registry.of(DoppelgangerParameters).ground
        for number, (modules, caption) in enumerate(codes):
            field = Rect(room.left + number * (side + gap), room.top, side, side)
            canvas.code(modules, field, QUIET_MODULES, ground, light)
            width = side if len(codes) > 1 else panel.width
            below = Rect(field.left, field.bottom + body // 4, width, round(1.5 * body))
            size = fitting_size((caption,), body, 500, below.width)
            canvas.text(
                caption, (below.left, below.top + body), max(size, layout.small_px), 500, seen.ink, light
            )
        line = Rect(panel.left, panel.bottom - round(1.6 * body), panel.width, round(1.6 * body))
        canvas.column([Block(lives, layout.small_px, 300, seen.quiet, light)], line, "bottom")

    def _draw_choice(self, canvas: Canvas, view: View, seen: Look, row: Rect) -> None:
        layout = canvas.layout
        gap = layout.body_px
        width = (row.width - gap) // 2
        words = view.text("doppelganger.keep"), view.text("doppelganger.forget")
        size = fitting_size(words, layout.body_px, 400, width - layout.body_px)
        for action, line, left in zip(
            (Action.YES, Action.NO), words, (row.left, row.left + width + gap), strict=True
        ):
            field = Rect(left, row.top, width, row.height)
            canvas.outline(field, layout.stroke_px, seen.quiet, seen.coming)
            middle = field.centerx, field.centery + 0.35 * size
            canvas.text(line, middle, size, 400, seen.ink, seen.coming, "middle")
            canvas.drawn.append(Drawn(Kind.FIELD, field.copy()))
            self._areas[action] = field


def given(finding: Finding) -> tuple[Pixels, Given]:
    """The picture to take home, uint8 (R, R, 3), whatever was found, and what it is."""
    if finding.doppelganger is not None:
        return finding.doppelganger, Given.HOLDS
    strip = finding.nearest or finding.median
    others = np.flatnonzero(~strip.same)
    if len(others):
        return strip.pictures[others[-1]], Given.BEYOND
    return strip.pictures[int(strip.distances.argmax())], Given.SAME


@lru_cache(maxsize=2)
def code(words: str) -> NDArray[np.bool_]:
    """The modules of a QR code, bool (N, N), True is dark; without its quiet zone."""
    made = qrcode.QRCode(border=0, error_correction=qrcode.constants.ERROR_CORRECT_M)
    made.add_data(words)
    made.make(fit=True)
    return np.array(made.get_matrix(), bool)
