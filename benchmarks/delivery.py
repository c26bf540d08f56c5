"""What phones cost the stage, and whether a 404 takes as long whatever was there before.

    python -m benchmarks.delivery frames | misses

Needs nothing but the project; prints tables, writes nothing. Phones and delivery run on this very machine,
which is the worst that can happen to the stage.
"""

import argparse
import asyncio
import multiprocessing
import socket
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from installation.delivery.links import new_token
from installation.delivery.messages import Forgotten
from tests.installation.delivery.test_server_load import FILM, PHONES, visit
from tests.support.delivery_kit import Stage, ask, running, take_home

FRAME_S = 1 / 60
WORK = np.zeros((1080, 1920, 3), np.uint8)


def frames(stage: Stage, seconds: float) -> NDArray[np.float64]:
    """Milliseconds from frame to frame of a loop that draws a screen and asks the delivery for news."""
    began: list[float] = []
    due = time.perf_counter()
    while len(began) < seconds / FRAME_S:
        began.append(time.perf_counter())
        stage.delivery.poll()
        WORK.fill(len(began) % 256)
        due = max(due + FRAME_S, time.perf_counter() - FRAME_S)
        time.sleep(max(due - time.perf_counter(), 0))
    return np.asarray(np.diff(began) * 1000, float)


def crowd(base: str, path: str, ready: "multiprocessing.synchronize.Event") -> None:
    """Three hundred phones at once, again and again, until the process is ended."""

    async def come() -> None:
        while True:
            await asyncio.gather(*(visit(number, base, path) for number in range(PHONES)))
            ready.set()

    asyncio.run(come())


def compare_frames(stage: Stage) -> None:
    """The loop alone, and beside the phones."""
    path = stage.offer(take_home(1, film=FILM))
    alone = frames(stage, 10)
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    phones = spawn.Process(target=crowd, args=(f"http://127.0.0.1:{stage.network.port}", path, ready))
    phones.start()
    ready.wait(120)
    beside = frames(stage, 10)
    phones.kill()
    for name, times in (("alone", alone), (f"beside {PHONES} phones", beside)):
        late = float((times > 1.5 * FRAME_S * 1000).mean())
        median, most = np.quantile(times, [0.5, 0.99])
        print(f"{name:20} median {median:5.1f} ms   99 % {most:5.1f} ms   late {late:.1%}")


def compare_misses(stage: Stage) -> None:
    """The same question about a token that never was, and one that was forgotten."""
    stage.set(misses_per_minute=10**9)
    forgotten = stage.offer(take_home(1))
    ask(stage.network.port, f"{forgotten}/forget", "POST")
    stage.wait_for(Forgotten, 1)
    paths = {"unknown": f"/D/{new_token()}", "forgotten": forgotten}
    times: dict[str, list[float]] = {name: [] for name in paths}
    host = f"Host: 127.0.0.1:{stage.network.port}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stage.network.port)) as connection:
        for _ in range(5000):
            for name, path in paths.items():
                began = time.perf_counter()
                connection.sendall(f"HEAD {path} HTTP/1.1\r\n{host}".encode())
                while not connection.recv(4096).endswith(b"\r\n\r\n"):
                    pass
                times[name].append(time.perf_counter() - began)
    medians = {name: float(np.median(each)) * 1e6 for name, each in times.items()}
    print("   ".join(f"{name} {median:.0f} µs" for name, median in medians.items()))
    print(f"ratio {medians['forgotten'] / medians['unknown']:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["frames", "misses"])
    what = parser.parse_args().what
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "sock") as stage:
        (compare_frames if what == "frames" else compare_misses)(stage)


if __name__ == "__main__":
    main()
