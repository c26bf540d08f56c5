"""Visits in the engine's process, with the real generator and the real judge, at few steps."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from skimage import data

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.live.crowd.bank import PITCHES_DEG, YAWS_DEG
from engine.live.crowd.decision import Decision
from engine.live.motion import Motion
from engine.live.rigs import puppet
from engine.live.safe_motion import SafeMotion
from engine.pipeline.result import PortrayalResult
from engine.runtime.messages import (
    Failed,
    GroupReady,
    MovedJudged,
    NobodyReady,
    PeopleReady,
    ProgressUpdate,
    Ready,
    ResultExtended,
    ResultReady,
    RigReady,
    Words,
)
from engine.runtime.visit_share import SHARES
from engine.runtime.worker import _spoken
from installation.workers.engine_backend import ProcessBackend
from installation.workers.engine_client import EngineClient
from installation.workers.supervision import Condition
from tests.support.engine_kit import (
    PATIENCE_S,
    copies,
    exhausted_models,
    extended,
    next_of,
    pid,
    small_models,
    until,
    whole,
)


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineClient]:
    """One that works, for all tests that leave it so."""
    one = EngineClient(ProcessBackend(small_models))
    one.start()
    next_of(one, Ready)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def in_lock_step() -> Iterator[EngineClient]:
    """The same in lock step, with Ready and the first PeopleReady still to come."""
    one = EngineClient(ProcessBackend(small_models), lock_step=True)
    one.longest_queue = 3
    one.start()
    yield one
    one.stop()


@pytest.fixture
def photographs() -> list[Pixels]:
    return [data.astronaut()]


def arrays_of(result: PortrayalResult) -> list[np.ndarray]:
    given = [picture for picture in (result.doppelganger, result.enlarged) if picture is not None]
    return [*strip_arrays(result.median), *given]


def story(in_lock_step: EngineClient) -> list[Any]:
    """All replies until nothing is under way any more."""
    replies: list[Any] = []
    while in_lock_step.wait(PATIENCE_S):
        replies.extend(in_lock_step.poll())
    return replies


def strip_arrays(strip: Strip) -> list[np.ndarray]:
    return [strip.pictures, strip.t, strip.distances, strip.same, strip.measured]


# --- in lock step, and before a second engine makes people meanwhile


def test_in_lock_step_every_report_comes_in_the_same_order(
    in_lock_step: EngineClient, photographs: list[Pixels]
) -> None:
    ready, people = story(in_lock_step)
    assert isinstance(ready, Ready) and isinstance(people, PeopleReady)
    in_lock_step.portray(1, copies(photographs))
    *progress, found = told_and_found(story(in_lock_step))
    in_lock_step.portray(2, copies(photographs))
    *again, found_again = told_and_found(story(in_lock_step))
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
    """Progress, and the whole result; the first results are left out."""
    *_, found = [one for one in story if isinstance(one, ResultReady)]
    assert found.result.complete and isinstance(story[-1], ResultExtended)
    return [one for one in story if isinstance(one, ProgressUpdate)] + [extended(found, story[-1])]


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
    # What is kept of a visit grows in every round; the allocators settle within the first ten visits or so.
    for first in (200, 300, 400):
        _, later_memory = visits(first, 4)
        grown = [now / then for then, now in zip(memory, later_memory, strict=True)]
        if max(grown) < 1.1:
            break
        memory = later_memory
    assert max(grown) < 1.1
    # The process has said that it is over, and is about to be.
    until(lambda: all(now <= then for now, then in zip(counts(), before, strict=True)))
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
    first, last = report.result.median, result.median
    kept = [
        int(np.flatnonzero(last.t == t)[0]) for t in first.t
    ]  # all that has been judged is in the whole strip
    assert len(first.t) < len(last.t)
    assert np.array_equal(first.pictures, last.pictures[kept])
    assert np.array_equal(first.distances, last.distances[kept]) and first.border_t == last.border_t
    assert {one.visit_id for one in progress} == {1}
    shares = [one.share for one in progress]
    assert shares == sorted(shares) and shares[0] < 0.1
    # The rest of the bar is the doppelgänger's, which is still looked for.
    assert 0.5 < shares[-1] < 1
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
    engine = EngineClient(ProcessBackend(small_models))
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
    engine = EngineClient(ProcessBackend(exhausted_models))
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


def test_a_group_portrait_is_painted_and_its_photograph_overwritten(engine: EngineClient) -> None:
    photograph = data.astronaut()
    handed_over = photograph.copy()
    engine.paint_group(150, handed_over, [((150, 60, 300, 210), Decision.REAL)])
    ready = next_of(engine, GroupReady, Failed)
    assert isinstance(ready, GroupReady) and ready.visit_id == 150
    assert not handed_over.any()
    (face,) = ready.portrait.faces
    assert face.appears is Decision.REAL and face.verdicts is not None and face.verdicts["dlib"].same
    assert ready.portrait.picture.shape == photograph.shape
    # The face, and nothing of the room: the picture's corners are black.
    assert ready.portrait.picture[100:180, 200:250].any() and not ready.portrait.picture[300:].any()
    engine.erase(150)
    until(lambda: not ready.portrait.picture.any())


def test_a_nobody_is_drawn_in_every_pose_and_only_once(engine: EngineClient) -> None:
    engine.draw_nobodies([3])
    ready = next_of(engine, NobodyReady)
    assert ready.number == 3 and len(ready.poses) == len(YAWS_DEG) * len(PITCHES_DEG)
    left, right = (ready.poses[yaw, 1].picture.astype(int) for yaw in (0, len(YAWS_DEG) - 1))
    assert left.shape == (256, 256, 3) and np.abs(left - right).mean() > 5
    engine.draw_nobodies([3])
    work = engine._between_visits
    assert work._nobodies_asked == () and not work.waits_for_nobodies


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


def test_a_doppelganger_that_is_met_moves_and_is_judged(
    in_lock_step: EngineClient, photographs: list[Pixels]
) -> None:
    """In lock step, where nothing is waited for that nobody has asked for."""
    words = Words("I am someone else.", "en", 48_000)
    in_lock_step.portray(300, copies(photographs), meets=True, says=words)
    *replies, rigged = story(in_lock_step)
    *_, found = [one for one in replies if isinstance(one, ResultReady)]
    assert isinstance(found, ResultReady) and isinstance(rigged, RigReady)
    assert found.result.doppelganger is not None and rigged.judged.rest > 1
    assert np.array_equal(rigged.rig.picture, found.result.doppelganger)
    assert rigged.speech is not None and rigged.speech.rate_hz == 48_000 and rigged.speech.phonemes
    motion = Motion(yaw_deg=8)
    turned = puppet.draw(rigged.rig, motion.eased(SafeMotion(rigged.rig, rigged.judged).share(motion)))
    face = np.ascontiguousarray(photographs[0][:256, 95:351])
    in_lock_step.judge_moved(300, turned, face)
    in_lock_step.judge_moved(300, turned, face.copy())  # the first question is still open
    (judged,) = story(in_lock_step)
    assert isinstance(judged, MovedJudged) and judged.drawn is not None and judged.visitor is not None
    assert not judged.drawn.same and judged.visitor.same
    assert not face.any()  # overwritten as soon as it was handed over
    in_lock_step.judge_moved(300, np.zeros_like(turned), None)
    assert story(in_lock_step) == [MovedJudged(300, None, None)]  # no face
    in_lock_step.erase(300)
    until(lambda: not rigged.rig.picture.any() and not rigged.rig.yaw.flows.any())
    until(lambda: in_lock_step._working_on is None)
    in_lock_step.judge_moved(300, turned, None)
    assert story(in_lock_step) == []


@pytest.mark.parametrize("language", ["en", "xx"])
def test_what_nothing_can_speak_is_no_speech(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (_spoken(Words("Hello.", language, 48_000)) is None) == (language == "xx")
    monkeypatch.setattr("engine.speech.synthesis.PACKAGE", "not_installed")
    assert _spoken(Words("Hello.", language, 48_000)) is None and _spoken(None) is None


def test_people_who_do_not_exist_are_told_from_the_median_face(
    engine: EngineClient, in_lock_step: EngineClient
) -> None:
    until(lambda: len(engine._people) > 0 and len(in_lock_step._people) > 0)
    strip = engine._people[0]
    assert strip.border is not None and strip.distances[0] > 1.1 * strip.threshold
    assert strip.same[-1] and strip.distances[-1] < 0.5 * strip.threshold
    for ours, theirs in zip(strip_arrays(strip), strip_arrays(in_lock_step._people[0]), strict=True):
        assert np.array_equal(ours, theirs)
