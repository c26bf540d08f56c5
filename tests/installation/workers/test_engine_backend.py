"""The client of the engine with another backend than a process: a thread, and workers that misbehave."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest

from engine.common.errors import UsageError
from engine.live.crowd.bank import Pose
from engine.live.decoders.training_frame import TrainingFrame
from engine.pipeline.settings import PortrayalSettings
from engine.runtime.channel import Channel
from engine.runtime.messages import (
    Cancel,
    DecodersTrained,
    DrawNobodies,
    Failed,
    JudgeMoved,
    LocalRequest,
    NobodyReady,
    Portray,
    ProgressUpdate,
    Ready,
    Relocated,
    TrainDecoders,
    VisitEnded,
)
from engine.runtime.worker import HANDLERS, Models, serve
from installation.workers.engine_client import EngineClient
from installation.workers.supervision import Condition
from tests.support.engine_kit import next_of, until
from tests.support.thread_backend import ThreadBackend


class NoFace:
    """Models whose every portrayal reports once and then finds no face."""

    generator: Any = None
    judges: Any = ()
    people: Any = None
    settings = PortrayalSettings(finders=())

    def portray(
        self, photographs: Any, report: Any, on_part: Any, meets: bool = False, reach: float = 0.0
    ) -> Any:
        raise UsageError(f"No face was found in {len(photographs)} pictures.")

    def take_alike(self) -> frozenset[int]:
        return frozenset()


def unavailable() -> Models:
    raise UsageError("There is nothing to load.")


@contextmanager
def client_of(worker: Callable[[Channel, int, bool], None], **options: Any) -> Iterator[EngineClient]:
    """A started client whose engine is that function, on a thread."""
    client = EngineClient(ThreadBackend(worker), **options)
    client.first_wait_s = client.longest_wait_s = 0.1
    client.start()
    try:
        yield client
    finally:
        client.stop()


def test_a_visit_is_carried_out_by_whatever_backend_there_is() -> None:
    worker = partial(_serve, NoFace)
    with client_of(worker, lock_step=True) as client:
        next_of(client, Ready)
        client.portray(1, [np.ones((8, 8, 3), np.uint8)])
        assert next_of(client, Failed).message == "No face was found in 1 pictures."
        next_of(client, Ready)
        assert client.health.condition is Condition.OK
        assert isinstance(client.backend, ThreadBackend) and client.backend.starts == [(0, True)]


def test_an_engine_is_replaced_after_some_visits_and_finds_other_people() -> None:
    with client_of(partial(_serve, NoFace), recycle_after=1) as client:
        next_of(client, Ready)
        client.portray(1, [np.ones((8, 8, 3), np.uint8)])
        next_of(client, Failed)
        client.erase(1)
        assert isinstance(client.backend, ThreadBackend)
        starts = client.backend.starts
        until(lambda: len(starts) == 2)
        (first, _), (second, _) = starts
        assert second > first


def test_what_is_configured_wrongly_is_refused_by_whatever_backend_there_is() -> None:
    with client_of(partial(_serve, unavailable)) as client:
        assert "nothing to load" in next_of(client, Failed).message
        assert isinstance(client.refusal, UsageError)


def test_every_request_has_a_handler() -> None:
    assert set(HANDLERS) == set(LocalRequest.__args__)


@pytest.mark.parametrize("during_a_visit", [False, True])
def test_a_request_that_the_worker_does_not_know_is_answered_clearly(during_a_visit: bool) -> None:
    backend = ThreadBackend(partial(_serve, Asking if during_a_visit else NoFace))
    backend.start(0, True)
    try:
        assert isinstance(backend.receive().message, Ready)
        backend.receive()  # PeopleReady
        if during_a_visit:
            backend.send(Portray(1, (np.ones((8, 8, 3), np.uint8),)))
            assert isinstance(backend.receive().message, ProgressUpdate)
        unknown: Any = "Stream"
        backend.send(unknown)
        while not isinstance(answer := backend.receive().message, Failed):
            pass
        assert "cannot carry out str" in answer.message and "version" in answer.message
        with pytest.raises(EOFError):
            backend.receive()
    finally:
        backend.stop()


def test_an_engine_is_told_to_train_and_so_is_the_one_that_replaces_it() -> None:
    asked: list[object] = []
    picture = np.zeros((8, 8, 3), np.uint8)
    frame = TrainingFrame(picture, picture, picture[..., 0], (picture, picture), 1, (), 0.0)

    def work(channel: Channel, first_person: int, lock_step: bool) -> None:
        channel.send(Ready())
        for _ in range(2):
            request = channel.receive().message
            asked.append(request)
            if request == TrainDecoders(4):
                channel.send(DecodersTrained(3, frame))  # of an earlier pair
                channel.send(DecodersTrained(4, frame))
        channel.receive()

    with client_of(work) as client:
        client.train(4)
        until(lambda: client.training is not None)
        client.train(None)
        assert client.training is None
        until(lambda: len(asked) == 2)
        client.train(4)  # ends this engine
        until(lambda: asked[2:] == [TrainDecoders(4)] and client.training is not None)
    assert asked[:2] == [TrainDecoders(4), TrainDecoders(None)]


def test_what_an_engine_did_between_visits_is_not_shown_once_another_takes_over() -> None:
    asked: list[object] = []
    takes_over = threading.Event()
    picture = np.zeros((8, 8, 3), np.uint8)
    frame = TrainingFrame(picture, picture, picture[..., 0], (picture, picture), 1, (), 0.0)
    poses = {(3, 1): Pose(picture, np.zeros((3, 2), np.float32), np.zeros((6, 2)))}

    def work(channel: Channel, first_person: int, lock_step: bool) -> None:
        channel.send(Ready())
        asked.append(channel.receive().message)
        channel.send(NobodyReady(1, poses))
        asked.append(channel.receive().message)
        channel.send(DecodersTrained(4, frame))
        takes_over.wait(60)
        channel.send(Relocated("Elsewhere."))
        asked.append(channel.receive().message)
        channel.receive()

    with client_of(work) as client:
        client.draw_nobodies([1])
        assert next_of(client, NobodyReady).poses
        client.train(4)
        until(lambda: client.training is not None)
        takes_over.set()
        lost = next_of(client, NobodyReady)
        assert (lost.number, lost.poses) == (1, {})
        until(lambda: len(asked) == 3)
        assert client.training is None
    assert asked == [DrawNobodies((1,)), TrainDecoders(4), TrainDecoders(4)]


def test_a_cancel_that_comes_too_late_is_no_error() -> None:
    backend = ThreadBackend(partial(_serve, NoFace))
    backend.start(0, True)
    try:
        assert isinstance(backend.receive().message, Ready)
        backend.receive()  # PeopleReady
        backend.send(Cancel(1))
        backend.send(Portray(2, (np.ones((8, 8, 3), np.uint8),)))
        ended = backend.receive().message
        assert isinstance(ended, VisitEnded) and ended.visit_id == 2
    finally:
        backend.stop()


def test_a_question_that_comes_when_the_visit_is_over_is_overwritten_and_no_error() -> None:
    backend = ThreadBackend(partial(_serve, NoFace))
    backend.start(0, True)
    try:
        assert isinstance(backend.receive().message, Ready)
        backend.receive()  # PeopleReady
        face = np.ones((8, 8, 3), np.uint8)
        backend.send(JudgeMoved(1, face, face))
        backend.send(Portray(2, (np.ones((8, 8, 3), np.uint8),)))
        ended = backend.receive().message
        assert isinstance(ended, VisitEnded) and ended.visit_id == 2
    finally:
        backend.stop()


def test_a_message_that_the_client_does_not_know_is_named_and_the_engine_replaced() -> None:
    def newer(channel: Channel, first_person: int, lock_step: bool) -> None:
        channel.send(Ready())
        if not first_person:
            channel.send(("Frame", 1))
        while True:
            channel.receive()

    with client_of(newer) as client:
        next_of(client, Ready)
        assert "unknown tuple" in next_of(client, Failed).message
        next_of(client, Ready)
        assert isinstance(client.backend, ThreadBackend) and len(client.backend.starts) == 2


class Asking(NoFace):
    """Its portrayal goes on until it is interrupted."""

    def portray(
        self, photographs: Any, report: Any, on_part: Any, meets: bool = False, reach: float = 0.0
    ) -> Any:
        from engine.pipeline.progress import Progress

        while True:
            report(Progress("faces", 0.0))
            time.sleep(0.01)


def _serve(prepare: Callable[[], Any], channel: Channel, first_person: int, lock_step: bool) -> None:
    serve(channel, prepare, first_person, lock_step)
