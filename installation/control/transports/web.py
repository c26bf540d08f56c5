"""OSCQuery over HTTP and WebSocket, and a control page for browsers on the same port."""

import asyncio
import base64
import binascii
import hmac
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError

from installation.control.protocol.oscquery import EXTENSIONS, BadAttribute, NotReadable, Tree, Unknown
from installation.control.protocol.packets import LONGEST_PACKET
from installation.control.transports.inbox import Inbox
from installation.control.transports.streams import MOST_CONNECTIONS, StreamPeer, StreamService
from installation.settings.parameters import printable
from installation.typography import plex
from installation.workers.connection_limit import (
    LONGEST_HEADER,
    LONGEST_LINE,
    MOST_HEADERS,
    ConnectionLimit,
    LimitedConnection,
)
from installation.workers.error_log_throttle import ErrorLogThrottle
from installation.workers.foreign_requests import reason_to_refuse
from installation.workers.supervision import ServiceError

PAGE = Path(__file__).parent / "page"
COOKIE = "curator"
WRONG_PASSWORD_S = 0.5
# For requests and WebSockets; a browser opens up to six.
MOST_HTTP_CONNECTIONS = 4 * MOST_CONNECTIONS
REQUEST_LIMIT_S = 10.0  # from the connection, or the last answer, to a complete request
HEARTBEAT_S = 20.0
CLOSING_S = 0.5
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebServer(StreamService):
    """Answers from `tree`, and puts received packets into the inbox. `port` is the real one once it runs.

    `osc_port` gives the port of OSC, for HOST_INFO. Where a password is set, any user name goes with it.
    """

    advice = "Choose another http_port in the configuration, or end the program that uses this one."

    def __init__(
        self,
        address: str,
        port: int,
        password: str,
        inbox: Inbox,
        tree: Tree,
        error_log: ErrorLogThrottle,
        osc_port: Callable[[], int],
    ) -> None:
        super().__init__("oscquery")
        self.address, self.port = address, port
        self._password = password
        self._token = secrets.token_urlsafe(32)
        self._inbox = inbox
        self._tree = tree
        self._error_log = error_log
        self._osc_port = osc_port
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._sockets: dict[StreamPeer, web.WebSocketResponse] = {}

    async def open(self) -> None:
        application = web.Application(middlewares=[self._check_request], client_max_size=1024)
        application.router.add_get("/page/typeface.ttf", self._typeface)
        application.router.add_static("/page/", PAGE)
        application.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=_counting_logger(self._error_log),
            shutdown_timeout=CLOSING_S,
            keepalive_timeout=REQUEST_LIMIT_S,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
        )
        await self._runner.setup()
        limit, behind = (
            ConnectionLimit(MOST_HTTP_CONNECTIONS, MOST_HTTP_CONNECTIONS, allows=self._admits),
            self._runner.server,
        )
        assert self.loop is not None and behind is not None
        try:
            self._listener = await self.loop.create_server(
                lambda: LimitedConnection(limit, behind), self.address, self.port
            )
        except OSError as error:
            raise ServiceError(f"{self.address}:{self.port}: {error.strerror}") from None
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await asyncio.gather(*(connection.close() for connection in self._sockets.values()))
        if self._runner is not None:
            await self._runner.cleanup()

    def path_changed(self, path: str) -> None:
        """Tells every client that a node has changed (PATH_CHANGED). May be called on any thread."""
        loop, text = self.loop, json.dumps({"COMMAND": "PATH_CHANGED", "DATA": path})
        if loop is not None:
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(lambda: loop.create_task(self._tell_all(text)))

    async def _tell_all(self, text: str) -> None:
        for connection in list(self._sockets.values()):
            with suppress(ConnectionError):
                await connection.send_str(text)

    # --- access ---

    def _admits(self, address: str) -> bool:
        allowed = self._inbox.allows(address)
        if not allowed:
            self._error_log.note("connection refused", f"from {address}")
        return allowed

    @web.middleware
    async def _check_request(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = reason_to_refuse(request)
        if refused:
            self._error_log.note("web request refused", f"{refused}, {request.remote}")
            return web.Response(status=403, text=refused, headers=HEADERS)
        if self._password and not self._knows_password(request):
            if "Authorization" in request.headers:
                self._error_log.note("wrong password", f"from {request.remote}")
                await asyncio.sleep(WRONG_PASSWORD_S)
            challenge = {"WWW-Authenticate": 'Basic realm="Doppelgänger"'}
            return web.Response(status=401, text="a password is needed", headers=HEADERS | challenge)
        answer = await handler(request)
        if not answer.prepared:
            answer.headers.update(HEADERS)
            if self._password:
                # Browsers do not send the password along with a WebSocket.
                answer.set_cookie(COOKIE, self._token, httponly=True, samesite="Strict")
        return answer

    def _knows_password(self, request: web.Request) -> bool:
        if hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self._token.encode()):
            return True
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(given, self._password.encode())

    # --- HTTP ---

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._handle_websocket(request)
        query = request.query_string.partition("=")[0]
        if query == "HTML" or (not query and "text/html" in request.headers.get("Accept", "")):
            return web.FileResponse(PAGE / "index.html")
        try:
            if query == "HOST_INFO":
                return web.json_response(self._host_info(request))
            if query:
                return web.json_response(self._tree.attribute(request.path, query))
            return web.json_response(self._tree.node(request.path))
        except Unknown:
            return web.Response(status=404, text="there is no such node")
        except BadAttribute:
            return web.Response(status=400, text="there is no such attribute")
        except NotReadable:
            return web.Response(status=204)

    async def _typeface(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(plex.FILE)

    def _host_info(self, request: web.Request) -> dict[str, Any]:
        here = request.transport.get_extra_info("sockname")[0] if request.transport else self.address
        return {
            "NAME": "Doppelgänger",
            "EXTENSIONS": EXTENSIONS,
            "OSC_IP": here,
            "OSC_PORT": self._osc_port(),
            "OSC_TRANSPORT": "UDP",
            "WS_IP": here,
            "WS_PORT": self.port,
        }

    # --- WebSocket ---

    async def _handle_websocket(self, request: web.Request) -> web.StreamResponse:
        if len(self._sockets) >= MOST_CONNECTIONS:
            return web.Response(status=503, text="too many connections")
        assert self.loop is not None and request.remote is not None
        connection = web.WebSocketResponse(
            heartbeat=HEARTBEAT_S, timeout=CLOSING_S, max_msg_size=LONGEST_PACKET
        )
        await connection.prepare(request)
        peer = StreamPeer(request.remote, self.loop)
        self._sockets[peer] = connection
        writing = asyncio.create_task(self._write(peer, connection))
        try:
            async for message in connection:
                if message.type is WSMsgType.BINARY:
                    self._inbox.receive(message.data, peer)
                elif message.type is WSMsgType.TEXT:
                    self._handle_listen_request(message.data, peer)
        finally:
            peer.alive = False
            writing.cancel()
            del self._sockets[peer]
        return connection

    async def _write(self, peer: StreamPeer, connection: web.WebSocketResponse) -> None:
        with suppress(ConnectionError):  # the reading side notices, too
            while True:
                for packet in await peer.next_packets():
                    await connection.send_bytes(packet)

    def _handle_listen_request(self, text: str, peer: StreamPeer) -> None:
        try:
            request = json.loads(text)
            command, address = request["COMMAND"], request["DATA"]
        except (ValueError, KeyError, TypeError, RecursionError):
            command, address = None, None
        if command in ("LISTEN", "IGNORE") and isinstance(address, str) and address in self._tree:
            self._inbox.listen(peer, address, command == "LISTEN")
        else:
            self._error_log.note("malformed request over WebSocket", f"from {peer.host}")


class _ErrorLogHandler(logging.Handler):
    """Counts what aiohttp logs, such as requests that are not HTTP, instead of printing tracebacks."""

    def __init__(self, error_log: ErrorLogThrottle) -> None:
        super().__init__(logging.WARNING)
        self._error_log = error_log

    def emit(self, record: logging.LogRecord) -> None:
        fault = record.exc_info[1] if record.exc_info else None
        kind = "malformed web request" if isinstance(fault, HttpProcessingError) else "web server"
        what = type(fault).__name__ if fault else "fault"
        self._error_log.note(kind, f"{what}: {printable(record.getMessage())}")


def _counting_logger(error_log: ErrorLogThrottle) -> logging.Logger:
    """A logger outside the hierarchy of loggers, whose records are only counted."""
    logger = logging.Logger("oscquery")
    logger.addHandler(_ErrorLogHandler(error_log))
    return logger
