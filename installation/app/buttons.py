"""What visitors do at the display, as events of the visit."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from hardware.display import Display, Down, Quit
from installation.app.inputs import NextLanguage, understand
from installation.app.loop import Areas
from installation.app.session import Host
from installation.stage.view import Action
from installation.visit.machine import Event, Touched


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
    """Before the technician's picture *no* ends the program, and nothing else does anything.

    keys: to be added to those of visitors, so that every keyboard has the way out.
    """

    keys: ClassVar[Mapping[str, str]] = {"escape": Action.NO}

    def events(self, _host: Host, _areas: Areas, _now_s: float) -> Iterator[Event]:
        """Nothing but `over`."""
        self.over |= any(one in (Quit(), Down(Action.NO)) for one in self._display.events())
        yield from ()
