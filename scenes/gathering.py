"""Gathering: several people, of whom each decides about their own face; then their portrait is made.

One after the other is ringed and answers with the head, or by a touch on a sign beside the ring: a disc is
*as I am*, two discs are *as my doppelgänger*, a ring is *as nobody*. *Yes* confirms, *no* takes every answer
back. The picture shows the faces of those only who have decided to be seen.
"""

from collections.abc import Mapping

import cv2
import numpy as np
from pygame import Rect

from engine.common.arrays import Pixels
from engine.live.crowd.decision import Decision
from installation.settings.phase import Phase
from installation.stage.canvas import Anchor, Canvas, TextBlock
from installation.stage.layout import below
from installation.stage.start_edge import start_edge
from installation.stage.theme import Theme, theme_of
from installation.stage.typesetting import fitting_size
from installation.stage.view import (
    Action,
    ChooseFace,
    GatheringStep,
    GatheringView,
    PersonView,
    Touchable,
    View,
)
from installation.visit.parameters import GatheringParameters
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.mirror import Box, Window
from scenes.widgets.mirror_scene import MirrorScene

# The part of the picture that is shown: a square about all heads, so many of the widest one around them.
AROUND_WIDTHS, WINDOW_S = 1.6, 0.8
# The signs stand in a row below the ring, each on the side to which the head is turned for it: so many radii
# below its middle, so large in shares of the face's square, and so many of their own radii apart.
BELOW_RADII, SIGN_SHARE, APART_RADII = 1.25, 0.016, 5.5
ANSWERS = (Decision.REAL, Decision.ANONYMOUS, Decision.DOPPELGANGER)


