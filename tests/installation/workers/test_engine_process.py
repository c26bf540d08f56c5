"""The life of the engine's process: how it ends, comes back, and is replaced."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest
from skimage import data

from engine.common.arrays import Pixels
from engine.common.errors import WeightsError
from engine.runtime.messages import Failed, ProgressUpdate, Ready
from engine.runtime.worker import NICENESS
from installation.settings.configuration import Configuration, Judging, Search
from installation.workers.engine_backend import ProcessBackend
from installation.workers.engine_client import EngineClient
from installation.workers.supervision import Condition
from tests.conftest import REPO
from tests.support.engine_kit import (
    OnGpu,
    Stubborn,
    copies,
    missing_gpu,
    missing_later,
    missing_weights,
    next_of,
    pid,
    small_models,
    until,
)


@pytest.fixture
def photographs() -> list[Pixels]:
    return [data.astronaut()]


def test_killed_midway_it_comes_back(photographs: list[Pixels]) -> None:
    engine = EngineClient(ProcessBackend(small_models))
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
    engine = EngineClient(ProcessBackend(OnGpu))
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
    engine = EngineClient(ProcessBackend(missing_gpu))
    engine.first_wait_s = 0.1
    engine.start()
    try:
        for _ in range(2):
            assert next_of(engine, Failed).message == "There is no GPU."
        assert engine.refusal is None
    finally:
        engine.stop()


def test_what_only_a_person_can_mend_is_not_tried_again() -> None:
    engine = EngineClient(ProcessBackend(missing_weights))
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
    engine = EngineClient(ProcessBackend(partial(missing_later, tmp_path / "seen")))
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
    engine = EngineClient(ProcessBackend(Stubborn))
    engine.cancel_limit_s = 0.5
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
    engine = EngineClient(ProcessBackend(small_models), recycle_after=1)
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
import time

from engine.runtime.messages import Ready
from installation.workers.engine_backend import ProcessBackend
from installation.workers.engine_client import EngineClient
from tests.support.engine_kit import hanging_load, next_of, pid, small_models, until

if __name__ == "__main__":
    engine = EngineClient(ProcessBackend({prepare}))
    engine.start()
    until(lambda: engine.backend.pid is not None)
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


def test_the_number_of_threads_is_the_configured_one_on_a_machine_of_any_size() -> None:
    configuration = Configuration(search=Search(threads=3), judging=Judging(panel=["dlib"]))
    code = (
        "import os, sys, torch\nfrom installation.workers.engine_backend import *\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "load_models(Configuration.model_validate_json(sys.argv[1]))\n"
        "print(torch.get_num_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, configuration.model_dump_json()],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == 3


def test_the_engine_yields_to_the_window() -> None:
    engine = EngineClient(ProcessBackend(OnGpu))
    engine.start()
    try:
        next_of(engine, Ready)
        own = os.getpriority(os.PRIO_PROCESS, 0)
        for thread in psutil.Process(pid(engine)).threads():
            assert os.sched_getscheduler(thread.id) == os.SCHED_BATCH
            assert os.getpriority(os.PRIO_PROCESS, thread.id) == min(own + NICENESS, 19)
    finally:
        engine.stop()


def test_the_stage_loads_no_networks() -> None:
    code = "import sys, installation.workers.engine_client; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
