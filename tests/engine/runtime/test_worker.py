"""The engine's process and its client, with the real generator and the real judge, at few steps."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import psutil
import pytest
import torch
from skimage import data

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.common.device import within_memory
from engine.common.errors import MachineError, WeightsError
from engine.finders.registry import make_finders
from engine.pipeline.result import PortrayalResult
from engine.runtime.messages import Failed, PeopleReady, ProgressUpdate, Ready, Reply, ResultReady
from engine.runtime.worker import SHARES, Models
from installation.settings.configuration import Configuration, Judging, Search
from installation.workers.engine_client import EngineClient
from installation.workers.models import ModelBundle
from installation.workers.supervision import Condition
from tests.conftest import REPO

PATIENCE_S = 300.0  # for a machine that has other things to do


def small_models() -> ModelBundle:
    """The default networks, at few steps and with one perturbation: a visit takes seconds."""
    bundle = ModelBundle(
        Configuration(
            search=Search(threads=1, steps=3, tuning="always", tuning_steps=2),
            judging=Judging(panel=["dlib"], perturbations=1),
        ),
        all_finders=False,
    )
    bundle.settings = replace(
        bundle.settings, strip=8, finders=make_finders(["on-the-way", "towards-others"])
    )
    return bundle


def exhausted_models() -> ModelBundle:
    """Runs out of memory as soon as something can be shown."""
    models = small_models()

    def portray(photographs: Any, report: Any, bordered: Callable[[Any], None]) -> Any:
        def then(begun: Any) -> None:
            bordered(begun)
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
    settings: Any = None

    def portray(self, photographs: Any, report: Any, bordered: Any) -> Any:
        time.sleep(3600)


class OnGpu(Stubborn):
    """The first visit needs too much of the GPU's memory, the second one breaks it."""

    @within_memory()
    def portray(self, photographs: Any, report: Any, bordered: Any) -> Any:
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
    """The last word on a visit."""
    while not (found := next_of(engine, ResultReady, Failed)).result.complete:
        pass
    assert isinstance(found, ResultReady)
    return found


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def pid(engine: EngineClient) -> int:
    assert engine._process is not None and engine._process.pid is not None
    return engine._process.pid


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineClient]:
    """One that works, for all tests that leave it so."""
    one = EngineClient(small_models)
    one.start()
    next_of(one, Ready)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def in_lock_step() -> Iterator[EngineClient]:
    """The same in lock step, with Ready and the first PeopleReady still to come."""
    one = EngineClient(small_models, lock_step=True)
    one.longest_queue = 3
    one.start()
    yield one
    one.stop()


@pytest.fixture
def photographs() -> list[Pixels]:
    return [data.astronaut()]


def copies(photographs: list[Pixels]) -> list[Pixels]:
    """To hand over: the engine overwrites them."""
    return [one.copy() for one in photographs]


def arrays_of(result: PortrayalResult) -> list[np.ndarray]:
    doppelganger = [] if result.doppelganger is None else [result.doppelganger]
    return [*strip_arrays(result.median), *doppelganger]


def strip_arrays(strip: Strip) -> list[np.ndarray]:
    return [strip.pictures, strip.t, strip.distances, strip.same, strip.measured]


# --- in lock step, and before a second engine makes people meanwhile


def test_in_lock_step_every_report_comes_in_the_same_order(
    in_lock_step: EngineClient, photographs: list[Pixels]
) -> None:
    def story() -> list[Any]:
        told: list[Any] = []
        while in_lock_step.wait(PATIENCE_S):
            told.extend(in_lock_step.poll())
        return told

    ready, people = story()
    assert isinstance(ready, Ready) and isinstance(people, PeopleReady)
    in_lock_step.portray(1, copies(photographs))
    *progress, found = told_and_found(story())
    in_lock_step.portray(2, copies(photographs))
    *again, found_again = told_and_found(story())
    assert [(one.stage, one.share) for one in progress] == [(one.stage, one.share) for one in again]
    for one, other in zip(progress, again, strict=True):
        assert one.picture is other.picture is None or np.array_equal(one.picture, other.picture)
    for ours, theirs in zip(arrays_of(found.result), arrays_of(found_again.result), strict=True):
        assert np.array_equal(ours, theirs)
    assert found.result.judge_results == found_again.result.judge_results
    assert [one.stage for one in progress].count("search") == 3
    assert [one.stage for one in progress].count("tuning") == 2
    in_lock_step.erase(2)
    assert not in_lock_step.wait(PATIENCE_S)  # nothing is under way


