"""The web server that phones talk to.

    /D/TOKEN               the page
    /D/TOKEN/NAME          a file of it, to look at; films in ranges, as phones ask for them
    /D/TOKEN/save/NAME     the same, to keep: counts
    /D/TOKEN/forget        POST: everything behind the link is gone
    /D/gone                what the phone sees then
    /S/NAME                the page's style, script, typeface and icon

Everything else, and every token that leads nowhere, gets the same 404. Paths may be in capitals, as
in the code, or not. Nothing of a request is logged.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from aiohttp import hdrs, web

from installation.delivery import page
from installation.delivery.attempt_limit import AttemptLimit
from installation.delivery.files import File
from installation.delivery.links import TOKEN_PATTERN, EndReason, Link, Links
from installation.workers.connection_limit import (
    LONGEST_HEADER,
    LONGEST_LINE,
    MOST_HEADERS,
    MOST_REQUEST_BYTES,
    ConnectionLimit,
    LimitedConnection,
)

log = logging.getLogger(__name__)

CHUNK_BYTES = 64 * 1024
SEND_BUFFER_BYTES = 256 * 1024
BACKLOG = 1024  # connections that have not been accepted yet
REQUEST_LIMIT_S = 10.0  # from connection, or last answer, to a whole request
STALL_LIMIT_S = 20.0  # for a phone to take one chunk, or what is left when its connection is closed
SHUTDOWN_LIMIT_S = 3.0  # for what is on its way when the server closes

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; "
    "script-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Connection(web.RequestHandler):
    """aiohttp's connection with our limits, which logs nothing and names no server software."""

    def __init__(self, server: web.Server) -> None:
        quiet = logging.getLogger(f"{__name__}.http")
        quiet.disabled = True  # Its lines carry addresses and paths.
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            logger=quiet,
            access_log=None,  # type: ignore[arg-type]  # as AppRunner passes it on
            keepalive_timeout=REQUEST_LIMIT_S,
            lingering_time=0,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
        )
        self._unfinished_bytes = 0  # of the request that is coming in

    def data_received(self, data: bytes) -> None:
        """Takes in a part of a request; a request that grows too large ends the connection."""
        requests = self._request_count
        super().data_received(data)
        self._unfinished_bytes = 0 if self._request_count > requests else self._unfinished_bytes + len(data)
        if self._unfinished_bytes > MOST_REQUEST_BYTES and self.transport is not None:
            self.transport.abort()

    async def start(self) -> None:
        """Serves the connection, which closes at the end; what the phone does not take then is given up."""
        transport = self.transport
        try:
            await super().start()
        finally:
            # Closing waits for what is unsent, and so for ever where nobody takes it.
            if transport is not None:
                asyncio.get_running_loop().call_later(STALL_LIMIT_S, transport.abort)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        answer = _plain(status, "This could not be read.")
        answer.headers.update(HEADERS | {hdrs.CACHE_CONTROL: "no-store", hdrs.SERVER: ""})
        answer.force_close()
        return answer


