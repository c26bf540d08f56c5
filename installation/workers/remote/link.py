"""The link between a kiosk and its rendering server: a process that passes messages on, both ways.

It connects once and lives as long as the connection. Why it ends, it says in a `Failed`, its last message.
"""

import asyncio
import os
import signal
import ssl
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from engine.common.errors import exception_summary
from engine.runtime.channel import Channel
from engine.runtime.codec import REPLIES, REQUESTS, InvalidMessage, encode
from engine.runtime.messages import Failed, Ready
from hardware.memory import forbid_core_dumps, overwrite_freed_memory
from installation.workers.remote.handshake import Greeting, Refused
from installation.workers.remote.transfer import (
    CHECK_PATH,
    CLEANSE_PLAINTEXT,
    HEARTBEAT_S,
    LONGEST_FRAME_BYTES,
    Closed,
    Socket,
    overwrite,
    receive,
    receive_text,
    send,
)

CONNECT_S = 15.0  # from the first packet until the server is ready for work
NICENESS = 5  # the window goes first


@dataclass(frozen=True)
class Address:
    """Where the server is, and who this kiosk is. certificate: of the server, PEM; None: a trusted one."""

    url: str
    name: str
    key: bytes
    certificate: Path | None


def run_link(channel: Channel, address: Address) -> None:
    """The whole life of the process."""
    forbid_core_dumps()
    overwrite_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+C is for the parent
    os.nice(NICENESS)
    pass_messages(channel, address)


def pass_messages(channel: Channel, address: Address) -> None:
    """Connects, and passes messages on until either side has gone."""
    with suppress(EOFError, BrokenPipeError):
        fault = asyncio.run(_fault_of(_converse(channel, address)))
        channel.send(Failed(fault or "The server has closed the connection."))


def connection_fault(address: Address) -> str:
    """Connects to the server for a moment, beside the kiosk's own connection. Returns why that is not
    possible, in one line; empty: it is."""
    beside = replace(address, url=urlsplit(address.url)._replace(path=CHECK_PATH).geturl())
    return asyncio.run(_fault_of(_try(beside)))


async def _fault_of(work: Coroutine[Any, Any, None]) -> str:
    """Does the work with a server. Returns why it has failed, in one line; empty: it has not.

    Raises EOFError or BrokenPipeError where the kiosk's end of the channel is closed.
    """
    try:
        await work
    except (EOFError, BrokenPipeError):
        raise
    except Refused as refusal:
        return str(refusal)
    except Closed as closed:
        return f"The server has closed the connection. {closed}".strip()
    except InvalidMessage as fault:
        return f"The server sent what is no message ({fault})."
    except aiohttp.ClientConnectorCertificateError as error:
        return f"The server's certificate is not accepted ({_reason(error.certificate_error)})."
    except aiohttp.ClientConnectorError as error:
        return f"The server cannot be reached ({_reason(error.os_error)})."
    except aiohttp.WSServerHandshakeError as error:
        return f"What answers there is no rendering server (HTTP {error.status})."
    except TimeoutError:
        return "The server does not answer in time."
    except (OSError, ssl.SSLError, aiohttp.ClientError) as error:
        return f"The connection to the server broke off ({type(error).__name__})."
    except Exception as error:  # a defect; its message may hold something of a visitor
        return f"The link to the server failed ({exception_summary(error)})."
    return ""


async def _try(address: Address) -> None:
    async with aiohttp.ClientSession() as session, await connect(session, address):
        pass


async def _converse(channel: Channel, address: Address) -> None:
    async with aiohttp.ClientSession() as session, await connect(session, address) as socket:
        channel.send(Ready())
        passing = [
            asyncio.create_task(each)
            for each in (_pass_requests(channel, socket), _pass_replies(socket, channel))
        ]
        try:
            done, _ = await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in passing:
                task.cancel()
        for task in done:
            task.result()


async def connect(session: aiohttp.ClientSession, address: Address) -> aiohttp.ClientWebSocketResponse:
    """The connection, once both sides have proved who they are and the server is ready for work."""
    async with asyncio.timeout(CONNECT_S):
        socket = await session.ws_connect(
            address.url,
            ssl=_tls(address) if address.url.startswith("wss:") else True,
            heartbeat=HEARTBEAT_S,
            max_msg_size=LONGEST_FRAME_BYTES,
        )
        await _greet(socket, address)
        await receive(socket, {Ready: 0})
    return socket


async def _greet(socket: aiohttp.ClientWebSocketResponse, address: Address) -> None:
    """Proves who we are, and has the server do the same."""
    connection = socket.get_extra_info("ssl_object")
    certificate = connection.getpeercert(binary_form=True) if connection is not None else b""
    greeting = Greeting(address.name, address.key, sha256(certificate).hexdigest())
    await socket.send_str(greeting.reply(await receive_text(socket, None)))
    greeting.check(await receive_text(socket, None))


async def _pass_requests(channel: Channel, socket: Socket) -> None:
    """From the kiosk to the server; each is overwritten once it is sent."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(channel.fileno(), readable.set)
    try:
        while True:
            await readable.wait()
            readable.clear()
            while channel.waits():
                received = channel.receive()
                try:
                    await send(socket, encode(received.message, REQUESTS))
                finally:
                    received.erase()
    finally:
        loop.remove_reader(channel.fileno())


async def _pass_replies(socket: Socket, channel: Channel) -> None:
    """From the server to the kiosk. While the kiosk takes nothing, nothing is read here either."""
    while True:
        message, content = await receive(socket, REPLIES)
        await asyncio.to_thread(channel.send, message)
        overwrite(content)


def _tls(address: Address) -> ssl.SSLContext:
    """Trusts the given certificate alone, or what this system trusts. The name is checked in any case."""
    context = ssl.create_default_context(cafile=address.certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.options |= CLEANSE_PLAINTEXT
    return context


def _reason(error: BaseException | None) -> str:
    """The short reason of an error of connection or certificate."""
    words = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or type(error).__name__
    return " ".join(str(words).split())[:120]
