"""What visitors do at the display, as events of the visit."""

from collections.abc import Iterator

from hardware.display import Display, Quit
from installation.host import Host
from installation.inputs import NextLanguage, understand
from installation.stage import Areas
from installation.visit import Event, Touched


class Buttons:
    """Keys and touches. `over` once somebody has closed the window or held down the exit chord."""

    def __init__(self, display: Display) -> None:
        self.over = False
        self._display = display

    def events(self, host: Host, areas: Areas, _: float) -> Iterator[Event]:
        """Since the last frame."""
        for meaning in understand(self._display.events(), areas):
            match meaning:
                case Quit():
                    self.over = True
                case NextLanguage():
                    host.language.next()
                    yield Touched()
                case event:
                    yield event


class TechnicianButtons(Buttons):
    """Before the technician's picture: the end is all there is to press for."""

    def events(self, host: Host, areas: Areas, now_s: float) -> Iterator[Event]:
        """Nothing but `over`."""
        for _ in super().events(host, areas, now_s):
            pass
        yield from ()
