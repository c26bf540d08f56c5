"""Simulated visitors: agree, wait, keep the picture and come again. For rehearsals and tests."""

from collections.abc import Sequence

from installation.app.interfaces import TouchAreas
from installation.app.session import Session
from installation.settings.phase import Phase
from installation.visit.events import ChoseSynthetic, Event, Pressed, Released, WokeUp

# How long this visitor looks before doing something: at the piece, at the question, at the picture.
LOOKS_S = 6.0
READS_S = 3.0
ADMIRES_S = 10.0
# Nobody waits for ever before a piece that is resting.
PATIENCE_S = 60.0


class SimulatedVisitors:
    """Makes `visits` visits in a row, then requests a stop. unseen: without the camera."""

    def __init__(self, visits: int, unseen: bool = False) -> None:
        self.visits = visits
        self.unseen = unseen
        self.begun = 0
        self.finished = 0
        self.stop_requested = False
        self._phase = Phase.ATTRACT

    def events(self, session: Session, _: TouchAreas, now_s: float) -> Sequence[Event]:
        """What the visitor does in this frame."""
        state = session.state
        if state.phase is not self._phase:
            self._phase = state.phase
            self.begun += state.phase is Phase.CONSENT
            self.finished += state.phase is Phase.FAREWELL
        for_s = now_s - state.entered_s
        match state.phase:
            case Phase.ATTRACT:
                self.stop_requested = self.begun >= self.visits or (state.resting and for_s > PATIENCE_S)
                return [WokeUp()] if for_s >= LOOKS_S and not self.stop_requested else []
            case Phase.CONSENT if for_s >= READS_S:
                return [ChoseSynthetic()] if self.unseen else [Pressed()]
            case Phase.PORTRAIT if state.pressed_s is not None:
                return [Released()]
            case Phase.DOPPELGANGER if for_s >= ADMIRES_S:
                return [Pressed(), Released()]
            case _:
                return []
