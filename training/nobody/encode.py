"""Trains the encoder of a generator made of nobody: picture -> W+ (`engine/stylegan2/encoder.py`).

    python -m training.nobody.encode weights/nobody.safetensors RENDERS RUN --minutes 60
    python -m training.nobody.encode weights/nobody.safetensors RENDERS RUN --export NAME.safetensors

Pictures that the generator draws itself come with their latents, and the first third of a new run learns
from these alone, which is cheap. Then the encoder's guess is drawn by the frozen generator and compared
with what it was shown, for renders of people, who are not exactly in the generator. No judge takes part.

RUN keeps `encoder.pt` (a run goes on from there), `log.jsonl` and `pairs.png` (renders never trained on, and
below them what the generator makes of the encoder's guess). Runs on a GPU where there is one.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import torch

from engine.common.errors import report_errors_in_one_line
from engine.stylegan2.checkpoint import generator_name, generator_sha256, load_generator
from engine.stylegan2.encoder import Encoder, save_encoder
from training.nobody.encoder.trainer import CHECKPOINT_FILE, EncoderTraining, load_encoder_checkpoint
from training.nobody.run_folder import add_device_arguments, add_run_arguments, append_log, command_parser


def train(args: argparse.Namespace) -> None:
    """Trains for `args.minutes`, everything included, one batch at least, and writes the run."""
    began_s = time.monotonic()
    torch.set_num_threads(args.threads)
    args.run.mkdir(parents=True, exist_ok=True)
    training = EncoderTraining(args)
    steps, sums, last_s = 0, dict[str, list[float]](), time.monotonic()

    def report() -> None:
        nonlocal last_s, sums
        means = {name: sum(values) / len(values) for name, values in sums.items()}
        line = {
            "images": training.images,
            "minutes": (time.monotonic() - began_s) / 60,
            **means,
            **training.reading(),
        }
        append_log(args.run, {name: round(value, 4) for name, value in line.items()})
        training.save()
        last_s, sums = time.monotonic(), {}

    total_s = 60 * args.minutes
    while steps == 0 or time.monotonic() - began_s < total_s:
        left_s = max(total_s - (time.monotonic() - began_s), 0.0)
        for name, value in training.step(1 - left_s / total_s, left_s).items():
            sums.setdefault(name, []).append(value)
        steps += 1
        if time.monotonic() - last_s > args.report_s:
            report()
    report()


def export(args: argparse.Namespace) -> None:
    """Writes the encoder of a run as half-precision safetensors."""
    generator, sha256 = load_generator(args.generator), generator_sha256(args.generator)
    saved = load_encoder_checkpoint(args.run / CHECKPOINT_FILE, sha256)["encoder"]
    encoder = Encoder(generator.num_ws, generator.w_dim, len(saved["basis"]))
    encoder.load_state_dict(saved)
    save_encoder(encoder, args.export, generator_name(args.generator), sha256)


@report_errors_in_one_line
def main(words: list[str] | None = None) -> int:
    parser = command_parser("encode", __doc__)
    parser.add_argument("generator", type=Path)
    add_run_arguments(parser, minutes=9, batch=32, rate=2e-3, threads=os.cpu_count())
    add_device_arguments(parser)
    parser.add_argument("--report-s", type=float, default=120)
    parser.add_argument(
        "--export", type=Path, help="write the encoder of RUN to this file instead of training"
    )
    args = parser.parse_args(words)
    if args.export:
        export(args)
    else:
        train(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
