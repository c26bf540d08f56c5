"""How far the doppelgänger carries: likeness and verdicts of four pictures; the figures in docs/limits.md.

    python -m benchmarks.carry portray WORK
    python -m benchmarks.carry leave-one-out WORK --models FOLDER
    python -m benchmarks.carry transfer WORK --models FOLDER --reach 0 0.5 1
    python -m benchmarks.carry pairs WORK [--count 60]
    python -m benchmarks.carry table WORK --models FOLDER [--plot docs/carry.png]
    python -m benchmarks.carry sheet WORK

Portrays, as the installation does but with one thread, the photographs of the test data, scikit-image's
astronaut and people who do not exist. Compares four pictures of each: the closest match, the nearest
doppelgänger, the one on the way through the median face, and a random face of the generator. FOLDER holds
the models of `benchmarks.recognisers`, which take part in no search but those that leave another judge out.
`--only NAME ...` selects sitters. Results are kept in WORK and not computed again. WORK holds pictures of the
sitters: delete it afterwards.
"""

import argparse
from pathlib import Path

import cv2
import torch

from benchmarks.carry.pictures import save_sheet
from benchmarks.carry.portraying import portray_all
from benchmarks.carry.searches import leave_one_out, search_pairs
from benchmarks.carry.tables import print_tables
from benchmarks.carry.transfer import print_transfer, search_transfer
from benchmarks.test_data import require_test_data


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.carry",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("portray", "leave-one-out", "transfer", "pairs", "table", "sheet"))
    parser.add_argument("work", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--reach", type=float, nargs="*", default=(0.0, 0.5, 1.0))
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--steps", type=int, help="for a trial: this many steps of search and tuning")
    arguments = parser.parse_args()
    if arguments.what in ("leave-one-out", "transfer", "table") and not arguments.models:
        parser.error(f"{arguments.what} needs --models")
    require_test_data()
    work, only = arguments.work, arguments.only
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    match arguments.what:
        case "portray":
            portray_all(work, only, arguments.steps)
        case "leave-one-out":
            leave_one_out(work, arguments.models, only)
        case "transfer":
            search_transfer(work, arguments.models, only, arguments.reach)
            print_transfer(work)
        case "pairs":
            search_pairs(work, arguments.count)
        case "table":
            print_tables(work, arguments.models, only, arguments.plot)
        case "sheet":
            save_sheet(work, only)


if __name__ == "__main__":
    main()
