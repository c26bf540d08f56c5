"""Messages of the engine over a WebSocket: the header as a text frame, then the arrays in binary frames.

Whoever receives knows from the checked header how many bytes follow, and takes no more. Frames are small, so
that pings and their answers get through between them.
"""

import asyncio
from typing import Any

import numpy as np
from aiohttp import ClientWebSocketResponse, WebSocketError, WSMessage, WSMsgType, web

from engine.runtime.codec import EncodedMessage, InvalidMessage, decode, read_header

Socket = ClientWebSocketResponse | web.WebSocketResponse

FRAME_BYTES = 256 * 1024
CHECK_PATH = "/check"  # where the server lets a kiosk in and out again, and leaves its connection as it is
LONGEST_FRAME_BYTES = 1024 * 1024  # a header is shorter than that, too
HEARTBEAT_S = 4.0  # a ping so often; without an answer for half of that the connection is dead
CLEANSE_PLAINTEXT = 0x2  # SSL_OP_CLEANSE_PLAINTEXT of OpenSSL 3: it keeps nothing that it has handed over
STALL_S = 20.0  # a frame that is not taken, or does not come, for so long: the other side hangs
SLOWEST_BYTES_PER_S = 2 * 1024 * 1024  # 17 Mbit/s: with less a visitor would wait too long for a result


class Closed(Exception):
    """The connection is over. The text is the other side's reason, or empty."""


async def send(socket: Socket, message: EncodedMessage) -> None:
    """Sends a message, no faster than the other side takes it.

    Raises TimeoutError where it does not, and OSError or Closed where the connection is over.
    """
    try:
        async with asyncio.timeout(_limit_s(message.size_bytes)):
            async with asyncio.timeout(STALL_S):
                await socket.send_str(message.header)
            for array in message.arrays:
                content = array.reshape(-1).view(np.uint8)
                for start in range(0, len(content), FRAME_BYTES):
                    async with asyncio.timeout(STALL_S):
                        await socket.send_bytes(content[start : start + FRAME_BYTES].tobytes())
    except RuntimeError:  # aiohttp's word for a WebSocket that is closing
        raise Closed("") from None


async def receive(socket: Socket, kinds: dict[type, int]) -> tuple[Any, bytearray]:
    """Waits for a message of one of these kinds. Returns it with the memory that its arrays lie in.

    Raises Closed, TimeoutError, and InvalidMessage for everything that is no such message; what has arrived
    of it is then overwritten.
    """
    text = await receive_text(socket, None)  # pings tell a dead connection from a quiet one
    header = read_header(text, kinds)
    content = bytearray(header.size_bytes)
    try:
        async with asyncio.timeout(_limit_s(header.size_bytes)):
            await _fill(content, socket, header.kind.__name__)
        return decode(header, content), content
    except BaseException:  # a broken connection and a cancelled task, too
        overwrite(content)
        raise


def _limit_s(size_bytes: int) -> float:
    """How long a message of this size may take."""
    return STALL_S + size_bytes / SLOWEST_BYTES_PER_S


async def _fill(content: bytearray, socket: Socket, kind: str) -> None:
    """Fills the memory from binary frames, which must fit exactly. kind: of the message, for complaints."""
    filled = 0
    while filled < len(content):
        frame = await _frame(socket, STALL_S)
        if frame.type is not WSMsgType.BINARY:
            raise InvalidMessage(f"{kind}: another frame than its arrays")
        if not 0 < len(frame.data) <= len(content) - filled:
            raise InvalidMessage(f"{kind}: frames that do not fit its arrays")
        content[filled : filled + len(frame.data)] = frame.data
        filled += len(frame.data)


async def receive_text(socket: Socket, timeout_s: float | None) -> str:
    """Waits for a text frame. Raises as `receive`."""
    frame = await _frame(socket, timeout_s)
    if frame.type is not WSMsgType.TEXT:
        raise InvalidMessage("a binary frame without a header")
    return str(frame.data)


async def _frame(socket: Socket, timeout_s: float | None) -> WSMessage:
    frame = await socket.receive(timeout_s)
    match frame.type:
        case WSMsgType.TEXT | WSMsgType.BINARY:
            return frame
        case WSMsgType.CLOSE:
            raise Closed(str(frame.extra or ""))
        case WSMsgType.ERROR if isinstance(frame.data, WebSocketError):
            raise InvalidMessage("a frame that is no WebSocket's, or too long")
        case WSMsgType.ERROR if isinstance(frame.data, TimeoutError):
            raise TimeoutError("no answer to a ping")
        case _:
            raise Closed("")


def overwrite(content: bytearray) -> None:
    """Overwrites the memory of a received message with zeros, and with it its arrays."""
    content[:] = bytes(len(content))
