"""How long a frame of the stage takes while the engine works: one visit in real time, scene by scene.

    nice -n -15 python -m benchmarks.stage [--display headless:1920x1080] [--threads 1]

The whole installation on a live clock, with a photograph before the camera and few steps. A second engine
searches without end meanwhile, with `--threads`, so that every scene meets a busy machine; with none there is
no second engine. Prints tables for `benchmarks/results/`: how long frames take, and how much processor time
the window's process (drawing, camera, tracker) takes from the engine. Niceness is for a machine that others
use, too; the engine lowers its own by ten.
"""

import argparse
import os
import platform
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np

from engine.photographs.photograph import load_photograph
from engine.runtime.messages import Failed, Ready, ResultReady
from installation.app.app import App, RunOptions
from installation.app.clock import LiveClock
from installation.app.session import Session
from installation.cli.portray import sample_sitter
from installation.settings.configuration import DEFAULT, Configuration, load
from installation.settings.phase import Phase
from installation.workers.engine_backend import ProcessBackend, load_models
from installation.workers.engine_client import EngineClient
from tests.support.app_kit import live

BINS_MS = (17.5, 20, 25, 33, 50, 100)
# A whole border, the rest of the visit shorter.
TIMES = {"visit/jury_s": "8", "visit/farewell_s": "6", "visit/countdown_s": "2"}


class TimedClock(LiveClock):
    """Notes how long each frame took, and the processor time of the whole process, by the phase it was of."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.frames_ms: dict[Phase, list[float]] = defaultdict(list)
        self.processor_ms: dict[Phase, list[float]] = defaultdict(list)
        self._processor_s = time.process_time()

    def tick(self, every: int = 1) -> None:
        phase, before_s, processor_s = self._session.state.phase, self.now_s, self._processor_s
        super().tick(every)
        self._processor_s = time.process_time()
        self.frames_ms[phase].append(1000 * (self.now_s - before_s))
        self.processor_ms[phase].append(1000 * (self._processor_s - processor_s))


class BusyEngine:
    """Another engine, which searches as long as this is open."""

    def __init__(self, configuration: Configuration) -> None:
        self._engine = EngineClient(ProcessBackend(partial(load_models, configuration)))
        self._photograph = load_photograph(sample_sitter())
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._search, name="busy")
        self.searches = 0

    def _search(self) -> None:
        while not self._ending.wait(0.2):
            for report in self._engine.poll():
                match report:
                    case Ready() | ResultReady():
                        self.searches += 1
                        self._engine.portray(self.searches, [self._photograph.copy()])
                    case Failed(message):
                        raise RuntimeError(message)

    def __enter__(self) -> "BusyEngine":
        self._engine.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._engine.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--display", default="headless:1920x1080", help="as of kiosk run")
    parser.add_argument("--threads", type=int, default=1, help="of the busy engine; 0: without it")
    arguments = parser.parse_args()

    whole = load(DEFAULT)
    busy = whole.model_copy(update={"search": whole.search.model_copy(update={"threads": arguments.threads})})
    with tempfile.TemporaryDirectory() as name, BusyEngine(busy) if arguments.threads else nullcontext():
        folder = Path(name)
        short = live(folder, arguments.display)
        with App(short, folder, TIMES, RunOptions(visits=1), with_phones=False) as app:
            app.clock = app.main_loop.clock = clock = TimedClock(app.session)
            app.run()
            size = "x".join(map(str, app.display.size_px))
    load_1, load_5, _ = os.getloadavg()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {arguments.display} ({size}), engine's threads "
        f"{arguments.threads}, niceness {os.nice(0)}, load {load_1:.1f} ({load_5:.1f} in five minutes)\n"
    )
    print(table(clock.frames_ms, clock.processor_ms))


def table(frames_ms: dict[Phase, list[float]], processor_ms: dict[Phase, list[float]]) -> str:
    """Of every scene: frames a second, the cores that the process takes and its processor time a frame,
    percentiles, and how many frames took how long."""
    limits = [f"<= {limit:g}" for limit in BINS_MS]
    heads = ["scene", "frames", "a second", "cores", "processor", "50 %", "99 %", "longest", *limits]
    heads.append(f"> {BINS_MS[-1]:g} ms")
    lines = [f"| {' | '.join(heads)} |", f"|---{'|---:' * (len(heads) - 1)}|"]
    for phase in Phase:
        times = np.array(frames_ms[phase])
        if len(times) == 0:
            continue
        middle, high = np.percentile(times, (50, 99))
        counts, _ = np.histogram(times, [0, *BINS_MS, np.inf])
        spent = np.array(processor_ms[phase])
        cells = [str(phase), str(len(times)), f"{1000 / times.mean():.1f}"]
        cells += [f"{spent.sum() / times.sum():.2f}", f"{spent.mean():.1f} ms"]
        cells += [f"{value:.1f}" for value in (middle, high, times.max())] + [str(count) for count in counts]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
