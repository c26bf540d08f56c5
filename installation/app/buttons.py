"""What visitors do at the display, as events of the visit."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from hardware.display.display import Display
from hardware.display.events import KeyDown, Quit
from installation.app.inputs import NextLanguage, translate_input
from installation.app.interfaces import TouchAreas
from installation.app.language import next_language
from installation.app.session import Session
from installation.stage.view import Action
from installation.visit.events import Event, LanguageChosen, Touched


class Buttons:
    """Keys and touches. `stop_requested` once somebody has closed the window or held down the exit chord."""

    def __init__(self, display: Display) -> None:
        self.stop_requested = False
        self._display = display

    def events(self, session: Session, areas: TouchAreas, _: float) -> Iterator[Event]:
        """Since the last frame."""
        for meaning in translate_input(self._display.events(), areas):
            match meaning:
                case Quit():
                    self.stop_requested = True
                case NextLanguage():
                    yield LanguageChosen(next_language(session.state.language))
                    yield Touched()
                case event:
                    yield event


class TechnicianButtons(Buttons):
    """Before the technician's picture *no* ends the program, and nothing else does anything.

    keys: to be added to those of visitors, so that every keyboard has the way out.
    """

    keys: ClassVar[Mapping[str, str]] = {"escape": Action.NO}

    def events(self, _session: Session, _areas: TouchAreas, _now_s: float) -> Iterator[Event]:
        """Nothing but `stop_requested`."""
        self.stop_requested |= any(one in (Quit(), KeyDown(Action.NO)) for one in self._display.events())
        yield from ()