class Server:
    """Serves `links`. Calls `on_saved` and `on_forgotten` when a phone has done so.

    `hosts` are the Host headers it answers to, `misses_per_minute` what one address may guess; both may
    change while it is open. Belongs to one event loop.
    """

    def __init__(
        self,
        links: Links,
        limit: ConnectionLimit,
        on_saved: Callable[[Link, str], None],
        on_forgotten: Callable[[Link], None],
        hosts: frozenset[str] = frozenset(),
        misses_per_minute: int = 60,
    ) -> None:
        self.hosts = hosts
        self.misses_per_minute = misses_per_minute
        self._links = links
        self._limit = limit
        self._misses = AttemptLimit()
        self._on_saved = on_saved
        self._on_forgotten = on_forgotten
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    async def open(self, address: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Listens. Raises OSError where that is not possible."""
        self._runner = web.AppRunner(
            self._application(), handler_cancellation=True, shutdown_timeout=SHUTDOWN_LIMIT_S
        )
        await self._runner.setup()
        behind = self._runner.server
        assert behind is not None
        # Connections inherit its buffer, so that the kernel, too, holds little of a film for each phone.
        listening = socket.create_server((address, port), backlog=BACKLOG)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._listener = await asyncio.get_running_loop().create_server(
            lambda: LimitedConnection(self._limit, lambda: _Connection(behind)),
            sock=listening,
            ssl=tls,
            ssl_handshake_timeout=REQUEST_LIMIT_S if tls else None,
            backlog=BACKLOG,
        )

    async def close(self) -> None:
        """Stops listening, and ends the connections that are open."""
        if self._listener is not None:
            self._listener.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._listener = self._runner = None

    def _application(self) -> web.Application:
        link = f"/{{d:[dD]}}/{{token:{TOKEN_PATTERN}}}"
        application = web.Application(middlewares=[_send_response, self._guard])
        application.add_routes(
            [
                web.get(link, self._page),
                web.get(link + r"/{name:[a-z_.0-9]+}", self._view),
                web.get(link + r"/save/{name:[a-z_.0-9]+}", self._save),
                web.post(link + "/forget", self._forget),
                web.get("/{d:[dD]}/gone", self._gone),
                web.get(r"/{s:[sS]}/{name:[a-z_.0-9]+}", self._static),
            ]
        )
        application.on_response_prepare.append(_set_headers)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Checks every request's size and Host header, and makes every failure one of the plain answers."""
        if sum(len(name) + len(value) for name, value in request.raw_headers) > MOST_REQUEST_BYTES:
            return _plain(431, "This request is too large.")
        if request.host.lower() not in self.hosts:
            return _plain(421, "This is not the server you asked for.")
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return self._not_found(request)
        except web.HTTPException as refusal:
            return _plain(refusal.status, refusal.reason, allow=refusal.headers.get("Allow"))
        except (ConnectionError, TimeoutError):
            raise  # The phone's doing, no failure of ours.
        except Exception as error:
            log.exception("an answer failed: %s", type(error).__name__)
            return _plain(500, "Something went wrong here.")

    def _not_found(self, request: web.Request) -> web.StreamResponse:
        """The answer to everything that is not there: 404, or 429 where the address has guessed too often."""
        guessed = "token" in request.match_info
        if guessed and self._misses.count(self._client_address(request), self.misses_per_minute):
            answer = _plain(429, "Too many wrong links.")
            answer.headers["Retry-After"] = "60"
            answer.force_close()
            return answer
        return web.Response(status=404, text=page.gone(), content_type="text/html")

    def _client_address(self, request: web.Request) -> str:
        """The phone's address: the connection's, or what a trusted proxy says it is."""
        address = request.remote or "0.0.0.0"
        if not self._limit.is_trusted(address):
            return address
        for hop in reversed(",".join(request.headers.getall("X-Forwarded-For", ())).split(",")):
            try:
                ip_address(hop.strip())
            except ValueError:
                break
            if not self._limit.is_trusted(hop.strip()):
                return hop.strip()
        return address

    def _link(self, request: web.Request) -> Link:
        link = self._links.find(request.match_info["token"])
        if link is None:
            raise web.HTTPNotFound
        return link

    def _file(self, link: Link, request: web.Request) -> File:
        file = link.content.files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        return file

    async def _page(self, request: web.Request) -> web.StreamResponse:
        link = self._link(request)
        text = page.render(link.content, request.match_info["token"], self._links.lives_s(link))
        return web.Response(text=text, content_type="text/html")

    async def _view(self, request: web.Request) -> web.StreamResponse:
        link = self._link(request)
        return await _send(request, link, self._file(link, request))

    async def _save(self, request: web.Request) -> web.StreamResponse:
        link = self._link(request)
        file = self._file(link, request)
        if request.method != hdrs.METH_HEAD:
            self._links.count_save(link)
            self._on_saved(link, file.name)
        return await _send(request, link, file, to_keep=True)

    async def _forget(self, request: web.Request) -> web.StreamResponse:
        link = self._link(request)
        self._links.end(link.visit_id, EndReason.FORGOTTEN)
        self._on_forgotten(link)
        # Relative to .../D/TOKEN/forget, so that it holds behind any proxy.
        return web.Response(status=303, headers={hdrs.LOCATION: "../gone"})

    async def _gone(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text=page.gone(forgotten=True), content_type="text/html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        static = page.STATIC.get(request.match_info["name"])
        if static is None:
            raise web.HTTPNotFound
        headers = {hdrs.CACHE_CONTROL: "private, max-age=3600", hdrs.VARY: hdrs.ACCEPT_ENCODING}
        headers[hdrs.CONTENT_TYPE] = static.content_type
        content = static.content
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            headers[hdrs.CONTENT_ENCODING], content = "gzip", static.packed
        return await _write(request, web.StreamResponse(headers=headers), memoryview(content))


@web.middleware
async def _send_response(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Sends every answer, and aborts the connection of a phone that has gone or takes nothing any more.

    aiohttp would send what comes back from here, and wait for the phone without a limit.
    """
    try:
        answer = await handler(request)
        async with asyncio.timeout(STALL_LIMIT_S):
            await answer.prepare(request)
            await answer.write_eof()
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
        raise
    return answer


async def _send(request: web.Request, link: Link, file: File, to_keep: bool = False) -> web.StreamResponse:
    """A file, until it is whole or the link ends.

    To look at, one range of it is sent where one is asked for; to keep, always all of it.
    """
    size = len(file.content)
    headers = {hdrs.CONTENT_TYPE: file.content_type, hdrs.ACCEPT_RANGES: "none" if to_keep else "bytes"}
    headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{file.name}"' if to_keep else "inline"
    status, first, end = 200, 0, size
    if not to_keep and hdrs.RANGE in request.headers:
        try:
            first, end, _ = request.http_range.indices(size)
        except ValueError:
            first = end = 0  # Several ranges, other units, or no numbers.
        if first >= end:
            return web.Response(status=416, headers={hdrs.CONTENT_RANGE: f"bytes */{size}"})
        status, headers[hdrs.CONTENT_RANGE] = 206, f"bytes {first}-{end - 1}/{size}"

    answer = web.StreamResponse(status=status, headers=headers)
    if request.transport is None:
        raise ConnectionResetError
    # A phone that takes nothing just now, as players do that have enough of a film, would keep it here.
    abort = request.transport.abort
    link.aborts.add(abort)
    try:
        return await _write(request, answer, memoryview(file.content)[first:end])
    finally:
        link.aborts.discard(abort)


async def _write(request: web.Request, answer: web.StreamResponse, content: memoryview) -> web.StreamResponse:
    """Answers with `content` in chunks, so that a slow phone holds one chunk and not the whole.

    `_send_response` ends the answer.
    """
    answer.content_length = len(content)
    await answer.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return answer
    for start in range(0, len(content), CHUNK_BYTES):
        async with asyncio.timeout(STALL_LIMIT_S):
            await answer.write(content[start : start + CHUNK_BYTES])
    return answer


def _plain(status: int, words: str, allow: str | None = None) -> web.Response:
    return web.Response(status=status, text=words, headers={hdrs.ALLOW: allow} if allow else None)


async def _set_headers(_: web.Request, answer: web.StreamResponse) -> None:
    """Sets the headers that every answer has, and removes the one that names the server's software."""
    answer.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    answer.headers.update(HEADERS)
    answer.headers.popall(hdrs.SERVER, None)
