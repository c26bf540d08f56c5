"""A visitor who is not there: agrees, waits, keeps the picture and comes again, for rehearsals and tests."""

from collections.abc import Sequence

from installation.app.loop import Areas
from installation.app.session import Host
from installation.visit.machine import ChoseSynthetic, Event, Phase, Pressed, Released, WokeUp

# How long this visitor looks before doing something: at the piece, at the question, at the picture.
LOOKS_S = 6.0
READS_S = 3.0
ADMIRES_S = 10.0
# Nobody waits for ever before a piece that is resting.
PATIENCE_S = 60.0


class Rehearsal:
    """`visits` visits one after the other; `unseen`: without a camera. `over` once the last one has ended."""

    def __init__(self, visits: int, unseen: bool = False) -> None:
        self.visits = visits
        self.unseen = unseen
        self.begun = 0
        self.finished = 0
        self.over = False
        self._phase = Phase.ATTRACT

    def events(self, host: Host, _: Areas, now_s: float) -> Sequence[Event]:
        """What the visitor does in this frame."""
        state = host.state
        if state.phase is not self._phase:
            self._phase = state.phase
            self.begun += state.phase is Phase.CONSENT
            self.finished += state.phase is Phase.FAREWELL
        for_s = now_s - state.entered_s
        match state.phase:
            case Phase.ATTRACT:
                self.over = self.begun >= self.visits or (state.resting and for_s > PATIENCE_S)
                return [WokeUp()] if for_s >= LOOKS_S and not self.over else []
            case Phase.CONSENT if for_s >= READS_S:
                return [ChoseSynthetic()] if self.unseen else [Pressed()]
            case Phase.PORTRAIT if state.pressed_s is not None:
                return [Released()]
            case Phase.DOPPELGANGER if for_s >= ADMIRES_S:
                return [Pressed(), Released()]
            case _:
                return []
