"""Services: their order, and what becomes of one that fails, hangs, or is switched off. Real threads."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from installation.workers.supervision import (
    Condition,
    Health,
    PermanentServiceError,
    ResilientService,
    ServiceDisabled,
    ServiceError,
    Supervisor,
)

PROMPT_S = 1.0


def eventually(true: Callable[[], bool], within_s: float = 5.0) -> None:
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, "has not come about"
        time.sleep(0.002)


class Worker(ResilientService):
    """Works until it is stopped; notes what is done to it."""

    advice = "Look after it."
    first_wait_s = 0.001
    longest_wait_s = 0.004

    def __init__(self, name: str = "worker", notes: list[str] | None = None, **options) -> None:
        super().__init__(name, **options)
        self.notes = notes if notes is not None else []

    def setup(self) -> None:
        self.notes.append(f"{self.name} up")

    def run(self) -> None:
        while not self.wait(0.002):
            self.beat()

    def teardown(self) -> None:
        self.notes.append(f"{self.name} down")


class Broken(Worker):
    """Fails in the given method, with the given fault, as often as said."""

    def __init__(self, where: str, fault: Exception, times: int = 10**9, **options) -> None:
        super().__init__(**options)
        self.where, self.fault, self.times = where, fault, times

    def fail(self, where: str) -> None:
        if where == self.where and self.times > 0:
            self.times -= 1
            raise self.fault

    def setup(self) -> None:
        super().setup()
        self.fail("setup")

    def run(self) -> None:
        self.fail("run")
        super().run()

    def teardown(self) -> None:
        super().teardown()
        self.fail("teardown")


class Clock:
    """Monotonic seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def at(service: ResilientService, condition: Condition) -> Callable[[], bool]:
    return lambda: service.health.condition is condition


def ok(service: ResilientService) -> Callable[[], bool]:
    return at(service, Condition.OK)


# --- together ---


class Noted(Worker):
    def start(self) -> None:
        self.notes.append(f"{self.name} starts")
        super().start()

    def setup(self) -> None:
        pass


def test_start_in_order_and_stop_in_reverse() -> None:
    notes: list[str] = []
    services = Supervisor(*(Noted(name, notes) for name in ("camera", "engine", "delivery")))
    with services:
        assert notes == ["camera starts", "engine starts", "delivery starts"]
        assert list(services.health()) == ["camera", "engine", "delivery"]
        eventually(lambda: all(each.condition is Condition.OK for each in services.health().values()))
    assert notes[3:] == ["delivery down", "engine down", "camera down"]
    assert all(health.condition is Condition.DISABLED for health in services.health().values())


class Plain:
    """A service of another kind, that can neither be started nor stopped."""

    name = "plain"
    health = Health(Condition.STARTING, "not started yet.")

    def start(self) -> None:
        raise ServiceError("no such plug", "Buy one.")

    def stop(self) -> None:
        raise OSError("no such plug")

    def restart(self) -> None:
        self.start()


def test_a_service_is_restarted_and_still_ends() -> None:
    notes: list[str] = []
    worker = Worker("engine", notes)
    services = Supervisor(worker, Plain())
    services.start()
    eventually(ok(worker))
    before = list(worker.notes)
    assert services.restart("engine") and not services.restart("engines")
    eventually(lambda: worker.notes == [*before, "engine down", *before])
    eventually(ok(worker))
    assert services.restart("plain") and services.health()["plain"].condition is Condition.FAILED
    services.restart("engine")
    services.stop()
    assert worker.notes[-1] == "engine down" and worker.health.condition is Condition.DISABLED


def test_a_restart_helps_a_service_that_has_failed_for_good_or_waits() -> None:
    for fault in (PermanentServiceError("no model"), ServiceError("no answer")):
        service = Broken("setup", fault, times=1)
        service.first_wait_s = 600.0
        service.start()
        eventually(lambda service=service: service.health.condition in (Condition.FAILED, Condition.WAITING))  # type: ignore[misc]
        service.restart()
        eventually(ok(service))
        service.stop()


def test_one_that_fails_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    before, after = Worker("before"), Worker("after")
    services = Supervisor(before, Plain(), after)
    services.start()
    eventually(ok(before))
    eventually(ok(after))
    assert services.health()["plain"] == Health(Condition.FAILED, "no such plug.", "Buy one.")
    services.stop()
    assert before.notes[-1] == "before down" and after.notes[-1] == "after down"
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_names_are_not_shared() -> None:
    with pytest.raises(ValueError, match="two services"):
        Supervisor(Worker("one"), Worker("one"))


# --- alone ---


@pytest.mark.parametrize("where", ["setup", "run"])
def test_a_failure_is_torn_down_and_tried_again(where: str) -> None:
    service = Broken(where, OSError("gone"), times=3)
    service.start()
    eventually(lambda: len(service.notes) == 7 and ok(service)())
    service.stop()
    assert service.notes == ["worker up", "worker down"] * 4


def test_a_failing_teardown_hides_nothing() -> None:
    service = Broken("teardown", OSError("stuck"), times=1)
    service.start()
    eventually(ok(service))
    service.stop()
    assert service.health == Health(Condition.DISABLED, "stopped.")


