"""The signal that ends a service (`systemctl stop`, `kill`): the frame is finished, then all is closed."""

import signal
from types import FrameType, TracebackType
from typing import Any

from installation.app.loop import TouchAreas
from installation.app.session import Session
from installation.visit.events import Event


class StopSignal:
    """Requests a stop once SIGTERM has come; yields no events. A context manager, for the main thread."""

    def __init__(self) -> None:
        self.stop_requested = False
        self._before: Any = None

    def events(self, _session: Session, _areas: TouchAreas, _now_s: float) -> tuple[Event, ...]:
        """None."""
        return ()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requested = True

    def __enter__(self) -> "StopSignal":
        self._before = signal.signal(signal.SIGTERM, self._end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTERM, self._before)
