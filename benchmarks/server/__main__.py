"""What the rendering server bears; the figures in docs/server.md.

    python -m benchmarks.server memory [--minutes 30] [--bare]
    python -m benchmarks.server fuzz [--count 100000]

The door runs as a program of its own, over TLS, with engines without networks.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.server.door import Site, as_options
from benchmarks.server.engine import Work
from benchmarks.server.fuzz import fuzz
from benchmarks.server.memory import KIOSKS, measure_memory

ENDLESS_S = 1e9


def _memory(folder: Path, arguments: argparse.Namespace) -> None:
    bare = ["--bare"] if arguments.bare else []
    work = Work(search_s=ENDLESS_S, side_px=128)
    measure_memory(Site(folder, *as_options(work), "--engines", str(KIOSKS), *bare), arguments.minutes)


def _fuzz(folder: Path, arguments: argparse.Namespace) -> None:
    fuzz(Site(folder, *as_options(Work(search_s=0.0)), "--plain", "--trace"), arguments.count)


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
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        arguments.run(Path(folder), arguments)


if __name__ == "__main__":
    main()
