"""The question: what happens here, what is kept, yes or no. The camera is off."""

import math
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from pygame import Rect

<<<<<<< HEAD
from installation.parameters import Parameters
=======
from installation.parameters import Parameters, Refusal
>>>>>>> scenes
from installation.texts import Texts, languages
from installation.view import Action, View
from installation.visit import Timeouts, hold_share, time_left_s
from scenes.canvas import Block, Canvas, Drawn, Kind
<<<<<<< HEAD
from scenes.look import Look, StageParameters, look, number, smooth
=======
from scenes.look import Look, StageParameters, look, number
>>>>>>> scenes
from scenes.scene import Scene
from scenes.typesetting import fitting_size, text_width


class ConsentParameters(Parameters):
    """What visitors are asked before anything looks at them."""

    scene: ClassVar[str] = "consent"

    age_years: int = Field(
        16, ge=0, le=21, description="the age line: from this age, younger with a guardian; 0: no such line"
    )
    without_camera: bool = Field(True, description="whether the way without a camera is offered")
    question: str = Field("", max_length=160, description="the first sentence; empty: the language's own")
    remaining_s: float = Field(
        20, ge=0, le=60, description="the time that is left is shown as a line from here on; 0: never"
    )


class Consent(Scene):
    """Two sentences, two equal fields; *yes* fills while it is held."""

    parameters = ConsentParameters

    def __init__(self) -> None:
        self._areas: dict[Action, Rect] = {}

    def leave(self) -> None:
        self._areas = {}

    def areas(self) -> Mapping[Action, Rect]:
        return self._areas

    def draw(self, canvas: Canvas, view: View) -> None:
