"""Attract, while nobody takes part: synthetic people cross their borders, one after the other.

On one screen: the ride, large, with its verdict; beside it the person's own face, which does not move: *still
this person?*; the title, what a visitor gets and how long it takes, and how to begin.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from pygame import Rect

from engine.border.strip import Strip
from installation.settings.parameters import Parameters
from installation.stage.canvas import Anchor, Canvas, TextBlock
from installation.stage.layout import Layout, below
from installation.stage.scene import Scene
from installation.stage.start_edge import start_edge
from installation.stage.theme import Theme, ease, theme_of
from installation.stage.view import ShownPicture, View
from installation.visit.parameters import Timeouts
from scenes.widgets.calm_verdict import CalmVerdict
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.invitation import invitation
from scenes.widgets.sweep import Leg, index_at, sweep_t
from scenes.widgets.verdict import draw_words, shown_picture

# What a visit takes beside search, border and jury: consent, portrait, and the picture (docs/scenes.md).
_OTHER_SCENES_S = 15.0 + 8.0 + 20.0


_UPRIGHT_SIDE = 0.66  # of an upright screen's width, for the ride


class AttractParameters(Parameters):
    """The piece while nobody takes part."""

    scene: ClassVar[str] = "attract"

    way_s: float = Field(9, ge=4, le=120, description="from a person to nobody, or back")
    rest_s: float = Field(1.5, ge=0, le=20, description="how long the ride stays at an end")
    dark_s: float = Field(1.6, ge=0.4, le=10, description="from one person to the next, through the dark")
    beyond_t: float = Field(0.2, ge=0, le=1, description="how far beyond the border the ride turns, in t")
    verdicts: bool = Field(True, description="whether the verdict stands beside the face")
    reference: bool = Field(True, description="whether the person's own face stands beside the ride")
    promise: bool = Field(True, description="whether title, gift and duration are told")
    search_s: float = Field(
        60, ge=5, le=1800, description="how long a search takes here, until one has been measured"
    )
    invitation: str = Field("", max_length=60, description="the invitation; empty: the language's own")


class Attract(Scene):
    """Sweeps through the strips in `view.people`; the idle glow while there are none."""

    parameters = AttractParameters

    def __init__(self) -> None:
        self._number = 0
        self._strip: Strip | None = None
        self._index: int | None = None
        self._began_s = 0.0
        self._empty_s = -math.inf  # when there was last no strip to show
        self._calm = CalmVerdict()

    def enter(self, view: View) -> None:
        self._strip, self._empty_s = None, -math.inf

    def leave(self) -> None:
        self._strip, self._index = None, None
        self._calm = CalmVerdict()

    def update(self, view: View) -> None:
        if not view.people:
            self._empty_s = view.now_s
        if self._strip is not None and view.now_s - self._began_s >= self._duration_s(view):
            self._strip = None
        if self._strip is None and view.people:
            self._strip = view.people[self._number % len(view.people)]
            self._number += 1
            self._began_s = view.now_s

    def draw(self, canvas: Canvas, view: View) -> None:
        parameters, theme = view.parameters.of(AttractParameters), theme_of(view)
        layout, strip = _layout(canvas), self._strip
        self._index = None
        area = _draw_promise(canvas, view, parameters, theme, layout)
        if strip is not None:
            elapsed_s = view.now_s - self._began_s
            half_s = parameters.dark_s / 2
            light = min(ease(elapsed_s, half_s), ease(self._duration_s(view) - elapsed_s, half_s))
            t = sweep_t(_legs(strip, parameters), strip.border_t, elapsed_s - half_s, theme.reduced_motion)
            index = self._calm.index(strip, index_at(strip, t), view.now_s)
            canvas.picture(strip.pictures[index], _ride_place(layout), light * theme.breath)
            if parameters.reference:
                area = _draw_reference(canvas, view, theme, layout, area, strip, light)
            if parameters.verdicts and light > 0:
                draw_words(canvas, view, theme, area, strip.verdict(index).same, light)
                self._index = index
        quiet = 1.0 if strip is None else 1 - ease(view.now_s - self._empty_s, 2.0)
        if quiet > 0:
            draw_idle_glow(canvas, theme, layout.face, quiet)

    def shown(self) -> Sequence[ShownPicture]:
        if self._strip is None or self._index is None:
            return ()
        return (shown_picture(self._strip, self._index),)

    def _duration_s(self, view: View) -> float:
        parameters = view.parameters.of(AttractParameters)
        assert self._strip is not None
        return parameters.dark_s + sum(leg.duration_s for leg in _legs(self._strip, parameters))


def _legs(strip: Strip, parameters: AttractParameters) -> tuple[Leg, ...]:
    """The sweep of one strip: from the closest match over the border and back."""
    turn_t = 0.0 if strip.border_t is None else max(strip.border_t - parameters.beyond_t, 0.0)
    return (
        Leg(1.0, 1.0, parameters.rest_s),
        Leg(1.0, turn_t, parameters.way_s),
        Leg(turn_t, turn_t, parameters.rest_s),
        Leg(turn_t, 1.0, parameters.way_s),
        Leg(1.0, 1.0, parameters.rest_s),
    )


def _is_upright(layout: Layout) -> bool:
    return layout.height_px > 1.5 * layout.width_px


def _layout(canvas: Canvas) -> Layout:
    """On an upright screen the ride is smaller than in other scenes: a face stands beside it, words below."""
    layout = canvas.layout
    if not _is_upright(layout):
        return layout
    return Layout(layout.width_px, layout.height_px, _UPRIGHT_SIDE * layout.width_px / layout.height_px)


def _ride_place(layout: Layout) -> Rect:
    """Where the ride is shown: on an upright screen at its left edge."""
    return Rect((0, layout.face.top), layout.face.size) if _is_upright(layout) else layout.face


def _is_low(layout: Layout) -> bool:
    """Whether the panel has room for little more than the verdict and the invitation."""
    return layout.panel.height < 11 * layout.body_px


def _draw_promise(
    canvas: Canvas, view: View, parameters: AttractParameters, theme: Theme, layout: Layout
) -> Rect:
    """Draws the title at the top of the panel, gift and invitation at its bottom; returns what is left."""
    area = layout.panel.copy()
    caption = invitation(view, layout, theme, parameters.invitation)
    blocks = [caption]
    is_told = parameters.promise and not _is_low(layout)
    if is_told and view.visit.can_begin:
        words = view.text("attract.promise", minutes=visit_minutes(view))
        blocks.insert(0, TextBlock(words, layout.body_px, 300, theme.ink, theme.fade_in, 0.8))
    taken = canvas.column(blocks, area, Anchor.BOTTOM)
    area.height = taken.top - area.top - layout.body_px
    if is_told:
        title = TextBlock(view.text("attract.title"), layout.large_px, 600, theme.ink, theme.fade_in)
        area = below(area, canvas.column([title], area), layout.body_px)
    return area


def _draw_reference(
    canvas: Canvas, view: View, theme: Theme, layout: Layout, area: Rect, strip: Strip, light: float
) -> Rect:
    """Draws the person's own face with its question; returns what is left of `area` for the verdict.

    On an upright screen it stands beside the ride, else in `area` above the verdict. Nothing is drawn where
    there is no room.
    """
    body = layout.body_px
    question = TextBlock(view.text("attract.whom"), body, 500, theme.ink, light)
    if _is_upright(layout):
        ride = _ride_place(layout)
        left = ride.right + layout.margin_px // 4
        side = layout.width_px - layout.margin_px - left
        place = Rect(left, ride.centery - side // 2, side, side)
        canvas.picture(strip.pictures[-1], place, light, antialias=True)
        canvas.column([question], Rect(place.left, place.bottom, side, ride.bottom - place.bottom))
        return area
    side = min(area.height - round(1.4 * layout.title_px), area.width // 2)
    if layout.stacked or side < 4 * body:
        return area
    start = start_edge(area, view.text)
    place = Rect(round(start.left_of(side)), area.top, side, side)
    canvas.picture(strip.pictures[-1], place, light, antialias=True)
    width = area.width - side - body
    beside = Rect(round(start.left_of(width, side + body)), area.top, width, side)
    canvas.column([question], beside, Anchor.MIDDLE)
    return below(area, place, body // 2)


def visit_minutes(view: View) -> int:
    """About how long a visit takes, in minutes, rounded up; with the last search, or the expected one."""
    timeouts = view.parameters.of(Timeouts)
    search_s = view.last_search_s or view.parameters.of(AttractParameters).search_s
    shown_s = timeouts.border_s + timeouts.jury_s + timeouts.meeting_s
    return math.ceil((search_s + shown_s + _OTHER_SCENES_S) / 60)
