"""Messages with changed, missing and added parts over the door's real socket, before and after the handshake.

Every message gets an answer: the door refuses the connection, or a ping behind it is answered, because it was
a message, or the beginning of one. WebSocket frames are built here, so that they may be wrong, too.
"""

import asyncio
import json
import random
import struct
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

import numpy as np

from benchmarks.server.door import Site
from engine.runtime.codec import REQUESTS, encode
from engine.runtime.messages import Cancel, JudgeMoved, PaintGroup, Portray, Words
from installation.workers.remote.handshake import Greeting
from installation.workers.remote.link import connection_fault
from tests.support.resources import usage
from tests.support.server_kit import KEYS, NAMES

TOGETHER = 8  # connections at once
ANSWER_S = 20.0
HTTP_ANSWER_S = 2.0  # what is no whole request gets no answer, and is closed after 10 s
LOOK_EVERY = 5000  # messages, until a kiosk is let in
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PHOTOGRAPH = np.full((16, 16, 3), 77, np.uint8)
VALID = [
    encode(message, REQUESTS)
    for message in (
        Portray(1, (PHOTOGRAPH, PHOTOGRAPH), True, Words("hello", "en", 22_050)),
        PaintGroup(1, PHOTOGRAPH, ()),
        JudgeMoved(1, PHOTOGRAPH, None),
        Cancel(1),
    )
]
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    1e308,
    "",
    "x" * 3000,
    [],
    {},
    [[]],
    "é\u0000",
    "__class__",
    0.5,
)


def frame(kind: int, content: bytes, first_bits: int = 0x80, masked: bool = True) -> bytes:
    """A WebSocket's frame as a client sends it. first_bits: 0x80 ends a message (RFC 6455, 5.2)."""
    size = len(content)
    if size < 126:
        lengths = bytes([size | 0x80 * masked])
    elif size < 65536:
        lengths = bytes([126 | 0x80 * masked]) + struct.pack("!H", size)
    else:
        lengths = bytes([127 | 0x80 * masked]) + struct.pack("!Q", size)
    return bytes([first_bits | kind]) + lengths + (bytes(4) if masked else b"") + content


def changed_bytes(source: random.Random, content: bytes) -> bytes:
    """Some bytes changed, taken away or added."""
    changed = bytearray(content)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(changed) + 1)
        match source.randrange(3):
            case 0:
                changed[at : at + 1] = source.randbytes(1)
            case 1:
                del changed[at : at + source.randint(1, 20)]
            case _:
                changed[at:at] = source.randbytes(source.randint(1, 20))
    return bytes(changed)


def changed_json(source: random.Random, value: Any) -> Any:
    """The same with one part, somewhere inside, that is another, missing or added."""
    if isinstance(value, dict) and value and source.random() < 0.85:
        name = source.choice(list(value))
        match source.randrange(6):
            case 0:
                return {each: part for each, part in value.items() if each != name}
            case 1:
                return value | {source.choice(("kind", "__init__", "x")): source.choice(ODD)}
            case _:
                return value | {name: changed_json(source, value[name])}
    if isinstance(value, list) and value and source.random() < 0.85:
        at = source.randrange(len(value))
        match source.randrange(6):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return value + value
            case _:
                return [*value[:at], changed_json(source, value[at]), *value[at + 1 :]]
    if isinstance(value, int) and source.random() < 0.5:
        return value + source.choice((-1, 1, 7, 2**31))
    return source.choice(ODD)


def changed_frame(source: random.Random, content: bytes) -> bytes:
    """A frame that a WebSocket does not have."""
    match source.randrange(5):
        case 0:
            return frame(source.randrange(16), content, source.choice((0x00, 0x80, 0xC0, 0xF0)))
        case 1:
            return frame(TEXT, content, masked=False)
        case 2:
            return bytes([0x81, 0xFF]) + struct.pack("!Q", source.choice((2**63, 2**40, 2**20 + 1))) + content
        case 3:
            return frame(source.choice((TEXT, BINARY)), source.randbytes(source.randint(0, 300)))
        case _:
            return changed_bytes(source, frame(TEXT, content))


