"""The stop button: how a visitor ends a visit by touch, always in the same place."""

from collections.abc import Mapping

from pygame import Rect

from installation.stage.canvas import Canvas
from installation.stage.scene import Scene
from installation.stage.theme import theme_of
from installation.stage.typesetting import fitting_size
from installation.stage.view import Action, Touchable, View


class CancellableScene(Scene):
    """A scene with a stop button, which means *no*. It draws nothing else in its place."""

    _stop: Rect | None = None

    def leave(self) -> None:
        self._stop = None

    def areas(self) -> Mapping[Touchable, Rect]:
        return {} if self._stop is None else {Action.NO: self._stop}

    def draw_stop_button(self, canvas: Canvas, view: View) -> None:
        """Draws the button at full brightness from the first frame, where the view is interactive."""
        if not view.interactive:
            return
        field, small = canvas.layout.stop, canvas.layout.small_px
        words = view.text("stop.stop")
        size = fitting_size((words,), small, 400, field.width - small)
        canvas.button(field, words, size, theme_of(view).quiet_ink)
        self._stop = field.inflate(small, small)  # a touch may be slightly off
