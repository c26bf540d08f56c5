"""Connects the show control to the main loop: its commands become events, each frame becomes feedback."""

import math
import time
from collections.abc import Callable, Mapping, Sequence

from installation.app.interfaces import TouchAreas
from installation.app.session import Session
from installation.control.show.control import Control
from installation.control.show.frame_status import FrameStatus, JuryEntry
from installation.settings.phase import Phase
from installation.stage.canvas import Canvas
from installation.stage.view import ShownPicture, View
from installation.visit.events import Event
from installation.workers.supervision import Health


class ControlAdapter:
    """An event source and a frame observer for the main loop."""

    stop_requested = False

    def __init__(
        self,
        control: Control,
        health: Callable[[], Mapping[str, Health]],
        today: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        """health: of each service. today: the counts of visits."""
        self._control, self._health, self._today = control, health, today
        self._frame_s = time.perf_counter()

    def events(self, _session: Session, _areas: TouchAreas, now_s: float) -> Sequence[Event]:
        """The commands since the last frame, as events of the visit."""
        return self._control.drain(now_s)

    def frame(self, _: Canvas, view: View, shown: Sequence[ShownPicture]) -> None:
        """Publishes the status of the frame for light and sound: numbers and words."""
        began_s, self._frame_s = self._frame_s, time.perf_counter()
        leading = shown[0] if len(shown) == 1 else None  # beside each other, two verdicts are shown at once
        status = FrameStatus(
            phase=view.visit.phase,
            reason=view.visit.reason,
            visit=view.visit.visit_id,
            progress=progress(view),
            t=leading.t if leading else None,
            verdict=leading.verdict if leading else None,
            jury=jury(view) if view.visit.phase is Phase.JURY else (),
            people=len(view.gathering.people) if view.gathering else 0,
            decided=view.gathering.decided if view.gathering else 0,
            health=self._health(),
            today=self._today(),
            frame_ms=1000 * (self._frame_s - began_s),
            is_open=view.visit.show.is_open,
            is_black=view.visit.show.is_black,
        )
        self._control.publish(status, view.now_s)


def progress(view: View) -> float:
    """How much of the phase is over, 0 to 1; of the search, how much is done."""
    if view.visit.phase is Phase.SEARCH:
        return view.participant.search.share if view.participant.search else 0.0
    return min(view.elapsed_s / view.duration_s, 1.0) if math.isfinite(view.duration_s) else 0.0


def jury(view: View) -> tuple[JuryEntry, ...]:
    """Each judge's border, and what it says of the closest match."""
    if view.participant.result is None:
        return ()
    return tuple(
        JuryEntry(each.samples[-1].verdict, each.border_t)
        for each in view.participant.result.judge_results
        if each.samples
    )
