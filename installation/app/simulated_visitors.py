"""Simulated visitors: agree, wait, keep the picture and come again. For rehearsals and tests."""

import logging
from collections.abc import Sequence

from engine.live.crowd.decision import Decision
from installation.app.interfaces import TouchAreas
from installation.app.session import Session
from installation.settings.phase import Phase
from installation.stage.view import Action, ChooseFace
from installation.visit.events import (
    ChoseOthers,
    ChoseSynthetic,
    Event,
    FaceChosen,
    Pressed,
    Released,
    WokeUp,
)

# How long a visitor waits before acting in attract, in consent and in doppelganger.
ATTRACT_S = 6.0
CONSENT_S = 3.0
DOPPELGANGER_S = 10.0
# A visitor gives up if no visit can begin for so long: an engine starts in ten seconds, and in six times that
# where other programs keep the processor busy.
RESTING_LIMIT_S = 120.0
# Visitors who take part together answer one of these, each in turn.
ANSWERS = (Decision.REAL, Decision.DOPPELGANGER, Decision.ANONYMOUS)

log = logging.getLogger(__name__)


class SimulatedVisitors:
    """Makes `visits` visits in a row, then requests a stop. unseen: without the camera. together: several
    people, whom the camera shows, each of whom answers by touch. finished: visits that the machine has not
    broken off."""

    def __init__(self, visits: int, unseen: bool = False, together: bool = False) -> None:
        self.visits = visits
        self.unseen, self.together = unseen, together
        self._answered: list[int] = []
        self.begun = 0
        self.finished = 0
        self.stop_requested = False
        self._phase = Phase.ATTRACT

    def events(self, session: Session, areas: TouchAreas, now_s: float) -> Sequence[Event]:
        """What the current visitor does in this frame."""
        state = session.state
        if state.phase is not self._phase:
            self._phase = state.phase
            self.begun += state.phase is Phase.CONSENT
            is_broken_off = state.ending is not None and state.ending.is_failure
            self.finished += state.phase is Phase.FAREWELL and not is_broken_off
        for_s = now_s - state.entered_s
        match state.phase:
            case Phase.ATTRACT:
                if state.resting and for_s > RESTING_LIMIT_S and not self.stop_requested:
                    absent = "engine" if not state.engine_ready else "camera"
                    log.warning("no visit could begin for %.0f s: the %s is not ready.", for_s, absent)
                    self.stop_requested = True
                self.stop_requested |= self.begun >= self.visits
                return [WokeUp()] if for_s >= ATTRACT_S and not self.stop_requested else []
            case Phase.CONSENT if for_s >= CONSENT_S and self.together and not state.with_others:
                self._answered = []
                return [ChoseOthers()]
            case Phase.CONSENT if for_s >= CONSENT_S:
                return [ChoseSynthetic()] if self.unseen else [Pressed()]
            case Phase.PORTRAIT if state.pressed_since_s is not None:
                return [Released()]
            case Phase.PORTRAIT if state.with_others:
                return self._answer(areas)
            case Phase.DOPPELGANGER if for_s >= DOPPELGANGER_S:
                return [Pressed(), Released()]
            case _:
                return []

    def _answer(self, areas: TouchAreas) -> Sequence[Event]:
        """Whoever is asked touches a sign beside their ring; then *yes* as soon as the screen offers it."""
        asked = next((area.number for area in areas if isinstance(area, ChooseFace)), None)
        if asked is not None and asked not in self._answered:
            self._answered.append(asked)
            return [FaceChosen(asked, ANSWERS[(len(self._answered) - 1) % len(ANSWERS)])]
        return [Pressed(), Released()] if Action.YES in areas else []
