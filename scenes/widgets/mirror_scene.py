"""What scenes have in common that show people before the camera."""

from installation.stage.view import View
from scenes.widgets.mirror import Window
from scenes.widgets.stop_button import CancellableScene


class MirrorScene(CancellableScene):
    """A scene with a window into the camera's picture. It forgets all that it knows of it when it ends."""

    def __init__(self) -> None:
        self._forget()

    def enter(self, view: View) -> None:
        self._forget()
        self._last_s = view.now_s

    def leave(self) -> None:
        super().leave()
        self._forget()

    def _forget(self) -> None:
        self._last_s = 0.0
        self._window: Window | None = None

    def _passed_s(self, view: View) -> float:
        """Seconds since the last call."""
        passed_s, self._last_s = max(view.now_s - self._last_s, 0.0), view.now_s
        return passed_s
