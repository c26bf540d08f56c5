"""The server under attack, a polite phone beside the attackers; each check is shown to be able to fail."""

import asyncio
import random
import socket
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installation.delivery import server
from installation.delivery.files import encode_files
from installation.delivery.links import EndReason, Links, new_token
from installation.workers.connection_limit import ConnectionLimit
from tests.support.delivery_kit import (
    FILM,
    Answer,
    Stage,
    ask,
    free_port,
    parse,
    running,
    take_home,
    visits,
)

TRICKS = [
    "/..%2f..%2f..%2fetc/passwd",
    "/D/..%2f..%2fetc%2fpasswd",
    "/D/../../etc/passwd",
    "//etc/passwd",
    "/S/..%2fserver.py",
    "/S/../server.py",
    "/S/%2e%2e%2fserver.py",
    "/S/page.css%00.html",
    "/S//etc/passwd",
    "/S/page.html",
    "/S/",
    "/D/",
    "/D",
    "/",
    "/robots.txt",
    "/.git/config",
    "{link}/..",
    "{link}/../",
    "{link}/%00",
    "{link}/doppelganger.png%00",
    "{link}/doppelganger.png/",
    "{link}/./doppelganger.pn",
    "{link}/..%2fsave%2fcard.jpg",
    "{link}/save/..%2f..%2fcard.jpg",
    "{link}//etc/passwd",
    "{link}/save//etc/passwd",
    "{link}/DOPPELGANGER.PNG",
    "{link}A",
    "{link}%41",
    "file:///etc/passwd",
]


def test_no_path_leads_anywhere_else(stage: Stage, port: int, phone: str) -> None:
    link = stage.shared_link()
    for trick in TRICKS:
        answer = ask(port, trick.format(link=link), address=phone)
        assert answer.status in (400, 404, 421), trick
        assert b"root:" not in answer.body and b"import" not in answer.body
    # The control: these same requests find what is there.
    assert ask(port, f"{link}/doppelganger.png").status == ask(port, "/S/page.css").status == 200


def test_only_the_right_host_is_answered(stage: Stage, port: int) -> None:
    link = stage.shared_link()
    for host in ("evil.example", "", "127.0.0.1", f"127.0.0.1:{port}.evil.example", f"evil@127.0.0.1:{port}"):
        assert ask(port, link, headers={"Host": host}).status in (400, 421), host
    assert ask(port, f"http://evil.example{link}").status in (400, 421)
    assert ask(port, link, headers={"Host": f"127.0.0.1:{port}"}).status == 200


def test_other_methods_do_nothing(stage: Stage, port: int, phone: str) -> None:
    link = stage.shared_link()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "FORGET"):
        assert ask(port, link, method, address=phone).status in (400, 404, 405, 421), method
        override = {"X-HTTP-Method-Override": method}
        assert ask(port, f"{link}/forget", "GET", override, address=phone).status == 404
    assert ask(port, f"{link}/card.jpg", "POST", {"X-HTTP-Method-Override": "GET"}).status == 405
    assert ask(port, link).status == 200
    head = ask(port, f"{link}/morph.mp4", "HEAD")
    assert head.body == b"" and head.headers["content-length"] == str(len(FILM))


def test_what_is_too_large_is_refused(stage: Stage, port: int) -> None:
    link = stage.shared_link()
    refused = ask(port, link + "?" + "a" * 9000)
    assert refused.status == 400 and b"aaa" not in refused.body and "aiohttp" not in str(refused.headers)
    assert ask(port, link, headers={"X-Long": "a" * 33_000}).status == 400
    assert ask(port, link, headers={f"X-{i}": "a" for i in range(200)}).status == 400
    assert ask(port, link, headers={f"X-{i}": "a" * 50 for i in range(20)}).status == 200
    forget = f"/D/{new_token()}/forget"
    assert ask(port, forget, "POST", {"Content-Length": "99999999999"}).status == 404


def test_a_hundred_thousand_guesses_find_nothing_but_the_true_token(usual: Stage, port: int) -> None:
    """Among them the control: the true token, once, which must be found. The odds of a guess: 2 in 2^128."""
    usual.set(misses_per_minute=10**9)
    paths = [usual.offer(take_home(next(visits))).encode() for _ in range(2)]
    guesses = [f"/D/{new_token()}".encode() for _ in range(100_000)]
    where = random.Random(7).randrange(len(guesses))
    guesses[where] = paths[0]
    found = [index for index, status in enumerate(_pipeline(port, guesses)) if status != 404]
    assert found == [where]
    # 1000 guesses a second for the ten minutes of a life, against sixty links at once.
    assert 60 * 1000 * 600 / 2**128 < 1e-30


def _pipeline(port: int, paths: list[bytes], at_once: int = 30) -> list[int]:
    """The status of each path, asked for with HEAD over one connection, many requests at a time."""
    statuses: list[int] = []
    host = f"Host: 127.0.0.1:{port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        answers = connection.makefile("rb")
        for start in range(0, len(paths), at_once):
            batch = paths[start : start + at_once]
            connection.sendall(b"".join(b"HEAD " + path + b" HTTP/1.1\r\n" + host for path in batch))
            for _ in batch:
                statuses.append(int(answers.readline().split()[1]))
                while answers.readline() != b"\r\n":
                    pass
    return statuses


