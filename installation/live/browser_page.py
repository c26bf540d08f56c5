"""A web page that shows live pictures: for second screens, and as a browser source of OBS.

The page asks for one picture over a WebSocket, draws it, and asks for the next. So each reader is sent the
newest picture when it is ready for one: a slow one loses pictures, is never late, and holds one of them.
"""

import asyncio
import ipaddress
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import cv2
from aiohttp import web

from engine.common.arrays import Pixels
from engine.common.errors import MachineError, printable
from installation.workers.connection_limit import (
    LONGEST_HEADER,
    LONGEST_LINE,
    MOST_HEADERS,
    ConnectionLimit,
    LimitedConnection,
)
from installation.workers.foreign_requests import reason_to_refuse

PAGE = Path(__file__).parent / "page"
FILES = {"": "index.html", "page.js": "page.js", "page.css": "page.css"}
MOST_CONNECTIONS = 32
JPEG_QUALITY = 90
# A picture that stays is sent again so often: the page takes longer silence for the end.
REPEAT_S = 1.0
STALL_LIMIT_S = 10.0  # what takes no picture for so long is disconnected
REQUEST_LIMIT_S = 10.0
CLOSING_S = 1.0
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

# What aiohttp says of readers that leave halfway concerns nobody who wears a picture.
_UNHEARD = logging.Logger("browser-page", logging.CRITICAL + 1)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BrowserPage:
    """An `Output`: listens from when it is made until `close`, on a thread of its own.

    port: 0 takes a free one. Raises MachineError where it cannot listen there.
    """

    def __init__(self, address: str, port: int) -> None:
        try:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._listening = socket.create_server((address, port), family=family)
        except OSError as error:
            raise MachineError(
                f"{printable(address)}:{port}: cannot be listened on ({printable(error.strerror or error)}). "
                "Choose another with --to page:PORT."
            ) from None
        self.address, self.port = self._listening.getsockname()[:2]
        self._picture: Pixels | None = None
        self._encoded: tuple[Pixels, bytes] | None = None  # the picture that was asked for last, as JPEG
        self._loop = asyncio.new_event_loop()
        self._readers: set[web.WebSocketResponse] = set()
        self._changed = asyncio.Event()  # set once there is another picture, and then replaced
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="browser-page", daemon=True)
        self._thread.start()

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        line = f"http://{host}:{self.port}/ shows it: open it in a browser, or as browser source of OBS."
        if ipaddress.ip_address(self.address).is_loopback:
            return line
        return f"{line} Everybody in this network can watch."

    def show(self, picture: Pixels) -> None:
        """Makes this the newest picture; returns at once."""
        if picture is not self._picture:
            self._picture = picture
            self._loop.call_soon_threadsafe(self._announce)

    def close(self) -> None:
        """Ends all connections; pages that are open turn black."""
        with suppress(RuntimeError):  # it is closed already
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(3 * CLOSING_S)

    # --- on the thread of its own ---

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        application = web.Application(middlewares=[_check_request], client_max_size=1024)
        application.router.add_get("/pictures", self._send_pictures)
        application.router.add_get("/{name:.*}", _send_file)
        runner = web.AppRunner(
            application,
            access_log=None,
            logger=_UNHEARD,
            handler_cancellation=True,
            shutdown_timeout=CLOSING_S,
            keepalive_timeout=REQUEST_LIMIT_S,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
        )
        await runner.setup()
        limit, behind = ConnectionLimit(MOST_CONNECTIONS, MOST_CONNECTIONS), runner.server
        assert behind is not None
        listener = await self._loop.create_server(
            lambda: LimitedConnection(limit, behind), sock=self._listening
        )
        await self._ended.wait()
        listener.close()
        await asyncio.gather(*(reader.close() for reader in self._readers), return_exceptions=True)
        await runner.cleanup()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _send_pictures(self, request: web.Request) -> web.StreamResponse:
        """Answers each message with the newest picture, as soon as it is another than the one before."""
        connection = web.WebSocketResponse(timeout=CLOSING_S, max_msg_size=64)
        self._readers.add(connection)
        try:
            await connection.prepare(request)
            await self._answer_each(connection)
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._readers.discard(connection)
        return connection

    async def _answer_each(self, connection: web.WebSocketResponse) -> None:
        sent: Pixels | None = None
        async for _ in connection:
            if self._picture is sent:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), REPEAT_S)
            sent = self._picture
            if sent is not None:
                async with asyncio.timeout(STALL_LIMIT_S):
                    await connection.send_bytes(self._jpeg(sent))

    def _jpeg(self, picture: Pixels) -> bytes:
        """The picture as JPEG, encoded once for all readers."""
        if self._encoded is None or self._encoded[0] is not picture:
            bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
            _, jpeg = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
            self._encoded = picture, jpeg.tobytes()
        return self._encoded[1]


@web.middleware
async def _check_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    refused = reason_to_refuse(request)
    if refused:
        return web.Response(status=403, text=refused, headers=HEADERS)
    answer = await handler(request)
    if not answer.prepared:
        answer.headers.update(HEADERS)
    return answer


async def _send_file(request: web.Request) -> web.StreamResponse:
    name = FILES.get(request.match_info["name"])
    if name is None:
        return web.Response(status=404, text="there is no such page")
    return web.FileResponse(PAGE / name)
