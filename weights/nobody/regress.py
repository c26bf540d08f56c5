"""Version 0 of the generator made of nobody: regresses each render from the numbers it was made from.

    python weights/nobody/regress.py RENDERS.tar RUN --resolution 64 --minutes 25
    python weights/nobody/regress.py RENDERS.tar RUN --resolution 128 --minutes 60    # goes on from 64
    python weights/nobody/regress.py RENDERS.tar RUN --export weights/nobody.safetensors

No adversary, no photograph, no pretrained network; two CPU cores suffice. A picture and its latent are a
pair (see `latents.py`), so mapping and synthesis learn together by an L1 distance over a Laplacian
pyramid. RUN keeps `checkpoint.pt` (resumed), `log.jsonl` and `samples-*.png`.
"""

import argparse
import copy
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from compose import COMPOSITION_DIMS, compose, held_out, load_cutouts  # noqa: E402
from latents import read_parameters, standard_normal_latents  # noqa: E402

from engine.stylegan2 import Generator, to_uint8  # noqa: E402
from engine.stylegan2.checkpoint import save_generator  # noqa: E402

MAPPING_BOOST = 20.0
MAPPING_LAYERS = 2


def new_generator(z_dim: int, resolution: int) -> Generator:
    """An untrained generator of the embedded one's width."""
    return Generator(
        z_dim, 512, resolution, channel_base=8192, channel_max=256, mapping_layers=MAPPING_LAYERS
    )


def importance(alpha: torch.Tensor) -> torch.Tensor:
    """(N, 1, R, R) alpha -> weights (N, 1, R, R): the face counts fully, hair half, the ground a quarter.

    Hair strands are drawn from random seeds that no latent tells; asking for them only blurs the face.
    """
    size = alpha.shape[-1]
    y, x = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    distance = torch.sqrt(((x - 0.5) / 0.31) ** 2 + ((y - 0.57) / 0.37) ** 2)
    face = torch.sigmoid((1 - distance) * 12)
    return 0.25 + alpha * (0.25 + 0.5 * face)


def pyramid_loss(a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor, levels: int = 5) -> torch.Tensor:
    """Weighted L1 over a Laplacian pyramid; each band counts the same however faint it is."""
    difference, total = a - b, torch.zeros([])
    for level in range(min(levels, int(math.log2(a.shape[-1])) - 2)):
        coarse = F.avg_pool2d(difference, 2)
        band = difference - F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        total = total + (band.abs() * weight).mean() * 2.0 ** (2 - level / 2)
        difference, weight = coarse, F.avg_pool2d(weight, 2)
    return total + (difference.abs() * weight).mean() * 2


def grown(state: dict[str, torch.Tensor], generator: Generator) -> Generator:
    """Fills a generator from one of lower resolution; new blocks begin by adding nothing to the picture."""
    for block in generator.synthesis.children():
        torch.nn.init.zeros_(block.get_parameter("torgb.weight"))
    generator.load_state_dict(state, strict=False)
    return generator


def learning_rate(step: int, seconds_left: float, fall_s: float, peak: float) -> float:
    """Warm up over 100 steps, fall over the last `fall_s` seconds to a twentieth."""
    return peak * min(1.0, (step + 1) / 100) * max(0.05, min(1.0, seconds_left / fall_s))