def told_and_found(story: list[Any]) -> list[Any]:
    """Progress, and the last word; the first result is left out."""
    return [one for one in story if isinstance(one, ProgressUpdate)] + [story[-1]]


def test_five_visits_and_five_that_break_off_take_no_more_than_one(
    in_lock_step: EngineClient, photographs: list[Pixels]
) -> None:
    processes = [psutil.Process(), psutil.Process(pid(in_lock_step))]

    def visits(first: int, count: int) -> tuple[list[int], list[int]]:
        for visit_id in range(first, first + count):
            in_lock_step.portray(visit_id, copies(photographs))
            whole(in_lock_step)
            in_lock_step.erase(visit_id)
            in_lock_step.portray(visit_id + 100, copies(photographs))
            next_of(in_lock_step, ProgressUpdate)
            in_lock_step.erase(visit_id + 100)
        until(lambda: in_lock_step._working_on is None and not is_erasing())
        return counts(), [one.memory_info().rss for one in processes]

    def counts() -> list[int]:
        return [one.num_fds() for one in processes] + [one.num_threads() for one in processes]

    shared = sorted(os.listdir("/dev/shm"))
    before, memory = visits(100, 1)
    _, later_memory = visits(200, 4)
    # The process has said that it is over, and is about to be.
    until(lambda: all(now <= then for now, then in zip(counts(), before, strict=True)))
    for then, now in zip(memory, later_memory, strict=True):
        assert now < 1.1 * then
    assert sorted(os.listdir("/dev/shm")) == shared


def is_erasing() -> bool:
    return any(thread.name == "engine erasing" for thread in threading.enumerate())


# --- a visit


def test_a_visit_from_the_photograph_to_its_end(engine: EngineClient, photographs: list[Pixels]) -> None:
    engine.portray(1, copies(photographs))
    progress: list[ProgressUpdate] = []
    while not isinstance(report := next_of(engine, ProgressUpdate, ResultReady, Failed), ResultReady):
        assert isinstance(report, ProgressUpdate), report
        progress.append(report)
    result = whole(engine).result
    assert not report.result.complete
    assert np.array_equal(report.result.median.pictures, result.median.pictures)
    assert {one.visit_id for one in progress} == {1}
    shares = [one.share for one in progress]
    assert shares == sorted(shares) and shares[0] < 0.1 and shares[-1] > 0.9
    assert {one.stage for one in progress} <= SHARES.keys()
    pictures = [one.picture for one in progress if one.picture is not None]
    assert {picture.shape for picture in pictures} == {(256, 256, 3)}
    assert len({picture.tobytes() for picture in pictures}) > 10  # never a frozen picture

    strip, (judge_result,) = result.median, result.judge_results
    assert strip.judge == judge_result.judge == "dlib" and strip.threshold == judge_result.threshold == 0.6
    assert strip.t[0] == 0 and strip.t[-1] == 1
    assert judge_result.border_t == pytest.approx(strip.border_t)
    assert judge_result.no_border_reason is strip.no_border_reason

    until(lambda: engine._working_on is None)
    pieces = [photographs[0][row, 200:232].tobytes() for row in (90, 110, 130)]
    pieces += [strip.pictures[i, 64, 40:72].tobytes() for i in (5, -1)]
    assert holds_any(os.getpid(), pieces[:1])  # it would be found
    assert not holds_any(pid(engine), pieces), "something of the visit stays in the process"
    assert "memfd" not in Path(f"/proc/{pid(engine)}/maps").read_text()

    handed_out: list[np.ndarray] = [strip.pictures, strip.t, strip.distances, pictures[-1]]
    assert all(array.any() and not array.flags.writeable for array in handed_out)
    engine.erase(1)
    until(lambda: not any(array.any() for array in handed_out))
    assert not engine._memories


def holds_any(process: int, pieces: list[bytes]) -> bool:
    """Whether a process has one of these bytes in its writable memory."""
    maps = Path(f"/proc/{process}/maps").read_text().splitlines()
    with open(f"/proc/{process}/mem", "rb", 0) as memory:
        for line in maps:
            span, access, *_ = line.split()
            if access.startswith("rw"):
                start, end = (int(one, 16) for one in span.split("-"))
                with contextlib.suppress(OSError, OverflowError):
                    memory.seek(start)
                    held = memory.read(end - start)
                    if any(piece in held for piece in pieces):
                        return True
    return False


def test_without_a_camera_somebody_who_does_not_exist_is_portrayed(engine: EngineClient) -> None:
    engine.portray(2, None)
    assert whole(engine).visit_id == 2
    engine.erase(2)


