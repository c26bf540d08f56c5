"""Trains the generator made of nobody against a discriminator, on pictures of rendered people only.

    python -m training.nobody.train RENDERS RUN --start weights/nobody.safetensors --minutes 9
    python -m training.nobody.train RENDERS RUN --minutes 20      # goes on from there

RENDERS is a tar or a folder of cut-outs (see `dataset.py`). RUN keeps `generator.safetensors` (the averaged
generator, which the installation loads as it is), `discriminator-*.safetensors`, `state.json`, `log.jsonl`
and `samples.jpg`; a run goes on from there, also at a higher resolution. docs/training.md
describes how to run it on a machine with a GPU, and how it differs from what is published.
"""

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from engine.common.errors import report_errors_in_one_line
from training.nobody.adversarial.trainer import AdversarialTraining, Reading
from training.nobody.run_folder import add_device_arguments, add_run_arguments, append_log, command_parser

BEGAN_S = time.monotonic()
REPORT_S = 30.0
SAVE_S = 150.0


def train(args: argparse.Namespace) -> None:
    """Trains until the time is up or the process is asked to end, and writes the run either way."""
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    args.run.mkdir(parents=True, exist_ok=True)
    training = AdversarialTraining(args)
    if args.compile:
        training.compile()
    print(f"{len(training.cutouts)} people, start at {elapsed_s():.1f} s", flush=True)
    with collected_signals() as asked_to_end:
        run_loop(training, args, asked_to_end)


def run_loop(training: AdversarialTraining, args: argparse.Namespace, asked_to_end: list[int]) -> None:
    """Steps, reports and saves until the time is up or `asked_to_end` is no longer empty."""
    save_s = min(10.0, 6 * args.minutes)  # a guess, until one has been timed
    rows: list[Reading] = []
    last_report_s = last_save_s = elapsed_s()
    last_steps = 0

    def report() -> None:
        nonlocal last_report_s, last_steps
        reading = training.reading()
        seconds, steps = elapsed_s() - last_report_s, training.steps - last_steps
        last_report_s, last_steps = elapsed_s(), training.steps
        row = {
            "kimg": training.images / 1000,
            "minutes": elapsed_s() / 60,
            "resolution": args.resolution,
            "images_per_s": steps * args.batch / seconds,
            "ms_per_step": 1000 * seconds / max(1, steps),
            **reading,
        }
        if training.device.type == "cuda":
            row["gpu_gib"] = torch.cuda.max_memory_allocated() / 2**30
        row = {name: round(value, 4) for name, value in row.items()}
        rows.append(row)
        append_log(args.run, row)
        if not all(math.isfinite(value) for value in reading.values()):
            raise SystemExit(
                f"{args.run}: a loss is no longer finite. The last checkpoint is kept; go on from it."
            )

    while elapsed_s() + 1.5 * save_s < 60 * args.minutes and not asked_to_end:
        training.step()
        due = elapsed_s() - last_save_s > SAVE_S
        if due or elapsed_s() - last_report_s > REPORT_S:
            report()  # before anything is saved: it ends a run that has broken
        if due:
            began_s = elapsed_s()
            training.save()
            last_save_s, save_s = elapsed_s(), elapsed_s() - began_s
            last_report_s += save_s
    if training.steps > last_steps:
        report()
    training.save()
    print(reading_table(rows))


@contextmanager
def collected_signals() -> Iterator[list[int]]:
    """Collects SIGTERM and SIGINT in the list instead of ending the process."""
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda which, _: received.append(which))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def elapsed_s() -> float:
    """Seconds since this module was imported."""
    return time.monotonic() - BEGAN_S


def reading_table(rows: list[Reading], at_most: int = 12) -> str:
    """Readings in columns: the first, the last and some between, at most `at_most`."""
    chosen = (
        [rows[round(i * (len(rows) - 1) / (at_most - 1))] for i in range(at_most)]
        if len(rows) > at_most
        else rows
    )
    names = list(dict.fromkeys(name for row in chosen for name in row))
    lines = [names, *([f"{row.get(name, math.nan):.4g}" for name in names] for row in chosen)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(line, widths, strict=True)) for line in lines)


@report_errors_in_one_line
def main(words: list[str] | None = None) -> int:
    parser = command_parser("train", __doc__)
    add_run_arguments(parser, minutes=9, batch=64, rate=0.0025, threads=os.cpu_count())
    add_device_arguments(parser)
    parser.add_argument(
        "--start", type=Path, help="a generator to start a new run from; from scratch by default"
    )
    parser.add_argument(
        "--start-truncation",
        type=float,
        default=0.7,
        help="where the start's people are whole: what it shows there, the new run shows at truncation 1",
    )
    parser.add_argument("--resolution", type=int, default=256, choices=[16, 32, 64, 128, 256])
    parser.add_argument("--gamma", type=float, default=1.0, help="of R1 at 256 px; at r px times (r / 256)^2")
    parser.add_argument(
        "--path-length", type=float, default=0.0, help="weight of the path lengths; published: 2"
    )
    parser.add_argument("--float32", action="store_true", help="no bfloat16 on the GPU")
    parser.add_argument(
        "--compile", action="store_true", help="fuse the networks first; takes a minute or two"
    )
    train(parser.parse_args(words))
    return 0


if __name__ == "__main__":
    sys.exit(main())
