"""What curators' traffic costs the real stage: frames of the border without any, and while 5,000 messages a
second come.

    nice -n -15 python -m benchmarks.osc [--seconds 30] [--display headless:1920x1080]

The whole installation on a live clock, with a visit in its border scene. Meanwhile a bundle dated 60 s ahead
waits, a preset fades, and 20,000 fuzzed packets come in between. Niceness is for a machine that others use.
Prints a table for `benchmarks/results/`.
"""

import argparse
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pythonosc.udp_client import SimpleUDPClient

from installation.app.app import App, RunOptions
from installation.control.protocol.packets import encode
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.workers.supervision import Condition
from tests.installation.control.test_faulty_input import FLOOD, fuzzed
from tests.installation.control.test_packets import bundle
from tests.support.app_kit import live

RATE = 5000
FUZZED = 20_000
QUIET_S = 10.0
# The flood counts up on it; what lies beyond its range is set to its end, which takes as long.
FLOODED = "delivery/misses_per_minute"
WAITING = "border/needle"


class Order:
    """Looks at what is set on a registry, and keeps none of it."""

    def __init__(self, registry: Registry) -> None:
        self.applied = self.backwards = 0
        self._newest = 0
        self._set = registry.set
        registry.set = self.set  # type: ignore[method-assign]

    def set(self, address: str, value: object, at_next_scene: bool = False) -> Any:
        # Small numbers may be of a fuzzed packet.
        if address == FLOODED and isinstance(value, int) and value > 3:
            self.applied += 1
            self.backwards += value < self._newest
            self._newest = value
        return self._set(address, value, at_next_scene)


class Log(logging.Handler):
    """Counts what would be written."""

    size = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.size += len(self.format(record)) + 40


def harass(port: int, seconds: float) -> None:
    """Fuzzed packets over that time; a program of its own."""
    client = SimpleUDPClient("127.0.0.1", port)
    began_s = time.monotonic()
    for number in range(FUZZED):
        client._sock.sendto(fuzzed(number), ("127.0.0.1", port))
        time.sleep(max(began_s + seconds * number / FUZZED - time.monotonic(), 0))


def frames_ms(app: App, seconds: float) -> list[float]:
    """How long each frame took."""
    times, end_s = [], time.perf_counter() + seconds
    before_s = time.perf_counter()
    while before_s < end_s:
        app.main_loop.frame()
        now_s = time.perf_counter()
        times.append(1000 * (now_s - before_s))
        before_s = now_s
    return times


def play_until(app: App, phase: Phase) -> None:
    while app.session.state.phase is not phase:
        app.main_loop.frame()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--display", default="headless:1920x1080", help="as of kiosk run")
    arguments = parser.parse_args()
    seconds = arguments.seconds
    log = Log()
    logging.getLogger().addHandler(log)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = live(folder, arguments.display)
        times = {"visit/countdown_s": "0.5", "visit/border_s": str(QUIET_S + seconds + 30)}
        with App(short, folder, times, RunOptions(visits=1), with_phones=False) as app:
            app.camera.begin(app.clock.now_s)
            udp = app.control.services[0]
            while udp.health.condition is not Condition.OK:
                app.main_loop.frame()
            play_until(app, Phase.BORDER)
            quiet = frames_ms(app, QUIET_S)
            port: int = udp.port  # type: ignore[attr-defined]
            order = Order(app.registry)
            curator = SimpleUDPClient("127.0.0.1", port)
            ahead = bundle(encode(f"/scene/{WAITING}", False), at_s=time.time() + 60)
            curator._sock.sendto(ahead, ("127.0.0.1", port))
            curator.send_message("/preset/save", "here")
            curator.send_message("/scene/stage/light_percent", 50.0)
            frames_ms(app, 0.5)
            curator.send_message("/preset/load", ["here", 5.0])
            memory_before = psutil.Process().memory_info().rss
            flood = subprocess.Popen(
                [sys.executable, str(FLOOD), str(RATE), str(RATE * seconds), str(port), f"/scene/{FLOODED}"]
            )
            fuzz = get_context("spawn").Process(target=harass, args=(port, seconds))
            fuzz.start()
            busy = frames_ms(app, seconds)
            grown = psutil.Process().memory_info().rss - memory_before
            flood.wait()
            fuzz.join()
            frames_ms(app, 2.0)
            assert app.session.state.phase is Phase.BORDER
            assert app.registry.get(WAITING) is True and app.registry.get("stage/light_percent") == 100
    load_1, _, _ = os.getloadavg()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {arguments.display}, niceness {os.nice(0)}, "
        f"load {load_1:.1f}\n"
    )
    print("| frame of the border | quiet | flooded |\n|---|---:|---:|")
    for name, share in (("50 %", 50), ("99 %", 99), ("longest", 100)):
        print(f"| {name} | {_ms(quiet, share)} ms | {_ms(busy, share)} ms |")
    print(f"| frames a second | {1000 / np.mean(quiet):.1f} | {1000 / np.mean(busy):.1f} |")
    print(f"\n{order.applied} of {RATE * seconds - 3} messages applied, {order.backwards} out of order.")
    print(f"Memory grown by {grown / 2**20:.1f} MiB. Log {log.size} bytes.")


def _ms(times_ms: Sequence[float], share: int) -> str:
    return f"{np.percentile(times_ms, share):.1f}"


if __name__ == "__main__":
    main()
