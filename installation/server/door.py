"""The door: the only socket of the rendering server that other machines reach.

It speaks WebSocket over TLS with kiosks that prove that they have a key, and passes their messages on to the
pool. Nothing it reads is code: messages are checked by `engine/runtime/codec.py`.
"""

import asyncio
import logging
import ssl
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from aiohttp import WSCloseCode, web

from engine.common.errors import UsageError
from engine.runtime.codec import REPLIES, EncodedMessage, encode
from engine.runtime.messages import Ready
from installation.server.connection import NOT_READY, REPLACED, Connection, close, greet
from installation.server.entrance import PROOF_S, Entrance, listen
from installation.server.outbox import Outboxes
from installation.server.pool import Pool
from installation.settings.server import ServerSettings
from installation.workers.connection_limit import LONGEST_HEADER, LONGEST_LINE, MOST_HEADERS
from installation.workers.error_log_throttle import ErrorLogThrottle
from installation.workers.remote.transfer import (
    CHECK_PATH,
    CLEANSE_PLAINTEXT,
    HEARTBEAT_S,
    LONGEST_FRAME_BYTES,
    send,
)

log = logging.getLogger(__name__)

PLACES_EVERY_S = 5.0  # a visit that waits is told its place so often, as a sign of life


class Door:
    """Listens, and holds one connection for each kiosk; an asynchronous context manager.

    Raises UsageError where certificate and key cannot be used, and MachineError where the port cannot.
    """

    def __init__(self, settings: ServerSettings, keys: dict[str, bytes], pool: Pool) -> None:
        self._settings, self._keys, self._pool = settings, keys, pool
        self._tls, self._certificate_sha256 = _tls(settings)
        self._connections: dict[str, Connection] = {}
        self._outboxes = Outboxes()
        self._faults = ErrorLogThrottle("a connection")
        self._entrance: Entrance | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.port = settings.port
        pool.show_people = self._show_people

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self._settings.address}]" if ":" in self._settings.address else self._settings.address
        return f"{'wss' if self._tls else 'ws'}://{host}:{self.port}"

    def _show_people(self, message: EncodedMessage) -> None:
        """Sends a strip of somebody who does not exist to all kiosks."""
        for connection in self._connections.values():
            connection.put(message)

    async def __aenter__(self) -> "Door":
        quiet = logging.getLogger(f"{__name__}.http")
        quiet.disabled = True  # its lines carry what strangers send
        handler = web.Server(
            self._answer,
            logger=quiet,
            access_log=None,
            keepalive_timeout=PROOF_S,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
            lingering_time=1.0,
        )
        listening = listen(self._settings)
        self.port = listening.getsockname()[1]
        self._entrance = Entrance(listening, self._tls, handler, self._faults)
        self._tasks = [asyncio.create_task(each) for each in (self._entrance.run(), self._report())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for connection in list(self._connections.values()):
            connection.end(NOT_READY, "The server ends.")
        await asyncio.sleep(0)
        with suppress(TimeoutError):
            async with asyncio.timeout(3.0):
                while self._connections:
                    await asyncio.sleep(0.02)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        paths = ("/", CHECK_PATH)
        if request.method != "GET" or request.path not in paths or "Upgrade" not in request.headers:
            return web.Response(status=404)
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_S, max_msg_size=LONGEST_FRAME_BYTES, compress=False, timeout=2.0
        )
        try:
            await socket.prepare(request)
        except (web.HTTPException, ValueError):  # aiohttp takes headers for text, which may be none
            return web.Response(status=400)
        kiosk = await greet(socket, self._keys, self._certificate_sha256, self._faults)
        if kiosk is None:
            return socket
        assert request.transport is not None and self._entrance is not None
        self._entrance.has_proved(request.transport.get_extra_info("peername"))
        if not self._pool.works or not self._has_room(kiosk):
            why = "All places are taken." if self._pool.works else "No engine is ready yet."
            await close(socket, NOT_READY, why)
            return socket
        if request.path == CHECK_PATH:
            await send(socket, encode(Ready(), REPLIES))
            await close(socket, WSCloseCode.OK, "")
            return socket
        former = self._connections.get(kiosk)
        if former is not None:
            former.end(REPLACED, "The kiosk has connected anew.")
        connection = self._connections[kiosk] = Connection(
            kiosk, socket, request.transport, self._pool, self._outboxes, self._faults
        )
        log.info("%s: connected", kiosk)
        try:
            await connection.serve()
        finally:
            if self._connections.get(kiosk) is connection:
                del self._connections[kiosk]
            log.info("%s: disconnected", kiosk)
        return socket

    def _has_room(self, kiosk: str) -> bool:
        return kiosk in self._connections or len(self._connections) < self._settings.kiosks

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(PLACES_EVERY_S)
            self._pool.tell_places()
            self._faults.report(asyncio.get_running_loop().time())


def _tls(settings: ServerSettings) -> tuple[ssl.SSLContext | None, str]:
    """The server's TLS and the digest of its certificate; without a certificate neither."""
    if settings.certificate is None or settings.key is None:
        return None, sha256(b"").hexdigest()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.options |= CLEANSE_PLAINTEXT
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"server.certificate: {settings.certificate} and {settings.key} are not in PEM "
            f"({type(error).__name__}). Make them as docs/server.md says."
        ) from None
    return context, sha256(_first_certificate(settings.certificate)).hexdigest()


def _first_certificate(path: Path) -> bytes:
    """The server's own certificate, the first of its chain, in DER."""
    text = path.read_text("ascii", "replace")  # a name in front of it may have other letters
    end = "-----END CERTIFICATE-----"
    begin = text.index("-----BEGIN CERTIFICATE-----")
    return ssl.PEM_cert_to_DER_cert(text[begin : text.index(end, begin) + len(end)])
