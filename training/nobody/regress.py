"""The generator made of nobody without an adversary: regresses each render from the numbers it was made from.

    python -m training.nobody.regress RENDERS.tar RUN --assets DIR --resolution 64 --minutes 25
    python -m training.nobody.regress RENDERS.tar RUN --assets DIR --resolution 128 --minutes 60
    python -m training.nobody.regress RENDERS.tar RUN --assets DIR --resolution 256 --minutes 20 --last-block
    python -m training.nobody.regress RENDERS.tar RUN --export weights/nobody.safetensors

No photograph, no pretrained network; two CPU cores suffice. A picture and its latent are a pair, so mapping
and synthesis learn together by an L1 distance over a Laplacian pyramid. z is made of three parts:

- the numbers a render was made from (`latents.py`). Most pictures shown are renders warped to another shape
  (`reshape.py`), half are mirrored, and their numbers change with them;
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
import copy
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.common.atomic_file import replacing
from engine.common.errors import UsageError, report_errors_in_one_line
from engine.stylegan2.checkpoint import load_generator, save_generator
from engine.stylegan2.network import Generator, to_uint8
from training.nobody.compose import COMPOSITION_DIMS, compose, held_out, load_cutouts
from training.nobody.latents import LatentSpace, read_parameters
from training.nobody.learning import (
    coarser,
    contact_sheet,
    grown,
    importance,
    kept,
    learning_rate,
    pyramid_loss,
    set_w_avg,
    widen,
)
from training.nobody.reshape import other_shapes, warped

MAPPING_BOOST = 20.0
MAPPING_LAYERS = 2
CODE_DIMS = 48
CODE_NOISE = 0.4
CODES_BOOST = 2.0
SHAPES = 8  # other shapes for each render
RESHAPED = 0.6  # share of pictures shown that have another shape than the render's own
OLDEST_SHAPEABLE = "020000"


def new_generator(z_dim: int, resolution: int) -> Generator:
    """An untrained generator of the embedded one's width."""
    return Generator(
        z_dim, 512, resolution, channel_base=8192, channel_max=256, mapping_layers=MAPPING_LAYERS
    )


