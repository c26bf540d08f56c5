"""Services: what runs beside the window for months, and comes back by itself.

A service is a `ResilientService` with three methods filled in:

    class Camera(ResilientService):
        advice = "Check the camera's cable."

        def setup(self) -> None:
            self.device = open_device()  # raises whatever it raises

        def run(self) -> None:
            while not self.stopping.is_set():
                self.newest = self.device.read()
                self.beat()

        def teardown(self) -> None:
            self.device.close()  # after `setup`, even one that failed halfway

Each lives in a thread of its own. Whatever it raises, it is torn down and set up again, after a wait that
doubles up to a longest one; `PermanentServiceError` and `ServiceDisabled` say that trying again is no use.
How it is, and what a person should do about it, is its `health`. `Supervisor` starts and stops them together.
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
    """How a service is; there is nothing else it can be."""

    STARTING = "starting"
    OK = "ok"
    WAITING = "waiting to try again"
    DISABLED = "disabled"
    FAILED = "failed"


@dataclass(frozen=True)
class Health:
    """A service's condition, why in one line, and what a person should do about it (empty: nothing)."""

    condition: Condition
    message: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.condition}: {self.message} {self.advice}".strip()


class ServiceError(Exception):
    """Something went wrong, and `advice` helps; without it, the service's own advice is given."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class PermanentServiceError(ServiceError):
    """Trying again is no use before a person has done something: the service stays failed."""


class ServiceDisabled(ServiceError):
    """The service is switched off, or not needed here: it stays disabled, and that is fine."""


class Service(Protocol):
    """What `Supervisor` can look after."""

    @property
    def name(self) -> str: ...

    @property
    def health(self) -> Health: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class ResilientService(ABC):
    """A service in its own thread that is set up again whenever it fails.

    Class attributes to override: `advice`, what to do about failures that know no better; `first_wait_s` and
    `longest_wait_s` between attempts; `setup_limit_s` and `heartbeat_limit_s`, how long `setup` may take and
    `run` may go without `beat` before the service counts as hanging; `stop_limit_s`, how long `stop` waits;
    `is_discreet`: of failures that are no `ServiceError` only type and place are told, never their own words.

    `clock` gives monotonic seconds.
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
        self._health = Health(Condition.STARTING, "not started yet.")
        self._sign_of_life_s = self._running_since_s = clock()
        self._wait_s = self.first_wait_s
        self._fault = ""  # what was logged last, until it is over

    @abstractmethod
    def setup(self) -> None:
        """Opens what `run` needs.

        Raises ServiceDisabled, PermanentServiceError, or anything else, after which it is tried again.
        """

    @abstractmethod
    def run(self) -> None:
        """Works until `stopping` is set, and calls `beat` all the while. Returning earlier is a failure."""

    @abstractmethod
    def teardown(self) -> None:
        """Closes whatever `setup` has opened so far."""

    def beat(self) -> None:
        """Says from within `run` that work goes on."""
        self._sign_of_life_s = self.clock()
        # Only what has worked for longer than the longest wait is over; the next failure begins anew.
        if self._fault and self._sign_of_life_s - self._running_since_s > self.longest_wait_s:
            self.recovered()

    def recovered(self) -> None:
        """The last failure is over: the next one is logged again, and followed by the first wait."""
        if self._fault:
            log.info("%s: works again", self.name)
        self._fault, self._wait_s = "", self.first_wait_s

    def wait(self, wait_s: float) -> bool:
        """Waits, from within the service. True at once when it is to stop."""
        return self.stopping.wait(wait_s)

    @property
    def health(self) -> Health:
        """How the service is right now; a thread that hangs cannot say so itself, and counts as failed."""
        health, silent_s = self._health, self.clock() - self._sign_of_life_s
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
        self._wait_s = self.first_wait_s
        self._report(Condition.STARTING, "starting.")
        # A daemon: a service that hangs in a driver does not keep the program from ending.
        self._thread = threading.Thread(target=self._live, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and waits until it is torn down. Raises TimeoutError after `stop_limit_s`."""
        self.stopping.set()
        if self._thread is None:
            return
        self._thread.join(self.stop_limit_s)
        if self._thread.is_alive():
            raise TimeoutError(f"{self.name} hangs, and is left behind")
        self._thread = None

    def _live(self) -> None:
        while not self.stopping.is_set():
            self._report(Condition.STARTING, "starting.")
            try:
                self._once()
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

    def _once(self) -> None:
        """One life from setup to teardown. Returns only when it is to stop."""
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
                # What went wrong before matters more, and is on its way up.
                log.warning("%s: closing: %s", self.name, self._line(fault))

    def _report(self, condition: Condition, message: str, advice: str = "") -> None:
        self._sign_of_life_s = self.clock()
        self._health = Health(condition, message, advice)

    def log_failure(self, fault: Exception) -> None:
        """Logs one line per new failure, not one per attempt: the attempts may go on for weeks."""
        line = self._line(fault)
        if line != self._fault:
            log.warning("%s: %s", self.name, line)
        self._fault = line

    def _line(self, fault: Exception) -> str:
        return (
            f"{exception_summary(fault)}."
            if self.is_discreet and not isinstance(fault, ServiceError)
            else _line(fault)
        )


class Supervisor:
    """Supervisor that start in the order given, and stop in reverse. One that fails leaves the others alone.

    Raises ValueError if two have the same name.
    """

    def __init__(self, *services: Service) -> None:
        self._services = {service.name: service for service in services}
        if len(self._services) != len(services):
            raise ValueError("two services of one name: " + ", ".join(each.name for each in services))
        self._not_started: dict[str, Health] = {}

    def start(self) -> None:
        """Starts them all. What cannot be started is logged, and shows in `health`."""
        for name, service in self._services.items():
            self._not_started.pop(name, None)
            try:
                service.start()
            except Exception as fault:
                log.error("%s: not started: %s", name, _line(fault))
                self._not_started[name] = Health(Condition.FAILED, _line(fault), getattr(fault, "advice", ""))

    def stop(self) -> None:
        """Stops them all, the last one first. What cannot be stopped is logged."""
        for name, service in reversed(self._services.items()):
            try:
                service.stop()
            except Exception as fault:
                log.error("%s: not stopped: %s", name, _line(fault))

    def health(self) -> dict[str, Health]:
        """How each of them is, by name."""
        return {
            name: self._not_started.get(name) or service.health for name, service in self._services.items()
        }

    def __enter__(self) -> "Supervisor":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _line(fault: Exception) -> str:
    """A fault in one line of bounded length that ends like a sentence."""
    words = " ".join(str(fault).split())
    if not isinstance(fault, ServiceError):
        words = f"{type(fault).__name__}: {words}" if words else type(fault).__name__
    words = words if len(words) <= LONGEST_LINE else words[: LONGEST_LINE - 1] + "…"
    return words if words.endswith((".", "!", "?", "…")) else words + "."
