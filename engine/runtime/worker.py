"""The engine's process: it owns the networks, and with them the GPU, and carries out one request after
another.

The client (`installation/workers/engine_client.py`) starts it and sends it the requests of
`engine/runtime/messages.py`; `HANDLERS` names the method that carries out each kind. While no request waits,
the worker prepares people who do not exist (`engine.runtime.preparation`), and trains two decoders where that
is asked for. It ends when the other end of its channel is closed.

The worker keeps nothing of a visit after its `VisitEnded`. Nothing of a face leaves it but by the channel: it
writes to no log, and failures are described in one line.
"""

import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import cv2
import torch

from engine.common.arrays import Pixels
from engine.common.errors import (
    DoppelgangerError,
    MachineError,
    UsageError,
    WeightsError,
    exception_summary,
)
from engine.faces.detector import Box
from engine.live.crowd.decision import Decision
from engine.live.decoders.live_training import LiveTraining
from engine.pipeline.group_portrait import GroupPortrait
from engine.pipeline.meeting import Meeting, MeetingJudge
from engine.pipeline.portrayal import Portrayal
from engine.pipeline.progress import Progress
from engine.pipeline.summary import summarise
from engine.runtime import preparation
from engine.runtime.channel import Channel, ReceivedMessage
from engine.runtime.idle_training import IdleTraining
from engine.runtime.messages import (
    Cancel,
    ConfigurationRejected,
    DrawNobodies,
    Failed,
    GroupReady,
    JudgeMoved,
    MovedJudged,
    NobodiesAlike,
    PaintGroup,
    Portray,
    ProgressUpdate,
    Ready,
    ResultExtended,
    ResultReady,
    RigReady,
    TrainDecoders,
    VisitEnded,
    Words,
)
from engine.runtime.preparation import Interrupted, Preparation
from engine.runtime.visit_share import ShareOfVisit
from engine.speech.phonemes import Speech
from engine.speech.resampling import resampled
from engine.speech.synthesis import speak

NICENESS = 10  # the window goes first
PROGRESS_HZ = 30.0  # of `ProgressUpdate`s, at most; in lock step all are sent


class Models(preparation.Models, Protocol):
    """The loaded networks."""

    def portray(
        self,
        photographs: Sequence[Pixels],
        report: Callable[[Progress], None],
        on_part: Callable[[Portrayal], None],
        meets: bool = False,
        reach: float = 0.0,
    ) -> Portrayal: ...

    def paint_group(
        self,
        photograph: Pixels,
        decided: Sequence[tuple[Box, Decision]],
        report: Callable[[int, int, Progress], None],
    ) -> GroupPortrait:
        """A group portrait. report: told of each doppelgänger its number from 0, of how many, and how far."""

    def take_alike(self) -> frozenset[int]:
        """The nobodies drawn here that look like a doppelgänger made since the last call."""

    def meeting(self, found: Portrayal, check: Callable[[], None]) -> AbstractContextManager[Meeting | None]:
        """The doppelgänger, ready to be moved; see `engine.pipeline.meeting`."""

    def live_training(self, number: int, check: Callable[[], None]) -> LiveTraining | None:
        """Two decoders before they learn the pair of people of this number, who do not exist; None where the
        generator has none who move."""


class _UnknownRequest(Exception):
    """The client has sent something that this worker has no handler for at this time."""

    def __init__(self, request: object) -> None:
        super().__init__(
            f"The engine cannot carry out {type(request).__name__} now: do both sides have the same version?"
        )


def run_process(channel: Channel, prepare: Callable[[], Models], first_person: int, lock_step: bool) -> None:
    """The whole life of a process of its own; see `serve`."""
    _end_with_parent()
    be_quiet()
    _yield_to_window()
    cv2.setNumThreads(1)  # its pictures are small; beside the window its threads wait for each other
    serve(channel, prepare, first_person, lock_step)


def serve(channel: Channel, prepare: Callable[[], Models], first_person: int, lock_step: bool) -> None:
    """Loads the networks and carries out requests until the other end of the channel is closed.

    Args:
        prepare: loads the networks.
        first_person: the number from which on people who do not exist are looked for.
        lock_step: every progress update is sent, and nothing depends on how fast the machine is.
    """
    with contextlib.suppress(EOFError, BrokenPipeError):
        try:
            models = prepare()
        except (UsageError, WeightsError) as error:
            channel.send(ConfigurationRejected(error))
            return
        except Exception as error:
            channel.send(Failed(_line(error)))
            return
        channel.send(Ready())
        try:
            _Worker(channel, models, first_person, lock_step).run()
        except torch.AcceleratorError as error:  # the GPU is lost to this process, not to the next one
            channel.send(Failed(_unexpected(error)))
        except _UnknownRequest as error:
            channel.send(Failed(str(error)))


