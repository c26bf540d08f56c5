"""Doppelganger: the picture given to the visitor, then beside it the QR code to download it.

*I have it* is offered beside the code, not sooner: it ends the visit, and the code with it. Where no link is
to be expected, *done* is offered instead.
"""

import math
from collections.abc import Mapping
from functools import lru_cache

from pygame import Rect

from engine.common.arrays import Pixels
from installation.stage import qr
from installation.stage.canvas import Anchor, Canvas, TextBlock
from installation.stage.scene import Scene
from installation.stage.start_edge import start_edge
from installation.stage.theme import Theme, ease, sitter_text, theme_of
from installation.stage.typesetting import fitting_size
from installation.stage.view import Action, Link, Touchable, View
from installation.visit.parameters import DoppelgangerParameters, Timeouts
from installation.visit.state import time_left_s
from scenes.widgets.idle_glow import draw_idle_glow

_FADE_IN_S = 0.8  # of the picture, then of the code and of the answers
# Encoded once for each link; the cache is cleared with it.
code = lru_cache(maxsize=2)(qr.modules)


def _given(view: View) -> tuple[Pixels, str] | None:
    """The picture, uint8 (S, S, 3) RGB, and what it is to whom it is given; None before there is one."""
    group, result = view.participant.group, view.participant.result
    if group is not None:
        return group.picture, view.text("gathering.given")
    if result is None:
        return None
    picture, kind = result.picture_to_take_home
    return picture, sitter_text(view, f"doppelganger.{kind}")


def _faces(view: View) -> str:
    """Of a group, from the left: what each face is, and what the judges say of it; else empty."""
    group = view.participant.group
    if group is None:
        return ""
    lines: list[str] = []
    for number, face in enumerate(group.faces, start=1):
        if face.appears is None or face.same is None:
            words = view.text("jury.nobody")
        else:
            verdict = view.text("verdict.same" if face.same else "verdict.other")
            words = f"{view.text(f'gathering.{face.appears}')}: {verdict}"
        lines.append(f"{number}\N{NO-BREAK SPACE}{words}")
    return " · ".join(lines)


