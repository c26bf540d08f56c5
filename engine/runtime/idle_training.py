"""Trains two decoders while no request waits, and sends what a screen shows of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch

from engine.live.decoders.live_training import LiveTraining
from engine.runtime.channel import Channel
from engine.runtime.messages import DecodersTrained
from engine.runtime.preparation import Interrupted


class Teacher(Protocol):
    """The part of `engine.runtime.worker.Models` that is used here."""

    def live_training(self, number: int, check: Callable[[], None]) -> LiveTraining | None: ...


class IdleTraining:
    """number: of the pair of people that is learned; None: it rests. A new number begins anew."""

    def __init__(self, channel: Channel, models: Teacher) -> None:
        self.number: int | None = None
        self._channel, self._models = channel, models
        self._training: LiveTraining | None = None
        self._begun: int | None = None  # the number of `_training`
        self._failed: int | None = None  # the number of a pair that cannot be learned

    def run(self) -> None:
        """Trains until a request arrives, which then waits for some 0.1 s; returns at once where nothing is
        to be learned."""
        if self.number is None or self.number == self._failed:
            return
        try:
            with _one_thread():
                while True:
                    self._step(self.number)
        except Interrupted:
            return
        except (EOFError, BrokenPipeError, torch.AcceleratorError):
            raise
        except Exception:  # people who cannot be moved are no reason to portray nobody
            self._training, self._failed = None, self.number

    def _step(self, number: int) -> None:
        if self._training is None or self._begun != number:
            self._training = None
            self._training = self._models.live_training(number, self._raise_if_requested)
            self._begun = number
        if self._training is None:
            raise ValueError("nobody to learn")
        frame = self._training.step(time.monotonic(), self._raise_if_requested)
        if frame is not None:
            self._channel.send(DecodersTrained(number, frame))

    def _raise_if_requested(self) -> None:
        if self._channel.waits():
            raise Interrupted


@contextmanager
def _one_thread() -> Iterator[None]:
    """The window keeps the other cores. The networks' own number of threads is set again afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
