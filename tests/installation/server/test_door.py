"""The door over TLS, from outside: who gets in, and what it takes."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.common.errors import MachineError, UsageError
from engine.runtime.codec import MIB, REPLIES, encode
from engine.runtime.messages import Cancel, Failed, JudgeMoved, Portray, ProgressUpdate, Ready
from installation.server.connection import NOT_KEPT, REFUSED, REPLACED
from installation.server.door import Door, _first_certificate
from installation.server.pool import Pool
from installation.settings.server import ServerSettings
from installation.workers.remote import transfer
from installation.workers.remote.handshake import Challenge, Greeting, Refused
from installation.workers.remote.link import Address, connection_fault
from installation.workers.remote.transfer import receive, receive_text, send
from tests.support.server_kit import (
    KEYS,
    NAMES,
    Certificate,
    EngineOfThreads,
    RunningServer,
    make_certificate,
    raw_socket,
    running,
)

PHOTOGRAPH = np.full((16, 16, 3), 77, np.uint8)
WS = aiohttp.ClientWebSocketResponse


@pytest.fixture(scope="module")
def server(certificate: Certificate) -> Any:
    """With one engine, which is never done."""
    with running(certificate, EngineOfThreads()) as server:
        yield server


async def greet(socket: WS, server: RunningServer, name: str = NAMES[0]) -> None:
    """As a kiosk does it."""
    seen = socket.get_extra_info("ssl_object").getpeercert(binary_form=True)
    greeting = Greeting(name, KEYS[name], sha256(seen).hexdigest())
    await socket.send_str(greeting.reply(await receive_text(socket, 5)))
    greeting.check(await receive_text(socket, 5))
    await receive(socket, {Ready: 0})


def closing_of(
    server: RunningServer, say: Callable[[WS], Awaitable[None]], greets: bool = True, name: str = NAMES[0]
) -> tuple[int | None, str]:
    """The code and the reason with which the door closes a connection that says this."""

    async def converse() -> tuple[int | None, str]:
        async with raw_socket(server) as socket:
            if greets:
                await greet(socket, server, name)
            await say(socket)
            async with asyncio.timeout(15):
                while True:
                    frame = await socket.receive()
                    if frame.type is aiohttp.WSMsgType.CLOSE:
                        return frame.data, frame.extra or ""
                    if frame.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
                        return socket.close_code, ""

    return asyncio.run(converse())


def test_a_kiosk_with_the_right_key_gets_in(server: RunningServer) -> None:
    assert connection_fault(server.address()) == ""


@pytest.mark.parametrize("wrong", [{"name": "hall-99"}, {"key": bytes(31) + b"x"}, {"name": NAMES[1]}])
def test_a_wrong_name_or_key_is_refused_and_nothing_told_about_which(
    server: RunningServer, wrong: dict[str, Any]
) -> None:
    fault = connection_fault(replace(server.address(), **wrong))
    assert "does not know this kiosk by this name and key" in fault


def test_a_server_with_another_certificate_is_not_spoken_to(server: RunningServer, tmp_path: Path) -> None:
    other = make_certificate(tmp_path)
    fault = connection_fault(replace(server.address(), certificate=other.certificate))
    assert "certificate is not accepted" in fault
    fault = connection_fault(replace(server.address(), certificate=None))
    assert "certificate is not accepted" in fault


def test_a_certificate_for_another_name_is_not_accepted(server: RunningServer) -> None:
    fault = connection_fault(replace(server.address(), url=f"wss://127.0.0.1:{server.port}"))
    assert "certificate is not accepted" in fault


def test_a_server_without_the_key_is_not_trusted_by_the_kiosk() -> None:
    challenge = Challenge({"hall-1": bytes(32)}, "digest")
    greeting = Greeting("hall-1", bytes(32), "digest")
    _, proof = challenge.answer(greeting.reply(challenge.opening()))
    greeting.check(proof)
    impostor = json.dumps({"proof": "0" * 64})
    with pytest.raises(Refused, match="does not have this kiosk's key"):
        greeting.check(impostor)


def test_the_kiosks_own_proof_sent_back_is_no_proof() -> None:
    challenge = Challenge({"hall-1": bytes(32)}, "digest")
    greeting = Greeting("hall-1", bytes(32), "digest")
    own = json.loads(greeting.reply(challenge.opening()))["proof"]
    with pytest.raises(Refused):
        greeting.check(json.dumps({"proof": own}))


def test_proofs_are_bound_to_the_certificate() -> None:
    """Whoever ends the connection with a certificate of their own cannot pass the proofs on."""
    challenge = Challenge({"hall-1": bytes(32)}, "the server's")
    greeting = Greeting("hall-1", bytes(32), "that of somebody in between")
    with pytest.raises(Refused):
        challenge.answer(greeting.reply(challenge.opening()))


def test_another_version_is_refused_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    challenge, greeting = Challenge({"hall-1": bytes(32)}, ""), Greeting("hall-1", bytes(32), "")
    opening = json.loads(challenge.opening())
    reply = json.loads(greeting.reply(json.dumps(opening)))
    with pytest.raises(Refused, match="another version"):
        greeting.reply(json.dumps(opening | {"schema": "older"}))
    with pytest.raises(Refused, match="another version"):
        challenge.answer(json.dumps(reply | {"schema": "older"}))


def test_a_recorded_handshake_opens_nothing(server: RunningServer) -> None:
    async def record() -> str:
        async with raw_socket(server) as socket:
            seen = socket.get_extra_info("ssl_object").getpeercert(binary_form=True)
            greeting = Greeting(NAMES[0], KEYS[NAMES[0]], sha256(seen).hexdigest())
            said = greeting.reply(await receive_text(socket, 5))
            await socket.send_str(said)
            greeting.check(await receive_text(socket, 5))  # it was right the first time
            return said

    said = asyncio.run(record())

    async def replay(socket: WS) -> None:
        await receive_text(socket, 5)
        await socket.send_str(said)

    code, reason = closing_of(server, replay, greets=False)
    assert code == REFUSED and "does not know this kiosk" in reason


@pytest.mark.parametrize("said", ["", "{}", "[]", "null", "x" * 5000, '{"proof": 1}', "[" * 900])
def test_whatever_else_is_said_first_is_refused(server: RunningServer, said: str) -> None:
    async def say(socket: WS) -> None:
        await socket.send_str(said)

    code, reason = closing_of(server, say, greets=False)
    assert code == REFUSED and "handshake" in reason


def test_messages_before_the_handshake_are_refused(server: RunningServer) -> None:
    async def say(socket: WS) -> None:
        await socket.send_str(encode(Cancel(1), {Cancel: 0}).header)

    assert closing_of(server, say, greets=False)[0] == REFUSED


def test_bytes_that_are_no_websocket_get_an_error_and_the_door_stays_open(server: RunningServer) -> None:
    async def knock() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
            for path in ("/", "/pickle", "/../"):
                async with session.get(f"https://localhost:{server.port}{path}") as answer:
                    assert answer.status == 404
        _, writer = await asyncio.open_connection("localhost", server.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 10)  # no TLS
        await writer.drain()
        writer.close()

    asyncio.run(knock())
    assert connection_fault(server.address()) == ""


async def _header_only(socket: WS, header: str, *frames: bytes) -> None:
    await socket.send_str(header)
    for frame in frames:
        await socket.send_bytes(frame)


HEADER = encode(Portray(1, (PHOTOGRAPH,)), {Portray: MIB}).header
CONTENT = PHOTOGRAPH.tobytes()


@pytest.mark.parametrize(
    ("header", "frames"),
    [
        ("not JSON", []),
        (HEADER.replace("Portray", "PickledObject"), []),
        (encode(Ready(), REPLIES).header, []),
        (encode(Failed("x"), REPLIES).header, []),
        (HEADER.replace("[16,16,3]", "[16000,16000,3]"), []),  # 768 MB
        (HEADER.replace("uint8", "object"), []),
        (HEADER, [CONTENT + b"x"]),
        (HEADER, [CONTENT[:100], b""]),
        (" " * 600_000, []),
    ],
)
def test_what_is_no_request_ends_the_connection(
    server: RunningServer, header: str, frames: list[bytes]
) -> None:
    code, reason = closing_of(server, lambda socket: _header_only(socket, header, *frames))
    assert (code, reason) == (NOT_KEPT, "The kiosk sent what is no message.")
    assert connection_fault(server.address()) == ""


def test_a_frame_that_is_too_long_ends_the_connection(server: RunningServer) -> None:
    code, _ = closing_of(server, lambda socket: _header_only(socket, HEADER, bytes(2 * MIB)))
    assert code in (NOT_KEPT, aiohttp.WSCloseCode.MESSAGE_TOO_BIG)
    assert connection_fault(server.address()) == ""


def test_a_text_where_bytes_are_due_ends_the_connection(server: RunningServer) -> None:
    async def say(socket: WS) -> None:
        await socket.send_str(HEADER)
        await socket.send_str(HEADER)

    assert closing_of(server, say)[0] == NOT_KEPT


def test_a_second_visit_at_once_ends_the_connection(server: RunningServer) -> None:
    async def say(socket: WS) -> None:
        for visit_id in (1, 2):
            await send(socket, encode(Portray(visit_id, (PHOTOGRAPH,)), {Portray: MIB}))

    assert closing_of(server, say)[0] == NOT_KEPT


def test_a_question_about_the_visit_of_another_ends_the_connection(server: RunningServer) -> None:
    async def say(socket: WS) -> None:
        await send(socket, encode(Portray(1, (PHOTOGRAPH,)), {Portray: MIB}))
        await send(socket, encode(Cancel(2), {Cancel: 0}))

    assert closing_of(server, say)[0] == NOT_KEPT


def test_a_question_that_comes_after_its_visit_is_no_fault(server: RunningServer) -> None:
    async def converse() -> None:
        async with raw_socket(server) as socket:
            await greet(socket, server)
            await send(socket, encode(JudgeMoved(9, PHOTOGRAPH, None), {JudgeMoved: MIB}))
            await send(socket, encode(Cancel(9), {Cancel: 0}))
            await send(socket, encode(Portray(1, (PHOTOGRAPH,)), {Portray: MIB}))
            while not isinstance((await receive(socket, REPLIES))[0], ProgressUpdate):
                pass

    asyncio.run(converse())


fuzz = st.lists(st.text(max_size=40) | st.binary(max_size=40), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(frames=fuzz)
def test_whatever_frames_come_the_door_stays_open(server: RunningServer, frames: list[str | bytes]) -> None:
    async def say(socket: WS) -> None:
        for frame in frames:
            if isinstance(frame, str):
                await socket.send_str(frame.encode("utf-8", "replace").decode())
            else:
                await socket.send_bytes(frame)

    assert closing_of(server, say)[0] == NOT_KEPT


def test_after_all_that_it_still_serves(server: RunningServer) -> None:
    assert connection_fault(server.address()) == ""


def test_a_kiosk_that_connects_anew_takes_the_place_of_its_former_connection(server: RunningServer) -> None:
    async def converse() -> tuple[int | None, str]:
        async with raw_socket(server) as first, raw_socket(server) as second:
            await greet(first, server)
            await greet(second, server)
            while (frame := await first.receive(5)).type is not aiohttp.WSMsgType.CLOSE:
                pass
            return frame.data, str(frame.extra)

    assert asyncio.run(converse()) == (REPLACED, "The kiosk has connected anew.")


def test_no_more_kiosks_than_there_are_places_for(certificate: Certificate) -> None:
    with running(certificate, EngineOfThreads(), kiosks=2) as server:

        async def converse() -> None:
            async with raw_socket(server) as first, raw_socket(server) as second:
                await greet(first, server, NAMES[0])
                await greet(second, server, NAMES[1])
                fault = await asyncio.to_thread(connection_fault, server.address(NAMES[2]))
                assert "All places are taken." in fault
            assert await asyncio.to_thread(connection_fault, server.address(NAMES[2])) == ""

        asyncio.run(converse())


def test_without_an_engine_kiosks_are_sent_to_their_own(certificate: Certificate) -> None:
    with running(certificate) as server:
        assert "No engine is ready yet." in connection_fault(server.address())


def test_nobody_there_is_said_in_one_line(certificate: Certificate) -> None:
    with running(certificate, EngineOfThreads()) as server:
        address = server.address()
    assert "cannot be reached" in connection_fault(address)


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installation.workers.remote.link.CONNECT_S", 0.3)

    async def silent() -> str:
        listening = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        address = Address(f"ws://127.0.0.1:{port}", "hall-1", bytes(32), None)
        return await asyncio.to_thread(connection_fault, address)

    assert asyncio.run(silent()) == "The server does not answer in time."


def test_a_kiosk_that_reads_nothing_is_given_up_and_costs_no_memory(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "STALL_S", 0.3)
    with running(certificate, EngineOfThreads()) as server:

        async def converse() -> None:
            async with raw_socket(server) as socket:
                await greet(socket, server)
                connection = next(iter(server.door._connections.values()))
                large = np.full((2048, 2048, 3), 9, np.uint8)
                messages = [encode(Portray(1, (large.copy(),)), {Portray: 64 * MIB}) for _ in range(5)]
                # Nothing is read from here on: the kernel's buffers fill, and then it stalls.
                transport: Any = socket._response.connection.transport  # type: ignore[union-attr]
                transport.pause_reading()
                for message in messages:
                    server._loop.call_soon_threadsafe(connection.put, message)
                async with asyncio.timeout(10):
                    while server.door._connections:
                        await asyncio.sleep(0.02)
                transport.abort()
                assert not any(message.arrays[0].any() for message in messages), "all are overwritten"

        asyncio.run(converse())
        assert connection_fault(server.address()) == ""


def test_a_port_or_a_certificate_that_cannot_be_used_is_said(
    server: RunningServer, certificate: Certificate, tmp_path: Path
) -> None:
    async def opened(settings: ServerSettings) -> None:
        async with Door(settings, KEYS, Pool(lambda error: None)):
            raise AssertionError

    taken = ServerSettings(
        port=server.port, certificate=certificate.certificate, key=certificate.key, address="127.0.0.1"
    )
    with pytest.raises(MachineError, match="cannot be listened at"):
        asyncio.run(opened(taken))
    (tmp_path / "key.pem").write_text("nothing")
    with pytest.raises(UsageError, match="not in PEM"):
        asyncio.run(opened(taken.model_copy(update={"key": tmp_path / "key.pem"})))


def test_words_in_front_of_a_certificate_do_not_matter(certificate: Certificate, tmp_path: Path) -> None:
    with_words = tmp_path / "certificate.pem"
    with_words.write_text("Café\n" + certificate.certificate.read_text(), "utf-8")
    assert _first_certificate(with_words) == _first_certificate(certificate.certificate)


def test_a_server_that_hangs_is_noticed(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection stands, and answers no ping."""
    monkeypatch.setattr("installation.workers.remote.link.HEARTBEAT_S", 0.4)
    with running(certificate, EngineOfThreads()) as server:
        link = server.link()
        link.start(0, False)
        assert isinstance(link.receive().message, Ready)
        server._loop.call_soon_threadsafe(time.sleep, 3.0)
        began_s = time.monotonic()
        while not isinstance(message := link.receive().message, Failed):
            pass
        assert time.monotonic() - began_s < 2.5
        assert message.message == "The server does not answer in time."
        link.stop()


def test_who_checks_the_connection_leaves_the_kiosk_at_work(server: RunningServer) -> None:
    async def converse() -> None:
        async with raw_socket(server) as at_work:
            await greet(at_work, server)
            assert await asyncio.to_thread(connection_fault, server.address()) == ""
            with pytest.raises(TimeoutError):  # a close would come; at most what the engine says does
                while True:
                    frame = await at_work.receive(0.5)
                    assert frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)

    asyncio.run(converse())
