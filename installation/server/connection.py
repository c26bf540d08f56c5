"""One kiosk at the door, from the handshake to its end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import web

from engine.runtime.codec import REPLIES, REQUESTS, EncodedMessage, InvalidMessage, encode
from engine.runtime.messages import Cancel, JudgeMoved, PaintGroup, Portray, Ready
from installation.server.outbox import Outboxes
from installation.server.pool import Pool, Ticket
from installation.workers.error_log_throttle import ErrorLogThrottle
from installation.workers.remote.handshake import Challenge, Refused
from installation.workers.remote.transfer import Closed, overwrite, receive, receive_text, send

REFUSED, NOT_READY, NOT_KEPT, REPLACED, SLOW = 4001, 4002, 4003, 4004, 4005
"""Why the door closes a connection, as WebSockets number it."""


class Connection:
    """A kiosk that has proved who it is. outboxes: of all kiosks; it opens one more."""

    def __init__(
        self,
        kiosk: str,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        pool: Pool,
        outboxes: Outboxes,
        faults: ErrorLogThrottle,
    ) -> None:
        self.kiosk, self._socket, self._transport, self._pool = kiosk, socket, transport, pool
        self._outbox, self._faults = outboxes.open(self._give_up), faults
        self._ticket: Ticket | None = None
        self._ending: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Passes messages on until the connection ends, then cancels what it had asked for."""
        self.put(encode(Ready(), REPLIES))
        for people in self._pool.people:
            self.put(people)
        sending = asyncio.create_task(self._send())
        try:
            while True:
                message, content = await receive(self._socket, REQUESTS)
                self._carry_out(message, partial(overwrite, content))
        except InvalidMessage as fault:
            self._faults.note("sends what is no message", f"{self.kiosk}: {fault}. Its connection is closed.")
            self.end(NOT_KEPT, "The kiosk sent what is no message.")
        except (Closed, OSError, TimeoutError):
            pass
        finally:
            sending.cancel()
            if self._ticket is not None:
                self._pool.leave(self._ticket)
            self._outbox.close()
            if self._ending is not None:
                await self._ending

    def put(self, message: EncodedMessage) -> None:
        """Sends a message to the kiosk, in its turn."""
        self._outbox.put(message)

    def _give_up(self) -> None:
        self._faults.note("takes too little", f"{self.kiosk}. Its connection is closed.")
        self.end(SLOW, "The kiosk takes too little.")

    def end(self, code: int, reason: str) -> None:
        """Closes the connection, from the server's side."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._close(code, reason))

    async def _close(self, code: int, reason: str) -> None:
        await close(self._socket, code, reason)
        self._abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _send(self) -> None:
        try:
            while True:
                message = await self._outbox.take()
                try:
                    await send(self._socket, message)
                finally:
                    self._outbox.sent()
        except TimeoutError:
            self._faults.note("takes too little", f"{self.kiosk}. Its connection is closed.")
            self._abort()  # who reads nothing does not read a reason either
        except (Closed, OSError):
            self._abort()

    def _carry_out(self, message: Any, sent: Callable[[], None]) -> None:
        """A request. sent: overwrites its memory. Raises InvalidMessage where it has no place now."""
        ticket = self._ticket if self._ticket is not None and not self._ticket.is_over else None
        match message:
            case Portray() | PaintGroup():
                if ticket is not None:
                    sent()
                    raise InvalidMessage("a second visit before the first has ended")
                self._ticket = Ticket(message.visit_id, message, sent, self.put)
                self._pool.enter(self._ticket)
            case JudgeMoved(visit_id) | Cancel(visit_id) if ticket is not None:
                if ticket.visit_id != visit_id:
                    sent()
                    raise InvalidMessage("something about another visit than its own")
                self._pool.ask(ticket, message, sent)
            case _:  # the visit has ended before it arrived
                sent()


async def greet(
    socket: web.WebSocketResponse, keys: dict[str, bytes], certificate_sha256: str, faults: ErrorLogThrottle
) -> str | None:
    """The name of the kiosk at the other end; None where it could not prove it, and is sent away."""
    challenge = Challenge(keys, certificate_sha256)
    try:
        await socket.send_str(challenge.opening())
        name, answer = challenge.answer(await receive_text(socket, None))
        await socket.send_str(answer)
        return name
    except Refused as refusal:
        faults.note("is refused", str(refusal))
        await close(socket, REFUSED, str(refusal))
    except InvalidMessage as fault:
        faults.note("is refused", f"{fault}.")
        await close(socket, REFUSED, "The other side does not keep to the handshake.")
    except (Closed, OSError, TimeoutError):
        await close(socket, REFUSED, "")
    return None


async def close(socket: web.WebSocketResponse, code: int, reason: str) -> None:
    """Closes a WebSocket, and does not wait for long for who does not answer."""
    with suppress(OSError, TimeoutError, RuntimeError):
        async with asyncio.timeout(2.0):
            await socket.close(code=code, message=reason.encode()[:120])
