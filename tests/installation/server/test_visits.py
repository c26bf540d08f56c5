"""Visits on a rendering server, from the kiosk's client through TLS to engines on threads, and its faults."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from engine.common.errors import WeightsError
from engine.runtime.codec import MIB, REPLIES, EncodedMessage, encode
from engine.runtime.messages import (
    Cancel,
    ConfigurationRejected,
    Failed,
    JudgeMoved,
    MovedJudged,
    NobodyReady,
    PeopleReady,
    Portray,
    ProgressUpdate,
    Queued,
    Ready,
    ResultReady,
    RigReady,
    VisitEnded,
)
from installation.server.outbox import MOST_MESSAGES, MOST_PEOPLE, Outbox, Outboxes
from installation.settings.server import EngineSettings
from installation.workers.engine_client import EngineClient
from installation.workers.remote.backend import RemoteBackend
from installation.workers.remote.failover import FailoverBackend
from installation.workers.supervision import Condition
from tests.support.engine_kit import next_of, until
from tests.support.puppet_kit import ALL_SAFE
from tests.support.server_kit import (
    NAMES,
    Certificate,
    EngineOfThreads,
    RunningServer,
    Worker,
    result,
    rig,
    running,
    strip,
)
from tests.support.thread_backend import ThreadBackend


def photograph(value: int) -> np.ndarray:
    return np.full((16, 16, 3), value, np.uint8)


@dataclass
class Clock:
    """Stands still until it is set."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def kiosk(
    server: RunningServer,
    own: Worker | None = None,
    name: str = NAMES[0],
    retry_s: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[EngineClient]:
    """A kiosk's client of the engine, with the server and an engine of its own."""
    backend = FailoverBackend(server.url, server.link(name), ThreadBackend(own or EngineOfThreads()), retry_s)
    client = EngineClient(backend, clock=clock)
    client.first_wait_s = 0.05
    client.attention_s = 0.05
    client.start()
    try:
        next_of(client, Ready)
        yield client
    finally:
        client.stop()


def is_at_server(client: EngineClient) -> bool:
    return "rendering server" in client.health.message


def freed(engine: EngineOfThreads) -> EngineOfThreads:
    engine.goes_on.set()
    return engine


def test_a_visit_is_carried_out_by_the_server(certificate: Certificate) -> None:
    engine = freed(EngineOfThreads())
    with running(certificate, engine) as server, kiosk(server) as client:
        assert next_of(client, PeopleReady).strips[0].pictures[0, 0, 0, 0] == 200
        mine = photograph(77)
        client.portray(5, [mine])
        assert next_of(client, ProgressUpdate).picture.mean() == 77
        found = next_of(client, ResultReady, Failed)
        assert found.visit_id == 5 and found.result.doppelganger.mean() == 77
        assert is_at_server(client) and client.health.condition is Condition.OK
        assert mine.max() == 0, "the kiosk's own is overwritten"
        client.erase(5)
        until(lambda: found.result.doppelganger.max() == 0)
        client.portray(6, [photograph(78)])
        assert next_of(client, ResultReady).result.doppelganger.mean() == 78
        assert engine.portrayed == [77, 78]


def test_a_server_draws_no_nobodies_and_their_places_stay_black(certificate: Certificate) -> None:
    with running(certificate, freed(EngineOfThreads())) as server, kiosk(server) as client:
        for _ in range(2):  # none counts as drawn: the kiosk's own engine may be asked again
            client.draw_nobodies([1, 2])
            answers = [next_of(client, NobodyReady) for _ in range(2)]
            assert [(answer.number, answer.poses) for answer in answers] == [(1, {}), (2, {})]
        client.portray(5, [photograph(77)])
        assert next_of(client, ResultReady).visit_id == 5 and is_at_server(client)


def test_sixteen_kiosks_share_two_engines_and_each_gets_its_own(certificate: Certificate) -> None:
    engines = [EngineOfThreads(), EngineOfThreads()]
    with running(certificate, *engines) as server, ExitStack() as stack:
        clients = [stack.enter_context(kiosk(server, name=name)) for name in NAMES]
        for number, client in enumerate(clients):
            client.portray(3, [photograph(10 + number)])  # visits may have the same number
            if number < 2:
                next_of(client, ProgressUpdate)
            else:
                assert next_of(client, Queued) == Queued(3, number - 1)
        freed(engines[0]), freed(engines[1])
        values = [next_of(client, ResultReady).result.doppelganger.mean() for client in clients]
        assert values == list(range(10, 26))


