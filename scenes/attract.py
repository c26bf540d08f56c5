"""Attract, while nobody takes part: synthetic people cross their borders, one after the other."""

import math
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from engine.border.strip import Strip
from installation.settings.parameters import Parameters
from installation.stage.canvas import Anchor, Canvas, TextBlock
from installation.stage.layout import Layout
from installation.stage.scene import Scene
from installation.stage.theme import Theme, ease, theme_of
from installation.stage.view import ShownPicture, View
from scenes.widgets.calm_verdict import CalmVerdict
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.sweep import Leg, index_at, sweep_t
from scenes.widgets.verdict import draw_words, shown_picture


class AttractParameters(Parameters):
    """The piece while nobody takes part."""

    scene: ClassVar[str] = "attract"

    way_s: float = Field(9, ge=4, le=120, description="from a person to nobody, or back")
    rest_s: float = Field(1.5, ge=0, le=20, description="how long the ride stays at an end")
    dark_s: float = Field(1.6, ge=0.4, le=10, description="from one person to the next, through the dark")
    beyond_t: float = Field(0.2, ge=0, le=1, description="how far beyond the border the ride turns, in t")
    verdicts: bool = Field(True, description="whether the verdict stands beside the face")
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
        layout, strip = canvas.layout, self._strip
        self._index = None
        panel = layout.panel.copy()
        if strip is not None:
            elapsed_s = view.now_s - self._began_s
            half_s = parameters.dark_s / 2
            light = min(ease(elapsed_s, half_s), ease(self._duration_s(view) - elapsed_s, half_s))
            t = sweep_t(_legs(strip, parameters), strip.border_t, elapsed_s - half_s, theme.reduced_motion)
            index = self._calm.index(strip, index_at(strip, t), view.now_s)
            canvas.picture(strip.pictures[index], layout.face, light * theme.breath)
            if parameters.verdicts and light > 0:
                if not layout.stacked:
                    panel.top = layout.face.centery - layout.title_px
                taken = draw_words(canvas, view, theme, panel, strip.verdict(index).same, light)
                panel.top = taken.bottom
                self._index = index
        quiet = 1.0 if strip is None else 1 - ease(view.now_s - self._empty_s, 2.0)
        if quiet > 0:
            draw_idle_glow(canvas, theme, layout.face, quiet)
        panel.height = layout.panel.bottom - panel.top
        canvas.column([_caption(view, parameters, layout, theme)], panel, Anchor.BOTTOM)

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


def _caption(view: View, parameters: AttractParameters, layout: Layout, theme: Theme) -> TextBlock:
    """The invitation, in large type; or, smaller, why no visit can begin."""
    if view.visit.can_begin:
        words = parameters.invitation or view.text("attract.invitation")
        return TextBlock(words, layout.large_px, 500, theme.ink, theme.fade_in)
    why = "attract.resting" if view.people else "attract.waking"
    words = view.text(why if view.visit.show.accepts_visits else "attract.closed")
    return TextBlock(words, layout.body_px, 300, theme.quiet_ink, theme.fade_in)