class Doppelganger(Scene):
    """Draws the picture, and the code once the link is there."""

    parameters = DoppelgangerParameters

    def __init__(self) -> None:
        self._forget()

    def enter(self, view: View) -> None:
        self._forget()

    def leave(self) -> None:
        self._forget()
        code.cache_clear()

    def _forget(self) -> None:
        self._areas: dict[Touchable, Rect] = {}
        # When they began to fade in; None while they are not there.
        self._picture_s: float | None = None
        self._code_s: float | None = None

    def areas(self) -> Mapping[Touchable, Rect]:
        return self._areas

    def update(self, view: View) -> None:
        if self._picture_s is None and _given(view) is not None:
            self._picture_s = view.now_s
        if view.participant.link is None:
            self._code_s = None
        elif self._code_s is None and self._picture_s is not None:
            alone_s = view.parameters.of(DoppelgangerParameters).alone_s
            self._code_s = max(view.now_s, self._picture_s + alone_s)

    def draw(self, canvas: Canvas, view: View) -> None:
        self._areas = {}
        parameters, theme, layout = view.parameters.of(DoppelgangerParameters), theme_of(view), canvas.layout
        came = self._came(self._picture_s, view)
        given = _given(view)
        if came > 0 and given is not None:
            canvas.picture(given[0], layout.face, came * theme.breath)
        if came < 1:
            draw_idle_glow(canvas, theme, layout.face, 1 - came)
        panel = layout.panel.copy()
        if parameters.choice:
            panel.height -= self._draw_choice(canvas, view, theme, panel) + layout.body_px
        timeouts = view.parameters.of(Timeouts)
        left_s = time_left_s(view.visit, view.now_s, timeouts)
        width = round(panel.width * min(left_s / timeouts.doppelganger_s, 1.0))
        canvas.fill(
            Rect(
                start_edge(panel, view.text).left_of(width),
                panel.bottom + layout.body_px // 2,
                width,
                layout.stroke_px,
            ),
            theme.quiet_ink,
            theme.fade_in,
        )
        light = self._came(self._code_s, view)
        if light > 0 and view.participant.link is not None:
            self._draw_codes(canvas, view, theme, panel, view.participant.link, light)
        else:
            self._draw_words(canvas, view, theme, panel)

    def _came(self, began_s: float | None, view: View) -> float:
        """The brightness, 0 to 1, of what began to fade in at `began_s`."""
        return 0.0 if began_s is None else ease(view.now_s - began_s, _FADE_IN_S)

    def _gives_up_s(self, view: View) -> float:
        """The time after which no link is awaited any more; infinite before there is a picture."""
        if self._picture_s is None:
            return math.inf
        parameters = view.parameters.of(DoppelgangerParameters)
        return self._picture_s + (parameters.making_s if view.downloads_available else parameters.alone_s)

    def _awaits_link(self, view: View) -> bool:
        return view.downloads_available and self._code_s is None and view.now_s < self._gives_up_s(view)

    def _draw_words(self, canvas: Canvas, view: View, theme: Theme, area: Rect) -> None:
        """Draws what the picture is to the visitor, and whether it can be taken home."""
        given, layout = _given(view), canvas.layout
        if given is None:
            return
        headline = view.parameters.of(DoppelgangerParameters).headline or given[1]
        awaited = self._awaits_link(view) or self._code_s is not None
        line = view.text("doppelganger.making" if awaited else "doppelganger.without_link")
        blocks = [
            TextBlock(headline, layout.large_px, 500, theme.ink, theme.fade_in, 0.5),
            TextBlock(_faces(view), layout.body_px, 400, theme.ink, theme.fade_in, 0.5),
            TextBlock(line, layout.body_px, 300, theme.quiet_ink, theme.fade_in),
        ]
        canvas.column(blocks, area, Anchor.TOP if layout.stacked else Anchor.MIDDLE)

    def _draw_codes(
        self, canvas: Canvas, view: View, theme: Theme, area: Rect, link: Link, light: float
    ) -> None:
        """Draws one code with its caption, or the network's code first and then the picture's."""
        layout = canvas.layout
        body, large = layout.body_px, layout.large_px
        minutes = max(math.ceil((link.until_s - view.now_s) / 60), 1)
        lives = view.text("doppelganger.lives" if minutes > 1 else "doppelganger.lives_one", minutes=minutes)
        lives_block = TextBlock(lives, body, 300, theme.quiet_ink, light)
        ground = view.parameters.of(DoppelgangerParameters).ground
        start = start_edge(area, view.text)
        if link.wifi is None:
            scan = TextBlock(view.text("doppelganger.scan"), large, 500, theme.ink, light)
            if layout.stacked:
                side = min(area.height, round(0.56 * area.width))
                field = Rect(start.left_of(side), area.top, side, side)
                width = area.width - side - body
                beside = Rect(start.left_of(width, side + body), area.top, width, side)
                canvas.column([scan, lives_block], beside, Anchor.MIDDLE)
            else:
                side = min(area.width, area.height - 5 * body)
                field = Rect(start.left_of(side), area.top, side, side)
                beside = Rect(area.left, field.bottom + body // 2, area.width, area.bottom - field.bottom)
                canvas.column([scan, lives_block], beside)
            canvas.qr_code(code(link.url), field, qr.QUIET_ZONE, ground, light)
            return
        gap = body
        column = (area.width - gap) // 2
        below_px = round(2.7 * body)
        side = min(column, area.height - below_px - 2 * body)
        # In a low panel the words stand beside their code.
        low = side < 0.6 * column
        if low:
            side = min(column // 2, area.height - 2 * body)
        top = area.top if layout.stacked else area.centery - side // 2 - 2 * body
        steps = ((link.wifi, "doppelganger.wifi"), (link.url, "doppelganger.picture"))
        for number, (content, key) in enumerate(steps):
            began = number * (column + gap)
            field = Rect(start.left_of(side, began), top, side, side)
            canvas.qr_code(code(content), field, qr.QUIET_ZONE, ground, light)
            caption = Rect(field.left, field.bottom + body // 4, side, below_px)
            if low:
                width = column - side - gap // 2
                caption = Rect(start.left_of(width, began + side + gap // 2), field.top, width, side)
            canvas.column([TextBlock(view.text(key), body, 500, theme.ink, light)], caption)
        below = Rect(area.left, top + side + body // 4, area.width, 0)
        below.top += 0 if low else below_px
        below.height = max(area.bottom - below.top, 0)
        canvas.column([lives_block], below)

    def _draw_choice(self, canvas: Canvas, view: View, theme: Theme, panel: Rect) -> int:
        """Draws the answers along the bottom of the panel, beside each other or one above the other.

        An answer can be touched once it has faded in, so an early touch ends nothing. Returns their height.
        """
        layout = canvas.layout
        gap, height = layout.body_px, round(1.9 * layout.body_px)
        keeps = "doppelganger.done" if self._code_s is None else "doppelganger.keep"
        answers = view.text(keeps), view.text("doppelganger.forget")
        width = (panel.width - gap) // 2
        size = fitting_size(answers, layout.body_px, 400, width - gap)
        places = [(panel.left, panel.bottom - height), (panel.left + width + gap, panel.bottom - height)]
        if size < layout.small_px:
            width = panel.width
            size = fitting_size(answers, layout.body_px, 400, width - gap)
            places = [(panel.left, panel.bottom - 2 * height - gap // 2), (panel.left, panel.bottom - height)]
        keeps_s = self._gives_up_s(view) if self._code_s is None else self._code_s
        # Without a download there is nothing to delete.
        forgets = self._awaits_link(view) or self._code_s is not None
        lights = self._came(keeps_s, view), theme.fade_in if forgets else 0.0
        for action, line, place, light in zip((Action.YES, Action.NO), answers, places, lights, strict=True):
            field = Rect(place, (width, height))
            if light > 0:
                canvas.button(field, line, size, theme.ink, light)
            if light >= 1:
                self._areas[action] = field
        return panel.bottom - places[0][1]
