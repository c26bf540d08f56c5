"""A rendering server's engine, and this machine's own where the server is gone: one backend of both.

The visit that is under way goes on, too: its request is kept here until its result is complete, and is sent
anew, once to the server where only an engine there has failed, and otherwise to this machine's own engine.
While there is no visit the server is tried again. Only the staff learns of it, from `Relocated`.
"""

import os
import select
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from engine.common.arrays import Pixels
from engine.runtime.channel import ReceivedMessage
from engine.runtime.messages import (
    Cancel,
    DrawNobodies,
    Failed,
    GroupReady,
    LocalRequest,
    NobodyReady,
    PaintGroup,
    Portray,
    ProgressUpdate,
    Ready,
    Relocated,
    ResultReady,
    TrainDecoders,
    VisitEnded,
    WorkerMessage,
)
from installation.workers.engine_backend import Backend
from installation.workers.erasing import overwrite_request

RETRY_S = 60.0  # after the server was lost, until it is tried again


@dataclass
class _Visit:
    """The visit under way. request: a copy; None once it is over or nobody waits for it. share: of the
    progress that was reported last. repeated: the server has been sent it twice."""

    visit_id: int
    request: Portray | PaintGroup | None
    share: float = 0.0
    repeated: bool = False

    def forget(self) -> None:
        """Overwrites the photographs."""
        overwrite_request(self.request)
        self.request = None


class FailoverBackend:
    """Sends requests to `remote` as long as it answers, else to `own`, which is started only then.

    server: its address, for the staff.
    """

    def __init__(
        self,
        server: str,
        remote: Backend,
        own: Backend,
        retry_s: float = RETRY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server, self._remote, self._own = server, remote, own
        self._retry_s, self._clock = retry_s, clock
        self._current = remote
        self._arguments = (0, False)
        self._retry_at_s = 0.0
        self._is_trying = False  # the server, while the own engine works
        self._visit: _Visit | None = None
        self._announcements: deque[WorkerMessage] = deque()  # messages from here
        self._readable = os.eventfd(1)  # stands for them in `fileno`: it is always readable

    def start(self, first_person: int, lock_step: bool) -> None:
        self._arguments = (first_person, lock_step)
        is_due = self._clock() >= self._retry_at_s
        self._current = self._remote if is_due else self._own
        self._current.start(*self._arguments)
        if not is_due:
            self._announcements.append(
                Relocated(f"This machine's own engine works, not {self._server}.", True)
            )

    def send(self, request: LocalRequest) -> None:
        match request:
            case Portray() | PaintGroup():
                self._visit = _Visit(request.visit_id, _copied(request))
            case Cancel() if self._visit is not None:
                self._visit.forget()
            case TrainDecoders() if self._current is not self._own:
                return
        if self._current is self._own:
            self._own.send(request)
        elif isinstance(request, DrawNobodies):  # the server draws none: their places stay black
            self._announcements.extend(NobodyReady(number, {}) for number in request.numbers)
        else:
            with suppress(OSError):  # the connection is over; `receive` is about to notice
                self._remote.send(request)

    def receive(self) -> ReceivedMessage:
        if not self._announcements:
            received = self._receive_or_fall_back()
            if received is not None:
                return received
        return ReceivedMessage(self._announcements.popleft())

    def fileno(self) -> int:
        return self._readable if self._announcements else self._current.fileno()

    def exit_reason(self) -> str:
        return self._current.exit_reason()

    def rest(self) -> None:
        """Changes back to the server, once it answers again."""
        self._current.rest()
        if self._current is self._remote or self._announcements:
            return
        if not self._is_trying:
            if self._clock() >= self._retry_at_s:
                self._remote.start(*self._arguments)
                self._is_trying = True
            return
        if not select.select([self._remote], [], [], 0)[0]:
            return
        self._is_trying = False
        with suppress(EOFError):
            if isinstance(self._remote.receive().message, Ready):
                self._own.stop()
                self._current = self._remote
                self._announcements.append(Relocated(f"The rendering server {self._server} works again."))
                return
        self._remote.stop()
        self._retry_at_s = self._clock() + self._retry_s

    def stop(self) -> None:
        self._remote.stop()
        self._own.stop()
        self._is_trying = False
        self._announcements.clear()
        if self._visit is not None:
            self._visit.forget()
            self._visit = None

    def _receive_or_fall_back(self) -> ReceivedMessage | None:
        """The next message; None where there is an announcement instead."""
        try:
            received = self._current.receive()
        except EOFError:
            if self._current is self._own:
                raise
            self._fall_back(self._remote.exit_reason())
            return None
        message, visit = received.message, self._visit
        match message:
            case Failed(reason) if self._current is self._remote:
                self._fall_back(reason)
                return None
            case Ready() if self._current is self._remote:
                self._announce_server()
            case VisitEnded(fault=fault) if fault and self._current is self._remote and _is_open(visit):
                self._repeat(fault)
                return None
            case VisitEnded() if visit is not None:
                visit.forget()
                if visit.repeated and self._current is self._remote:
                    self._announce_server()
                self._visit = None
            case ResultReady(result=result) if result.complete and visit is not None:
                visit.forget()
            case GroupReady() if visit is not None:
                visit.forget()
            case ProgressUpdate(share=share) if visit is not None:
                visit.share = max(visit.share, share)
                return ReceivedMessage(replace(message, share=visit.share), received.memory)
        return received

    def _announce_server(self) -> None:
        self._announcements.append(Relocated(f"The rendering server {self._server} works."))

    def _repeat(self, fault: str) -> None:
        """An engine of the server has failed: another one may not."""
        assert self._visit is not None and self._visit.request is not None
        if self._visit.repeated:
            self._fall_back(fault)
            return
        self._visit.repeated = True
        self._announcements.append(Relocated(f"The server {self._server} carries out a visit again: {fault}"))
        with suppress(OSError):
            self._remote.send(self._visit.request)

    def _fall_back(self, reason: str) -> None:
        """Goes on with this machine's own engine."""
        self._remote.stop()
        self._retry_at_s = self._clock() + self._retry_s
        self._current = self._own
        self._own.start(*self._arguments)
        place = f"This machine's own engine works, not the server {self._server}: {reason}"
        self._announcements.append(Relocated(place, is_loading=True))
        if self._visit is None:
            return
        if self._visit.request is not None:
            self._own.send(self._visit.request)  # it waits there while the networks are loaded
        else:
            self._announcements.append(VisitEnded(self._visit.visit_id, ""))
            self._visit = None


def _is_open(visit: _Visit | None) -> bool:
    return visit is not None and visit.request is not None


def _copied(request: Portray | PaintGroup) -> Portray | PaintGroup:
    """A copy whose photographs can be overwritten; the sender overwrites its own."""
    match request:
        case Portray(photographs=photographs):
            copies = None if photographs is None else tuple(map(_copy, photographs))
            return replace(request, photographs=copies)
        case PaintGroup(photograph=photograph):
            return replace(request, photograph=_copy(photograph))


def _copy(picture: Pixels) -> Pixels:
    return picture.copy()