def test_guessing_is_turned_away_and_true_links_never_are(stage: Stage, port: int) -> None:
    link = stage.shared_link()
    most = stage.parameters.misses_per_minute
    guesser, other = "127.0.7.1", "127.0.7.2"
    statuses = [ask(port, f"/D/{new_token()}", address=guesser).status for _ in range(most + 20)]
    assert statuses == [404] * most + [429] * 20
    # Whoever shares the address, as phones in a gallery do, still gets theirs; and hits never count.
    assert {ask(port, link, address=guesser).status for _ in range(most + 20)} == {200}
    assert ask(port, f"/D/{new_token()}", address=other).status == 404


def test_slow_connections_keep_nobody_out(stage: Stage, port: int) -> None:
    """Slowloris: 200 connections that never finish asking; what one address may have stays, for a while."""
    link = stage.shared_link()
    crawling = [_crawl(port, "127.0.9.1") for _ in range(200)]
    try:
        assert ask(port, link, address="127.0.9.2").status == 200
        inside = sum(not _is_closed(connection) for connection in crawling)
        assert inside == stage.parameters.connections_per_address
        with pytest.raises(ConnectionError):  # the control: from that address there is no place any more
            ask(port, link, address="127.0.9.1")
        end_s = time.monotonic() + 30
        while not all(map(_is_closed, crawling)):
            assert time.monotonic() < end_s, "slow connections are not closed"
            assert ask(port, link, address="127.0.9.2").status == 200
            for connection in crawling:
                _send(connection, b"X-More: 1\r\n")
            time.sleep(0.5)
        assert ask(port, link, address="127.0.9.1").status == 200
    finally:
        for connection in crawling:
            connection.close()


def _crawl(port: int, address: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 20, (address, 0))
    _send(connection, f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode())
    return connection