def contact_sheet(pictures: torch.Tensor, columns: int) -> Image.Image:
    """uint8 (N, R, R, 3) -> one picture, row by row."""
    n, size = pictures.shape[:2]
    grid = pictures.reshape(n // columns, columns, size, size, 3).permute(0, 2, 1, 3, 4)
    return Image.fromarray(grid.reshape(n // columns * size, columns * size, 3).numpy())


@torch.no_grad()
def set_w_avg(generator: Generator, draws: int = 20000) -> None:
    """The median face: the mean of w over fresh draws of z."""
    z = torch.randn(draws, generator.z_dim, generator=torch.Generator().manual_seed(0))
    generator.mapping.w_avg.copy_(generator.mapping(z).mean(0))


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    torch.manual_seed(int(time.time()))
    args.run.mkdir(parents=True, exist_ok=True)
    names, cutouts = load_cutouts(args.renders, args.resolution)
    parameters = read_parameters(args.renders)
    latents, _ = standard_normal_latents([parameters[name] for name in names])
    z = torch.from_numpy(latents)
    kept_back = held_out(names)
    unseen, training = np.flatnonzero(kept_back), np.flatnonzero(~kept_back)

    generator = new_generator(z.shape[1] + COMPOSITION_DIMS, args.resolution)
    checkpoint, images = args.run / "checkpoint.pt", 0
    optimiser_state = None
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        grown(saved["generator"], generator)
        images = saved["images"]
        if saved["resolution"] == args.resolution:
            optimiser_state = saved["optimiser"]
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(generator).requires_grad_(False)
    if checkpoint.exists():
        grown(saved["average"], average)
    # Pairs pin w down from the first picture on, unlike an adversary: the mapping may learn much faster than
    # its equalised rate of a hundredth.
    groups = [
        {"params": list(generator.mapping.parameters()), "boost": MAPPING_BOOST},
        {"params": list(generator.synthesis.parameters()), "boost": 1.0},
    ]
    optimiser = torch.optim.Adam(groups, lr=args.rate, betas=(0.9, 0.99), fused=True)
    if optimiser_state:
        optimiser.load_state_dict(optimiser_state)

    fixed_draw = torch.randn(len(unseen), COMPOSITION_DIMS, generator=torch.Generator().manual_seed(1))
    fixed_z = torch.randn(24, generator.z_dim, generator=torch.Generator().manual_seed(2))

    def batch(rows: NDArray[np.int64], draw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        cutout = cutouts[rows]
        alpha = cutout[:, 3:].float() / 255
        alpha = torch.where(draw[:, 11, None, None, None] < 0, alpha.flip(3), alpha)
        return torch.cat([z[rows], draw], 1), compose(cutout, draw), importance(alpha)

    def report(step: int, loss: float) -> None:
        with torch.no_grad():
            latent, target, weight = batch(unseen, fixed_draw)
            drawn = average(latent)
            line = {
                "images": images,
                "minutes": round((time.monotonic() - began) / 60, 1),
                "resolution": args.resolution,
                "loss": round(loss, 4),
                "held_out_loss": round(float(pyramid_loss(drawn, target, weight)), 4),
                "held_out_l1": round(float((drawn - target).abs().mean()), 4),
            }
            set_w_avg(average)
            rows = torch.cat([target[:8], drawn[:8], average(fixed_z, psi=0.7)])
            rows = torch.cat([rows, average(fixed_z[:8] * 0, psi=0.0)[:8]])
            contact_sheet(to_uint8(rows), 8).save(args.run / f"samples-{args.resolution}.png")
        with (args.run / "log.jsonl").open("a") as log:
            print(json.dumps(line), file=log)
        print(json.dumps(line), flush=True)
        state = {
            "generator": generator.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "images": images,
            "resolution": args.resolution,
        }
        torch.save(state, checkpoint.with_suffix(".part"))
        checkpoint.with_suffix(".part").replace(checkpoint)

    began, step, smooth = time.monotonic(), 0, 0.0
    next_report = began + 60
    while (left := args.minutes * 60 - (time.monotonic() - began)) > 0:
        rows = np.random.choice(training, args.batch, replace=False)
        latent, target, weight = batch(rows, torch.randn(args.batch, COMPOSITION_DIMS))
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
        keep = min(0.998, (step + 1) / (step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 1 - keep)
        if time.monotonic() > next_report:
            report(step, smooth)
            next_report = time.monotonic() + args.report_s
    report(step, smooth)


def export(args: argparse.Namespace) -> None:
    """Writes the averaged generator of a run as half-precision safetensors."""
    saved = torch.load(args.run / "checkpoint.pt", weights_only=True)
    z_dim = saved["average"]["mapping.fc0.weight"].shape[1]
    generator = new_generator(z_dim, saved["resolution"])
    generator.load_state_dict(saved["average"])
    set_w_avg(generator)
    save_generator(generator, args.export, name=f"nobody-{saved['resolution']}")


def main() -> None:
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
    parser.add_argument("--export", type=Path)
    args = parser.parse_args()
    if args.export:
        export(args)
    else:
        train(args)


if __name__ == "__main__":
    main()
