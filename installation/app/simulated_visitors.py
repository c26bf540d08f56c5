"""Simulated visitors: agree, wait, keep the picture and come again. For rehearsals and tests."""

import logging
from collections.abc import Sequence

from installation.app.interfaces import TouchAreas
from installation.app.session import Session
from installation.settings.phase import Phase
from installation.visit.events import ChoseSynthetic, Event, Pressed, Released, WokeUp

# How long a visitor waits before acting in attract, in consent and in doppelganger.
ATTRACT_S = 6.0
CONSENT_S = 3.0
DOPPELGANGER_S = 10.0
# A visitor gives up if no visit can begin for so long: an engine starts in ten seconds, and in six times that
# where other programs keep the processor busy.
RESTING_LIMIT_S = 120.0

log = logging.getLogger(__name__)


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
        """What the current visitor does in this frame."""
        state = session.state
        if state.phase is not self._phase:
            self._phase = state.phase
            self.begun += state.phase is Phase.CONSENT
            self.finished += state.phase is Phase.FAREWELL
        for_s = now_s - state.entered_s
        match state.phase:
            case Phase.ATTRACT:
                if state.resting and for_s > RESTING_LIMIT_S and not self.stop_requested:
                    absent = "engine" if not state.engine_ready else "camera"
                    log.warning("no visit could begin for %.0f s: the %s is not ready.", for_s, absent)
                    self.stop_requested = True
                self.stop_requested |= self.begun >= self.visits
                return [WokeUp()] if for_s >= ATTRACT_S and not self.stop_requested else []
            case Phase.CONSENT if for_s >= CONSENT_S:
                return [ChoseSynthetic()] if self.unseen else [Pressed()]
            case Phase.PORTRAIT if state.pressed_since_s is not None:
                return [Released()]
            case Phase.DOPPELGANGER if for_s >= DOPPELGANGER_S:
                return [Pressed(), Released()]
            case _:
                return []
