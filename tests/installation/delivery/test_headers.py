"""Requests as large as browsers and proxies make them are answered, and larger ones are bounded."""

import socket
from contextlib import suppress
from itertools import product

import pytest

from installation.workers.connection_limit import LONGEST_HEADER
from tests.support.browser_headers import BROWSERS, PROXIES, TRACKING, cookies
from tests.support.delivery_kit import Stage, ask


@pytest.mark.parametrize("cookie_bytes", [0, 3000, 7500, 16_000, 31_000])
def test_whatever_a_browser_sends_is_answered(stage: Stage, port: int, cookie_bytes: int) -> None:
    link = stage.shared_link()
    for name, headers in BROWSERS.items():
        sent = headers | ({"Cookie": cookies(cookie_bytes)} if cookie_bytes else {})
        assert ask(port, link, headers=sent).status == 200, name
        assert ask(port, f"{link}/save/card.jpg", "HEAD", headers=sent | {"Referer": link}).status == 200, (
            name
        )


def test_whatever_a_proxy_adds_is_answered(stage: Stage, port: int) -> None:
    link = stage.shared_link()
    for (browser, headers), (proxy, added) in product(BROWSERS.items(), PROXIES.items()):
        sent = headers | {"Cookie": cookies(12_000)} | added
        assert ask(port, link, headers=sent).status == 200, (browser, proxy)


def test_a_link_that_was_passed_on_is_answered(stage: Stage, port: int) -> None:
    assert len(TRACKING) > 1000
    assert ask(port, f"{stage.shared_link()}?{TRACKING}").status == 200


def test_a_request_beyond_all_bounds_is_refused(stage: Stage, port: int) -> None:
    link = stage.shared_link()
    assert ask(port, link, headers={"Cookie": cookies(LONGEST_HEADER - 10)}).status == 200
    assert ask(port, link, headers={"Cookie": cookies(LONGEST_HEADER + 10)}).status == 400
    full = {f"X-{number}": "a" * 20_000 for number in range(3)}
    assert ask(port, link, headers=full).status == 200
    # Where it comes in several pieces, its connection has ended before it was whole.
    with suppress(ConnectionError):
        assert ask(port, link, headers=full | {"X-3": "a" * 10_000}).status == 431


def test_a_request_that_never_ends_ends_its_connection(stage: Stage, port: int) -> None:
    """Long before the ten seconds that a request may take."""
    beginning = f"GET {stage.shared_link()} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
    header = b"X-More: " + b"a" * 20_000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), 1) as slow:
        slow.sendall(beginning + 2 * header)
        with pytest.raises(TimeoutError):  # the control: it may still become a request
            slow.recv(1)
        with suppress(ConnectionError):
            slow.sendall(2 * header)
            assert slow.recv(1) == b""
    with socket.create_connection(("127.0.0.1", port), 5) as body:
        head = f"POST /D/gone HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 900000000\r\n\r\n"
        body.sendall(head.encode())
        with pytest.raises(ConnectionError):
            for _ in range(200):
                body.sendall(bytes(100_000))
