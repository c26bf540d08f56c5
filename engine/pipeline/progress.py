"""What a portrayal tells of itself while it works: stages, their times, and the pictures they work with."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from engine.common.arrays import Pixels
from engine.finders.metric import SAMPLES
from engine.inversion.projection import Step


@dataclass(frozen=True)
class Progress:
    """What is being done: `share` of this stage in [0, 1], and the `picture` it is being done with, uint8
    (R, R, 3) RGB. `step` comes with each step of a search."""

    stage: str
    share: float
    step: Step | None = None
    picture: Pixels | None = None


Report = Callable[[Progress], None]


class Stopwatch:
    """Adds up the seconds of each stage; `with stopwatch(stage): ...`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began_s = time.monotonic()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - began_s


class PictureCounter:
    """Counts the pictures of a stage, and reports each.

    expected: about how many there will be; more do not raise the share above 1.
    """

    def __init__(self, stage: str, expected: int, report: Report) -> None:
        self.stage, self.expected, self.report = stage, expected, report
        self.count = 0

    def add(self, picture: Pixels) -> None:
        self.report(Progress(self.stage, min(self.count / self.expected, 1.0), picture=picture))
        self.count += 1


def report_step(step: Step, stage: str, report: Report) -> None:
    """Reports one step of a search."""
    report(Progress(stage, (step.index + 1) / step.steps, step, step.picture.numpy()))


class SearchRecorder:
    """Follows the search: reports each step, keeps evenly spaced pictures of it, the last one always, and the
    last gradients (`Step.gradient`).

    steps: how many there will be at most, in all phases. recorded: how many pictures are kept, about.
    """

    def __init__(self, steps: int, recorded: int, report: Report) -> None:
        self.every = math.ceil(steps / recorded)
        self.report = report
        self.pictures: list[Pixels] = []
        self.gradients: deque[torch.Tensor] = deque(maxlen=SAMPLES)

    def follow(self, steps: Iterator[Step], stage: str) -> Step:
        """Runs a phase of the search to its end and returns its last step."""
        for step in steps:
            if step.index % self.every == 0:
                self.pictures.append(step.picture.numpy())
            if step.gradient is not None:
                self.gradients.append(step.gradient)
            report_step(step, stage, self.report)
        if step.index % self.every:
            self.pictures.append(step.picture.numpy())
        return step
