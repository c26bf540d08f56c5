"""What services have in common that look at the camera's newest frame, each with a tracker of its own.

`WatchingService` does it in a thread of its own, and leaves out frames that come meanwhile; `Synchronous`,
mixed in, does it on the caller's thread: exact on a virtual clock.
"""

import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from installation.visit.events import Event
from installation.workers.supervision import Condition, ResilientService

Tracker = TypeVar("Tracker")
Look = TypeVar("Look")


class WatchingService(ResilientService, Generic[Tracker, Look]):
    """A service with a tracker that carries out commands and processes looks, the newest one only."""

    advice = "Restart the installation; if this stays, run `./kiosk doctor`."
    is_discreet = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._changed = threading.Condition()  # guards everything below, and wakes the thread
        self._on = False
        self._generation = 0  # incremented by each erasing: results of an earlier one are dropped
        self._commands: list[Callable[[Tracker], None]] = []
        self._newest: Look | None = None
        self._asked_visit_id: int | None = None  # whose portrait is to be taken
        self._events: list[Event] = []

    def run(self) -> None:
        while not self.stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._commands or self._newest, timeout=0.2)
            self._process()
            self.beat()

    @abstractmethod
    def _process(self) -> None:
        """Carries out the commands, and processes the newest look."""


class Synchronous(ResilientService):
    """Without a thread. Whoever mixes it in processes each look before `look` returns."""

    def start(self) -> None:
        self.setup()
        self._report(Condition.OK, "running.")

    def stop(self) -> None:
        self.teardown()
        self._report(Condition.DISABLED, "stopped.")

    def restart(self) -> None:
        self.stop()
        self.start()
