"""The engine as the stage sees it: asked without waiting, polled once a frame.

The networks live in a process of their own that may die: it is then started again, and attract plays
meanwhile.

How a result gets from the engine's process to the screen, in three files:

1. `engine/runtime/worker.py`: `_Worker._portray` sends a `ResultReady` through its channel.
2. This file: `EngineClient._handle` receives it on the service's thread and queues it until the stage calls
   `poll`.
3. `installation/app/session.py`: `Session.update` polls once a frame, `Session._on_engine_reply` keeps the
   result, and `Session.view` gives it to the scene that is drawn.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from mmap import mmap
from weakref import WeakSet

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.common.errors import DoppelgangerError
from engine.faces.detector import Box
from engine.live.crowd.decision import Decision
from engine.live.decoders.training_frame import TrainingFrame
from engine.runtime.channel import ReceivedMessage
from engine.runtime.messages import (
    Cancel,
    ConfigurationRejected,
    DecodersTrained,
    Failed,
    GroupReady,
    JudgeMoved,
    LocalRequest,
    MovedJudged,
    NobodiesAlike,
    NobodyReady,
    PaintGroup,
    PeopleReady,
    Portray,
    ProgressUpdate,
    Queued,
    Ready,
    Relocated,
    Reply,
    ResultExtended,
    ResultReady,
    RigReady,
    VisitEnded,
    Words,
)
from installation.workers.between_visits import BetweenVisits
from installation.workers.engine_backend import Backend
from installation.workers.engine_service import EngineService
from installation.workers.erasing import overwrite_memories, overwrite_request
from installation.workers.process_client import Peer
from installation.workers.supervision import Condition, Health, PermanentServiceError, ServiceError

log = logging.getLogger(__name__)

PEOPLE = 6  # ways to people who do not exist that are kept, at most
PEOPLE_BYTES = 2**30  # of their pictures, at most


class EngineClient(EngineService):
    """The client of the engine's process; a service.

    `portray`, `cancel`, `erase` and `poll` are called on one thread, the stage's, and return at once.

    Live, newer progress replaces progress that nobody has polled. In lock step every reply is delivered, one
    a `poll`, in an order that depends on the requests only.

    Pictures are handed out as read-only views of memory that the process has filled. `erase` overwrites it,
    so a picture that somebody still holds turns black, and never shows another visit.
    """

    longest_queue = 64  # replies in lock step that wait to be polled; then the process waits, too

    def __init__(
        self,
        backend: Backend,
        lock_step: bool = False,
        recycle_after: int = 50,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("engine", backend, recycle_after, lock_step, clock)
        self.refusal: DoppelgangerError | None = None
        """Why the first process could not use the configuration; the service has then failed for good."""
        # Used by the service's thread only.
        self._processes = 0  # started so far
        self._place = ""  # where the present engine is, in one line; empty where there is only one place
        # Used by both threads, under the lock.
        self._changed = threading.Condition()
        self._people_due = False
        self._between_visits = BetweenVisits()
        self._visit_id: int | None = None  # wanted by the stage
        self._request: Portray | PaintGroup | None = None  # asked by the stage, not sent yet
        self._working_on: int | None = None  # the process's visit, wanted or not
        self._cancelled = False  # the process has been told to stop working on it
        self._stands_by = False  # it has sent the visit's rig, and waits for pictures to judge
        self._moved: JudgeMoved | None = None  # pictures to judge, not sent yet
        self._replies: deque[Reply] = deque()
        self._memories: dict[int, WeakSet[mmap]] = {}  # of each visit, as long as they are in use
        self._people: deque[Strip] = deque(maxlen=PEOPLE)

    # --- for the stage

    def portray(
        self,
        visit_id: int,
        photographs: Sequence[Pixels] | None,
        meets: bool = False,
        says: Words | None = None,
        reach: float = 0.0,
    ) -> None:
        """Asks for a visit's result.

        photographs: uint8 (H, W, 3) RGB, upright, writable, handed over: they are overwritten as soon as the
        process has them. The first is portrayed, all make the judges' reference. None: a sitter who does not
        exist. meets: the doppelgänger is going to move; its rig is wanted, too. says: so are these
        words, spoken. reach: how far beyond its border the doppelgänger is looked for, 0 to 1.
        """
        taken = None if photographs is None else tuple(photographs)
        self._begin(Portray(visit_id, taken, meets, says, reach))

    def paint_group(self, visit_id: int, photograph: Pixels, decided: Sequence[tuple[Box, Decision]]) -> None:
        """Asks for a visit's group portrait; see `PaintGroup`. photograph: handed over, as in `portray`."""
        self._begin(PaintGroup(visit_id, photograph, tuple(decided)))

    def draw_nobodies(self, numbers: Sequence[int]) -> None:
        """Asks for nobodies; see `DrawNobodies`. They come one by one, while no visit is worked on; those not
        that the present process has drawn before."""
        with self._changed:
            self._between_visits.want_nobodies(numbers)
        self._wake()

    def _begin(self, request: Portray | PaintGroup) -> None:
        with self._changed:
            if self._visit_id is not None:
                self._forget(self._visit_id)
            self._visit_id = request.visit_id
            self._memories[request.visit_id] = WeakSet()
            self._request = request
        self._wake()

    def judge_moved(self, visit_id: int, drawn: Pixels, visitor: Pixels | None) -> None:
        """Asks who the moved doppelgänger is, and who stands before the camera; see `JudgeMoved`.

        Nothing is asked before `RigReady`, nor while the last question is open. visitor: handed over, it is
        overwritten.
        """
        question = JudgeMoved(visit_id, drawn, visitor)
        with self._changed:
            may_ask = self._stands_by and visit_id == self._visit_id and self._moved is None
            if may_ask:
                self._moved = question
        if may_ask:
            self._wake()
        else:
            overwrite_request(question)

    def train(self, number: int | None) -> None:
        """Has two decoders learn a pair of people whenever nothing else is to be done; None: they rest."""
        with self._changed:
            self._between_visits.want_training(number)
        self._wake()

    @property
    def training(self) -> TrainingFrame | None:
        """The newest moment of the training; None where nothing is learned, or nothing is known yet."""
        return self._between_visits.training

    def cancel(self, visit_id: int) -> None:
        """Stops the work on a visit soon; no reply about it comes any more."""
        with self._changed:
            self._forget(visit_id)
        self._wake()

    def erase(self, visit_id: int) -> None:
        """Cancels a visit, and overwrites all its pictures and numbers, handed out or not.

        The overwriting happens on a thread of its own.
        """
        with self._changed:
            self._forget(visit_id)
            memories = list(self._memories.pop(visit_id, ()))
        threading.Thread(target=overwrite_memories, args=(memories,), name="engine erasing").start()
        self._wake()

    def poll(self) -> list[Reply]:
        """The replies since the last call, oldest first; in lock step one at most."""
        with self._changed:
            count = min(len(self._replies), 1) if self._lock_step else len(self._replies)
            replies = [self._replies.popleft() for _ in range(count)]
        if self._lock_step:
            self._wake()
        return replies

    @property
    def health(self) -> Health:
        """As of any service; the staff learns where the engine is, if it can be at several places."""
        health = super().health
        is_known = health.condition is Condition.OK and self._place
        return replace(health, message=self._place) if is_known else health

    def wait(self, timeout_s: float) -> bool:
        """Waits for a reply. Returns False where none is to be expected, or at the timeout.

        For lock step, where the clock stands still meanwhile; never to be called live.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._replies or not self._is_under_way(), timeout_s)
            return bool(self._replies)

    def _is_under_way(self) -> bool:
        wanted = self._working_on is not None and self._working_on == self._visit_id and not self._waits()
        alive = self._thread is not None and self._thread.is_alive()
        nobodies_due = self._working_on is None and self._between_visits.waits_for_nobodies
        due = self._people_due or nobodies_due or wanted or self._request is not None
        return alive and (not self._loaded or due)

    def _waits(self) -> bool:
        """Under the lock: whether the process has nothing to do for its visit before it is asked."""
        return self._stands_by and self._moved is None

    def _forget(self, visit_id: int) -> None:
        """Under the lock: drops the visit's request and its replies."""
        if self._visit_id == visit_id:
            self._visit_id = None
            self._drop_request()
        self._replies = deque(
            reply for reply in self._replies if getattr(reply, "visit_id", None) != visit_id
        )

    def _drop_request(self) -> None:
        """Under the lock: drops and overwrites a request that has not been sent."""
        overwrite_request(self._request)
        overwrite_request(self._moved)
        self._request = self._moved = None

    def restart(self) -> None:
        """Has the process replaced; a visit under way is told that it gets no result."""
        self._give_up("It is started again, because a curator asked for it.")
        super().restart()

    # --- the service's thread: the process's life

    def _next_engine(self) -> int:
        self._processes, self._place = self._processes + 1, ""
        return self._processes - 1

    def _forget_engine(self) -> None:
        with self._changed:
            self._loaded, self._people_due, self._working_on = False, False, None
            self._stands_by = False
            self._replies += self._between_visits.forget_engine()
            self._changed.notify_all()

    def _is_idle(self) -> bool:
        with self._changed:
            return self._loaded and self._visit_id is None and self._working_on is None

    # --- the service's thread: messages

    def _has_room(self) -> bool:
        with self._changed:
            return not self._lock_step or len(self._replies) < self.longest_queue

    def _send_due(self, peer: Peer) -> None:
        due: LocalRequest | None = None
        with self._changed:
            if self._working_on is None and self._loaded and self._request:
                due = request = self._request
                self._request = None
                self._working_on, self._cancelled = request.visit_id, False
            elif self._moved is not None and self._stands_by:
                due, self._moved, self._stands_by = self._moved, None, False
            elif self._working_on not in (None, self._visit_id) and not self._cancelled:
                due, self._cancelled = Cancel(self._working_on), True
                self._expect_cancelling()
            elif self._working_on is None and self._loaded:
                due = self._between_visits.next_request()
        if due:
            with suppress(BrokenPipeError):  # it has ended; its last messages are about to be read
                peer.send(due)
        overwrite_request(due)

    def _handle(self, received: ReceivedMessage) -> None:
        match received.message:
            case (
                ProgressUpdate(visit_id) | ResultReady(visit_id) | ResultExtended(visit_id)
                | GroupReady(visit_id) | RigReady(visit_id) | MovedJudged(visit_id) | Queued(visit_id)
            ):  # fmt: skip
                self._take_of_visit(visit_id, received)
            case PeopleReady(strips):
                with self._changed:
                    self._people.extend(strips)
                    while sum(strip.pictures.nbytes for strip in self._people) > PEOPLE_BYTES:
                        self._people.popleft()
                    self._people_due = False
                    self._push(PeopleReady(tuple(self._people)))
            case NobodyReady() as nobody:
                with self._changed:
                    self._between_visits.take(nobody)
                    self._push(nobody)
            case NobodiesAlike() as alike:
                with self._changed:
                    self._push(alike)
            case Ready() as ready:
                self._deadline_s = None
                with self._changed:
                    if not self._loaded:  # else another engine has taken over, which the stage need not know
                        self._loaded, self._people_due = True, self._lock_step
                        self._push(ready)
            case Relocated(place, is_loading):
                self._place = place
                if is_loading:
                    self._expect_loading()
                log.warning("%s: %s", self.name, place)
                with self._changed:
                    self._replies += self._between_visits.forget_engine()
                    self._changed.notify_all()
            case DecodersTrained() as trained:
                with self._changed:
                    self._between_visits.take(trained)
            case VisitEnded() as ended:
                self._end_visit(ended)
            case ConfigurationRejected(error):
                # Later ones have been able to: what is missing now may come back.
                self.refusal = error if self._processes == 1 else None
                self._fail(str(error), PermanentServiceError if self.refusal else ServiceError)
            case Failed(message):
                self._fail(message)
            case unknown:
                received.erase()
                kind = type(unknown).__name__
                self._fail(f"The engine sent an unknown {kind}: do both sides have the same version?")

    def _take_of_visit(self, visit_id: int, received: ReceivedMessage) -> None:
        """Queues it where the stage still wants that visit; otherwise it is overwritten."""
        with self._changed:
            self._stands_by = isinstance(received.message, RigReady | MovedJudged)
            if visit_id == self._visit_id:
                if received.memory is not None:
                    self._memories[visit_id].add(received.memory)
                self._push(received.message)
                return
        received.erase()

    def _end_visit(self, ended: VisitEnded) -> None:
        self._deadline_s = None
        self._visits += 1
        if ended.fault:
            log.warning("%s: %s Its process is replaced after this visit.", self.name, ended.fault)
            self._visits = self._recycle_after
        elif ended.failure:
            log.warning("%s: %s", self.name, ended.failure)
        with self._changed:
            self._working_on, self._stands_by = None, False
            if ended.failure and ended.visit_id == self._visit_id:
                self._push(Failed(ended.failure))
                if not ended.fault:
                    self._push(Ready())
            self._changed.notify_all()

    def _push(self, reply: Reply) -> None:
        """Under the lock."""
        if isinstance(reply, ProgressUpdate) and not self._lock_step and self._replies:
            former = self._replies[-1]
            if isinstance(former, ProgressUpdate):
                self._replies.pop()
                if reply.picture is None:
                    reply = replace(reply, picture=former.picture)
        self._replies.append(reply)
        self._changed.notify_all()

    def _fail(self, message: str, fault: type[ServiceError] = ServiceError) -> None:
        """The process is of no use any more: says so to the stage, and raises `fault`."""
        self._give_up(message)
        raise fault(message)

    def _give_up(self, message: str) -> None:
        """Tells the stage that no visit gets a result until the process is ready again."""
        with self._changed:
            self._visit_id = None
            self._drop_request()
            self._push(Failed(message))

    def _process_ended(self) -> None:
        self._fail(self.backend.exit_reason())

    def _process_hangs(self) -> None:
        self._fail("The engine's process hangs, and is replaced.")
