"""The display's keys and touches as a source of events."""

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
    """Requests a stop once somebody has closed the window or held down the exit keys."""

    def __init__(self, display: Display) -> None:
        self.stop_requested = False
        self._display = display

    def events(self, session: Session, areas: TouchAreas, _: float) -> Iterator[Event]:
        """The events since the last frame."""
        for event in translate_input(self._display.events(), areas):
            match event:
                case Quit():
                    self.stop_requested = True
                case NextLanguage():
                    yield LanguageChosen(next_language(session.state.language))
                    yield Touched()
                case _:
                    yield event


class TechnicianButtons(Buttons):
    """For the technician's picture: *no* requests a stop, and nothing else has an effect.

    keys: to be added to those of visitors, so that every keyboard has the way out.
    """

    keys: ClassVar[Mapping[str, str]] = {"escape": Action.NO}

    def events(self, _session: Session, _areas: TouchAreas, _now_s: float) -> Iterator[Event]:
        """None; *no* sets `stop_requested`."""
        self.stop_requested |= any(event in (Quit(), KeyDown(Action.NO)) for event in self._display.events())
        yield from ()
