"""Three hundred phones at once, each from an address of its own, as after a school class's visit."""

import asyncio
from pathlib import Path

import aiohttp
import psutil

from installation.outputs.marks import png_bytes
from tests.support.delivery_kit import running, take_home

PHONES = 300
FILM = bytes(range(256)) * 8192  # 2 MiB


async def visit(number: int, base: str, path: str) -> tuple[str, bytes, bytes]:
    """One phone: the page, then picture and film at once, over connections of its own."""
    own = aiohttp.TCPConnector(local_addr=(f"127.1.{number // 250}.{number % 250 + 1}", 0))
    async with aiohttp.ClientSession(base, connector=own) as phone:

        async def fetch(what: str) -> bytes:
            async with phone.get(what) as answer:
                assert answer.status == 200
                return await answer.read()

        page = await fetch(path)
        picture, film = await asyncio.gather(fetch(f"{path}/doppelganger.png"), fetch(f"{path}/morph.mp4"))
        return page.decode(), picture, film


async def visits(base: str, path: str, process: psutil.Process) -> tuple[int, int]:
    """All phones at once. Returns how many got everything, and the most memory the process had meanwhile."""
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, process.memory_info().rss)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    got = await asyncio.gather(*(visit(number, base, path) for number in range(PHONES)))
    watching.cancel()
    picture = png_bytes(take_home(1).doppelganger)
    return sum("Save the film" in page and (seen, film) == (picture, FILM) for page, seen, film in got), most


def test_three_hundred_phones_get_everything_within_bounded_memory(tmp_path: Path) -> None:
    with running(tmp_path / "sock") as stage:
        path = stage.offer(take_home(1, film=FILM))
        assert stage.delivery._connection.process is not None
        process = psutil.Process(stage.delivery._connection.process.pid)
        before = process.memory_info().rss
        served, most = asyncio.run(visits(f"http://127.0.0.1:{stage.network.port}", path, process))
        assert served == PHONES
        # A copy of the film for each phone would be 600 MiB.
        assert most - before < 100 << 20
