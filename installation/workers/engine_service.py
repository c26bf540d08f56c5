"""What a kiosk's client of the engine and a replica of the rendering server share: an engine and its life."""

import time
from abc import abstractmethod
from collections.abc import Callable

from installation.workers.engine_backend import Backend
from installation.workers.process_client import ProcessClient

NUMBERS = 100_000  # how many people each process may number


class EngineService(ProcessClient):
    """Starts a backend's engine, waits until it has loaded its networks, and replaces it after some visits.

    No two engines number people alike: each gets NUMBERS of its own.
    """

    advice = "If it keeps failing: ./kiosk doctor."
    stop_limit_s = 10.0
    loading_limit_s = 300.0  # then the engine counts as hanging, and is replaced
    cancel_limit_s = 30.0  # the same for a visit it has been told to stop working on

    def __init__(
        self,
        name: str,
        backend: Backend,
        recycle_after: int,
        lock_step: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """After `recycle_after` visits the backend's engine is replaced, while nobody is there."""
        super().__init__(name, clock)
        self.setup_limit_s = self.loading_limit_s
        self.backend, self._lock_step, self._recycle_after = backend, lock_step, recycle_after
        # Used by the service's thread only.
        self._loaded = False
        self._visits = 0  # of the present engine

    def setup(self) -> None:
        """Starts the engine, and waits until it has loaded its networks."""
        self._start_engine()
        while not self._loaded and not self.stopping.is_set():
            self._exchange(self.backend)

    def run(self) -> None:
        """Passes on requests and replies until it is to stop."""
        while not self.stopping.is_set():
            self._exchange(self.backend)
            self.beat()
            if not self._is_idle():
                continue
            if self._visits >= self._recycle_after:
                self._stop_engine()
                self._start_engine()
            else:
                self.backend.rest()

    def teardown(self) -> None:
        """Ends the engine at once: it has nothing to save."""
        self._stop_engine()

    def _start_engine(self) -> None:
        self._visits = 0
        self.backend.start(self._next_engine() * NUMBERS, self._lock_step)
        self._expect_loading()

    def _stop_engine(self) -> None:
        self._forget_engine()
        self.backend.stop()

    def _expect_loading(self) -> None:
        """The engine has begun to load its networks."""
        self._deadline_s = self.clock() + self.loading_limit_s

    def _expect_cancelling(self) -> None:
        """The engine has been told to stop its work; it may be loading its networks still."""
        self._deadline_s = max(self._deadline_s or 0.0, self.clock() + self.cancel_limit_s)

    @abstractmethod
    def _next_engine(self) -> int:
        """The number of the engine that is about to be started."""

    @abstractmethod
    def _forget_engine(self) -> None:
        """The engine has ended: nothing of what it was told or has said counts any more."""

    @abstractmethod
    def _is_idle(self) -> bool:
        """Whether there is no visit, so that the engine may be replaced."""
