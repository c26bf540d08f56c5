"""Drives the visit's state machine in tests, as the session does, and checks every agreement."""

import math
from collections.abc import Iterable

from installation.settings.phase import Phase
from installation.visit.effects import (
    Effect,
)
from installation.visit.events import (
    BlackoutChanged,
    CameraReady,
    ChoseSynthetic,
    EngineReady,
    Event,
    FaceSeen,
    LinkReady,
    PortraitRefused,
    PortraitTaken,
    Pressed,
    Released,
    ResultCompleted,
    RigMade,
    SearchDone,
    SearchProgress,
    ShowOpened,
    Tick,
    TrackerReady,
    WokeUp,
)
from installation.visit.machine import step
from installation.visit.parameters import Timeouts
from installation.visit.participants import Sitter
from installation.visit.phases import phases_where
from installation.visit.state import State

TIMEOUTS = Timeouts()
VISIT = phases_where(lambda traits: traits.erases)


class VisitDriver:
    """Sends events to the state machine and keeps all its effects, phases and visit numbers."""

    def __init__(self, timeouts: Timeouts = TIMEOUTS, now_s: float = 0.0) -> None:
        self.timeouts = timeouts
        self.now_s = now_s
        self.state = State()
        self.effects: list[Effect] = []
        self.phases: list[Phase] = []
        self.ids: list[int] = []
        # Kept apart from the machine, to check it: *yes* as the visitor pressed it, and each agreement as
        # (how long it was held, time since the tap before).
        self.taps_s: list[float] = []
        self.down_s: float | None = None
        self.agreements: list[tuple[float, float]] = []
        self.send(EngineReady())

    def send(self, *events: Event) -> list[Effect]:
        done: list[Effect] = []
        for event in events:
            before = self.state
            if isinstance(event, Pressed) and self.down_s is None and before.phase is Phase.CONSENT:
                self.down_s = self.now_s
                self.taps_s.append(self.now_s)
            if isinstance(event, Released):
                self.down_s = None
            self.state, effects = step(before, event, self.now_s, self.timeouts)
            done += effects
            if self.state.phase is not before.phase:
                self.phases.append(self.state.phase)
                if self.state.phase is Phase.CONSENT:
                    self.ids.append(self.state.visit_id)
                if self.state.phase is Phase.PORTRAIT:
                    assert self.down_s is not None, "agreed without *yes*"
                    gap_s = self.taps_s[-1] - self.taps_s[-2] if len(self.taps_s) > 1 else math.inf
                    self.agreements.append((self.now_s - self.down_s, gap_s))
                self.taps_s, self.down_s = [], None
        self.effects += done
        return done

    def pass_s(self, duration_s: float, *each_tick: Event, tick_s: float = 0.25) -> list[Effect]:
        done: list[Effect] = []
        end_s = self.now_s + duration_s
        while self.now_s < end_s:
            self.now_s += tick_s
            done += self.send(*each_tick, Tick())
        return done

    def at(self, phase: Phase) -> bool:
        return self.state.phase is phase

    def onward(self) -> None:
        """What a willing visitor and a good machine do in this phase."""
        visit_id = self.state.visit_id
        match self.state.phase:
            case Phase.ATTRACT:
                self.send(CameraReady(), TrackerReady(), EngineReady(), ShowOpened(), BlackoutChanged(False))
                self.send(WokeUp())
            case Phase.CONSENT:
                self.send(Released(), Pressed())
                self.pass_s(self.timeouts.hold_s)
            case Phase.PORTRAIT:
                self.send(PortraitRefused(visit_id))
                self.pass_s(self.timeouts.countdown_s + 0.5, FaceSeen(usable=True))
                self.send(PortraitTaken(visit_id))
            case Phase.SEARCH:
                self.send(SearchProgress(visit_id), SearchDone(visit_id), ResultCompleted(visit_id))
            case Phase.BORDER | Phase.JURY | Phase.MEETING | Phase.FAREWELL as phase:
                if phase is Phase.BORDER and self.state.consented:
                    self.send(RigMade(visit_id))
                self.pass_s(self.timeouts.of(phase), FaceSeen())
            case Phase.DOPPELGANGER:
                self.send(LinkReady(visit_id), Pressed())

    def go_to(self, phase: Phase, sitter: Sitter = Sitter.CAMERA) -> "VisitDriver":
        while self.state.phase is not phase:
            if self.state.phase is Phase.CONSENT and sitter is Sitter.SYNTHETIC:
                self.send(ChoseSynthetic())
            else:
                self.onward()
        return self


def kinds(effects: Iterable[Effect]) -> list[type]:
    return [type(effect) for effect in effects]
