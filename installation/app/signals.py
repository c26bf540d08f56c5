"""The signal that ends a service (`systemctl stop`, `kill`): the frame is finished, then all is closed."""

import signal
from types import FrameType, TracebackType
from typing import Any

from installation.app.loop import Areas
from installation.app.session import Host
from installation.visit.machine import Event


class Ending:
    """A source of nothing, `over` once SIGTERM has come; a context manager, for the main thread."""

    def __init__(self) -> None:
        self.over = False
        self._before: Any = None

    def events(self, _host: Host, _areas: Areas, _now_s: float) -> tuple[Event, ...]:
        """None."""
        return ()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.over = True

    def __enter__(self) -> "Ending":
        self._before = signal.signal(signal.SIGTERM, self._end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTERM, self._before)