<<<<<<< HEAD
        parameters, timeouts, seen = (
            view.registry.of(ConsentParameters),
            view.registry.of(Timeouts),
            look(view),
        )
        self._areas = {}
        page, layout = canvas.layout.page, canvas.layout
        if layout.stacked:
            words = Rect(page.left, page.top, page.width, round(0.42 * page.height))
            fields = Rect(page.left, words.bottom, page.width, page.bottom - words.bottom)
        else:
            words = Rect(page.left, page.top, round(0.48 * page.width), page.height)
            fields = Rect(words.right + layout.margin_px, page.top, 0, page.height)
            fields.width = page.right - fields.left
        blocks = [
            Block(
                parameters.question or view.text("consent.question"),
                layout.large_px,
                400,
                seen.ink,
                seen.coming,
                0.6,
            ),
            Block(_kept(view, timeouts), layout.body_px, 300, seen.ink, seen.coming, 0.6),
=======
        self._areas = {}
        seen, layout, page = look(view), canvas.layout, canvas.layout.page
        if layout.stacked:
            words = Rect(page.topleft, (page.width, round(0.42 * page.height)))
            answers = Rect(page.left, words.bottom, page.width, page.bottom - words.bottom)
        else:
            words = Rect(page.topleft, (round(0.48 * page.width), page.height))
            left = words.right + layout.margin_px
            answers = Rect(left, page.top, page.right - left, page.height)
        self._draw_words(canvas, view, seen, words)
        answers = self._draw_choices(canvas, view, seen, answers)
        self._draw_answers(canvas, view, seen, answers)
        self._draw_remaining(canvas, view, seen)

    def _draw_words(self, canvas: Canvas, view: View, seen: Look, area: Rect) -> None:
        layout, parameters = canvas.layout, view.registry.of(ConsentParameters)
        question = parameters.question or view.text("consent.question")
        blocks = [
            Block(question, layout.large_px, 400, seen.ink, seen.coming, 0.6),
            Block(_kept(view), layout.body_px, 300, seen.ink, seen.coming, 0.6),
>>>>>>> scenes
        ]
        if parameters.age_years:
            age = view.text("consent.age", years=parameters.age_years)
            blocks.append(Block(age, layout.small_px, 300, seen.quiet, seen.coming))
<<<<<<< HEAD
        canvas.column(blocks, words, "top" if layout.stacked else "middle")
        self._draw_fields(canvas, view, seen, fields)
        left_s = time_left_s(view.visit, view.now_s, timeouts)
        if left_s < parameters.remaining_s:
            width = layout.width_px * left_s / parameters.remaining_s
            canvas.fill(
                Rect(0, layout.height_px - 2 * layout.stroke_px, round(width), 2 * layout.stroke_px),
                seen.quiet,
                0.6,
            )

    def _draw_fields(self, canvas: Canvas, view: View, seen: Look, area: Rect) -> None:
        layout, parameters = canvas.layout, view.registry.of(ConsentParameters)
        rows = 0
        row = round(1.9 * layout.body_px)
        bottom = area.bottom
        choose = not view.registry.of(StageParameters).language and len(languages()) > 1
        rows += (choose + parameters.without_camera) * row + choose * round(0.4 * row)
        gap = layout.margin_px
        caption = round(1.6 * layout.small_px)
        side = min((area.width - gap) // 2, area.height - rows - caption - gap)
        top = area.top + (area.height - rows - caption - side) // (3 if layout.stacked else 2)
        left = area.centerx - side - gap // 2
        yes, no = Rect(left, top, side, side), Rect(left + side + gap, top, side, side)

        share = hold_share(view.visit, view.now_s, view.registry.of(Timeouts))
        size = fitting_size(
            (view.text("consent.yes"), view.text("consent.no")), round(0.2 * side), 500, 0.7 * side
        )
        for action, rect, key in ((Action.YES, yes, "consent.yes"), (Action.NO, no, "consent.no")):
            radius = side / 2
            if action is Action.YES and share > 0:
                canvas.disc(rect.center, radius * math.sqrt(share), seen.quiet, 0.75)
            canvas.arc(
                rect.center,
                (radius - layout.stroke_px,) * 2,
                2 * layout.stroke_px,
                seen.ink,
                seen.coming,
            )
            canvas.text(
                view.text(key),
                (rect.centerx, rect.centery + 0.35 * size),
                size,
                500,
                seen.ink,
                seen.coming,
                "middle",
            )
            canvas.drawn.append(Drawn(Kind.FIELD, rect.copy()))
            self._areas[action] = rect
        timeouts = view.registry.of(Timeouts)
        key = "consent.hold_or_tap" if timeouts.double_tap_s else "consent.hold"
        hold = view.text(key, seconds=number(view, timeouts.hold_s, 0 if timeouts.hold_s % 1 == 0 else 1))
        canvas.column(
            [Block(hold, layout.small_px, 300, seen.ink, seen.coming)],
            Rect(yes.left - gap // 2, yes.bottom + gap // 4, side + gap, caption),
            "top",
            "middle",
        )
        if choose:
            line = Rect(area.left, bottom - row, area.width, row)
            self._draw_languages(canvas, view, seen, line)
            self._areas[Action.LANGUAGE] = line
            bottom = line.top - round(0.4 * row)
        if parameters.without_camera:
            words = view.text("consent.without_camera")
            size = fitting_size((words,), layout.body_px, 400, area.width - 2 * layout.body_px)
            width = round(text_width(words, size)) + 2 * layout.body_px
            field = Rect(area.centerx - width // 2, bottom - row, width, row)
            canvas.outline(field, layout.stroke_px, seen.quiet, seen.coming)
            middle = field.centerx, field.centery + 0.35 * size
            canvas.text(words, middle, size, 400, seen.ink, seen.coming, "middle")
            canvas.drawn.append(Drawn(Kind.FIELD, field.copy()))
            self._areas[Action.WITHOUT_CAMERA] = field

    def _draw_languages(self, canvas: Canvas, view: View, seen: Look, line: Rect) -> None:
        """The names of all languages, the current one bright."""
        size = canvas.layout.body_px
        names = {code: Texts.load(code)("language.name") for code in languages()}
        gap = size
        x = line.centerx - (sum(text_width(n, size) for n in names.values()) + gap * (len(names) - 1)) / 2
        for code, name in names.items():
            current = code == view.text.language
            colour = seen.ink if current else seen.quiet
            rect = canvas.text(
                name,
                (x, line.centery + 0.35 * size),
                size,
                400,
                colour,
                seen.coming * (1 if current else 0.8),
            )
            if current:
                canvas.fill(
                    Rect(
                        rect.left,
                        line.bottom - canvas.layout.stroke_px * 3,
                        rect.width,
                        canvas.layout.stroke_px,
                    ),
                    seen.ink,
                    smooth(seen.coming),
                )
            x += text_width(name, size) + gap


def _kept(view: View, timeouts: Timeouts) -> str:
    """What is kept and for how long, in the numbers that the code goes by."""
    away_s = math.ceil(max(timeouts.left_s, timeouts.left_doppelganger_s))
    erased = view.text("consent.erased", seconds=away_s)
    life_s = view.registry.get("delivery/life_s")
    if isinstance(life_s, int | float):
        return erased + " " + view.text("consent.stays", minutes=math.ceil(life_s / 60))
    return erased
=======
        canvas.column(blocks, area, "top" if layout.stacked else "middle")

    def _draw_choices(self, canvas: Canvas, view: View, seen: Look, area: Rect) -> Rect:
        """The languages and the way without a camera along the bottom; returns what is left above."""
        body = canvas.layout.body_px
        row = round(1.9 * body)
        rest = area.copy()
        if not view.registry.of(StageParameters).language and len(languages()) > 1:
            line = Rect(rest.left, rest.bottom - row, rest.width, row)
            self._draw_languages(canvas, view, seen, line)
            self._areas[Action.LANGUAGE] = line
            rest.height -= round(1.4 * row)
        if view.registry.of(ConsentParameters).without_camera:
            words = view.text("consent.without_camera")
            size = fitting_size((words,), body, 400, rest.width - 2 * body)
            width = round(text_width(words, size)) + 2 * body
            field = Rect(rest.centerx - width // 2, rest.bottom - row, width, row)
            canvas.field(field, words, size, seen.ink, seen.coming)
            self._areas[Action.WITHOUT_CAMERA] = field
            rest.height -= row
        return rest

    def _draw_answers(self, canvas: Canvas, view: View, seen: Look, area: Rect) -> None:
        """*Yes* and *no*: rings of one size; *yes* fills while it is held."""
        layout, timeouts = canvas.layout, view.registry.of(Timeouts)
        gap, caption = layout.margin_px, round(1.6 * layout.small_px)
        side = min((area.width - gap) // 2, area.height - caption - gap)
        top = area.top + (area.height - caption - side) // (3 if layout.stacked else 2)
        yes = Rect(area.centerx - side - gap // 2, top, side, side)
        no = yes.move(side + gap, 0)
        share = hold_share(view.visit, view.now_s, timeouts)
        if share > 0:
            canvas.disc(yes.center, side / 2 * math.sqrt(share), seen.quiet, 0.75)
        answers = view.text("consent.yes"), view.text("consent.no")
        size = fitting_size(answers, round(0.2 * side), 500, 0.7 * side)
        stroke = 2 * layout.stroke_px
        for action, words, ring in zip((Action.YES, Action.NO), answers, (yes, no), strict=True):
            canvas.arc(ring.center, ((side - stroke) / 2,) * 2, stroke, seen.ink, seen.coming)
            middle = ring.centerx, ring.centery + 0.35 * size
            canvas.text(words, middle, size, 500, seen.ink, seen.coming, "middle")
            canvas.drawn.append(Drawn(Kind.FIELD, ring.copy()))
            self._areas[action] = ring
        key = "consent.hold_or_tap" if timeouts.double_tap_s else "consent.hold"
        hold = view.text(key, seconds=number(view, timeouts.hold_s, 0 if timeouts.hold_s % 1 == 0 else 1))
        below = Rect(yes.left - gap // 2, yes.bottom + gap // 4, side + gap, caption)
        canvas.column([Block(hold, layout.small_px, 300, seen.ink, seen.coming)], below, "top", "middle")

    def _draw_languages(self, canvas: Canvas, view: View, seen: Look, line: Rect) -> None:
        """The names of all languages, the current one bright and underlined."""
        size, stroke = canvas.layout.body_px, canvas.layout.stroke_px
        names = {code: Texts.load(code)("language.name") for code in languages()}
        x = (
            line.centerx
            - (sum(text_width(name, size) for name in names.values()) + size * (len(names) - 1)) / 2
        )
        for code, name in names.items():
            current = code == view.text.language
            colour = seen.ink if current else seen.quiet
            rect = canvas.text(name, (x, line.centery + 0.35 * size), size, 400, colour, seen.coming)
            if current:
                under = Rect(rect.left, line.bottom - 3 * stroke, rect.width, stroke)
                canvas.fill(under, seen.ink, seen.coming)
            x += text_width(name, size) + size

    def _draw_remaining(self, canvas: Canvas, view: View, seen: Look) -> None:
        """A line along the bottom of the screen that grows shorter when time runs out."""
        remaining_s = view.registry.of(ConsentParameters).remaining_s
        left_s = time_left_s(view.visit, view.now_s, view.registry.of(Timeouts))
        if left_s < remaining_s:
            layout = canvas.layout
            high = 2 * layout.stroke_px
            width = round(layout.width_px * left_s / remaining_s)
            canvas.fill(Rect(0, layout.height_px - high, width, high), seen.quiet, 0.6)


def _kept(view: View) -> str:
    """What is kept and for how long, in the numbers that the code goes by."""
    timeouts = view.registry.of(Timeouts)
    away_s = math.ceil(max(timeouts.left_s, timeouts.left_doppelganger_s))
    erased = view.text("consent.erased", seconds=away_s)
    life_s = view.registry.get("delivery/life_s")
    if isinstance(life_s, Refusal):  # nothing can be taken away
        return erased
    return erased + " " + view.text("consent.stays", minutes=math.ceil(float(life_s) / 60))
>>>>>>> scenes
