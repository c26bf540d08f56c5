"""The main loop's time: the machine's, or a virtual one that moves by exactly one frame period a frame."""

import time
from typing import Protocol

import pygame


class Clock(Protocol):
    """`now_s` is constant within a frame; `tick` ends the frame. every: only each such frame is needed."""

    @property
    def now_s(self) -> float: ...

    def tick(self, every: int = 1) -> None: ...


class LiveClock:
    """The machine's monotonic time, at most `rate_hz` frames a second, fewer where that is enough."""

    def __init__(self, rate_hz: int = 60) -> None:
        self.rate_hz = rate_hz
        self._pace = pygame.time.Clock()
        self._now_s = time.monotonic()

    @property
    def now_s(self) -> float:
        return self._now_s

    def tick(self, every: int = 1) -> None:
        self._pace.tick(self.rate_hz // every)
        self._now_s = time.monotonic()


class VirtualClock:
    """Begins at 0 and moves by one frame period a frame, however long that takes, for frame-exact films."""

    def __init__(self, rate_hz: int = 30) -> None:
        self.rate_hz = rate_hz
        self._frames = 0

    @property
    def now_s(self) -> float:
        return self._frames / self.rate_hz

    def tick(self, every: int = 1) -> None:
        self._frames += 1
