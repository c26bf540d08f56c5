"""What the rendering server bears; the figures in docs/server.md.

    python -m benchmarks.server memory [--minutes 30] [--bare]
    python -m benchmarks.server fuzz [--count 100000]
    python -m benchmarks.server kiosks
    python -m benchmarks.server latency [--kiosks 4] [--seconds 20]
    python -m benchmarks.server faults
    python -m benchmarks.server traces

The door runs as a program of its own, over TLS, with engines without networks.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.server.door import Site, as_options
from benchmarks.server.engine import Work
from benchmarks.server.faults import measure_faults
from benchmarks.server.fuzz import fuzz
from benchmarks.server.memory import KIOSKS, measure_memory
from benchmarks.server.traces import measure_traces
from benchmarks.server.visits import RATE_HZ, latency, sixteen_kiosks

ENDLESS_S = 1e9


def _memory(folder: Path, arguments: argparse.Namespace) -> None:
    bare = ["--bare"] if arguments.bare else []
    work = Work(search_s=ENDLESS_S, side_px=128)
    measure_memory(
        Site(folder, *as_options(work), "--engines", str(KIOSKS), *bare), arguments.minutes, arguments.bare
    )


def _fuzz(folder: Path, arguments: argparse.Namespace) -> None:
    fuzz(Site(folder, *as_options(Work(search_s=0.0)), "--plain", "--trace"), arguments.count)


def _kiosks(folder: Path, arguments: argparse.Namespace) -> None:
    sixteen_kiosks(Site(folder, *as_options(Work(search_s=2.0))), own=Work(search_s=2.0, loading_s=2.0))


def _latency(folder: Path, arguments: argparse.Namespace) -> None:
    work = Work(search_s=arguments.seconds, rate_hz=RATE_HZ)
    site = Site(folder, *as_options(work), "--engines", str(arguments.kiosks))
    latency(site, arguments.kiosks, arguments.seconds)


def _faults(folder: Path, arguments: argparse.Namespace) -> None:
    measure_faults(folder)


def _traces(folder: Path, arguments: argparse.Namespace) -> None:
    measure_traces(Site(folder, *as_options(Work(search_s=ENDLESS_S))))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.server",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = parser.add_subparsers(required=True, metavar="WHAT")
    memory = parts.add_parser("memory", help="the door's memory while one kiosk of four reads nothing")
    memory.add_argument("--minutes", type=float, default=30)
    memory.add_argument("--bare", action="store_true", help="without bounds: the control")
    memory.set_defaults(run=_memory)
    fuzzed = parts.add_parser("fuzz", help="messages that are none, over its socket")
    fuzzed.add_argument("--count", type=int, default=100_000)
    fuzzed.set_defaults(run=_fuzz)
    at_once = parts.add_parser("kiosks", help="what sixteen visitors see who come at once")
    at_once.set_defaults(run=_kiosks)
    late = parts.add_parser("latency", help="how long pictures and answers are on their way")
    late.add_argument("--kiosks", type=int, default=4)
    late.add_argument("--seconds", type=float, default=20.0)
    late.set_defaults(run=_latency)
    faults = parts.add_parser("faults", help="what visitors see when something ends, hangs or is slow")
    faults.set_defaults(run=_faults)
    traces = parts.add_parser("traces", help="what is left of a photograph, in memory and on disk")
    traces.set_defaults(run=_traces)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        arguments.run(Path(folder), arguments)


if __name__ == "__main__":
    main()
