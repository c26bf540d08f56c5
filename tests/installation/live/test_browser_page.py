"""The page of live pictures, read by a WebSocket client that was not written here."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import aiohttp
import cv2
import numpy as np
import psutil
import pytest
import requests
from playwright.sync_api import sync_playwright

from engine.common.arrays import Pixels
from engine.common.errors import MachineError
from installation.live.browser_page import HEADERS, MOST_CONNECTIONS, REPEAT_S, BrowserPage
from installation.live.output import HEIGHT_PX, WIDTH_PX
from tests.support.headless_stage import eventually
from tests.support.osc_clients import chromium


def grey(level: int) -> Pixels:
    return np.full((HEIGHT_PX, WIDTH_PX, 3), level, np.uint8)


def noise() -> Pixels:
    """A picture that no JPEG makes small: about 1 MB."""
    return np.random.default_rng(0).integers(0, 256, (HEIGHT_PX, WIDTH_PX, 3), np.uint8)


def handshake(page: BrowserPage) -> bytes:
    lines = (
        "GET /pictures HTTP/1.1",
        f"Host: 127.0.0.1:{page.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    return "\r\n".join((*lines, "", "")).encode()


def level_of(encoded: bytes) -> int:
    return round(float(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE).mean()))


@pytest.fixture
def page() -> Iterator[BrowserPage]:
    with closing(BrowserPage("127.0.0.1", 0)) as opened:
        opened.show(grey(10))
        yield opened


def url(page: BrowserPage, path: str = "/") -> str:
    return f"http://127.0.0.1:{page.port}{path}"


async def ask(reader: aiohttp.ClientWebSocketResponse) -> int:
    await reader.send_str("next")
    return level_of(await reader.receive_bytes(timeout=10))


def test_each_reader_gets_the_newest_picture_when_it_asks(page: BrowserPage) -> None:
    async def read() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url(page, "/pictures")) as quick,
            session.ws_connect(url(page, "/pictures")) as slow,
        ):
            assert [await ask(quick), await ask(slow)] == [10, 10]
            for level in (20, 30, 40):
                page.show(grey(level))
                assert await ask(quick) == level
            assert await ask(slow) == 40  # 20 and 30 are lost to it

    asyncio.run(read())


def test_a_picture_that_stays_is_sent_again_once_a_second(page: BrowserPage) -> None:
    async def read() -> float:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url(page, "/pictures")) as reader,
        ):
            await ask(reader)
            begun_s = time.monotonic()
            assert await ask(reader) == 10
            return time.monotonic() - begun_s

    assert 0.8 * REPEAT_S < asyncio.run(read()) < 8


def test_a_reader_that_takes_nothing_neither_delays_the_others_nor_piles_up(page: BrowserPage) -> None:
    request = b"\x81\x80\x00\x00\x00\x00"  # an empty text, masked with zeros (RFC 6455, section 5.2)
    page.show(noise())

    async def read() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url(page, "/pictures")) as reader,
        ):
            for level in (20, 30, 40, 50):
                page.show(grey(level))
                assert await ask(reader) == level

    with closing(socket.create_connection(("127.0.0.1", page.port), 10)) as greedy:
        greedy.sendall(handshake(page))
        for _ in range(1000):  # without taking one of the answers
            greedy.sendall(request)
        before = psutil.Process().memory_info().rss
        for _ in range(30):
            page.show(noise())
            time.sleep(0.01)
        asyncio.run(read())
        assert psutil.Process().memory_info().rss - before < 30 << 20


def test_the_page_and_what_belongs_to_it(page: BrowserPage) -> None:
    for path, kind in (("/", "text/html"), ("/page.js", "javascript"), ("/page.css", "text/css")):
        answer = requests.get(url(page, path), timeout=10)
        assert answer.status_code == 200 and kind in answer.headers["Content-Type"]
        assert HEADERS.items() <= answer.headers.items()
    for path in ("/../browser_page.py", "/index", "/%2e%2e/framing.py"):
        assert requests.get(url(page, path), timeout=10).status_code == 404


def test_pages_from_elsewhere_are_refused(page: BrowserPage) -> None:
    async def connect(**headers: str) -> int:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(url(page, "/pictures"), headers=headers):
                    return 101
            except aiohttp.WSServerHandshakeError as refused:
                return refused.status

    own = f"127.0.0.1:{page.port}"
    assert asyncio.run(connect(Origin=f"http://{own}")) == 101
    assert asyncio.run(connect(Origin="http://elsewhere.example")) == 403
    assert asyncio.run(connect(Host=f"elsewhere.example:{page.port}")) == 403


def test_the_number_of_readers_is_limited(page: BrowserPage) -> None:
    held = [socket.create_connection(("127.0.0.1", page.port), 10) for _ in range(MOST_CONNECTIONS)]
    try:
        assert requests.get(url(page), timeout=10).ok is False
    except requests.ConnectionError:
        pass
    else:
        pytest.fail("there was room for one more")
    finally:
        for connection in held:
            connection.close()


def test_closing_ends_connections_at_once_and_frees_the_port() -> None:
    page = BrowserPage("127.0.0.1", 0)

    async def read() -> aiohttp.WSMsgType:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url(page, "/pictures")) as reader,
        ):
            closed = asyncio.create_task(asyncio.to_thread(page.close))
            message = await reader.receive(timeout=10)
            await reader.close()
            await closed
            return message.type

    assert asyncio.run(read()) is aiohttp.WSMsgType.CLOSE
    with closing(BrowserPage("127.0.0.1", page.port)) as again:
        assert again.port == page.port


def test_a_port_that_is_taken_is_said_in_one_line(page: BrowserPage) -> None:
    with pytest.raises(MachineError, match=f"127.0.0.1:{page.port}: cannot be listened on") as error:
        BrowserPage("127.0.0.1", page.port)
    assert "\n" not in str(error.value)


def test_who_can_watch_is_said(page: BrowserPage) -> None:
    assert "Everybody" not in str(page) and url(page) in str(page)
    with closing(BrowserPage("0.0.0.0", 0)) as public:
        assert "Everybody in this network can watch" in str(public)


def test_a_browser_draws_the_pictures_and_keeps_none(page: BrowserPage) -> None:
    """Chromium, as OBS has it: the window shows the newest, and is black once nothing comes any more."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": WIDTH_PX, "height": HEIGHT_PX})
        faults: list[str] = []
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.on("console", lambda message: faults.append(message.text))
        opened.goto(url(page))
        for level in (10, 200, 60):
            page.show(grey(level))
            eventually(lambda level=level: level_of(opened.screenshot()) == level)  # type: ignore[misc]
        assert faults == []
        page.close()
        eventually(lambda: level_of(opened.screenshot()) == 0)
        browser.close()