def test_waits_double_up_to_the_longest_and_begin_anew_after_a_good_while() -> None:
    clock = Clock()
    waits: list[float] = []

    class Flaky(Worker):
        first_wait_s = 1.0
        longest_wait_s = 8.0

        def wait(self, wait_s: float) -> bool:
            waits.append(wait_s)
            clock.now_s += wait_s
            if len(waits) == 9:
                self.stopping.set()
            return self.stopping.is_set()

        def run(self) -> None:
            # The sixth life works for longer than the longest wait, the others for shorter.
            clock.now_s += 9.0 if len(waits) == 5 else 7.0
            self.beat()
            raise OSError("gone")

    service = Flaky(clock=clock)
    service.start()
    eventually(lambda: len(waits) == 9)
    service.stop()
    assert waits == [1, 2, 4, 8, 8, 1, 2, 4, 8]


def test_it_says_what_is_wrong_and_what_to_do() -> None:
    class Patient(Broken):
        first_wait_s = longest_wait_s = 60.0

    for fault, message, advice in [
        (OSError("no device"), "OSError: no device. Next try after 60 s.", "Look after it."),
        (
            ServiceError("the lens cap is on", "Take it off."),
            "the lens cap is on. Next try after 60 s.",
            "Take it off.",
        ),
    ]:
        service = Patient("setup", fault)
        service.start()
        eventually(at(service, Condition.WAITING))
        assert service.health == Health(Condition.WAITING, message, advice)
        service.stop()


def test_a_run_that_just_ends_is_a_failure() -> None:
    class Short(Worker):
        first_wait_s = 60.0

        def run(self) -> None:
            pass

    service = Short()
    service.start()
    eventually(at(service, Condition.WAITING))
    assert "without being asked" in service.health.message
    service.stop()


@pytest.mark.parametrize(
    ("fault", "condition", "advice"),
    [
        (
            PermanentServiceError("no weights", "Run `kiosk weights fetch`."),
            "failed",
            "Run `kiosk weights fetch`.",
        ),
        (PermanentServiceError("no weights"), "failed", "Look after it."),
        (ServiceDisabled("no lights here"), "disabled", ""),
    ],
)
def test_no_second_attempt_where_it_is_no_use(fault: ServiceError, condition: str, advice: str) -> None:
    service = Broken("setup", fault)
    service.start()
    eventually(lambda: service.health.condition in (Condition.FAILED, Condition.DISABLED))
    assert service.health == Health(Condition(condition), f"{fault}.", advice)
    time.sleep(0.02)
    assert service.notes == ["worker up", "worker down"]
    service.stop()


def test_stop_is_prompt_in_the_longest_wait() -> None:
    class Patient(Broken):
        first_wait_s = longest_wait_s = 3600.0

    waiting, working = Patient("run", OSError("gone")), Worker()
    for service, condition in ((waiting, Condition.WAITING), (working, Condition.OK)):
        took_s = []
        # The quickest of three: what else the machine does is not the service's fault.
        for _ in range(3):
            service.start()
            eventually(at(service, condition))
            began_s = time.monotonic()
            service.stop()
            took_s.append(time.monotonic() - began_s)
        assert min(took_s) < PROMPT_S


def test_a_discreet_service_tells_no_words_of_what_it_did_not_expect(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They may hold a number of a face; its own faults are made for people."""

    class Discreet(Broken):
        is_discreet = True
        first_wait_s = longest_wait_s = 3600.0

    for fault, told in ((ValueError("yaw 12.3"), "ValueError in "), (ServiceError("No light."), "No light.")):
        service = Discreet("run", fault)
        service.start()
        eventually(at(service, Condition.WAITING))
        assert service.health.message.startswith(told) and "12.3" not in service.health.message
        service.stop()
    assert "No light." in caplog.text and "12.3" not in caplog.text


def test_a_lost_heartbeat_is_noticed_and_so_is_its_return() -> None:
    clock, resume = Clock(), threading.Event()

    class Hanging(Worker):
        def run(self) -> None:
            resume.wait()
            super().run()

    service = Hanging(clock=clock)
    service.start()
    eventually(ok(service))
    clock.now_s += 9
    assert ok(service)()
    clock.now_s += 3
    assert service.health == Health(Condition.FAILED, "no sign of life for 12 s.", "Look after it.")
    resume.set()
    eventually(ok(service))
    service.stop()


def test_a_setup_that_hangs_is_noticed() -> None:
    clock, resume = Clock(), threading.Event()

    class Hanging(Worker):
        def setup(self) -> None:
            resume.wait()

    service = Hanging(clock=clock)
    service.start()
    assert at(service, Condition.STARTING)()
    clock.now_s += 61
    assert at(service, Condition.FAILED)()
    resume.set()
    service.stop()


def test_one_that_hangs_is_left_behind_and_not_started_twice() -> None:
    resume = threading.Event()

    class Hanging(Worker):
        stop_limit_s = 0.01

        def run(self) -> None:
            resume.wait()

    service = Hanging()
    service.start()
    eventually(ok(service))
    with pytest.raises(TimeoutError, match="left behind"):
        service.stop()
    with pytest.raises(RuntimeError, match="still runs"):
        service.start()
    resume.set()
    eventually(at(service, Condition.DISABLED))
    service.stop()


def test_it_can_be_started_again() -> None:
    service = Worker()
    for _ in range(2):
        service.start()
        eventually(ok(service))
        service.stop()
    assert service.notes == ["worker up", "worker down"] * 2


def test_a_fault_that_lasts_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    service = Broken("setup", OSError("line one\nline two " + "x" * 1000), times=5)
    service.start()
    eventually(lambda: len(caplog.records) == 2)
    service.stop()
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("worker: OSError: line one line two") and len(first) < 250
    assert second == "worker: works again"
