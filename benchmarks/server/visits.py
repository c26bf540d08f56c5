"""Sixteen kiosks at once, and how long a picture is on its way to four."""

import asyncio
import os
import time
from contextlib import ExitStack

import aiohttp
import numpy as np

from benchmarks.server.door import Site
from benchmarks.server.engine import Work
from benchmarks.server.kiosk import Kiosk, until
from engine.runtime.codec import REPLIES, REQUESTS, encode
from engine.runtime.messages import JudgeMoved, MovedJudged, Portray, ProgressUpdate, RigReady
from installation.workers.remote.link import connect
from installation.workers.remote.transfer import receive, send
from tests.support.server_kit import NAMES

RATE_HZ = 30
PICTURE = np.full((256, 256, 3), 9, np.uint8)


def sixteen_kiosks(site: Site, own: Work) -> None:
    """All ask at once; when half of them have their result, the door is killed. Prints what each saw."""
    with site, ExitStack() as stack:
        kiosks = [stack.enter_context(Kiosk(site.settings(name), own)) for name in NAMES]
        for kiosk in kiosks:
            kiosk.until_ready()
        for number, kiosk in enumerate(kiosks):
            kiosk.ask(100 + number)
        until(kiosks, lambda: sum(kiosk.outcome.is_over for kiosk in kiosks) >= len(kiosks) // 2)
        with_server = [kiosk.outcome.is_over for kiosk in kiosks]
        site.kill()
        until(kiosks, lambda: all(kiosk.outcome.is_over for kiosk in kiosks))
    print("| kiosk | by | what its visitor saw |\n|---|---|---|")
    for number, (name, kiosk, served) in enumerate(zip(NAMES, kiosks, with_server, strict=True)):
        assert kiosk.outcome.value == 100 + number, "the result is another visitor's"
        print(f"| {name} | {'the server' if served else 'its own engine'} | {kiosk.outcome} |")


async def _latencies(site: Site, name: str, seconds: float) -> tuple[list[float], list[float]]:
    """Seconds from engine to kiosk, of every picture; and from a question with a picture to its answer."""
    pictures: list[float] = []
    answers: list[float] = []
    async with aiohttp.ClientSession() as session, await connect(session, site.address(name)) as socket:
        await send(socket, encode(Portray(1, (PICTURE,), meets=True), REQUESTS))
        while True:
            message, _ = await receive(socket, REPLIES)
            if isinstance(message, ProgressUpdate):
                pictures.append(time.monotonic() - message.share)
            elif isinstance(message, RigReady):
                break
        end_s = next_s = time.monotonic()
        end_s += seconds
        while (asked_s := time.monotonic()) < end_s:
            await send(socket, encode(JudgeMoved(1, PICTURE, None), REQUESTS))
            while not isinstance((await receive(socket, REPLIES))[0], MovedJudged):
                pass
            answers.append(time.monotonic() - asked_s)
            next_s = max(next_s + 1 / RATE_HZ, time.monotonic())
            await asyncio.sleep(next_s - time.monotonic())
    return pictures, answers


async def _all_latencies(site: Site, count: int, seconds: float) -> tuple[list[float], list[float]]:
    each = await asyncio.gather(*(_latencies(site, name, seconds) for name in NAMES[:count]))
    return [part for pictures, _ in each for part in pictures], [
        part for _, answers in each for part in answers
    ]


def latency(site: Site, count: int, seconds: float) -> None:
    """Prints how long pictures are on their way to so many kiosks at once, and answers from the engine."""
    with site:
        pictures, answers = asyncio.run(_all_latencies(site, count, seconds))
    print(f"{count} kiosks at {RATE_HZ} a second, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| 256 px, not compressed | number | median | 95 % |\n|---|---:|---:|---:|")
    for name, times_s in (("picture, engine to kiosk", pictures), ("question and answer", answers)):
        median_ms, late_ms = 1000 * np.percentile(times_s, (50, 95))
        print(f"| {name} | {len(times_s)} | {median_ms:.1f} ms | {late_ms:.1f} ms |")