def test_a_cancelled_visit_is_heard_of_no_more(engine: EngineClient, photographs: list[Pixels]) -> None:
    engine.portray(3, copies(photographs))
    next_of(engine, ProgressUpdate)
    engine.cancel(3)
    until(lambda: engine._working_on is None)
    assert not [one for one in engine.poll() if not isinstance(one, PeopleReady)]
    engine.erase(3)
    engine.portray(4, copies(photographs))
    next_of(engine, ProgressUpdate)
    engine.portray(5, copies(photographs))  # takes the place of the one that goes on
    while not isinstance(report := next_of(engine, ProgressUpdate, ResultReady, Failed), ResultReady):
        assert isinstance(report, ProgressUpdate) and report.visit_id == 5
    assert report.visit_id == 5
    engine.erase(5)


def test_what_fails_in_a_visit_is_said_in_a_line_and_survived(
    engine: EngineClient, caplog: pytest.LogCaptureFixture
) -> None:
    process = pid(engine)
    engine.portray(6, [np.zeros((200, 200, 3), np.uint8)])
    assert next_of(engine, Failed).message.startswith("No face was found")
    next_of(engine, Ready)
    engine.erase(6)
    assert pid(engine) == process and engine.health.condition is Condition.OK
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("engine: No face was found")


def test_what_should_not_happen_costs_the_process(caplog: pytest.LogCaptureFixture) -> None:
    engine = EngineClient(small_models)
    engine.start()
    try:
        next_of(engine, Ready)
        process = pid(engine)
        engine.portray(1, [np.zeros((7,), np.uint8)])
        message = next_of(engine, Failed).message
        assert message.startswith("The engine failed (") and "\n" not in message and "[" not in message
        engine.erase(1)
        next_of(engine, Ready)
        assert pid(engine) != process and engine.health.condition is Condition.OK
    finally:
        engine.stop()
    assert [record.getMessage() for record in caplog.records] == [
        f"engine: {message} Its process is replaced after this visit."
    ]


def test_a_visit_goes_on_with_what_has_been_shown_of_it(
    photographs: list[Pixels], caplog: pytest.LogCaptureFixture
) -> None:
    engine = EngineClient(exhausted_models)
    engine.start()
    try:
        next_of(engine, Ready)
        process = pid(engine)
        engine.portray(1, copies(photographs))
        begun, found = next_of(engine, ResultReady, Failed), next_of(engine, ResultReady, Failed)
        assert not begun.result.complete and found.result.complete
        assert np.array_equal(begun.result.median.pictures, found.result.median.pictures)
        until(lambda: engine._working_on is None)
        assert pid(engine) == process and found.result.median.pictures.any()
        engine.erase(1)
        next_of(engine, Ready)
        assert pid(engine) != process
    finally:
        engine.stop()
    assert "MemoryError" in caplog.text and "1234567" not in caplog.text


def test_what_is_handed_over_is_overwritten(engine: EngineClient, photographs: list[Pixels]) -> None:
    """When the process has it, and where it is not wanted any more before."""
    sent, unsent = copies(photographs), copies(photographs)
    engine.portray(8, sent)
    until(lambda: not any(one.any() for one in sent))
    engine.portray(9, unsent)
    engine.cancel(9)
    assert engine._request is None and not any(one.any() for one in unsent)
    engine.erase(8)
    engine.erase(9)


def test_people_who_do_not_exist_are_told_from_the_median_face(
    engine: EngineClient, in_lock_step: EngineClient
) -> None:
    until(lambda: len(engine._people) > 0 and len(in_lock_step._people) > 0)
    strip = engine._people[0]
    assert strip.border is not None and strip.distances[0] > 1.1 * strip.threshold
    assert strip.same[-1] and strip.distances[-1] < 0.5 * strip.threshold
    for ours, theirs in zip(strip_arrays(strip), strip_arrays(in_lock_step._people[0]), strict=True):
        assert np.array_equal(ours, theirs)


# --- the process's life


def test_killed_midway_it_comes_back(photographs: list[Pixels]) -> None:
    engine = EngineClient(small_models)
    engine.start()
    try:
        next_of(engine, Ready)
        engine.portray(1, copies(photographs))
        next_of(engine, ProgressUpdate)
        killed = pid(engine)
        os.kill(killed, signal.SIGKILL)
        assert next_of(engine, Failed).message == "The engine's process was ended by SIGKILL."
        engine.erase(1)
        next_of(engine, Ready)
        assert pid(engine) != killed and not psutil.pid_exists(killed)
        engine.portray(2, copies(photographs))
        assert next_of(engine, ProgressUpdate).visit_id == 2
        last = pid(engine)
    finally:
        engine.stop()
    assert not psutil.pid_exists(last) and engine.health.condition is Condition.DISABLED


