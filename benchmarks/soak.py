"""What many visits in a row leave behind: memory, threads and file descriptors after each.

    OMP_NUM_THREADS=1 python -m benchmarks.soak --visits 200 --csv soak.csv [--recycle-after 50]

Real engine, judge, scenes and face finder on a virtual clock, a photograph before the camera, few steps.
Prints a table for `benchmarks/results/`. Without `--recycle-after` one engine process makes all visits.
"""

import argparse
import csv
import dataclasses
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from installation.app.app import RunOptions
from installation.cli.portray import sample_sitter
from installation.settings.phase import Phase
from tests.support.app_kit import TestApp
from tests.support.resources import Usage, usage

NEVER = 10**9
COLUMNS = ("visit", "stage_mib", "stage_threads", "stage_fds", "engine_mib", "engine_threads", "engine_fds")
RATE_HZ = 4
EARLY = 20  # by then every buffer has been needed once


@dataclass(frozen=True)
class After:
    """What stage and engine take after so many visits."""

    visits: int
    stage: Usage
    engine: Usage

    @property
    def row(self) -> tuple[float, ...]:
        """In the order of COLUMNS."""
        return self.visits, *dataclasses.astuple(self.stage), *dataclasses.astuple(self.engine)


def soak(app: TestApp, visits: int) -> Iterator[After]:
    """Plays visits in a row; measures in attract after each."""
    for number in range(1, visits + 1):
        app.until(Phase.FAREWELL)
        app.until(Phase.ATTRACT)
        app.until_awake()
        yield After(number, usage(), _engine_usage(app))


def _engine_usage(app: TestApp) -> Usage:
    """Of the engine's process; of the next one, while that is replaced."""
    while True:
        try:
            return usage(app.engine_pid)
        except (AssertionError, OSError, KeyError):
            app.main_loop.frame()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visits", type=int, default=200)
    parser.add_argument("--csv", type=Path, required=True, help="a line for each visit")
    parser.add_argument("--recycle-after", type=int, default=NEVER, help="visits of one engine process")
    arguments = parser.parse_args()

    began_s = time.monotonic()
    rows = []
    with tempfile.TemporaryDirectory() as folder, arguments.csv.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        options = RunOptions(visits=arguments.visits + 1, virtual=True, rate_hz=RATE_HZ)
        recycle_after = arguments.recycle_after
        with TestApp(Path(folder), sample_sitter(), options, recycle_after, is_thorough=False) as app:
            app.camera.begin(app.clock.now_s)
            for after in soak(app, arguments.visits):
                lines.writerow(f"{cell:g}" for cell in after.row)
                file.flush()
                rows.append(after)
    print(f"{len(rows)} visits in {time.monotonic() - began_s:.0f} s\n")
    print("| after visit | stage | threads | descriptors | engine | threads | descriptors |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for after in rows:
        # With --recycle-after 50, the last of each process.
        if after.visits in (1, EARLY) or after.visits % 50 == 49:
            visit, mib, threads, fds, *engine = after.row
            print(f"| {visit} | {mib:.0f} MiB | {threads} | {fds}", end="")
            print(f" | {engine[0]:.0f} MiB | {engine[1]} | {engine[2]} |")


if __name__ == "__main__":
    main()
