"""What a visitor gets from an engine that is late: whole visits with the real engine, slowed down or killed.

    python -m benchmarks.delays [PHOTO] [--slower 1 2 10] [--dead]

The whole installation without a window, on a live clock, with a simulated visitor. An engine that is N times
slower is one whose process is stopped (SIGSTOP) for all but 1/N of the time, from the shutter on. --dead: two
visits more, in which its process is killed before the border is known, and after. Prints a row for each
visit: when the search ended, and with which picture or which words.
"""

import argparse
import os
import signal
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from benchmarks.live import with_photograph
from installation.app.app import App, RunOptions
from installation.app.clock import LiveClock
from installation.cli.portray import sample_sitter
from installation.settings.configuration import Configuration
from installation.settings.phase import Phase
from installation.visit.events import Declined
from installation.workers.engine_backend import ProcessBackend

PERIOD_S = 0.1  # of stopping and continuing
DIES_AFTER_S = 3.0


@dataclass(frozen=True)
class Engine:
    """How the engine fares in one visit; dies: before or after the border is known, or not at all."""

    slower: float = 1.0
    dies: str = ""

    def __str__(self) -> str:
        if self.dies:
            return f"killed {self.dies} the border is known"
        return "as it is" if self.slower == 1 else f"{self.slower:g} times slower"


class Throttle:
    """Lets a process run for 1/slower of the time, until `close`."""

    def __init__(self, pid: int, slower: float) -> None:
        self._pid, self._slower = pid, slower
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._closed.wait(PERIOD_S / self._slower):
                os.kill(self._pid, signal.SIGSTOP)
                self._closed.wait(PERIOD_S * (1 - 1 / self._slower))
                os.kill(self._pid, signal.SIGCONT)
        except ProcessLookupError:  # the visit is over, or the engine was restarted
            pass


class DelayingClock(LiveClock):
    """Slows the engine from the shutter on, or kills it; notes how the search ends, and ends the visit."""

    def __init__(self, app: App, engine: Engine) -> None:
        super().__init__()
        self._app, self._engine = app, engine
        self._throttle: Throttle | None = None
        self._shutter_s: float | None = None
        self.ended_s, self.came = float("nan"), ""

    def tick(self, every: int = 1) -> None:
        super().tick(every)
        state = self._app.session.state
        if state.phase is Phase.SEARCH:
            self._hinder()
        elif self._shutter_s is not None and not self.came:
            self.ended_s = self.now_s - self._shutter_s
            self.came = self._what_comes()
            self.let_go()
            self._app.session.handle(Declined(), self.now_s)

    def let_go(self) -> None:
        """The engine has all its time again."""
        if self._throttle:
            self._throttle.close()

    def _hinder(self) -> None:
        state = self._app.session.state
        if self._shutter_s is None:
            self._shutter_s = self.now_s
            if self._engine.slower > 1:
                self._throttle = Throttle(self._engine_pid, self._engine.slower)
        since_s = self._shutter_s if self._engine.dies == "before" else state.border_known_s
        if self._engine.dies and since_s is not None and self.now_s > since_s + DIES_AFTER_S:
            os.kill(self._engine_pid, signal.SIGKILL)

    @property
    def _engine_pid(self) -> int:
        backend = self._app.engine.backend
        assert isinstance(backend, ProcessBackend) and backend.pid is not None
        return backend.pid

    def _what_comes(self) -> str:
        view = self._app.session.view(self.now_s)
        if view.visit.phase is Phase.BORDER:
            result = view.participant.result
            return "the nearest picture" if result and result.nearest else "the picture on the median way"
        return f"*{view.text(f'farewell.{view.visit.ending}')}*"


def visit(configuration: Configuration, engine: Engine) -> DelayingClock:
    """One visit, to the end of its search."""
    with (
        tempfile.TemporaryDirectory() as folder,
        App(configuration, Path(folder), {}, RunOptions(visits=1), with_phones=False) as app,
    ):
        app.clock = app.main_loop.clock = clock = DelayingClock(app, engine)
        try:
            app.run()
        finally:
            clock.let_go()
    return clock


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photograph", type=Path, nargs="?", default=sample_sitter())
    parser.add_argument("--slower", type=float, nargs="*", default=[1, 2, 10])
    parser.add_argument("--dead", action="store_true")
    arguments = parser.parse_args()
    configuration = with_photograph(arguments.photograph, "headless:1080x1920")
    engines = [Engine(slower) for slower in arguments.slower]
    if arguments.dead:
        engines += [Engine(dies="before"), Engine(dies="after")]
    print("| the engine | search ends | with |\n| --- | --- | --- |", flush=True)
    for engine in engines:
        clock = visit(configuration, engine)
        print(f"| {engine} | after {clock.ended_s:.0f} s | {clock.came} |", flush=True)


if __name__ == "__main__":
    main()