class Pairs:
    """Endless pairs of a latent and its picture, from N renders.

    z is (numbers of the render, composition, code); `codes` are parameters to be learned.
    """

    def __init__(self, renders: Path, assets: Path, run: Path, resolution: int, processes: int) -> None:
        self.names, self.cutouts = load_cutouts(renders, resolution)
        parameters = read_parameters(renders)
        self.space = LatentSpace([parameters[name] for name in self.names])
        kept_back = held_out(self.names)
        self.unseen, self.training = np.flatnonzero(kept_back), np.flatnonzero(~kept_back)
        # Older renders were drawn from narrower shapes than today's seeds give.
        shapeable = [i for i in self.training if self.names[i] >= OLDEST_SHAPEABLE]
        shapes, fields = other_shapes(
            [self.names[i] for i in shapeable], SHAPES, assets, processes, run / "shapes.npz"
        )
        self.place = np.full(len(self.names), -1)
        self.place[shapeable] = np.arange(len(shapeable))
        self.shapes, self.fields = shapes, torch.from_numpy(fields)
        # A code for each render and one for its mirror image.
        self.codes = torch.nn.Parameter(torch.randn(2 * len(self.names), CODE_DIMS))
        both = np.concatenate([self.training, self.training + len(self.names)])
        self._trained_codes = torch.from_numpy(both)

    @property
    def z_dim(self) -> int:
        """How many numbers z has."""
        return len(self.space.names) + COMPOSITION_DIMS - 1 + CODE_DIMS

    def standard_codes(self) -> torch.Tensor:
        """The codes (2 N, CODE_DIMS) of what is trained on; each column of mean 0 and variance 1 over it."""
        known = self.codes[self._trained_codes]
        return (self.codes - known.mean(0)) / (known.std(0) + 1e-6)

    def draw(
        self, rows: NDArray[np.int64], reshaped: NDArray[np.bool_], mirrored: NDArray[np.bool_], noise: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """z, pictures and importance of M rows; the `reshaped` ones in a random other shape of theirs."""
        cutouts, normal = self.cutouts[rows], self.space.normal[rows]
        reshaped = reshaped & (self.place[rows] >= 0)
        if reshaped.any():
            place, which = self.place[rows[reshaped]], np.random.randint(SHAPES, size=int(reshaped.sum()))
            chosen = torch.from_numpy(reshaped)
            cutouts[chosen] = warped(cutouts[chosen], self.fields[place, which])
            normal[reshaped] = self.space.with_shapes(normal[reshaped], self.shapes[place, which])
        normal[mirrored] = self.space.mirrored(normal[mirrored])
        turned = torch.from_numpy(mirrored)
        cutouts[turned] = cutouts[turned].flip(3)
        composition = torch.randn(len(rows), COMPOSITION_DIMS)
        composition[:, -1] = 1.0  # mirrored already
        codes = self.standard_codes()[torch.from_numpy(rows + mirrored * len(self.names))]
        codes = (1 - noise**2) ** 0.5 * codes + noise * torch.randn_like(codes)
        numbers = torch.from_numpy(self.space.latents(normal))
        z = torch.cat([numbers, composition[:, :-1], codes], 1)
        return z, compose(cutouts, composition), importance(cutouts[:, 3:].float() / 255)


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    torch.manual_seed(int(time.time()))
    args.run.mkdir(parents=True, exist_ok=True)
    pairs = Pairs(args.renders, args.assets, args.run, args.resolution, args.threads)
    generator = new_generator(pairs.z_dim, args.resolution)
    checkpoint, images = args.run / "checkpoint.pt", 0
    optimiser_state = None
    if checkpoint.exists():
        saved = kept(checkpoint)
        # A block that learns alone is laid on what has come to rest.
        grown(saved["average" if args.last_block else "generator"], generator, checkpoint)
        pairs.codes.data.copy_(saved["codes"])
        images = saved["images"]
        if (saved["resolution"], saved.get("last_block", False)) == (args.resolution, args.last_block):
            optimiser_state = saved["optimiser"]
    elif args.start:
        # What was exported knows no codes: they are learned anew.
        begun = load_generator(args.start)
        if begun.z_dim != pairs.z_dim:
            raise UsageError(
                f"{args.start}: made for a z of {begun.z_dim}; these renders need one of {pairs.z_dim}."
            )
        widen(begun, 1 / args.psi)  # takes back what the export did
        grown(coarser(begun.state_dict(), args.resolution), generator, args.start)
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(generator).requires_grad_(False)
    if checkpoint.exists():
        grown(saved["average"], average, checkpoint)
    # Pairs pin w down from the first picture on, unlike an adversary: the mapping may learn much faster than
    # its equalised rate of a hundredth.
    groups = [
        {"params": list(generator.mapping.parameters()), "boost": MAPPING_BOOST},
        {"params": list(generator.synthesis.parameters()), "boost": 1.0},
        {"params": [pairs.codes], "boost": CODES_BOOST},
    ]
    if args.last_block:
        generator.requires_grad_(False)
        last = generator.synthesis.get_submodule(f"b{args.resolution}").requires_grad_(True)
        pairs.codes.requires_grad_(False)
        groups = [{"params": list(last.parameters()), "boost": 1.0}]
    optimiser = torch.optim.Adam(groups, lr=args.rate, betas=(0.9, 0.99), fused=True)
    if optimiser_state:
        optimiser.load_state_dict(optimiser_state)

    # The sheet of samples has eight of each in a row, however few there are.
    known_rows = np.resize(pairs.training[::37], 8)
    unseen_rows = np.resize(pairs.unseen, max(8, len(pairs.unseen)))
    nobody = np.zeros(len(unseen_rows), bool)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        unseen_z, unseen, unseen_weight = pairs.draw(unseen_rows, nobody, nobody, noise=0.0)
        unseen_z[:, -CODE_DIMS:] = 0  # nobody knows theirs
    fixed_z = torch.randn(24, generator.z_dim, generator=torch.Generator().manual_seed(2))

    def report(loss: float) -> None:
        with torch.no_grad():
            drawn = average(unseen_z)
            line = {
                "images": images,
                "minutes": round((time.monotonic() - began) / 60, 1),
                "resolution": args.resolution,
                "loss": round(loss, 4),
                "held_out_loss": round(float(pyramid_loss(drawn, unseen, unseen_weight)), 4),
                "held_out_l1": round(float((drawn - unseen).abs().mean()), 4),
            }
            set_w_avg(average)
            z, known, _ = pairs.draw(known_rows, nobody[:8], nobody[:8], noise=0.0)
            rows = [known, average(z), unseen[:8], drawn[:8], average(fixed_z), average(fixed_z[:8], psi=0.7)]
            contact_sheet(to_uint8(torch.cat(rows)), 8).save(args.run / f"samples-{args.resolution}.png")
        with (args.run / "log.jsonl").open("a") as log:
            print(json.dumps(line), file=log)
        print(json.dumps(line), flush=True)
        state = {
            "generator": generator.state_dict(),
            "average": average.state_dict(),
            "codes": pairs.codes.data,
            "optimiser": optimiser.state_dict(),
            "images": images,
            "resolution": args.resolution,
            "last_block": args.last_block,
        }
        with replacing(checkpoint) as temporary:
            torch.save(state, temporary)

    began, step, smooth = time.monotonic(), 0, 0.0
    next_report = began + 60
    while (left := args.minutes * 60 - (time.monotonic() - began)) > 0:
        rows = np.random.choice(pairs.training, args.batch, replace=False)
        latent, target, weight = pairs.draw(
            rows, np.random.random(args.batch) < RESHAPED, np.random.random(args.batch) < 0.5, CODE_NOISE
        )
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, left, args.minutes * 12, args.rate) * group["boost"]
        ws = generator.broadcast(generator.mapping(latent))
        drawn = generator.synthesis(ws, "none", torch.bfloat16 if args.bfloat16 else torch.float32)
        loss = pyramid_loss(drawn, target, weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step, images = step + 1, images + args.batch
        smooth = loss.item() if step == 1 else 0.98 * smooth + 0.02 * loss.item()
        shown = images // args.batch  # over all runs: the average goes on where it was
        keep = min(0.998, (shown + 1) / (shown + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 1 - keep)
        if time.monotonic() > next_report:
            report(smooth)
            next_report = time.monotonic() + args.report_s
    report(smooth)


@torch.no_grad()
def silence(generator: Generator) -> None:
    """Noise of full strength and empty maps: the pictures of a generator that has learned without noise, and
    room for the detail that a visit's tuning fills the maps with (`engine.inversion.projection.tune`)."""
    for layer in generator.synthesis.noise_layers().values():
        layer.noise_const.zero_()
        layer.noise_strength.fill_(1.0)


def export(args: argparse.Namespace) -> None:
    """Writes the averaged generator of a run as half-precision safetensors."""
    saved = kept(args.run / "checkpoint.pt")
    z_dim = saved["average"]["mapping.fc0.weight"].shape[1]
    generator = new_generator(z_dim, saved["resolution"])
    generator.load_state_dict(saved["average"])
    set_w_avg(generator)
    widen(generator, args.psi)
    silence(generator)
    save_generator(generator, args.export, name=f"nobody-{saved['resolution']}")


@report_errors_in_one_line
def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("renders", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--resolution", type=int, default=64, choices=[16, 32, 64, 128, 256])
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.002)
    parser.add_argument("--threads", type=int, default=2)
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
    args = parser.parse_args()
    if not (args.export or args.assets):
        parser.error("training needs the mesh: give --assets DIR (see training.nobody.render.assets)")
    if args.export:
        export(args)
    else:
        train(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
