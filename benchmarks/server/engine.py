"""An engine without networks, in a process of its own, which sends as much and as often as it is told."""

import time
from dataclasses import dataclass

import numpy as np

from engine.common.arrays import Pixels
from engine.runtime.channel import Channel
from engine.runtime.messages import (
    Cancel,
    JudgeMoved,
    MovedJudged,
    PaintGroup,
    Portray,
    ProgressUpdate,
    Ready,
    ResultReady,
    RigReady,
    VisitEnded,
)
from installation.workers.child_process import ChildProcess
from installation.workers.engine_backend import ChildBackend
from tests.support.puppet_kit import ALL_SAFE
from tests.support.server_kit import result, rig


@dataclass(frozen=True)
class Work:
    """What a visit is. search_s: until the result. rate_hz: of pictures meanwhile. side_px: of a picture.
    loading_s: until the engine is ready."""

    search_s: float = 2.0
    rate_hz: float = 30.0
    side_px: int = 256
    loading_s: float = 0.0


class SmallEngine(ChildBackend):
    """Portrays by giving back the grey of the photograph's first pixel."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    def open(self, first_person: int, lock_step: bool) -> ChildProcess:
        return ChildProcess("engine", run_engine, self._work)


def run_engine(channel: Channel, work: Work) -> None:
    """What the process runs."""
    time.sleep(work.loading_s)
    try:
        channel.send(Ready())
        while True:
            received = channel.receive()
            match received.message:
                case Portray() as request:
                    _portray(channel, request, work)
                case PaintGroup(visit_id):
                    channel.send(VisitEnded(visit_id, ""))
            received.erase()
    except (EOFError, OSError):  # the client has ended
        return


def _portray(channel: Channel, request: Portray, work: Work) -> None:
    """share: of each progress, this machine's clock when it was sent, for who measures how long it takes."""
    photograph = request.photographs[0] if request.photographs else np.zeros((1, 1, 3), np.uint8)
    value, visit_id = int(photograph[0, 0, 0]), request.visit_id
    picture: Pixels = np.resize(photograph, (work.side_px, work.side_px, 3))
    began_s = next_s = time.monotonic()
    while time.monotonic() - began_s < work.search_s:
        channel.send(ProgressUpdate(visit_id, "search", time.monotonic(), picture))
        next_s += 1 / work.rate_hz
        if channel.waits(max(next_s - time.monotonic(), 0.0)):
            assert isinstance(channel.receive().message, Cancel)
            channel.send(VisitEnded(visit_id, ""))
            return
    channel.send(ResultReady(visit_id, result(value)))
    if request.meets:
        channel.send(RigReady(visit_id, rig(), ALL_SAFE))
        while isinstance(question := channel.receive().message, JudgeMoved):
            channel.send(MovedJudged(question.visit_id, None, None))
    channel.send(VisitEnded(visit_id, ""))