class _Worker:
    def __init__(self, channel: Channel, models: Models, first_person: int, lock_step: bool) -> None:
        self.channel, self.models, self.lock_step = channel, models, lock_step
        self.preparation = Preparation(models, first_person, lock_step, channel.waits, channel.send)
        self.training = IdleTraining(channel, models)

    def run(self) -> None:
        """Carries out requests until the other end is closed, which raises EOFError or BrokenPipeError."""
        while True:
            self.preparation.prepare()
            self.training.run()
            if self.channel.waits(self.preparation.rest_s()):
                self._dispatch(self.channel.receive())

    def _dispatch(self, received: ReceivedMessage) -> None:
        handler = HANDLERS.get(type(received.message))
        if handler is None:
            raise _UnknownRequest(received.message)
        handler(self, received)

    def _draw_nobodies(self, received: ReceivedMessage) -> None:
        """They are drawn once no request waits."""
        self.preparation.ask_for_nobodies(received.message.numbers)

    def _train(self, received: ReceivedMessage) -> None:
        """Two decoders learn once no request waits."""
        self.training.number = received.message.number

    # --- visits

    def _raise_if_cancelled(self) -> None:
        """Raises Interrupted where the visit has been cancelled. Nothing else may be requested during
        one."""
        if self.channel.waits():
            request = self.channel.receive().message
            raise Interrupted if isinstance(request, Cancel) else _UnknownRequest(request)

    def _ignore_late_cancel(self, _: ReceivedMessage) -> None:
        """Between visits there is nothing to cancel: the visit has ended before its `Cancel` arrived."""

    def _ignore_late_question(self, received: ReceivedMessage) -> None:
        """Between visits there is nobody to judge: a fault has ended the meeting before its `JudgeMoved`
        arrived."""
        received.erase()

    def _run_portrayal(self, received: ReceivedMessage) -> None:
        self._run_visit(received, self._portray)

    def _run_group(self, received: ReceivedMessage) -> None:
        self._run_visit(received, self._paint_group)

    def _run_visit(self, received: ReceivedMessage, work: Callable[[Any], str]) -> None:
        """Carries out a visit's request; `work` returns a fault, or ""."""
        failure = fault = ""
        try:
            fault = work(received.message)
        except (EOFError, BrokenPipeError, torch.AcceleratorError, _UnknownRequest):
            raise
        except DoppelgangerError as error:
            failure = str(error)
        except Interrupted:
            pass
        except Exception as error:
            failure = fault = _unexpected(error)
        received.erase()
        _release_memory()
        if alike := self.models.take_alike():
            self.channel.send(NobodiesAlike(alike))
        self.channel.send(VisitEnded(received.message.visit_id, failure, fault))

    def _portray(self, request: Portray) -> str:
        """Sends progress and results. Returns the fault that broke the visit off after its first result, or
        ""."""
        share_of_visit = ShareOfVisit(self.models.settings.finders)
        found: Portrayal | None = None
        fault = ""
        shown_s = -1.0

        def report(progress: Progress) -> None:
            nonlocal shown_s
            self._raise_if_cancelled()
            share = share_of_visit.after(progress)
            now_s = time.monotonic()
            if self.lock_step or now_s - shown_s >= 1 / PROGRESS_HZ:
                shown_s = now_s
                self.channel.send(ProgressUpdate(request.visit_id, progress.stage, share, progress.picture))

        photographs = request.photographs
        if photographs is None:
            sitter = self.preparation.synthetic_sitter(
                request.visit_id, lambda: report(Progress("faces", 0.0))
            )
            photographs = (sitter,)

        def partly(begun: Portrayal) -> None:
            nonlocal found
            self._raise_if_cancelled()
            found = begun
            self.channel.send(ResultReady(request.visit_id, summarise(begun, complete=begun.settled)))

        def complete(found: Portrayal, is_settled: bool) -> None:
            self._raise_if_cancelled()
            result = summarise(found)
            if is_settled:
                self.channel.send(ResultExtended(request.visit_id, result.judge_results, result.enlarged))
            else:
                self.channel.send(ResultReady(request.visit_id, result))

        try:
            whole = self.models.portray(photographs, report, partly, request.meets, request.reach)
        except (Interrupted, _UnknownRequest, EOFError, BrokenPipeError):
            raise
        except Exception as error:
            if found is None:
                raise
            # The visit goes on with what has been shown of it.
            fault = _unexpected(error)
            whole = found
        complete(whole, found is not None and found.settled)
        if request.meets and not fault:
            self._meet(request.visit_id, whole, request.says)
        return fault

    def _paint_group(self, request: PaintGroup) -> str:
        """Sends progress and the group portrait."""
        share_of_one = ShareOfVisit(self.models.settings.finders)
        current, shown_s = 0, -1.0

        def report(number: int, count: int, progress: Progress) -> None:
            nonlocal share_of_one, current, shown_s
            self._raise_if_cancelled()
            if number != current:
                share_of_one, current = ShareOfVisit(self.models.settings.finders), number
            share = (number + share_of_one.after(progress)) / count
            now_s = time.monotonic()
            if self.lock_step or now_s - shown_s >= 1 / PROGRESS_HZ:
                shown_s = now_s
                self.channel.send(ProgressUpdate(request.visit_id, progress.stage, share, progress.picture))

        portrait = self.models.paint_group(request.photograph, request.decided, report)
        self._raise_if_cancelled()
        self.channel.send(GroupReady(request.visit_id, portrait))
        return ""

    def _meet(self, visit_id: int, found: Portrayal, says: Words | None) -> None:
        """Sends the rig of the doppelgänger, and judges it until `Cancel`, which raises Interrupted."""
        with self.models.meeting(found, self._raise_if_cancelled) as meeting:
            if meeting is None:
                return
            self.channel.send(RigReady(visit_id, meeting.rig, meeting.judged, _spoken(says)))
            while True:
                received = self.channel.receive()
                try:
                    self.channel.send(_judged(visit_id, received.message, meeting.judge))
                finally:
                    received.erase()


