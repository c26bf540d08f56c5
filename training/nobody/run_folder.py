"""What the training commands share: arguments, and the folder of a run with its log and its checkpoint."""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch

from engine.common.atomic_file import replacing
from engine.common.errors import UsageError

LOG_FILE = "log.jsonl"


def command_parser(module: str, documentation: str | None) -> argparse.ArgumentParser:
    """The parser of `python -m training.nobody.MODULE`, which prints the module's documentation as help."""
    return argparse.ArgumentParser(
        prog=f"python -m training.nobody.{module}",
        description=documentation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_threads(parser: argparse.ArgumentParser, default: int | None = os.cpu_count()) -> None:
    """Adds `--threads`: how many CPU threads PyTorch uses."""
    parser.add_argument("--threads", type=int, default=default)


def add_run_arguments(
    parser: argparse.ArgumentParser, *, minutes: float, batch: int, rate: float, threads: int | None
) -> None:
    """Adds what every training takes, with its defaults: renders, run, minutes, batch, rate, threads."""
    parser.add_argument("renders", type=Path, help="a tar or a folder of cut-outs")
    parser.add_argument("run", type=Path, help="the folder to write, and to go on from")
    parser.add_argument(
        "--minutes", type=float, default=minutes, help="for everything, the last writing included"
    )
    parser.add_argument("--batch", type=int, default=batch, help="pictures a step")
    parser.add_argument("--rate", type=float, default=rate, help="learning rate of Adam")
    add_threads(parser, threads)


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--device`, by default a GPU where there is one, and `--seed`."""
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)


def append_log(run: Path, row: Mapping[str, float]) -> None:
    """Prints one reading and appends it to the run's log, as a line of JSON."""
    line = json.dumps(row)
    print(line, flush=True)
    with (run / LOG_FILE).open("a") as log:
        print(line, file=log)


def load_checkpoint(checkpoint: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What a run goes on from. Raises UsageError where there is none."""
    if not checkpoint.is_file():
        raise UsageError(f"{checkpoint}: is not there. Name the folder of a run that has begun.")
    return cast(dict[str, Any], torch.load(checkpoint, map_location=device, weights_only=True))


def save_checkpoint(checkpoint: Path, state: Mapping[str, Any]) -> None:
    """Writes what a run goes on from, all of it or nothing."""
    with replacing(checkpoint) as temporary:
        torch.save(dict(state), temporary)
