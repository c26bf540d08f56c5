"""What the tests of the engine's process share: models, quick or failing, and the replies of the client."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

from engine.common.arrays import Pixels
from engine.common.device import within_memory
from engine.common.errors import MachineError, WeightsError
from engine.finders.registry import make_finders
from engine.pipeline.settings import PortrayalSettings
from engine.runtime.messages import Failed, Reply, ResultExtended, ResultReady
from engine.runtime.worker import Models
from installation.settings.configuration import Configuration, Judging, Search
from installation.workers.engine_backend import ProcessBackend
from installation.workers.engine_client import EngineClient
from installation.workers.models import ModelBundle

PATIENCE_S = 300.0  # for a machine that has other things to do


def small_models() -> ModelBundle:
    """The default networks, at few steps and with one perturbation: a visit takes seconds."""
    bundle = ModelBundle(
        Configuration(
            people="nobody-people",
            search=Search(threads=1, steps=3, tuning="always", tuning_steps=2),
            judging=Judging(panel=["dlib"], perturbations=1),
        ),
        for_stage=True,
    )
    bundle.settings = replace(
        bundle.settings, strip=8, finders=make_finders(["on-the-way", "towards-others"])
    )
    return bundle


def exhausted_models() -> ModelBundle:
    """Runs out of memory as soon as something can be shown."""
    models = small_models()

    def portray(
        photographs: Any,
        report: Any,
        on_part: Callable[[Any], None],
        meets: bool = False,
        reach: float = 0.0,
    ) -> Any:
        def then(begun: Any) -> None:
            on_part(begun)
            raise MemoryError("1234567 bytes")

        return ModelBundle.portray(models, photographs, report, then)

    models.portray = portray  # type: ignore[method-assign,assignment]
    return models


def missing_weights() -> Models:
    raise WeightsError("weights/x.safetensors is missing: run kiosk weights fetch.")


def missing_gpu() -> Models:
    raise MachineError("There is no GPU.")


def missing_later(seen: Path) -> Models:
    """Weights that are there for the first process only."""
    if seen.exists():
        return missing_weights()
    seen.touch()
    return Stubborn()


class Stubborn:
    """Without networks, and a portrayal that never reports or ends."""

    generator: Any = None
    judges: Any = ()
    people: Any = None
    settings = PortrayalSettings(finders=())

    def portray(
        self, photographs: Any, report: Any, on_part: Any, meets: bool = False, reach: float = 0.0
    ) -> Any:
        time.sleep(3600)

    def draw_nobody(self, number: int, check: Any) -> Any:
        raise AssertionError

    def take_alike(self) -> frozenset[int]:
        return frozenset()

    def paint_group(self, photograph: Any, decided: Any, report: Any) -> Any:
        raise AssertionError

    def meeting(self, found: Any, check: Any) -> Any:
        raise AssertionError

    def live_training(self, number: int, check: Any) -> Any:
        raise AssertionError


class OnGpu(Stubborn):
    """The first visit needs too much of the GPU's memory, the second one breaks it."""

    @within_memory()
    def portray(
        self, photographs: Any, report: Any, on_part: Any, meets: bool = False, reach: float = 0.0
    ) -> Any:
        if len(photographs) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ...")
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nCompile with ...")


def hanging_load() -> Models:
    time.sleep(3600)
    raise AssertionError


def next_of(engine: EngineClient, *kinds: type[Reply]) -> Any:
    """The next report of one of these kinds; what comes after it is left for later."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        polled = unread.setdefault(engine, deque())
        polled.extend(engine.poll())
        while polled:
            report = polled.popleft()
            if isinstance(report, kinds):
                return report
        time.sleep(0.01)
    raise AssertionError(f"no {kinds} within {PATIENCE_S} s; the engine is {engine.health}")


unread: WeakKeyDictionary[EngineClient, deque[Reply]] = WeakKeyDictionary()


def whole(engine: EngineClient) -> ResultReady:
    """A visit's complete result, with what is added to it."""
    while not (found := next_of(engine, ResultReady, Failed)).result.complete:
        pass
    assert isinstance(found, ResultReady)
    return extended(found, next_of(engine, ResultExtended, Failed))


def extended(found: ResultReady, added: ResultExtended) -> ResultReady:
    assert added.visit_id == found.visit_id
    result = replace(found.result, judge_results=added.judge_results, enlarged=added.enlarged)
    return replace(found, result=result)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def pid(engine: EngineClient) -> int:
    assert isinstance(engine.backend, ProcessBackend) and engine.backend.pid is not None
    return engine.backend.pid


def copies(photographs: list[Pixels]) -> list[Pixels]:
    """To hand over: the engine overwrites them."""
    return [one.copy() for one in photographs]
