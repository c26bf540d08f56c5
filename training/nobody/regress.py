"""The generator made of nobody without an adversary: regresses each render from the numbers it was made from.

    python -m training.nobody.regress RENDERS.tar RUN --assets DIR --resolution 64 --minutes 25
    python -m training.nobody.regress RENDERS.tar RUN --assets DIR --resolution 128 --minutes 60
    python -m training.nobody.regress RENDERS.tar RUN --assets DIR --resolution 256 --minutes 20 --last-block
    python -m training.nobody.regress RENDERS.tar RUN --export weights/nobody.safetensors

No photograph, no pretrained network; two CPU cores suffice. A picture and its latent are a pair, so mapping
and synthesis learn together by an L1 distance over a Laplacian pyramid. z is made of three parts:

- the numbers a render was made from (`regression/latents.py`). Most pictures shown are renders warped to
  another shape
  (`regression/reshape.py`), half are mirrored, and their numbers change with them;
- the numbers its ground, exposure and white balance are drawn from (`compose.py`);
- a code of each render's own, learned with the weights, for what no number tells: how the strands of hair
  fell. Codes are standardised over all renders and shown with noise, so that a fresh normal draw is a
  fresh plausible code (a decoder with latents of its own, as in Bojanowski et al., *Optimizing the
  Latent Space of Generative Networks*, 2018; with the noise of a variational one).

A new run begins with `--start FILE`, an exported generator, whose finer blocks it leaves, or from nothing;
one that is there goes on at its own resolution or a higher one. RUN keeps `checkpoint.pt`
(resumed), `log.jsonl` and `samples-*.png`.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from engine.common.errors import report_errors_in_one_line
from engine.stylegan2.checkpoint import save_generator
from training.nobody.generators import clear_noise_maps, rescale_truncation
from training.nobody.regression.trainer import RegressionTraining, averaged_generator
from training.nobody.run_folder import add_run_arguments, append_log, command_parser

FIRST_REPORT_S = 60


def train(args: argparse.Namespace) -> None:
    """Trains for `args.minutes`; reports and saves every `args.report_s` seconds, and at the end."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(int(time.time()))
    args.run.mkdir(parents=True, exist_ok=True)
    training = RegressionTraining(args)
    began_s, smooth_loss = time.monotonic(), 0.0

    def report() -> None:
        row = {
            "images": training.images,
            "minutes": round((time.monotonic() - began_s) / 60, 1),
            "resolution": args.resolution,
            "loss": round(smooth_loss, 4),
        }
        append_log(args.run, row | {name: round(value, 4) for name, value in training.measure().items()})
        training.save()

    next_report_s = began_s + FIRST_REPORT_S
    while (left_s := args.minutes * 60 - (time.monotonic() - began_s)) > 0:
        loss = training.step(left_s)
        smooth_loss = loss if training.steps == 1 else 0.98 * smooth_loss + 0.02 * loss
        if time.monotonic() > next_report_s:
            report()
            next_report_s = time.monotonic() + args.report_s
    report()


def export(args: argparse.Namespace) -> None:
    """Writes the averaged generator of a run as half-precision safetensors."""
    generator = averaged_generator(args.run)
    rescale_truncation(generator, args.psi)
    clear_noise_maps(generator)
    save_generator(generator, args.export, name=f"nobody-{generator.resolution}")


@report_errors_in_one_line
def main(words: Sequence[str] | None = None) -> int:
    parser = command_parser("regress", __doc__)
    add_run_arguments(parser, minutes=25, batch=16, rate=0.002, threads=2)
    parser.add_argument("--resolution", type=int, default=64, choices=[16, 32, 64, 128, 256])
    parser.add_argument("--report-s", type=float, default=180)
    parser.add_argument("--float32", dest="bfloat16", action="store_false", help="for CPUs without bfloat16")
    parser.add_argument(
        "--last-block", action="store_true", help="only the block of the highest resolution learns"
    )
    parser.add_argument("--start", type=Path, help="an exported generator to begin a new run with")
    parser.add_argument("--assets", type=Path, help="the mesh (see training.nobody.render.assets)")
    parser.add_argument("--export", type=Path)
    parser.add_argument(
        "--psi",
        type=float,
        default=0.56,
        help="truncation at which the exported shows what was learned: the usual 0.7 lies a quarter beyond",
    )
    args = parser.parse_args(words)
    if not (args.export or args.assets):
        parser.error("training needs the mesh: give --assets DIR (see training.nobody.render.assets)")
    if args.export:
        export(args)
    else:
        train(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
