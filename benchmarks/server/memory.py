"""The door's memory while four kiosks are sent 30 pictures a second, and one of them reads nothing."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np

from benchmarks.server.door import Site
from engine.runtime.codec import REPLIES, REQUESTS, InvalidMessage, encode
from engine.runtime.messages import Portray, ProgressUpdate
from installation.workers.remote import link
from installation.workers.remote.link import connect
from installation.workers.remote.transfer import Closed, receive, send
from tests.support.resources import usage
from tests.support.server_kit import NAMES

KIOSKS = 4
SAMPLE_S = 5.0
UNREAD_S = 25.0  # then the kiosk that reads nothing connects anew


@dataclass
class Count:
    """pictures: received. closed: how often the server has ended a connection."""

    pictures: int = 0
    closed: int = 0


async def _read(site: Site, name: str, count: Count, reads: bool) -> None:
    """One kiosk with one visit after the other. reads: else it takes nothing after its request."""
    async with aiohttp.ClientSession() as session:
        while True:
            with suppress(Closed, OSError, TimeoutError, InvalidMessage, aiohttp.ClientError):
                async with await connect(session, site.address(name)) as socket:
                    photograph = np.full((64, 64, 3), 7, np.uint8)
                    await send(socket, encode(Portray(1, (photograph,)), REQUESTS))
                    if not reads:
                        transport: Any = socket._response.connection.transport  # type: ignore[union-attr]
                        transport.pause_reading()
                        await asyncio.sleep(UNREAD_S)
                        transport.abort()
                    while True:
                        message, _ = await receive(socket, REPLIES)
                        count.pictures += isinstance(message, ProgressUpdate)
            count.closed += 1
            await asyncio.sleep(0.5)


async def _sample(site: Site, minutes: float, counts: list[Count]) -> list[tuple[float, float]]:
    tasks = [
        asyncio.create_task(_read(site, name, count, reads=number > 0))
        for number, (name, count) in enumerate(zip(NAMES, counts, strict=False))
    ]
    began_s, samples = time.monotonic(), []
    while (passed_s := time.monotonic() - began_s) < minutes * 60:
        await asyncio.sleep(SAMPLE_S)
        samples.append((passed_s / 60, usage(site.pid).rss_mib))
    for task in tasks:
        task.cancel()
    return samples


def rows(samples: list[tuple[float, float]], step_min: float) -> Iterator[str]:
    """A line of a table for each of these steps: the largest of each step."""
    last_min = samples[-1][0]
    for number in range(int(last_min / step_min) + 1):
        inside = [mib for at_min, mib in samples if number * step_min <= at_min < (number + 1) * step_min]
        if inside:
            yield f"| {number * step_min:g} to {(number + 1) * step_min:g} | {max(inside):.1f} MiB |"


def measure_memory(site: Site, minutes: float, is_bare: bool) -> None:
    """Prints a table. is_bare: nobody gives anybody up, on either side."""
    if is_bare:
        for module, name, value in ((link, "HEARTBEAT_S", None), (sys.modules[__name__], "UNREAD_S", 1e9)):
            setattr(module, name, value)
    counts = [Count() for _ in range(KIOSKS)]
    with site:
        samples = asyncio.run(_sample(site, minutes, counts))
    print("| minutes | the door's memory, at most |\n|---:|---:|")
    print("\n".join(rows(samples, minutes / 6)))
    rates = ", ".join(f"{count.pictures / minutes / 60:.1f}" for count in counts[1:])
    print(f"\nPictures a second to those who read: {rates}.")
    print(f"The one who reads nothing was disconnected {counts[0].closed} times.")
