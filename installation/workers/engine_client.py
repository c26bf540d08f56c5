"""The engine as the stage sees it: asked without waiting, looked at once a frame.

The networks live in a process of their own (`engine/runtime/worker.py`) that may die: it is then started
again, and attract plays meanwhile. A thread holds the connection to it, so that nothing the stage calls ever
blocks.
"""

import contextlib
import logging
import multiprocessing
import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from mmap import mmap
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING
from weakref import WeakSet

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.common.errors import DoppelgangerError
from engine.runtime import channel
from engine.runtime.channel import Channel, ReceivedMessage
from engine.runtime.messages import (
    Cancel,
    ConfigurationRejected,
    Failed,
    PeopleReady,
    Portray,
    ProgressUpdate,
    Ready,
    Reply,
    ResultReady,
    VisitEnded,
)
from hardware.memory import forbid_core_dumps
from installation.settings.configuration import Configuration
from installation.workers.supervision import PermanentServiceError, ResilientService, ServiceError

if TYPE_CHECKING:  # what loads torch stays out of the stage's process
    from engine.runtime.worker import Models

log = logging.getLogger(__name__)

PEOPLE = 6  # ways to people who do not exist that are kept, at most
PEOPLE_BYTES = 2**30  # nor do their pictures take more
NUMBERS = 100_000  # of people, to each process


def load_models(configuration: Configuration, beside_window: bool = False) -> "Models":
    """Loads the networks of a configuration; see `ModelBundle`.

    beside_window: leaves a core to the window, so takes the cores but one, at most. Otherwise the number of
    threads is the configured one, and the same photograph has the same border on every machine.
    """
    from installation.workers.models import ModelBundle

    if beside_window:
        threads = min(configuration.search.threads, max(len(os.sched_getaffinity(0)) - 1, 1))
        search = configuration.search.model_copy(update={"threads": threads})
        configuration = configuration.model_copy(update={"search": search})
    # What is shown needs one doppelgänger, not both.
    return ModelBundle(configuration, all_finders=False)