def _send(connection: socket.socket, data: bytes) -> None:
    with suppress(ConnectionError):
        connection.sendall(data)


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_a_phone_that_takes_nothing_holds_no_more_than_a_chunk(stage: Stage, port: int) -> None:
    """Fifty phones ask for a large film and do not read it: it is not copied for each of them."""
    import psutil

    film = bytes(12_000_000)
    path = stage.offer(take_home(next(visits), film=film))
    process = _process(stage)
    before = psutil.Process(process).memory_info().rss
    lazy = []
    for number in range(50):
        connection = socket.create_connection(("127.0.0.1", port), 20, (f"127.0.11.{number + 1}", 0))
        connection.sendall(f"GET {path}/morph.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        lazy.append(connection)
    for connection in lazy:
        assert connection.recv(1024)  # its answer has begun
    grown = psutil.Process(process).memory_info().rss - before
    for connection in lazy:
        connection.close()
    assert grown < len(film) * 5  # copied for each it would be fifty times


def _process(stage: Stage) -> int:
    assert stage.delivery._connection.process is not None
    return stage.delivery._connection.process.pid


@pytest.mark.parametrize("asked", [["plex.ttf"], ["page.css"] * 10], ids=["while sent", "while closed"])
def test_a_phone_that_takes_nothing_keeps_no_place(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither while something is being sent to it, nor where the last of it is still unsent at the end."""
    limit_s = 0.5
    monkeypatch.setattr(server, "STALL_LIMIT_S", limit_s)
    monkeypatch.setattr(server, "SEND_BUFFER_BYTES", 4096)
    port, limit = free_port(), ConnectionLimit(10, 10)
    heads = [f"GET /S/{name} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n" for name in asked]
    request = "\r\n".join(heads) + "Connection: close\r\n\r\n"

    async def inside_after_a_while() -> tuple[int, int]:
        hosts = frozenset({f"127.0.0.1:{port}"})
        served = server.Server(Links(), limit, lambda *_: None, lambda _: None, hosts)
        await served.open("127.0.0.1", port)
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            lazy.connect(("127.0.0.1", port))
            lazy.sendall(request.encode())
            await asyncio.sleep(limit_s / 2)
            before = limit.inside.total()
            await asyncio.sleep(4 * limit_s)
            after = limit.inside.total()
        await served.close()
        return before, after

    assert asyncio.run(inside_after_a_while()) == (1, 0)


def test_forgetting_waits_for_no_phone_that_takes_nothing() -> None:
    """A player that has enough of a film leaves the rest of it on its way: that is gone, too, and at once."""
    port, limit, links = free_port(), ConnectionLimit(10, 10), Links()
    link, _ = links.add(1, encode_files(take_home(1, film=bytes(5_000_000))), 600, 20)
    request = f"GET /D/{link.token}/morph.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    left = weakref.ref(link.content)
    del link

    async def forget() -> tuple[int, int]:
        hosts = frozenset({f"127.0.0.1:{port}"})
        served = server.Server(links, limit, lambda *_: None, lambda _: None, hosts)
        await served.open("127.0.0.1", port)
        with socket.create_connection(("127.0.0.1", port)) as lazy:
            lazy.sendall(request.encode())
            await asyncio.sleep(0.5)
            before = limit.inside.total()
            links.end(1, EndReason.FORGOTTEN)
            await asyncio.sleep(0.5)
            after = limit.inside.total()
            assert left() is None
        await served.close()
        return before, after

    assert asyncio.run(forget()) == (1, 0)


PIECES = st.sampled_from(
    [
        *(b"GET ", b"POST ", b"HEAD ", b"PRI * ", b" HTTP/1.1", b" HTTP/1.0", b" HTTP/9.9", b"\n", b":"),
        *(b"/D/", b"{link}", b"/save/card.jpg", b"/forget", b"/../", b"%00", b"\x00", b"\xff\xfe"),
        *(b"\r\n", b"\r\n\r\n", b"Host: {host}\r\n", b"Host: evil\r\n", b"X-Forwarded-For: 1.2.3.4\r\n"),
        *(b"Range: bytes=0-\r\n", b"Range: bytes=-1,5-\r\n", b"Expect: 100-continue\r\n"),
        *(b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n"),
        *(b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n"),
    ]
)
BEGINNINGS = st.sampled_from(
    [b"", b"GET {link} HTTP/1.1\r\nHost: {host}\r\n", b"POST {link}/forget HTTP/1.1\r\nHost: {host}\r\n"]
)
ENDS = st.sampled_from([b"", b"\r\n\r\n"])


def test_whatever_is_sent_the_server_goes_on(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """A fuzz of raw bytes: every answer is HTTP, none is an error of the server, and the link still lives."""
    answered = _fuzz(stage.shared_link(), stage.network.port)
    assert answered > 50
    stage.offer(take_home(next(visits)))  # what the process has said until now has arrived
    assert "an answer failed" not in caplog.text


def _fuzz(link: str, port: int) -> int:
    """Sends much that makes little sense, and returns how often there was an answer."""
    answers = []

    @settings(max_examples=300, deadline=None)
    @given(BEGINNINGS, st.lists(st.one_of(PIECES, st.binary(max_size=40)), max_size=14), ENDS)
    def send_all(beginning: bytes, pieces: list[bytes], end: bytes) -> None:
        answers.append(_send_raw(link, port, beginning + b"".join(pieces) + end))

    send_all()
    return sum(answers)


def _send_raw(link: str, port: int, data: bytes) -> bool:
    """Whether there was an answer, which was none of a server that fails."""
    data = data.replace(b"{link}", link.encode()).replace(b"{host}", b"127.0.0.1:%d" % port)
    if b"forget" in data and b"POST" in data:
        data = data.replace(link.encode(), f"/D/{new_token()}".encode())
    with socket.create_connection(("127.0.0.1", port), 20, ("127.0.13.1", 0)) as connection:
        _send(connection, data)
        if not data.startswith((b"GET /", b"POST /")) or b"\r\n\r\n" not in data:
            connection.shutdown(socket.SHUT_WR)  # there will be no more: it need not wait for it
        connection.settimeout(1)
        try:
            received = connection.recv(1 << 16)
        except (TimeoutError, ConnectionError):
            received = b""
    if received:
        assert parse(received).status < 500, data
    assert ask(port, link, address="127.0.13.2").status == 200
    return bool(received)


def test_a_polite_phone_is_served_while_others_attack(usual: Stage, port: int) -> None:
    link = usual.shared_link()
    stop = threading.Event()

    def attack(number: int) -> None:
        address = f"127.0.17.{number + 1}"
        while not stop.is_set():
            try:
                ask(port, random.choice(TRICKS).format(link=f"/D/{new_token()}"), address=address)
                ask(port, "/" + "a" * 2000, address=address)
            except (ConnectionError, AssertionError):
                pass

    with ThreadPoolExecutor(4) as attackers:
        running_attacks = [attackers.submit(attack, number) for number in range(4)]
        try:
            answers: list[Answer] = [ask(port, f"{link}/morph.mp4", address="127.0.18.1") for _ in range(50)]
        finally:
            stop.set()
        for each in running_attacks:
            each.result()
    assert {(answer.status, answer.body == FILM) for answer in answers} == {(200, True)}


def test_nothing_of_a_request_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not the path, not the address, not the phone: whatever is asked, and however badly."""
    caplog.set_level("INFO")
    with running(tmp_path / "sock") as stage:
        path, own = stage.offer(take_home(1)), "127.0.29.77"
        for asked in (path, f"{path}/card.jpg", f"{path}/save/card.jpg", "/secretpath", f"/D/{new_token()}"):
            ask(stage.network.port, asked, headers={"User-Agent": "secretphone"}, address=own)
        ask(stage.network.port, "/secretpath" + "a" * 9000, "SECRET", address=own)
        ask(stage.network.port, f"{path}/forget", "POST", {"Range": "secretrange"}, address=own)
        stage.offer(take_home(2))  # what the process has said until now has arrived
    token = path.rpartition("/")[2]
    # The control: it does log.
    assert f"phones are served at http://127.0.0.1:{stage.network.port}" in caplog.text
    for secret in (token, own, "secret"):
        assert secret.lower() not in caplog.text.lower()
