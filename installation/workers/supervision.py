"""Services run beside the main loop for months, and are restarted when they fail.

A service is a subclass of `ResilientService` with three methods:

    class Camera(ResilientService):
        advice = "Check the camera's cable."

        def setup(self) -> None:
            self.device = open_device()  # may raise anything

        def run(self) -> None:
            while not self.stopping.is_set():
                self.newest = self.device.read()
                self.beat()

        def teardown(self) -> None:
            self.device.close()  # after `setup`, even one that failed halfway

Each runs in a thread of its own. Whatever it raises, it is torn down and set up again after a wait, which
doubles up to a longest one (exponential backoff). After `PermanentServiceError` and `ServiceDisabled` it is
not restarted. `health` says what condition it is in, and what a person should do about it. A `Supervisor`
starts and stops services together.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from engine.common.errors import exception_summary

log = logging.getLogger(__name__)

LONGEST_LINE = 200


class Condition(StrEnum):
    """The conditions a service can be in."""

    STARTING = "starting"
    OK = "ok"
    WAITING = "waiting to try again"
    DISABLED = "disabled"
    FAILED = "failed"


@dataclass(frozen=True)
class Health:
    """A service's condition, the reason in one line, and advice for a person (empty: nothing to do)."""

    condition: Condition
    message: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.condition}: {self.message} {self.advice}".strip()


class ServiceError(Exception):
    """A failure with advice for a person; without `advice`, the service's own is given."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class PermanentServiceError(ServiceError):
    """A failure that only a person can resolve: the service is not restarted, and stays failed."""


class ServiceDisabled(ServiceError):
    """The service is switched off or not needed here: it stays disabled, which is no failure."""


class Service(Protocol):
    """What a `Supervisor` can start and stop."""

    @property
    def name(self) -> str: ...

    @property
    def health(self) -> Health: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def restart(self) -> None: ...


class ResilientService(ABC):
    """A service in its own thread that is restarted whenever it fails.

    Class attributes to override:
    advice: for failures that bring none of their own.
    first_wait_s, longest_wait_s: the wait before a restart, doubled each time.
    setup_limit_s, heartbeat_limit_s: how long `setup` may take, and how long `run` may go without `beat`,
        before the service counts as hanging.
    stop_limit_s: how long `stop` waits for the thread.
    is_discreet: of failures that are no `ServiceError` only type and location are reported, since their
        messages could hold something about a visitor.

    clock: monotonic seconds.
    """

    advice = ""
    first_wait_s = 1.0
    longest_wait_s = 60.0
    setup_limit_s = 60.0
    heartbeat_limit_s = 10.0
    stop_limit_s = 2.0
    is_discreet = False

    def __init__(self, name: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name or type(self).__name__.lower()
        self.clock = clock
        self.stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._restarting = False  # `stopping` is set for a restart, not for good
        self._stopped = False  # `stop` has been called
        self._health = Health(Condition.STARTING, "not started yet.")
        self._last_beat_s = self._running_since_s = clock()
        self._wait_s = self.first_wait_s
        self._logged_failure = ""  # the last one, until `recovered`

    @abstractmethod
    def setup(self) -> None:
        """Opens what `run` needs.

        Raises ServiceDisabled, PermanentServiceError, or anything else, after which it is tried again.
        """

    @abstractmethod
    def run(self) -> None:
        """Works until `stopping` is set, and calls `beat` regularly. Returning earlier is a failure."""

    @abstractmethod
    def teardown(self) -> None:
        """Closes whatever `setup` has opened so far."""

    def beat(self) -> None:
        """To be called from within `run`: the service is alive."""
        self._last_beat_s = self.clock()
        # The failure is over only once the service has worked for longer than the longest wait.
        if self._logged_failure and self._last_beat_s - self._running_since_s > self.longest_wait_s:
            self.recovered()

    def recovered(self) -> None:
        """The last failure is over: the next one is logged again, and followed by the first wait."""
        if self._logged_failure:
            log.info("%s: works again", self.name)
        self._logged_failure, self._wait_s = "", self.first_wait_s

    def wait(self, wait_s: float) -> bool:
        """Waits, from within the service; returns early, with True, when the service is to stop."""
        return self.stopping.wait(wait_s)

    @property
    def health(self) -> Health:
        """The service's health right now; a thread without a heartbeat counts as failed."""
        health, silent_s = self._health, self.clock() - self._last_beat_s
        if self._thread is None:
            return health
        if health.condition is Condition.OK and silent_s > self.heartbeat_limit_s:
            return Health(Condition.FAILED, f"no sign of life for {silent_s:.0f} s.", self.advice)
        if health.condition is Condition.STARTING and silent_s > self.setup_limit_s:
            return Health(Condition.FAILED, f"starting has taken {silent_s:.0f} s.", self.advice)
        return health

    def start(self) -> None:
        """Starts the thread, and returns. Raises RuntimeError while an earlier one still runs."""
        if self._thread is not None and self._thread.is_alive():
            raise RuntimeError(f"{self.name} still runs")
        self.stopping.clear()
        self._restarting = self._stopped = False
        self._wait_s = self.first_wait_s
        self._report(Condition.STARTING, "starting.")
        # A daemon, so that a service that hangs in a driver does not keep the program from ending.
        self._thread = threading.Thread(target=self._run_until_stopped, name=self.name, daemon=True)
        self._thread.start()

    def restart(self) -> None:
        """Has the service torn down and set up again; returns at once. Also one that has failed for good."""
        if self._thread is not None and self._thread.is_alive():
            self._restarting = True
            self.stopping.set()
        else:
            self.start()

    def stop(self) -> None:
        """Ends the thread and waits until it is torn down. Raises TimeoutError after `stop_limit_s`."""
        self._stopped = True
        self.stopping.set()
        if self._thread is None:
            return
        self._thread.join(self.stop_limit_s)
        if self._thread.is_alive():
            raise TimeoutError(f"{self.name} hangs, and is left behind")
        self._thread = None

    def _run_until_stopped(self) -> None:
        while not self._ends():
            self._report(Condition.STARTING, "starting.")
            try:
                self._run_once()
            except ServiceDisabled as reason:
                self._report(Condition.DISABLED, self._line(reason), reason.advice)
                return
            except PermanentServiceError as fault:
                self.log_failure(fault)
                self._report(Condition.FAILED, self._line(fault), fault.advice or self.advice)
                return
            except Exception as fault:
                self.log_failure(fault)
                advice = getattr(fault, "advice", "") or self.advice
                self._report(
                    Condition.WAITING, f"{self._line(fault)} Next try after {self._wait_s:.0f} s.", advice
                )
                self.wait(self._wait_s)
                self._wait_s = min(2 * self._wait_s, self.longest_wait_s)
        self._report(Condition.DISABLED, "stopped.")

    def _ends(self) -> bool:
        """Whether the service is to stop for good. Where it was to restart, it is set to go on."""
        if self._restarting:
            self._restarting = False
            self.stopping.clear()
            self._wait_s = self.first_wait_s
            if self._stopped:  # meanwhile, or after `clear`
                self.stopping.set()
        return self.stopping.is_set()

    def _run_once(self) -> None:
        """From `setup` to `teardown`. Returns only when the service is to stop."""
        try:
            self.setup()
            self._running_since_s = self.clock()
            self._report(Condition.OK, "running.")
            self.run()
            if not self.stopping.is_set():
                raise ServiceError("It ended without being asked to.")
        finally:
            try:
                self.teardown()
            except Exception as fault:
                # The failure before this one matters more, and is being raised.
                log.warning("%s: closing: %s", self.name, self._line(fault))

    def _report(self, condition: Condition, message: str, advice: str = "") -> None:
        self._last_beat_s = self.clock()
        self._health = Health(condition, message, advice)

    def log_failure(self, fault: Exception) -> None:
        """Logs one line per new failure, not one per attempt: the attempts may go on for weeks."""
        line = self._line(fault)
        if line != self._logged_failure:
            log.warning("%s: %s", self.name, line)
        self._logged_failure = line

    def _line(self, fault: Exception) -> str:
        return (
            f"{exception_summary(fault)}."
            if self.is_discreet and not isinstance(fault, ServiceError)
            else _line(fault)
        )