HANDLERS: dict[type, Callable[[_Worker, Any], None]] = {
    Portray: _Worker._run_portrayal,
    PaintGroup: _Worker._run_group,
    DrawNobodies: _Worker._draw_nobodies,
    Cancel: _Worker._ignore_late_cancel,
    JudgeMoved: _Worker._ignore_late_question,
    TrainDecoders: _Worker._train,
}
"""What carries out each kind of request; it gets the `ReceivedMessage`."""


def _spoken(words: Words | None) -> Speech | None:
    """The words as speech; None where there are none, or nothing here speaks their language."""
    if words is None:
        return None
    try:
        return resampled(speak(words.text, words.language), words.rate_hz)
    except (MachineError, UsageError):
        return None


def _judged(visit_id: int, request: object, judge: MeetingJudge) -> MovedJudged:
    """The answer to a `JudgeMoved`; raises Interrupted or _UnknownRequest where something else is asked."""
    match request:
        case JudgeMoved(drawn=drawn, visitor=visitor):
            of_visitor = None if visitor is None else judge.verdict(visitor)
            return MovedJudged(visit_id, judge.verdict(drawn), of_visitor)
        case Cancel():
            raise Interrupted
        case _:
            raise _UnknownRequest(request)


def _end_with_parent() -> None:
    """The kernel ends this process with the one that started it: no orphan that hangs keeps the GPU."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:  # it has died before
        sys.exit()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent


def _yield_to_window() -> None:
    """The engine computes on every core, but never before the window: of lower priority, and so that a thread
    of it that wakes up interrupts nobody (SCHED_BATCH). Threads that are started later inherit both."""
    os.nice(NICENESS)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _release_memory() -> None:
    """Returns freed memory to the kernel, which clears it before it is reused, and to the GPU's driver."""
    gc.collect()  # what an exception has held, too
    ctypes.CDLL(None).malloc_trim(0)
    torch.cuda.empty_cache()  # nothing, where CUDA is not used


def be_quiet() -> None:
    """Discards what libraries print: it could be about a face."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _line(error: Exception) -> str:
    words = " ".join(str(error).split())
    return words if isinstance(error, DoppelgangerError) else f"{type(error).__name__}: {words}"[:200]


def _unexpected(error: Exception) -> str:
    """An unexpected error's type and place, without its message, which may hold numbers of a face."""
    return f"The engine failed ({exception_summary(error)})."
