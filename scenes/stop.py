"""*Stop*: the way out of a visit for whoever has only the screen, always in the same place."""

from collections.abc import Mapping

from pygame import Rect

from installation.view import Action, View
from scenes.canvas import Canvas
from scenes.look import look
from scenes.scene import Scene
from scenes.typesetting import fitting_size


class Stoppable(Scene):
    """A scene that is left by a touch on *stop*, which means *no*. It draws nothing else there."""

    _stop: Rect | None = None

    def leave(self) -> None:
        self._stop = None

    def areas(self) -> Mapping[Action, Rect]:
        return {} if self._stop is None else {Action.NO: self._stop}

    def draw_stop(self, canvas: Canvas, view: View) -> None:
        """The field, quiet, and at once: who wants to stop does not wait for a light to come."""
        field, small = canvas.layout.stop, canvas.layout.small_px
        words = view.text("stop.stop")
        size = fitting_size((words,), small, 400, field.width - small)
        canvas.field(field, words, size, look(view).quiet)
        self._stop = field.inflate(small, small)  # a finger may miss it a little