def test_who_leaves_the_queue_makes_room(certificate: Certificate) -> None:
    engine = EngineOfThreads()
    with running(certificate, engine) as server, ExitStack() as stack:
        first, second, third = (stack.enter_context(kiosk(server, name=name)) for name in NAMES[:3])
        first.portray(1, [photograph(1)])
        next_of(first, ProgressUpdate)
        second.portray(1, [photograph(2)])
        assert next_of(second, Queued).place == 1
        third.portray(1, [photograph(3)])
        assert next_of(third, Queued).place == 2
        second.cancel(1)
        assert next_of(third, Queued).place == 1
        first.cancel(1)
        next_of(third, ProgressUpdate)
        assert engine.portrayed == [1, 3], "nobody has portrayed who had left"
        second.portray(2, [photograph(4)])
        assert next_of(second, Queued).place == 1


def test_a_kiosk_that_disappears_frees_its_engine(certificate: Certificate) -> None:
    engine = EngineOfThreads()
    with running(certificate, engine) as server:
        with kiosk(server) as gone:
            gone.portray(1, [photograph(1)])
            next_of(gone, ProgressUpdate)
        with kiosk(server, name=NAMES[1]) as client:
            client.portray(1, [photograph(2)])
            next_of(client, ProgressUpdate)


def test_a_kiosk_that_leaves_after_its_visit_does_not_cancel_anothers(certificate: Certificate) -> None:
    engine = freed(EngineOfThreads())
    with running(certificate, engine) as server, kiosk(server) as client:
        with kiosk(server, name=NAMES[1]) as gone:
            gone.portray(1, [photograph(1)])
            next_of(gone, ResultReady)
            engine.goes_on.clear()
            client.portray(1, [photograph(2)])
            next_of(client, ProgressUpdate)
        until(lambda: len(server.door._connections) == 1)
        time.sleep(0.1)
        engine.goes_on.set()
        assert next_of(client, ResultReady, Failed).result.doppelganger.mean() == 2


def test_a_cancel_that_comes_too_late_does_not_end_a_free_engine(certificate: Certificate) -> None:
    with running(certificate, freed(EngineOfThreads())) as server, kiosk(server) as client:
        client.portray(1, [photograph(1)])
        next_of(client, ResultReady)
        until(lambda: len(server.pool._free) == 1)
        (replica,) = server.pool._free
        handled = threading.Event()
        replica.ask(Cancel(1), handled.set, replica._engine)
        assert handled.wait(10)
        assert replica._deadline_s is None, "nobody would answer it, and the engine would count as hanging"


def test_what_was_meant_for_a_process_that_has_ended_is_not_sent_to_the_next(
    certificate: Certificate,
) -> None:
    engine = freed(EngineOfThreads())
    with running(certificate, engine) as server:
        (replica,) = server.pool._free
        overwritten = threading.Event()
        replica.ask(Portray(1, (photograph(9),)), overwritten.set, replica._engine - 1)
        assert overwritten.wait(10)
        with kiosk(server) as client:
            client.portray(1, [photograph(2)])
            assert next_of(client, ResultReady).result.doppelganger.mean() == 2
        assert engine.portrayed == [2]


@pytest.mark.parametrize("end", [RunningServer.stop, RunningServer.abort])
def test_a_visit_goes_on_here_when_the_server_goes(
    certificate: Certificate, end: Callable[[RunningServer], None]
) -> None:
    own = freed(EngineOfThreads())
    with running(certificate, EngineOfThreads()) as server, kiosk(server, own) as client:
        client.portray(5, [photograph(77)])
        assert next_of(client, ProgressUpdate).picture.mean() == 77
        end(server)
        found = next_of(client, ResultReady, Failed)
        assert isinstance(found, ResultReady), "the visitor is told nothing"
        assert (
            found.result.doppelganger is not None
            and found.result.doppelganger.mean() == 77
            and own.portrayed == [77]
        )
        assert not is_at_server(client) and "own engine" in client.health.message
        client.portray(6, [photograph(78)])
        assert next_of(client, ResultReady, Failed).result.doppelganger.mean() == 78


