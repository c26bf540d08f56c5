"""Connections that prove nothing: they end, and keep no kiosk out."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from installation.server import entrance
from installation.server.entrance import MOST_STRANGERS, _network
from installation.workers.remote.link import connection_fault
from tests.support.engine_kit import until
from tests.support.server_kit import Certificate, EngineOfThreads, RunningServer, raw_socket, running


@contextmanager
def silent(
    server: RunningServer, count: int, address: str = "127.0.0.1", tls: bool = False
) -> Iterator[list[socket.socket]]:
    """Connections that say nothing, or nothing behind TLS, from one address of this machine."""
    context = ssl.create_default_context(cafile=server.certificate.certificate)
    with ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", server.port), source_address=(address, 0))
            if tls:
                connection = context.wrap_socket(connection, server_hostname="localhost")
            connections.append(stack.enter_context(connection))
        yield connections


def is_over(connection: socket.socket) -> bool:
    """Whether the server has ended it."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def strangers(server: RunningServer) -> int:
    assert server.door._entrance is not None
    return len(server.door._entrance._strangers)


@pytest.mark.parametrize("tls", [False, True])
def test_a_kiosk_gets_in_while_strangers_hold_all_they_can(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    """More than there is room for, from the kiosk's address and from others."""
    monkeypatch.setattr(entrance, "PROOF_S", 60.0)
    with running(certificate, EngineOfThreads()) as server, ExitStack() as stack:
        for number in range(1, 4):
            stack.enter_context(silent(server, MOST_STRANGERS // 2, f"127.0.0.{number}", tls))
        until(lambda: strangers(server) == MOST_STRANGERS)
        began_s = time.monotonic()
        assert connection_fault(server.address()) == ""
        assert time.monotonic() - began_s < 5


def test_the_address_that_holds_most_loses_first(certificate: Certificate) -> None:
    with (
        running(certificate, EngineOfThreads()) as server,
        silent(server, 1, "127.0.0.2") as (quiet,),
        silent(server, MOST_STRANGERS, "127.0.0.3") as many,
    ):
        until(lambda: is_over(many[0]))
        assert server.door._faults.counts == {"ended to make room": 1}
        assert not is_over(quiet) and not is_over(many[-1])


def test_who_proves_nothing_is_closed_in_time(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Before TLS, and behind it; with one line in the log."""
    monkeypatch.setattr(entrance, "PROOF_S", 0.5)
    with running(certificate, EngineOfThreads()) as server, silent(server, 3) as connections:

        async def knock() -> None:
            async with raw_socket(server) as behind_tls:
                await behind_tls.receive_str()
                assert (await behind_tls.receive(5)).data is None

        asyncio.run(knock())
        until(lambda: all(map(is_over, connections)))
        assert strangers(server) == 0
        assert server.door._faults.counts == {"proves nothing in time": 4}
        server.door._faults.report(time.monotonic())
    (line,) = (line for line in caplog.messages if "proves nothing" in line)
    assert line.endswith("from 127.0.0.1. It is ended.")


def test_a_kiosk_with_a_proof_may_stay(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "PROOF_S", 0.5)
    with running(certificate, EngineOfThreads()) as server:
        link = server.link()
        link.start(0, False)
        until(lambda: strangers(server) == 0 and len(server.door._connections) == 1)
        time.sleep(0.8)
        assert len(server.door._connections) == 1
        link.stop()


def test_one_customers_addresses_of_version_6_count_as_one() -> None:
    assert _network("2001:db8::1") == _network("2001:db8::ffff:2") != _network("2001:db8:0:1::1")
    assert _network("fe80::1%eth0") == _network("fe80::2")
    assert _network("192.168.0.1") != _network("192.168.0.2")
