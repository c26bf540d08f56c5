"""A kiosk's client of the engine, with its link in a process of its own, and what a visitor sees of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from benchmarks.server.engine import SmallEngine, Work
from engine.runtime.messages import Failed, ProgressUpdate, Queued, Ready, Reply, ResultReady
from installation.settings.server import EngineSettings
from installation.workers.engine_client import EngineClient
from installation.workers.remote.backend import RemoteBackend
from installation.workers.remote.failover import FailoverBackend

FRAME_S = 1 / 60


@dataclass
class Outcome:
    """What a visitor is shown: places in the queue, and when, after the request, progress and result came.

    value: the grey of the result, which is that of the photograph if it is theirs. failed: they were told so.
    """

    places: list[int] = field(default_factory=list)
    progress_s: list[float] = field(default_factory=list)
    result_s: float | None = None
    value: int | None = None
    failed: str = ""

    def add(self, at_s: float, reply: Reply) -> None:
        """One more reply."""
        match reply:
            case Queued(place=place) if self.places[-1:] != [place]:
                self.places.append(place)
            case ProgressUpdate():
                self.progress_s.append(at_s)
            case ResultReady(result=result):
                assert result.doppelganger is not None
                self.result_s, self.value = at_s, int(result.doppelganger[0, 0, 0])
            case Failed(message):
                self.failed = message

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        return self.result_s is not None or bool(self.failed)

    @property
    def stood_s(self) -> float:
        """For how long progress has stood still, at most, once there was some."""
        moments = [*self.progress_s, *([self.result_s] if self.result_s is not None else [])]
        return max((later - earlier for earlier, later in pairwise(moments)), default=0.0)

    def __str__(self) -> str:
        queue = f"place in the queue {', '.join(map(str, self.places))}; " if self.places else ""
        if self.failed:
            return f"{queue}{self.failed}"
        return f"{queue}progress stood {self.stood_s:.1f} s, result after {self.result_s or np.nan:.1f} s"


class Kiosk:
    """A kiosk at a server, with a small engine of its own. `poll` is to be called as the stage does."""

    def __init__(self, settings: EngineSettings, own: Work) -> None:
        backend = FailoverBackend(settings.server, RemoteBackend(settings), SmallEngine(own))
        self._client = EngineClient(backend)
        self.outcome = Outcome()
        self._asked_s = 0.0
        self._is_ready = False

    def __enter__(self) -> "Kiosk":
        self._client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop()

    @property
    def staff_line(self) -> str:
        """What the staff reads."""
        return str(self._client.health)

    def poll(self) -> None:
        """Takes what has come."""
        for reply in self._client.poll():
            self._is_ready |= isinstance(reply, Ready)
            self.outcome.add(time.monotonic() - self._asked_s, reply)

    def until_ready(self) -> None:
        """Waits until an engine is ready."""
        until([self], lambda: self._is_ready)

    def ask(self, value: int, visit_id: int = 1) -> None:
        """Begins a visit with a photograph of this grey."""
        self.outcome, self._asked_s = Outcome(), time.monotonic()
        self._client.portray(visit_id, [np.full((64, 64, 3), value, np.uint8)])


def until(kiosks: list[Kiosk], reached: Callable[[], bool], limit_s: float = 180.0) -> None:
    """Polls the kiosks until something is so. Raises TimeoutError."""
    end_s = time.monotonic() + limit_s
    while not reached():
        if time.monotonic() > end_s:
            raise TimeoutError(", ".join(str(kiosk.outcome) for kiosk in kiosks))
        for kiosk in kiosks:
            kiosk.poll()
        time.sleep(FRAME_S)