def test_without_the_request_that_is_kept_the_visit_would_be_lost(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test before."""
    monkeypatch.setattr("installation.workers.remote.failover._copied", lambda request: None)
    own = freed(EngineOfThreads())
    with running(certificate, EngineOfThreads()) as server, kiosk(server, own) as client:
        client.portray(5, [photograph(77)])
        next_of(client, ProgressUpdate)
        server.stop()
        until(lambda: not is_at_server(client))
        time.sleep(0.3)
        assert not any(isinstance(reply, ResultReady) for reply in client.poll()) and own.portrayed == []


def test_an_own_engine_that_loads_for_ever_is_replaced(certificate: Certificate) -> None:
    """It is started in the middle of a visit, and has as long as any engine."""
    starts: list[int] = []
    clock = Clock()

    def hangs_once(channel: Any, first_person: int, lock_step: bool) -> None:
        starts.append(first_person)
        if len(starts) > 1:
            freed(EngineOfThreads())(channel, first_person, lock_step)
        while True:  # until it is ended
            channel.receive()

    with running(certificate, EngineOfThreads()) as server, kiosk(server, hangs_once, clock=clock) as client:
        client.portray(5, [photograph(77)])
        next_of(client, ProgressUpdate)
        server.stop()
        until(lambda: len(starts) == 1)
        client.cancel(5)  # which is no reason to have less patience with it
        clock.now_s += client.loading_limit_s - client.cancel_limit_s
        time.sleep(0.2)
        assert len(starts) == 1
        clock.now_s += client.cancel_limit_s + 1
        until(lambda: len(starts) == 2)
        client.portray(6, [photograph(78)])
        assert next_of(client, ResultReady).result.doppelganger.mean() == 78


def test_progress_does_not_fall_when_the_work_begins_again(certificate: Certificate) -> None:
    class Slow(EngineOfThreads):
        def _portray(self, channel: Any, request: Any) -> None:
            channel.send(ProgressUpdate(request.visit_id, "faces", 0.01, None))
            time.sleep(0.2)
            super()._portray(channel, request)

    with running(certificate, EngineOfThreads()) as server, kiosk(server, Slow()) as client:
        client.portray(5, [photograph(77)])
        assert next_of(client, ProgressUpdate).share == 0.5
        server.stop()
        again = next_of(client, ProgressUpdate)
        assert again.stage == "faces" and again.share == 0.5


def test_an_engine_that_dies_is_started_again_and_the_visit_repeated_there(certificate: Certificate) -> None:
    engine, own = freed(EngineOfThreads(dies=True)), EngineOfThreads()
    other = freed(EngineOfThreads())
    with running(certificate, engine, other) as server, kiosk(server, own) as client:
        for visit_id in (1, 2):
            client.portray(visit_id, [photograph(77)])
            assert next_of(client, ResultReady, Failed).result.doppelganger.mean() == 77
            until(lambda: client.health.message == f"The rendering server {server.url} works.")
        assert not own.portrayed and len(engine.portrayed + other.portrayed) == 3
        assert client.health.condition is Condition.OK


def test_where_the_servers_only_engine_dies_the_kiosks_own_works(certificate: Certificate) -> None:
    own = freed(EngineOfThreads())
    engine = freed(EngineOfThreads(dies=True))

    def dies_and_comes_back_late(channel: Any, first_person: int, lock_step: bool) -> None:
        if engine.portrayed:
            time.sleep(1.0)
        engine(channel, first_person, lock_step)

    with running(certificate, dies_and_comes_back_late) as server, kiosk(server, own) as client:
        client.portray(1, [photograph(77)])
        assert next_of(client, ResultReady, Failed).result.doppelganger.mean() == 77
        assert own.portrayed or engine.portrayed == [77, 77]


def test_the_kiosk_goes_back_between_visits(certificate: Certificate) -> None:
    own = freed(EngineOfThreads())
    at_server = freed(EngineOfThreads())
    with running(certificate, at_server) as server, kiosk(server, own, retry_s=0.2) as client:
        server.stop()
        until(lambda: "own engine" in client.health.message)
        client.portray(1, [photograph(1)])
        next_of(client, ResultReady)
        client.erase(1)
        server.start()
        until(lambda: is_at_server(client) and "again" in client.health.message)
        client.portray(2, [photograph(2)])
        assert next_of(client, ResultReady).result.doppelganger.mean() == 2
        assert (own.portrayed, at_server.portrayed) == ([1], [2])


def test_a_server_that_is_not_there_at_the_start_is_no_fault(certificate: Certificate) -> None:
    server = RunningServer(certificate, [], port=1)
    with kiosk(server, freed(EngineOfThreads())) as client:
        assert client.health.condition is Condition.OK and "cannot be reached" in client.health.message
        client.portray(1, [photograph(1)])
        assert next_of(client, ResultReady).result.doppelganger.mean() == 1


class Meeting(EngineOfThreads):
    """Gives its result, and stays with the visit until it is cancelled."""

    def _portray(self, channel: Any, request: Any) -> None:
        channel.send(ResultReady(request.visit_id, result(1)))
        channel.send(RigReady(request.visit_id, rig(), ALL_SAFE))
        while isinstance(received := channel.receive().message, JudgeMoved):
            self.portrayed.append(0 if received.visitor is None else 1)
        channel.send(VisitEnded(request.visit_id, ""))


def test_a_visit_whose_result_is_there_ends_quietly_when_the_server_goes(certificate: Certificate) -> None:
    own = freed(EngineOfThreads())
    with running(certificate, Meeting()) as server, kiosk(server, own) as client:
        client.portray(1, [photograph(1)], meets=True)
        next_of(client, RigReady)
        server.stop()
        until(lambda: "own engine" in client.health.message)
        client.judge_moved(1, photograph(1), photograph(1))
        time.sleep(0.2)
        replies = [type(reply) for reply in client.poll()]
        assert MovedJudged not in replies and Failed not in replies, "unjudged, the face eases to rest"
        client.erase(1)
        client.portray(2, [photograph(2)])
        assert next_of(client, ResultReady, Failed).result.doppelganger.mean() == 2


def test_the_visitors_face_is_not_sent_in_the_meeting(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"{NAMES[0]} {'00' * 32}\n")
    keys.chmod(0o600)
    remote = RemoteBackend(EngineSettings(server="wss://render.example", keys=keys))
    sent: list[Any] = []
    monkeypatch.setattr(
        "installation.workers.engine_backend.ChildBackend.send", lambda _, request: sent.append(request)
    )
    remote.send(JudgeMoved(1, photograph(1), photograph(2)))
    (question,) = sent
    assert question.visitor is None and question.drawn.mean() == 1


def picture(value: int) -> EncodedMessage:
    return encode(ProgressUpdate(1, "search", 0.5, np.full((4, 4, 3), value, np.uint8)), REPLIES)


def finished(value: int) -> EncodedMessage:
    return encode(ResultReady(1, result(value)), REPLIES)


def box() -> Outbox:
    """The box of a kiosk that is never given up."""
    return Outboxes().open(pytest.fail)


def test_a_box_keeps_the_newest_and_forgets_the_rest() -> None:
    outbox, all_of_them = box(), [picture(1 + number) for number in range(200)]
    for message in all_of_them:
        outbox.put(message)
    assert sum(message.arrays[0].max() > 0 for message in all_of_them) == 1, "the others are overwritten"
    assert outbox.size_bytes == all_of_them[-1].size_bytes


def test_a_box_gives_what_belongs_to_a_visit_first() -> None:
    outbox = box()
    for message in (PeopleReady((strip(1),)), Ready(), Failed("x")):
        outbox.put(encode(message, REPLIES))
    taken = [asyncio.run(outbox.take()).kind for _ in range(3)]
    assert taken == [Ready, Failed, PeopleReady]


def test_a_box_of_what_must_arrive_is_full_at_some_time() -> None:
    given_up = threading.Event()
    crowded, first, late = Outboxes().open(given_up.set), finished(8), picture(9)
    crowded.put(first)
    for _ in range(MOST_MESSAGES - 1):
        crowded.put(encode(Failed("x"), REPLIES))
    assert not given_up.is_set()
    crowded.put(late)
    assert given_up.is_set() and crowded.size_bytes == 0
    assert not any(message.arrays[0].any() for message in (first, late)), "all is overwritten"


def test_people_wait_in_small_numbers_and_count_nowhere() -> None:
    big, outbox = encode(PeopleReady((strip(1, 2048),)), REPLIES), Outboxes(MIB).open(pytest.fail)
    assert big.size_bytes > 24 * MIB
    for _ in range(200):
        outbox.put(big)
    assert len(outbox._messages) == MOST_PEOPLE and outbox.size_bytes == 0
    assert big.arrays[0].any(), "other kiosks are sent it, too"


def test_where_too_much_waits_in_all_the_kiosk_that_takes_least_is_given_up() -> None:
    """And not the one whose message happens to come last."""
    size_bytes = finished(1).size_bytes
    all_of_them, given_up = Outboxes(4 * size_bytes), list[str]()
    slow, quick = (all_of_them.open(partial(given_up.append, name)) for name in ("slow", "quick"))
    held = [finished(number) for number in range(1, 5)]
    for message in held:
        slow.put(message)
    assert asyncio.run(slow.take()) is held[0] and slow.size_bytes == 4 * size_bytes, "it is being sent"
    last = finished(9)
    quick.put(last)
    assert given_up == ["slow"]
    assert held[0].arrays[0].any() and not any(message.arrays[0].any() for message in held[1:])
    slow.sent()
    assert not held[0].arrays[0].any() and slow.size_bytes == 0
    assert asyncio.run(quick.take()) is last and last.arrays[0].any()


def test_an_engine_that_cannot_use_the_configuration_ends_the_server(certificate: Certificate) -> None:
    def refuses(channel: Any, first_person: int, lock_step: bool) -> None:
        channel.send(ConfigurationRejected(WeightsError("x.safetensors is missing.")))

    server = RunningServer(certificate, [refuses, freed(EngineOfThreads())])
    server.start()
    try:
        until(lambda: server.refusal is not None)
        assert "is missing" in str(server.refusal)
    finally:
        server.stop()