class Conversation:
    """One connection, which says what it likes. kiosk: whose name it uses, once it greets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def begin(cls, site: Site) -> "Conversation":
        """Before anything is said."""
        return cls(*await asyncio.open_connection("127.0.0.1", site.port))

    async def upgrade(self) -> None:
        """Makes a WebSocket of it, and reads the opening of the handshake."""
        self._writer.write(UPGRADE)
        await self._reader.readuntil(b"\r\n\r\n")

    async def greet(self, kiosk: str) -> None:
        """Proves that it is this kiosk."""
        greeting = Greeting(kiosk, KEYS[kiosk], sha256(b"").hexdigest())
        reply = greeting.reply((await self._frame())[1].decode())
        self._writer.write(frame(TEXT, reply.encode()))
        greeting.check((await self._frame())[1].decode())

    async def say(self, content: bytes) -> str:
        """Says something, and returns how it was taken, in a word or two."""
        with suppress(OSError):
            self._writer.write(content + frame(PING, b"?"))
            await self._writer.drain()
        try:
            async with asyncio.timeout(ANSWER_S):
                while True:
                    kind, answer = await self._frame()
                    if kind == PONG and answer == b"?":
                        return "a message"
                    if kind == CLOSE:
                        return f"closed with {struct.unpack('!H', answer[:2])[0]}" if answer else "closed"
        except TimeoutError:
            self._writer.write_eof()
            return "no answer"
        except (OSError, asyncio.IncompleteReadError):
            return "cut"

    async def say_instead_of_http(self, content: bytes) -> str:
        """Says something before there is a WebSocket. Returns the status of the answer."""
        with suppress(OSError):
            self._writer.write(content + b"\r\n\r\n")
        try:
            async with asyncio.timeout(HTTP_ANSWER_S):
                answer = await self._reader.read(64)
        except TimeoutError:
            return "waits for more"
        except OSError:
            return "cut"
        return f"HTTP {answer[9:12].decode('ascii', 'replace')}" if answer else "cut"

    async def end(self) -> None:
        """Ends it at once."""
        self._writer.transport.abort()

    async def _frame(self) -> tuple[int, bytes]:
        first, second = await self._reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(size)


def _handshake_reply(source: random.Random) -> bytes:
    reply = {"schema": "0" * 64, "kiosk": source.choice(NAMES), "nonce": "0" * 64, "proof": "0" * 64}
    return json.dumps(changed_json(source, reply)).encode()


def _request(source: random.Random) -> bytes:
    """A changed request: its header, and sometimes frames of arrays behind it."""
    message = source.choice(VALID)
    arrays = b"".join(array.tobytes() for array in message.arrays)
    match source.randrange(4):
        case 0:
            header = changed_bytes(source, message.header.encode())
        case 1:
            header, arrays = message.header.encode(), changed_bytes(source, arrays or b"?")
        case _:
            header = json.dumps(changed_json(source, json.loads(message.header))).encode()
    return frame(TEXT, header) + (frame(BINARY, arrays) if arrays else b"")


async def _before_http(site: Site, source: random.Random, kiosk: str) -> list[str]:
    conversation = await Conversation.begin(site)
    said = source.choice((changed_bytes(source, UPGRADE), source.randbytes(source.randint(1, 200))))
    taken = await conversation.say_instead_of_http(said)
    await conversation.end()
    return [taken]


async def _before_the_handshake(site: Site, source: random.Random, kiosk: str) -> list[str]:
    conversation = await Conversation.begin(site)
    await conversation.upgrade()
    reply = _handshake_reply(source)
    taken = await conversation.say(
        changed_frame(source, reply) if source.random() < 0.5 else frame(TEXT, reply)
    )
    await conversation.end()
    return [taken]


async def _after_the_handshake(site: Site, source: random.Random, kiosk: str) -> list[str]:
    conversation = await Conversation.begin(site)
    await conversation.upgrade()
    await conversation.greet(kiosk)
    taken: list[str] = []
    while not taken or (taken[-1] == "a message" and len(taken) < 5):
        request = _request(source)
        broken = source.random() < 0.2
        taken.append(await conversation.say(changed_frame(source, request) if broken else request))
    await conversation.end()
    return taken


Kind = Callable[[Site, random.Random, str], Any]
KINDS: dict[str, Kind] = {
    "instead of HTTP": _before_http,
    "instead of the handshake": _before_the_handshake,
    "after the handshake": _after_the_handshake,
}


def _require_service(site: Site) -> None:
    """Raises AssertionError where no kiosk is let in, not even after both engines have been replaced."""
    end_s = time.monotonic() + ANSWER_S
    while fault := connection_fault(site.address(NAMES[-1])):
        assert time.monotonic() < end_s, fault
        time.sleep(0.5)


async def _fuzz(site: Site, count: int) -> dict[str, Counter[str]]:
    taken: dict[str, Counter[str]] = {name: Counter() for name in KINDS}

    async def one_after_the_other(name: str, most: int, worker: int) -> None:
        source = random.Random(f"{name} {worker}")
        while taken[name].total() < most:
            taken[name].update(await KINDS[name](site, source, NAMES[worker]))
            if sum(each.total() for each in taken.values()) % LOOK_EVERY < 2:
                await asyncio.to_thread(_require_service, site)

    for name, share in zip(KINDS, (0.2, 0.3, 0.5), strict=True):
        workers = (one_after_the_other(name, int(count * share), each) for each in range(TOGETHER))
        await asyncio.gather(*workers)
    return taken


def fuzz(site: Site, count: int) -> None:
    """Prints a table of how the messages were taken, and what it has cost the door."""
    with site:
        before = usage(site.pid)
        taken = asyncio.run(_fuzz(site, count))
        _require_service(site)
        after = usage(site.pid)
    print("| said | messages | taken as |\n|---|---:|---|")
    for name, counts in taken.items():
        words = ", ".join(f"{answer} {number}" for answer, number in counts.most_common())
        print(f"| {name} | {counts.total()} | {words} |")
    print(
        f"\nMemory {before.rss_mib:.1f} to {after.rss_mib:.1f} MiB, file descriptors {before.descriptors} to "
        f"{after.descriptors}. It still serves."
    )
