"""Consent: what happens, what is kept, and the answers yes and no. The camera is off."""

import math
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from pygame import Rect

from installation.settings.parameters import Parameters
from installation.settings.texts import Texts, languages
from installation.stage.canvas import Align, Anchor, Canvas, DrawnItem, ItemKind, TextBlock
from installation.stage.scene import Scene
from installation.stage.start_edge import start_edge
from installation.stage.theme import StageParameters, Theme, format_number, theme_of
from installation.stage.typesetting import LEADING, fitting_size, text_width
from installation.stage.view import Action, ChooseLanguage, Touchable, View
from installation.visit.parameters import DeliveryParameters, Timeouts
from installation.visit.state import hold_share, time_left_s


class ConsentParameters(Parameters):
    """What visitors are asked before anything looks at them."""

    scene: ClassVar[str] = "consent"

    age_years: int = Field(
        16, ge=0, le=21, description="the age line: from this age, younger with a guardian; 0: no such line"
    )
    without_camera: bool = Field(True, description="whether the way without a camera is offered")
    with_others: bool = Field(False, description="whether several people can take part together")
    question: str = Field("", max_length=160, description="the first sentence; empty: the language's own")
    remaining_s: float = Field(
        20, ge=0, le=60, description="the time that is left is shown as a line from here on; 0: never"
    )


