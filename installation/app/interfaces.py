"""What the main loop is connected to: sources of events, and observers of finished frames."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from pygame import Rect

from installation.app.session import Session
from installation.stage.canvas import Canvas
from installation.stage.view import ShownPicture, Touchable, View
from installation.visit.events import Event

TouchAreas = Mapping[Touchable, Rect]
"""Where a touch means what, in canvas pixels."""


class EventSource(Protocol):
    """Buttons, show control, simulated visitors. `stop_requested` ends the run."""

    @property
    def stop_requested(self) -> bool: ...

    def events(self, session: Session, areas: TouchAreas, now_s: float, /) -> Iterable[Event]:
        """The events since the last frame; `areas` are those of the scene on the screen."""


class FrameObserver(Protocol):
    """Looks at each finished frame: the recorder, the show control, the counters, the watchdog."""

    def frame(self, canvas: Canvas, view: View, shown: Sequence[ShownPicture]) -> None:
        """One finished frame: what was drawn, from which view, and the verdicts shown in it."""