def test_too_little_memory_is_survived_and_a_lost_gpu_is_found_again(photographs: list[Pixels]) -> None:
    engine = EngineClient(OnGpu)
    engine.start()
    try:
        next_of(engine, Ready)
        process = pid(engine)
        engine.portray(1, photographs)
        assert next_of(engine, Failed).message.startswith("The GPU's memory is not enough: ")
        next_of(engine, Ready)
        assert pid(engine) == process
        engine.portray(2, photographs * 2)
        message = next_of(engine, Failed).message
        assert message.startswith("The engine failed (AcceleratorError in ") and "\n" not in message
        next_of(engine, Ready)
        assert pid(engine) != process
    finally:
        engine.stop()


def test_what_cannot_be_loaded_is_tried_again() -> None:
    engine = EngineClient(missing_gpu)
    engine.first_wait_s = 0.1
    engine.start()
    try:
        for _ in range(2):
            assert next_of(engine, Failed).message == "There is no GPU."
        assert engine.refusal is None
    finally:
        engine.stop()


def test_what_only_a_person_can_mend_is_not_tried_again() -> None:
    engine = EngineClient(missing_weights)
    engine.start()
    try:
        told = "weights/x.safetensors is missing: run kiosk weights fetch."
        assert next_of(engine, Failed).message == told
        until(lambda: engine.health.condition is Condition.FAILED)
        assert engine.health.message == told
        assert isinstance(engine.refusal, WeightsError)
    finally:
        engine.stop()


def test_what_was_there_may_come_back(tmp_path: Path) -> None:
    engine = EngineClient(partial(missing_later, tmp_path / "seen"))
    engine.first_wait_s = 0.1
    engine.start()
    try:
        next_of(engine, Ready)
        os.kill(pid(engine), signal.SIGKILL)
        for _ in range(3):  # the one that was killed, and two that find no weights
            next_of(engine, Failed)
        assert engine.refusal is None
    finally:
        engine.stop()


def test_who_does_not_let_go_of_a_visit_is_replaced(photographs: list[Pixels]) -> None:
    engine = EngineClient(Stubborn)
    engine.obedience_limit_s = 0.5
    engine.start()
    try:
        next_of(engine, Ready)
        engine.portray(1, copies(photographs))
        until(lambda: engine._working_on == 1)
        hung = pid(engine)
        engine.cancel(1)
        assert "hangs" in next_of(engine, Failed).message
        until(lambda: not psutil.pid_exists(hung))
    finally:
        engine.stop()


def test_after_some_visits_a_fresh_process_takes_over(photographs: list[Pixels]) -> None:
    engine = EngineClient(small_models, recycle_after=1)
    engine.start()
    try:
        next_of(engine, Ready)
        first = pid(engine)
        engine.portray(1, copies(photographs))
        next_of(engine, ProgressUpdate)
        engine.erase(1)
        until(lambda: engine._processes == 2)
        assert not psutil.pid_exists(first)
        engine.portray(2, copies(photographs))  # asked while it loads
        assert isinstance(next_of(engine, ProgressUpdate, Failed), ProgressUpdate)
    finally:
        engine.stop()


ORPHAN = """
import sys, time

from tests.engine.runtime.test_worker import *
if __name__ == "__main__":
    engine = EngineClient({prepare})
    engine.start()
    until(lambda: engine._process is not None and engine._process.pid is not None)
    if {prepare} is small_models:
        next_of(engine, Ready)
    print(pid(engine), flush=True)
    time.sleep(3600)
"""


@pytest.mark.parametrize("prepare", ["small_models", "hanging_load"])
def test_the_process_ends_with_its_parent(prepare: str, tmp_path: Path) -> None:
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN.format(prepare=prepare))
    parent = subprocess.Popen(
        [sys.executable, script],
        cwd=REPO,
        env=os.environ | {"PYTHONPATH": str(REPO)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None and parent.stderr is not None
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    assert "resource_tracker" not in parent.communicate()[1]
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


# --- the configuration


def test_beside_a_window_a_core_is_left_to_it() -> None:
    configuration = Configuration(search=Search(threads=100), judging=Judging(panel=["dlib"]))
    code = (
        "import sys, torch\nfrom installation.workers.engine_client import *\n"
        "load_models(Configuration.model_validate_json(sys.argv[1]), beside_window=True)\n"
        "print(torch.get_num_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, configuration.model_dump_json()],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == max(len(os.sched_getaffinity(0)) - 1, 1)


def test_the_stage_loads_no_networks() -> None:
    code = "import sys, installation.workers.engine_client; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