class Consent(Scene):
    """Draws two sentences and two equal buttons; *yes* fills while it is held."""

    parameters = ConsentParameters

    def __init__(self) -> None:
        self._areas: dict[Touchable, Rect] = {}

    def leave(self) -> None:
        self._areas = {}

    def areas(self) -> Mapping[Touchable, Rect]:
        return self._areas

    def draw(self, canvas: Canvas, view: View) -> None:
        self._areas = {}
        theme, layout, page = theme_of(view), canvas.layout, canvas.layout.page
        if layout.stacked:
            # On upright screens words need more lines, and the answers are as wide as the page allows anyway.
            share = 0.63 if page.height > 1.5 * page.width else 0.46
            share += 0.03 * (view.shown_elsewhere + view.computed_elsewhere)  # a line each
            words = Rect(page.topleft, (page.width, round(share * page.height)))
            answers = Rect(page.left, words.bottom, page.width, page.bottom - words.bottom)
        else:
            words = Rect(page.topleft, (round(0.48 * page.width), page.height))
            left = words.right + layout.margin_px
            answers = Rect(left, page.top, page.right - left, page.height)
        self._draw_words(canvas, view, theme, words)
        answers = self._draw_choices(canvas, view, theme, answers)
        self._draw_answers(canvas, view, theme, answers)
        self._draw_remaining(canvas, view, theme)

    def _draw_words(self, canvas: Canvas, view: View, theme: Theme, area: Rect) -> None:
        layout, parameters = canvas.layout, view.parameters.of(ConsentParameters)
        question = parameters.question or view.text("consent.question")
        if view.visit.with_others:
            question = view.text("consent.question_group")
        blocks = [
            TextBlock(question, layout.large_px, 400, theme.ink, theme.fade_in, 0.6),
            TextBlock(_kept(view), layout.body_px, 300, theme.ink, theme.fade_in, 0.6),
        ]
        if parameters.age_years:
            age = view.text("consent.age", years=parameters.age_years)
            blocks.append(TextBlock(age, layout.body_px, 300, theme.quiet_ink, theme.fade_in))
        canvas.column(blocks, area, Anchor.TOP if layout.stacked else Anchor.MIDDLE)

    def _draw_choices(self, canvas: Canvas, view: View, theme: Theme, area: Rect) -> Rect:
        """Draws the languages and the option without a camera at the bottom; returns the area above."""
        body = canvas.layout.body_px
        row = round(1.9 * body)
        rest = area.copy()
        if not view.parameters.of(StageParameters).language and len(languages()) > 1:
            line = Rect(rest.left, rest.bottom - row, rest.width, row)
            self._draw_languages(canvas, view, theme, line)
            rest.height -= round(1.4 * row)
        if view.parameters.of(ConsentParameters).without_camera:
            words = view.text("consent.without_camera")
            size = fitting_size((words,), body, 400, rest.width - 2 * body)
            width = round(text_width(words, size)) + 2 * body
            field = Rect(rest.centerx - width // 2, rest.bottom - row, width, row)
            canvas.button(field, words, size, theme.ink, theme.fade_in)
            self._areas[Action.WITHOUT_CAMERA] = field
            rest.height -= row
        if view.parameters.of(ConsentParameters).with_others:
            rest.height -= body // 2
            words = view.text("consent.alone" if view.visit.with_others else "consent.with_others")
            size = fitting_size((words,), body, 400, rest.width - 2 * body)
            width = round(text_width(words, size)) + 2 * body
            field = Rect(rest.centerx - width // 2, rest.bottom - row, width, row)
            canvas.button(field, words, size, theme.ink, theme.fade_in)
            self._areas[Action.WITH_OTHERS] = field
            rest.height -= row
        return rest

    def _draw_answers(self, canvas: Canvas, view: View, theme: Theme, area: Rect) -> None:
        """Draws *yes* and *no* as rings of one size; *yes* fills while it is held."""
        layout, timeouts = canvas.layout, view.parameters.of(Timeouts)
        # The caption below *yes* says how to agree: one line, or two where a double tap is possible.
        key, lines = ("consent.hold_or_tap", 2) if timeouts.double_tap_s else ("consent.hold", 1)
        gap, caption = layout.margin_px, round((lines * LEADING + 0.34) * layout.body_px)
        side = min((area.width - gap) // 2, area.height - caption - gap)
        top = area.top + (area.height - caption - side) // (3 if layout.stacked else 2)
        yes = Rect(area.centerx - side - gap // 2, top, side, side)
        no = yes.move(side + gap, 0)
        share = hold_share(view.visit, view.now_s, timeouts)
        if share > 0:
            canvas.disc(yes.center, side / 2 * math.sqrt(share), theme.quiet_ink, 0.75)
        answers = view.text("consent.yes"), view.text("consent.no")
        size = fitting_size(answers, max(round(0.2 * side), layout.body_px), 500, 0.8 * side)
        stroke = 2 * layout.stroke_px
        for action, words, ring in zip((Action.YES, Action.NO), answers, (yes, no), strict=True):
            canvas.arc(ring.center, ((side - stroke) / 2,) * 2, stroke, theme.ink, theme.fade_in)
            middle = ring.centerx, ring.centery + 0.35 * size
            canvas.text(words, middle, size, 500, theme.ink, theme.fade_in, Align.MIDDLE)
            canvas.drawn_items.append(DrawnItem(ItemKind.BUTTON, ring.copy()))
            self._areas[action] = ring
        seconds = format_number(view, timeouts.hold_s, 0 if timeouts.hold_s % 1 == 0 else 1)
        hold = view.text(key, seconds=seconds)
        # Nothing stands below *no*, so it may reach there where the rings are small.
        half = max((side + gap) // 2, yes.centerx - area.left)
        below = Rect(yes.centerx - half, yes.bottom + gap // 4, 2 * half, caption)
        canvas.column(
            [TextBlock(hold, layout.body_px, 400, theme.ink, theme.fade_in)], below, Anchor.TOP, Align.MIDDLE
        )

    def _draw_languages(self, canvas: Canvas, view: View, theme: Theme, line: Rect) -> None:
        """Draws the languages' names, the current one underlined; a touch on another one selects that."""
        size, stroke = canvas.layout.body_px, canvas.layout.stroke_px
        names = {code: Texts.load(code)("language.name") for code in languages()}
        row_em = sum(text_width(name, 1) for name in names.values()) + len(names) - 1
        size = min(size, int(line.width / row_em))
        x = line.centerx - row_em * size / 2
        for code, name in names.items():
            current = code == view.text.language
            if not current:
                width = round(text_width(name, size) + size) - 1  # up to the middle of the gaps
                self._areas[ChooseLanguage(code)] = Rect(round(x - size / 2), line.top, width, line.height)
            colour = theme.ink if current else theme.quiet_ink
            rect = canvas.text(name, (x, line.centery + 0.35 * size), size, 400, colour, theme.fade_in)
            if current:
                under = Rect(rect.left, line.bottom - 3 * stroke, rect.width, stroke)
                canvas.fill(under, theme.ink, theme.fade_in)
            x += text_width(name, size) + size

    def _draw_remaining(self, canvas: Canvas, view: View, theme: Theme) -> None:
        """Draws a line along the bottom of the screen that shrinks with the remaining time."""
        remaining_s = view.parameters.of(ConsentParameters).remaining_s
        left_s = time_left_s(view.visit, view.now_s, view.parameters.of(Timeouts))
        if left_s < remaining_s:
            layout = canvas.layout
            high = 2 * layout.stroke_px
            width = round(layout.width_px * left_s / remaining_s)
            bottom = Rect(0, layout.height_px - high, layout.width_px, high)
            left = start_edge(bottom, view.text).left_of(width)
            canvas.fill(Rect(left, bottom.top, width, high), theme.quiet_ink, 0.6)


def _kept(view: View) -> str:
    """What is kept and for how long, with the parameter values in force, which then hold for this visit."""
    timeouts = view.parameters.of(Timeouts)
    away_s = math.ceil(max(timeouts.left_s, timeouts.left_doppelganger_s))
    erased = view.text("consent.erased", seconds=away_s)
    if view.computed_elsewhere:
        erased += " " + view.text("consent.computed_elsewhere")
    delivery = view.parameters.of(DeliveryParameters)
    takes_all = view.downloads_available and delivery.gives == "everything"
    if view.visit.with_others:
        if not view.downloads_available:
            return erased
        key = "consent.stays_group_film" if takes_all else "consent.stays_group"
        return erased + " " + view.text(key, minutes=math.ceil(delivery.life_s / 60))
    if timeouts.meeting_s:
        filmed = takes_all and delivery.meeting_in_film
        shown = view.text("consent.shown_elsewhere") + " " if view.shown_elsewhere else ""
        follows = view.text("consent.follows_in_film" if filmed else "consent.follows")
        erased = f"{follows} {shown}{erased}"
    if not view.downloads_available:  # nothing can be taken away
        return erased
    key = "consent.stays_everything" if takes_all else "consent.stays_doppelganger"
    return erased + " " + view.text(key, minutes=math.ceil(delivery.life_s / 60))
