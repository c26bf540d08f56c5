"""Publishes what happens on the stage: a frame's status as OSC messages, and the heartbeat."""

import math
from collections.abc import Iterator

from engine.judges.verdict import Verdict
from installation.control.protocol.packets import Argument
from installation.control.show.feedback import Feedback
from installation.control.show.frame_status import FrameStatus
from installation.settings.phase import Phase
from installation.workers.error_log_throttle import ErrorLogThrottle

HEARTBEAT_S = 1.0


class StatusPublisher:
    """Hands each frame's status to the feedback. `began_s`: when the piece started, on the stage's clock."""

    def __init__(self, feedback: Feedback, error_log: ErrorLogThrottle, began_s: float) -> None:
        self._feedback = feedback
        self._error_log = error_log
        self._began_s = began_s
        self._heartbeat_s = -math.inf
        self._slowest_ms = 0.0  # the longest frame since the last heartbeat

    def publish(self, status: FrameStatus, before: FrameStatus | None, visits: int, now_s: float) -> None:
        """Publishes what differs from the frame `before`; `visits` counts the visits begun."""
        for address, name, arguments in output_messages(status, visits):
            self._feedback.update(address, *arguments, now_s=now_s, name=name)
        if before and _has_crossed(before, status):
            assert status.verdict is not None
            self._feedback.announce("/border/crossed", int(status.verdict.same), _or_minus_one(status.t))
        self._forget_erased_visit(status)
        self._slowest_ms = max(self._slowest_ms, status.frame_ms)
        if now_s - self._heartbeat_s >= HEARTBEAT_S:
            self._heartbeat_s = now_s
            dropped = sum(self._error_log.counts.values())
            self._feedback.update("/health/frame", self._slowest_ms, now_s=now_s)
            self._feedback.update("/health/dropped", dropped, now_s=now_s)
            self._slowest_ms = 0.0
            self._feedback.update("/heartbeat", int(now_s - self._began_s), now_s=now_s)

    def _forget_erased_visit(self, status: FrameStatus) -> None:
        """Whoever asks later is told nothing of a visit that has been erased."""
        if status.verdict is None:
            self._feedback.forget("/border/verdict")
        if not status.jury:
            self._feedback.forget("/jury/verdict")
        if status.phase is Phase.ATTRACT:
            self._feedback.forget("/border/crossed")


def _has_crossed(before: FrameStatus, status: FrameStatus) -> bool:
    """Whether the verdict has just changed in border, on the crossing that the visit is about."""
    if status.phase is not Phase.BORDER or before.phase is not status.phase:
        return False
    if before.verdict is None or status.verdict is None:
        return False
    return before.verdict.same != status.verdict.same


def output_messages(status: FrameStatus, visits: int) -> Iterator[tuple[str, str, tuple[Argument, ...]]]:
    """The messages of a frame: (address, name, arguments), as `address_space.OUTPUTS` describes them.

    `visits` counts the visits begun. `name` tells apart what shares one address: the judges, the services.
    """
    yield "/visit/phase", "", (status.phase.value, status.reason)
    yield "/visit/number", "", (visits,)
    yield "/visit/progress", "", (float(status.progress),)
    for what, number in status.today.items():
        yield "/visit/today", what, (what, number)
    yield "/border/t", "", (_or_minus_one(status.t),)
    if status.verdict:
        yield "/border/verdict", "", _verdict(status.verdict)
    for entry in status.jury:
        yield "/jury/verdict", entry.verdict.judge, (*_verdict(entry.verdict), _or_minus_one(entry.border_t))
    yield "/gathering/people", "", (status.people,)
    yield "/gathering/decided", "", (status.decided,)
    for name, health in status.health.items():
        yield "/health/service", name, (name, health.condition.value, health.message, health.advice)
    yield "/show/open", "", (bool(status.is_open),)
    yield "/show/blackout", "", (bool(status.is_black),)


def _verdict(verdict: Verdict) -> tuple[str, int, float]:
    return verdict.judge, int(verdict.same), float(verdict.distance)


def _or_minus_one(t: float | None) -> float:
    return -1.0 if t is None else float(t)
