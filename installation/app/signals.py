"""Signals between the program and what supervises it: SIGTERM, a refusal to start again, the watchdog."""

import signal
from types import FrameType, TracebackType
from typing import Any

from hardware.watchdog import Watchdog
from installation.app.interfaces import TouchAreas
from installation.app.session import Session
from installation.visit.events import Event
from installation.workers.engine_client import EngineClient


class StopSignal:
    """Requests a stop once SIGTERM has come (`systemctl stop`, `kill`): the frame is finished, then all is
    closed. An event source without events; a context manager, for the main thread.
    """

    def __init__(self) -> None:
        self.stop_requested = False
        self._before: Any = None

    def events(self, _session: Session, _areas: TouchAreas, _now_s: float) -> tuple[Event, ...]:
        """None."""
        return ()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requested = True

    def __enter__(self) -> "StopSignal":
        self._before = signal.signal(signal.SIGTERM, self._stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTERM, self._before)


class EngineRefusal:
    """Requests a stop once the engine has said that it can never work as configured, so that a person sees
    it. An event source without events.
    """

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine

    @property
    def stop_requested(self) -> bool:
        return self._engine.refusal is not None

    def events(self, _session: Session, _areas: TouchAreas, _now_s: float) -> tuple[Event, ...]:
        """None."""
        return ()


class Heartbeat:
    """Tells systemd's watchdog that frames are drawn. A frame observer."""

    def __init__(self) -> None:
        self._watchdog = Watchdog()

    def frame(self, *_: object) -> None:
        self._watchdog.beat()