class Gathering(MirrorScene):
    """Draws everybody who wants to be seen, the ring, and what can be answered."""

    parameters = GatheringParameters

    def _forget(self) -> None:
        super()._forget()
        self._boxes: dict[int, Box] = {}  # as they are drawn, of each track
        self._areas: dict[Touchable, Rect] = {}

    def areas(self) -> Mapping[Touchable, Rect]:
        return {**super().areas(), **self._areas}

    def update(self, view: View) -> None:
        passed_s = self._passed_s(view)
        if view.gathering is None or view.camera is None:
            return
        height, width = view.camera.image.shape[:2]
        goal = _window_about(view.gathering.people, width, height)
        self._window = goal if self._window is None else self._window.towards(goal, passed_s, WINDOW_S)
        follow_s = view.parameters.of(GatheringParameters).follow_s
        share = 1 - np.exp(-passed_s / follow_s) if follow_s > 0 else 1.0
        boxes: dict[int, Box] = {}
        for person in view.gathering.people:
            before = self._boxes.get(person.number, person.box)
            x0, y0, x1, y1 = (was + share * (new - was) for was, new in zip(before, person.box, strict=True))
            boxes[person.number] = x0, y0, x1, y1
        self._boxes = boxes

    def draw(self, canvas: Canvas, view: View) -> None:
        self._areas = {}
        self.draw_stop_button(canvas, view)
        theme = theme_of(view)
        if view.visit.phase is Phase.SEARCH:
            self._draw_making(canvas, view, theme)
            return
        gathering = view.gathering
        if gathering is None or view.camera is None or self._window is None:
            draw_idle_glow(canvas, theme, canvas.layout.face)
        else:
            canvas.picture(
                _cut(view.camera.image, self._window, canvas.layout.face.width), canvas.layout.face
            )
            for person in gathering.people:
                self._draw_person(canvas, view, theme, gathering, person)
        self._draw_words(canvas, view, theme, gathering or GatheringView(GatheringStep.TOO_FEW))

    # --- the people ---

    def _draw_person(
        self, canvas: Canvas, view: View, theme: Theme, gathering: GatheringView, person: PersonView
    ) -> None:
        """A ring around the head: bright around whoever is asked; below it the sign of a decision."""
        assert view.camera is not None and self._window is not None
        face, stroke = canvas.layout.face, canvas.layout.stroke_px
        height, width = view.camera.image.shape[:2]
        x0, y0, x1, y1 = self._window.shares(self._boxes.get(person.number, person.box), width, height)
        centre = face.left + (x0 + x1) / 2 * face.width, face.top + (y0 + y1) / 2 * face.height
        radii = 0.66 * (x1 - x0) * face.width, 0.76 * (y1 - y0) * face.height
        if not face.inflate(face.width // 2, face.height // 2).collidepoint(centre):
            return
        canvas.arc(centre, radii, stroke, theme.quiet_ink, 0.5)
        sign_px = SIGN_SHARE * face.width
        if person.decision is not None:
            at = centre[0], min(centre[1] + BELOW_RADII * radii[1], face.bottom - 2 * sign_px)
            draw_sign(canvas, at, sign_px, person.decision, theme, 1.0)
        if not person.is_ringed:
            return
        canvas.arc(
            centre, radii, 3 * stroke, theme.ink, 0.5 if gathering.answer is None else 0.8 * theme.breath
        )
        canvas.arc(centre, radii, 5 * stroke, theme.ink, 1.0, gathering.steady_share)
        if gathering.answer is None:
            return
        touchable = view.parameters.of(GatheringParameters).signs
        side = round(max(APART_RADII * sign_px, 0.07 * canvas.layout.short_px))
        row = Rect(0, 0, len(ANSWERS) * side, side)
        row.center = round(centre[0]), round(centre[1] + (BELOW_RADII + 0.2) * radii[1] + side / 2)
        row.clamp_ip(face)
        for index, decision in enumerate(ANSWERS):
            area = Rect(row.left + index * side, row.top, side, side)
            shade = 1.0 if decision is gathering.answer else 0.45
            draw_sign(canvas, area.center, 1.2 * sign_px, decision, theme, shade)
            if touchable:
                self._areas[ChooseFace(person.number, decision)] = area

    # --- the words ---

    def _draw_words(self, canvas: Canvas, view: View, theme: Theme, gathering: GatheringView) -> None:
        layout, light = canvas.layout, theme.fade_in
        clear = layout.clear.copy()
        step = gathering.step
        most = view.parameters.of(GatheringParameters).most_people
        headline = view.text(f"gathering.{step.name.lower()}", most=most)
        blocks = [TextBlock(headline, layout.large_px, 500, theme.ink, light, 0.5)]
        if step is GatheringStep.READY:
            blocks.append(TextBlock(view.text("gathering.take"), layout.body_px, 300, theme.quiet_ink, light))
        if step is not GatheringStep.ASKING:
            taken = canvas.column(blocks, clear, Anchor.TOP if layout.stacked else Anchor.MIDDLE)
            if step is GatheringStep.READY:
                self._draw_yes(canvas, view, theme, below(clear, taken, layout.body_px))
            return
        if not layout.stacked:
            clear.top += clear.height // 5
            clear.height -= clear.height // 5
        rest = below(clear, canvas.column(blocks, clear), layout.body_px // 2)
        sign_px, row = 0.25 * layout.body_px, round(1.5 * layout.body_px)
        start = start_edge(rest, view.text)
        for decision in ANSWERS:
            chosen = decision is gathering.answer
            line = Rect(rest.left, rest.top, rest.width, row)
            shade = light if chosen else 0.7 * light
            draw_sign(canvas, (start.x(2.4 * sign_px), line.centery), sign_px, decision, theme, shade)
            width = line.width - 3 * layout.body_px // 2
            beside = Rect(start.left_of(width, line.width - width), line.top, width, row)
            words = view.text(f"gathering.turn_{decision}")
            colour, weight = (theme.ink, 600) if chosen else (theme.quiet_ink, 400)
            size = fitting_size((words,), layout.body_px, 600, beside.width)
            canvas.column([TextBlock(words, size, weight, colour, shade)], beside, Anchor.MIDDLE)
            rest = below(rest, line, 0)
        if gathering.can_confirm:
            self._draw_yes(canvas, view, theme, below(rest, Rect(rest.topleft, (1, 0)), layout.body_px // 2))

    def _draw_yes(self, canvas: Canvas, view: View, theme: Theme, area: Rect) -> None:
        """*Yes* as a field; on a low panel it takes what is left."""
        layout, words = canvas.layout, view.text("consent.yes")
        row = min(round(2.4 * layout.body_px), area.height)
        if row < layout.small_px:
            return
        width = min(6 * layout.body_px, area.width)
        left = start_edge(area, view.text).left_of(width)
        field = Rect(round(left), area.top, width, row)
        size = fitting_size((words,), layout.body_px, 500, width - layout.body_px)
        canvas.button(field, words, size, theme.ink, theme.breath)
        self._areas[Action.YES] = field.inflate(layout.small_px, layout.small_px)

    # --- the portrait is made ---

    def _draw_making(self, canvas: Canvas, view: View, theme: Theme) -> None:
        """The search for one doppelgänger after the other, as the engine's pictures come."""
        layout, search = canvas.layout, view.participant.search
        if search is not None and search.picture is not None:
            canvas.picture(search.picture, layout.face, theme.breath)
        else:
            draw_idle_glow(canvas, theme, layout.face)
        count = sum(each.decision is Decision.DOPPELGANGER for each in view.visit.participants)
        share = search.share if search is not None else 0.0
        clear, panel = layout.clear, layout.panel
        top = panel.top if layout.stacked else panel.centery - 2 * layout.large_px
        whole = Rect(panel.left, top, panel.width, layout.stroke_px)
        canvas.fill(whole, theme.quiet_ink, 0.4 * theme.fade_in)
        width = round(panel.width * share)
        start = start_edge(panel, view.text)
        canvas.fill(Rect(start.left_of(width), top, width, 2 * layout.stroke_px), theme.ink, theme.fade_in)
        top += layout.body_px
        line = view.text("gathering.together")
        if count:
            number = min(int(share * count) + 1, count)
            line = view.text("gathering.making_one", number=number, count=count)
        headline = view.text("gathering.making")
        if search is not None and search.queue_place is not None:
            headline, line = view.text("search.queued", place=search.queue_place), ""
        blocks = [
            TextBlock(headline, layout.large_px, 500, theme.ink, theme.fade_in, 0.5),
            TextBlock(line, layout.body_px, 300, theme.quiet_ink, theme.fade_in),
        ]
        canvas.column(blocks, Rect(clear.left, top, clear.width, clear.bottom - top))


def draw_sign(
    canvas: Canvas, at: tuple[float, float], radius_px: float, decision: Decision, theme: Theme, light: float
) -> None:
    """A disc is real, two discs are a doppelgänger, a ring is anonymous."""
    x, y = at
    match decision:
        case Decision.REAL:
            canvas.disc((x, y), radius_px, theme.ink, light)
        case Decision.DOPPELGANGER:
            canvas.disc((x - 1.3 * radius_px, y), radius_px, theme.ink, light)
            canvas.disc((x + 1.3 * radius_px, y), radius_px, theme.ink, light)
        case Decision.ANONYMOUS:
            stroke_px = max(2.0, radius_px / 3)
            canvas.arc((x, y), (radius_px, radius_px), stroke_px, theme.ink, light)


def _window_about(people: tuple[PersonView, ...], width: int, height: int) -> Window:
    """A square about all heads, at least as wide as the picture is high; the whole picture without any."""
    if not people:
        return Window(width / 2, height / 2, max(width, height))
    lefts, tops, rights, bottoms = zip(*(person.box for person in people), strict=True)
    wide = max((person.box[2] - person.box[0]) * width for person in people)
    across = (max(rights) - min(lefts)) * width + 2 * AROUND_WIDTHS * wide
    along = (max(bottoms) - min(tops)) * height + 2 * AROUND_WIDTHS * wide
    side = float(np.clip(max(across, along), 0.6 * min(width, height), max(width, height)))
    x, y = (min(lefts) + max(rights)) / 2 * width, (min(tops) + max(bottoms)) / 2 * height
    return Window(x, y, side)


def _cut(image: Pixels, window: Window, size_px: int) -> Pixels:
    """The window of a picture, uint8 (size_px, size_px, 3); black beyond it, as the picture is itself."""
    scale = size_px / window.side
    half = size_px / 2 - 0.5
    place = np.array(
        [[scale, 0, half - scale * (window.x - 0.5)], [0, scale, half - scale * (window.y - 0.5)]]
    )
    return np.asarray(cv2.warpAffine(image, place, (size_px, size_px)), np.uint8)