class EngineClient(ResilientService):
    """The client of the engine's process; a service.

    `portray`, `cancel`, `erase` and `poll` are called on one thread, the stage's, and return at once.

    Live, progress that nobody has polled gives way to newer progress. In lock step every report is delivered,
    one a `poll`, in an order that depends on nothing but what is asked.

    Pictures are handed out as read-only views of memory that the process has filled. `erase` overwrites it,
    so a picture that somebody still holds turns black; another visit's never comes into its place.
    """

    advice = "If it keeps failing: ./kiosk doctor."
    stop_limit_s = 10.0
    loading_limit_s = 300.0  # then the process counts as hanging, and is replaced
    obedience_limit_s = 30.0  # the same for a visit it has been told to let go of
    longest_queue = 64  # reports in lock step that wait to be polled; then the process waits, too

    def __init__(
        self,
        prepare: Callable[[], "Models"],
        lock_step: bool = False,
        recycle_after: int = 50,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`prepare` loads the networks, in the process; it must be picklable, as `partial(load_models, ...)`.

        After `recycle_after` visits the process is replaced, while nobody is there.
        """
        super().__init__("engine", clock)
        self.setup_limit_s = self.loading_limit_s
        self.refusal: DoppelgangerError | None = None
        """Why the very first process could not use what is configured. No other one could: the service has
        failed for good."""
        self._prepare, self._lock_step, self._recycle_after = prepare, lock_step, recycle_after
        # The thread's own.
        self._process: BaseProcess | None = None
        self._end: Channel | None = None
        self._processes = self._visits = 0  # started so far; of this process
        self._deadline_s: float | None = None  # by which the process has to answer
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # Of both threads, under the lock.
        self._changed = threading.Condition()
        self._loaded = False
        self._people_due = False
        self._visit_id: int | None = None  # wanted by the stage
        self._request: Portray | None = None  # asked by the stage, not sent yet
        self._working_on: int | None = None  # the process's visit, wanted or not
        self._cancelled = False  # the process has been told to let go of it
        self._reports: deque[Reply] = deque()
        self._memories: dict[int, WeakSet[mmap]] = {}  # of each visit, as long as they are in use
        self._people: deque[Strip] = deque(maxlen=PEOPLE)

    # --- for the stage

    def portray(self, visit_id: int, photographs: Sequence[Pixels] | None) -> None:
        """Asks for a visit's result.

        photographs: uint8 (H, W, 3) RGB, upright, writable, handed over: they are overwritten as soon as the
        process has them. The first is portrayed, all make the judges' reference. None: a sitter who does not
        exist.
        """
        with self._changed:
            if self._visit_id is not None:
                self._let_go(self._visit_id)
            self._visit_id = visit_id
            self._memories[visit_id] = WeakSet()
            self._request = Portray(visit_id, None if photographs is None else tuple(photographs))
        self._rouse()

    def cancel(self, visit_id: int) -> None:
        """Nobody waits for this visit any more: no report of it comes, and the work on it stops soon."""
        with self._changed:
            self._let_go(visit_id)
        self._rouse()

    def erase(self, visit_id: int) -> None:
        """Forgets a visit: cancels it, and overwrites every picture and number of it, handed out or not.

        The overwriting is done in a moment, on a thread of its own.
        """
        with self._changed:
            self._let_go(visit_id)
            memories = list(self._memories.pop(visit_id, ()))
        threading.Thread(target=_erase, args=(memories,), name="engine erasing").start()
        self._rouse()

    def poll(self) -> list[Reply]:
        """What has been reported since the last time, oldest first; in lock step one report at most."""
        with self._changed:
            count = min(len(self._reports), 1) if self._lock_step else len(self._reports)
            reports = [self._reports.popleft() for _ in range(count)]
        if self._lock_step:
            self._rouse()
        return reports

    def wait(self, timeout_s: float) -> bool:
        """Waits until something can be polled; False where nothing is under way, or at the timeout.

        For lock step, where time stands still meanwhile; never to be called live.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._reports or not self._is_under_way(), timeout_s)
            return bool(self._reports)

    def stop(self) -> None:
        """Ends the process, and whatever it works on."""
        self.stopping.set()
        self._rouse()
        super().stop()

    def _is_under_way(self) -> bool:
        wanted = self._working_on is not None and self._working_on == self._visit_id
        alive = self._thread is not None and self._thread.is_alive()
        return alive and (not self._loaded or self._people_due or wanted or self._request is not None)

    def _let_go(self, visit_id: int) -> None:
        """Under the lock: nothing of this visit is to come any more."""
        if self._visit_id == visit_id:
            self._visit_id = None
            self._drop_request()
        self._reports = deque(one for one in self._reports if getattr(one, "visit_id", None) != visit_id)

    def _drop_request(self) -> None:
        """Under the lock: what has not been sent is overwritten."""
        _wipe(self._request)
        self._request = None

    def _rouse(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full of calls already
            os.write(self._wake, b".")

    # --- the thread: the process's life

    def setup(self) -> None:
        """Starts the process, and waits until it has loaded its networks."""
        self._open()
        while not self._loaded and not self.stopping.is_set():
            self._attend()

    def run(self) -> None:
        """Passes on what is asked and answered, until it is to stop."""
        while not self.stopping.is_set():
            self._attend()
            self.beat()
            if self._visits >= self._recycle_after and self._is_idle():
                self._close()
                self._open()

    def teardown(self) -> None:
        """Ends the process at once: it has nothing to save."""
        self._close()

    def _open(self) -> None:
        ours, theirs = Channel.pair()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve,
            args=(theirs, self._prepare, self._processes * NUMBERS, self._lock_step),
            name="engine",
            daemon=True,
        )
        self._process.start()
        theirs.close()
        self._end = ours
        self._processes, self._visits = self._processes + 1, 0
        self._deadline_s = self.clock() + self.loading_limit_s

    def _close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None
        if self._end is not None:
            self._end.close()
            self._end = None
        with self._changed:
            self._loaded, self._people_due, self._working_on = False, False, None
            self._changed.notify_all()

    def _is_idle(self) -> bool:
        with self._changed:
            return self._loaded and self._visit_id is None and self._working_on is None

    # --- the thread: messages

    def _attend(self) -> None:
        """Sends what has been asked, and takes what has been answered within a second.

        Raises ServiceError where the process has ended, or does not answer in time.
        """
        end = self._end
        assert end is not None
        self._send_due(end)
        with self._changed:
            is_full = self._lock_step and len(self._reports) >= self.longest_queue
        readable, _, _ = select.select([self._woken] if is_full else [self._woken, end.fileno()], [], [], 1.0)
        if self._woken in readable:
            os.read(self._woken, 4096)
        if end.fileno() in readable:
            try:
                self._take(end.receive())
            except EOFError:
                self._fail(self._last_words())
        if self._deadline_s is not None and self.clock() > self._deadline_s:
            self._fail("The engine's process hangs, and is replaced.")

    def _send_due(self, end: Channel) -> None:
        due: Portray | Cancel | None = None
        with self._changed:
            if self._working_on is None and self._loaded and self._request:
                due, self._request = self._request, None
                self._working_on, self._cancelled = due.visit_id, False
            elif self._working_on not in (None, self._visit_id) and not self._cancelled:
                due, self._cancelled = Cancel(self._working_on), True
                self._deadline_s = self.clock() + self.obedience_limit_s
        if due:
            with contextlib.suppress(BrokenPipeError):  # it has ended; its last words are about to be read
                end.send(due)
        _wipe(due)

    def _take(self, received: ReceivedMessage) -> None:
        match received.message:
            case ConfigurationRejected(error):
                # Later ones have been able to: what is missing now may come back.
                self.refusal = error if self._processes == 1 else None
                self._fail(str(error), PermanentServiceError if self.refusal else ServiceError)
            case Failed(message):
                self._fail(message)
            case Ready() as ready:
                self._deadline_s = None
                with self._changed:
                    self._loaded, self._people_due = True, self._lock_step
                    self._push(ready)
            case PeopleReady(strips):
                with self._changed:
                    self._people.extend(strips)
                    while sum(strip.pictures.nbytes for strip in self._people) > PEOPLE_BYTES:
                        self._people.popleft()
                    self._people_due = False
                    self._push(PeopleReady(tuple(self._people)))
            case VisitEnded() as over:
                self._end_visit(over)
            case ProgressUpdate(visit_id) | ResultReady(visit_id):
                with self._changed:
                    if visit_id == self._visit_id:
                        self._memories[visit_id].add(received.memory)
                        self._push(received.message)
                        return
                channel.erase(received.memory)

    def _end_visit(self, over: VisitEnded) -> None:
        self._deadline_s = None
        self._visits += 1
        if over.fault:
            log.warning("%s: %s Its process is replaced after this visit.", self.name, over.fault)
            self._visits = self._recycle_after
        elif over.failure:
            log.warning("%s: %s", self.name, over.failure)
        with self._changed:
            self._working_on = None
            if over.failure and over.visit_id == self._visit_id:
                self._push(Failed(over.failure))
                if not over.fault:
                    self._push(Ready())
            self._changed.notify_all()

    def _push(self, report: Reply) -> None:
        """Under the lock."""
        if isinstance(report, ProgressUpdate) and not self._lock_step and self._reports:
            former = self._reports[-1]
            if isinstance(former, ProgressUpdate):
                self._reports.pop()
                if report.picture is None:
                    report = replace(report, picture=former.picture)
        self._reports.append(report)
        self._changed.notify_all()

    def _fail(self, message: str, fault: type[ServiceError] = ServiceError) -> None:
        """The process is of no use any more: says so to the stage, and raises `fault`."""
        with self._changed:
            self._visit_id = None
            self._drop_request()
            self._push(Failed(message))
        raise fault(message)

    def _last_words(self) -> str:
        assert self._process is not None
        self._process.join(5.0)
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"The engine's process was ended by {signal.Signals(-code).name}."
        return "The engine's process has ended by itself."


def _serve(end: Channel, prepare: Callable[[], "Models"], first_person: int, lock_step: bool) -> None:
    """What the process runs."""
    forbid_core_dumps()
    from engine.runtime.worker import serve

    serve(end, prepare, first_person, lock_step)


def _wipe(asked: Portray | Cancel | None) -> None:
    """Overwrites the photographs of a request."""
    if isinstance(asked, Portray):
        for photograph in asked.photographs or ():
            photograph.fill(0)


def _erase(memories: Iterable[mmap]) -> None:
    for memory in memories:
        channel.erase(memory)
