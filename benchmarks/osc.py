"""What curators' traffic costs the stage: frames without any, and while 5,000 messages a second come.

    python -m benchmarks.osc [--seconds 30]

A bundle dated 60 s ahead waits, a preset fades, and fuzzed packets come in between. Prints a table for
`benchmarks/results/`. Times depend on the machine; their ratio is what to look at.
"""

import argparse
import logging
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from installation.control.packets import encode
from tests.headless_stage import HeadlessStage
from tests.test_osc import FLOOD, fuzzed
from tests.test_osc_packets import bundle

RATE = 5000


class Order:
    """Looks through what was set, piece by piece, and keeps none of it."""

    def __init__(self) -> None:
        self.applied = self.newest = self.backwards = 0

    def look(self, history: list[tuple[str, object]]) -> None:
        # Whole numbers are the flood's; what fuzzed packets set by chance are not.
        for number in [value for _, value in history if isinstance(value, int) and value > 3]:
            self.applied += 1
            self.backwards += number < self.newest
            self.newest = number


class Log(logging.Handler):
    """Counts what would be written."""

    size = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.size += len(self.format(record)) + 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    seconds = parser.parse_args().seconds
    log = Log()
    logging.getLogger().addHandler(log)
    with tempfile.TemporaryDirectory() as folder, HeadlessStage(Path(folder)) as stage:
        time.sleep(5)
        quiet = list(stage.frame_s), list(stage.interval_s)
        memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        stage.frame_s.clear()
        stage.interval_s.clear()
        flood = subprocess.Popen([sys.executable, FLOOD, str(RATE), str(RATE * seconds), str(stage.port)])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            to = ("127.0.0.1", stage.port)
            other.sendto(bundle(encode("/scene/rehearsed/needle", False), at_s=time.time() + 60), to)
            other.sendto(encode("/preset/save", "here"), to)
            other.sendto(encode("/scene/rehearsed/glow", 1.0), to)
            time.sleep(0.5)
            other.sendto(encode("/preset/load", "here", 5.0), to)
            order = Order()
            taken: list[tuple[str, object]] = []
            for number in range(20_000):
                other.sendto(fuzzed(number), to)
                time.sleep(seconds / 25_000)
                if number % 1000 == 0:
                    order.look(taken)
                    taken, stage.registry.history = stage.registry.history, []
                    time.sleep(0.1)  # until nobody adds to it any more
        flood.wait()
        order.look(taken)
        order.look(stage.registry.history)
        busy = list(stage.frame_s), list(stage.interval_s)
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before
    print("| in ms | quiet | flooded |\n|---|---:|---:|")
    for name, place in (("what OSC takes of a frame", 0), ("from frame to frame", 1)):
        for share in (50, 99, 100):
            cells = (_ms(each[place], share) for each in (quiet, busy))
            print(f"| {name}, {'longest' if share == 100 else f'{share} %'} | {' | '.join(cells)} |")
    print(f"\n{order.applied} of {RATE * seconds - 3} messages applied, {order.backwards} out of order.")
    print(f"Memory grown by {grown_kib / 1024:.1f} MiB. Log {log.size} bytes.")


def _ms(times_s: Sequence[float], share: int) -> str:
    return f"{1000 * np.percentile(times_s, share):.1f}"


if __name__ == "__main__":
    main()