class Supervisor:
    """Starts services in the given order and stops them in reverse.

    One that fails does not affect the others. Raises ValueError if two have the same name.
    """

    def __init__(self, *services: Service) -> None:
        self._services = {service.name: service for service in services}
        if len(self._services) != len(services):
            raise ValueError("two services of one name: " + ", ".join(each.name for each in services))
        self._not_started: dict[str, Health] = {}

    def start(self) -> None:
        """Starts all. One that cannot be started is logged, and `health` says so."""
        for name, service in self._services.items():
            self._begin(name, service.start)

    def stop(self) -> None:
        """Stops all, the last one first. One that cannot be stopped is logged."""
        for name, service in reversed(self._services.items()):
            try:
                service.stop()
            except Exception as fault:
                log.error("%s: not stopped: %s", name, _line(fault))

    def restart(self, name: str) -> bool:
        """Has one service set up again; returns at once. Returns whether there is one of this name."""
        service = self._services.get(name)
        if service is None:
            return False
        self._begin(name, service.restart)
        return True

    def _begin(self, name: str, begin: Callable[[], None]) -> None:
        """Starts or restarts one. What it raises is logged, and its health until it is begun again."""
        self._not_started.pop(name, None)
        try:
            begin()
        except Exception as fault:
            log.error("%s: not started: %s", name, _line(fault))
            self._not_started[name] = Health(Condition.FAILED, _line(fault), getattr(fault, "advice", ""))

    def health(self) -> dict[str, Health]:
        """The health of each, by name."""
        return {
            name: self._not_started.get(name) or service.health for name, service in self._services.items()
        }

    def __enter__(self) -> "Supervisor":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _line(fault: Exception) -> str:
    """The exception's message as one sentence on one line, cut to `LONGEST_LINE` characters."""
    words = " ".join(str(fault).split())
    if not isinstance(fault, ServiceError):
        words = f"{type(fault).__name__}: {words}" if words else type(fault).__name__
    words = words if len(words) <= LONGEST_LINE else words[: LONGEST_LINE - 1] + "…"
    return words if words.endswith((".", "!", "?", "…")) else words + "."
