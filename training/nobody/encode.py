"""Trains the encoder of a generator made of nobody: picture -> W+ (`engine/stylegan2/encoder.py`).

    python training/nobody/encode.py weights/nobody.safetensors RENDERS RUN --minutes 60
    python training/nobody/encode.py weights/nobody.safetensors RENDERS RUN --export NAME.safetensors

Pictures that the generator draws itself come with their latents, and the first third of a new run learns
from these alone, which is cheap. Then the encoder's guess is drawn by the frozen generator and compared
with what it was shown, for renders of people, who are not exactly in the generator. No judge takes part.

RUN keeps `encoder.pt` (a run goes on from there), `log.jsonl` and `pairs.png` (renders never trained on, and
below them what the generator makes of the encoder's guess). Runs on a GPU where there is one.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from engine.common.atomic_file import replacing
from engine.common.errors import UsageError, report_errors_in_one_line
from engine.inversion.projection import fast_dtype
from engine.perceptual.distance import NormalisedLaplacianPyramid
from engine.stylegan2.checkpoint import generator_name, generator_sha256, load_generator
from engine.stylegan2.encoder import Encoder, save_encoder
from engine.stylegan2.network import Generator, to_uint8
from training.nobody.compose import compose_as_photographed, held_out, load_cutouts
from training.nobody.learning import contact_sheet, importance, kept, learning_rate, pyramid_loss

DIRECTIONS = 160
WARM_UP = 0.35  # share of a new run that learns from latents alone
IMAGE_WEIGHT = 1.0
POOL = 4096
LEAN = 0.6  # how far a layer of a sample leans to a person of its own, at most


@dataclass(frozen=True)
class Directions:
    """Directions of w in which the picture changes most, for what w varies there.

    Attributes:
        basis: (K, w_dim), one standard deviation of w along each.
        inverse: (w_dim, K); `(w - w_avg) @ inverse` are coordinates, of variance 1 over random people.
        importance: (K,), mean 1: square roots of how much the picture changes along each.
    """

    basis: torch.Tensor
    inverse: torch.Tensor
    importance: torch.Tensor


def find_directions(generator: Generator, count: int, pictures: int = 176) -> Directions:
    """Looks back from random patterns in random people's pictures to w, and takes what is seen most."""
    device = generator.mapping.w_avg.device
    random = torch.Generator().manual_seed(0)
    z = torch.randn(20000, generator.z_dim, generator=random).to(device)
    with torch.no_grad():
        covariance = torch.cov(generator.mapping(z).T)
    variances, axes = torch.linalg.eigh(covariance)
    deviations = variances.clamp(min=1e-3 * float(variances.mean())).sqrt()
    root, inverse_root = (axes * deviations) @ axes.T, (axes / deviations) @ axes.T
    looks_back = []
    for part in z[:pictures].split(8):
        w = generator.mapping(part).requires_grad_(True)
        drawn = generator.synthesis(generator.broadcast(w), "const", working_dtype(device))
        (gradient,) = torch.autograd.grad((drawn * _patterns(drawn)).sum(), w)
        looks_back.append(gradient)
    seen = torch.cat(looks_back) @ root
    strengths, vectors = torch.linalg.eigh(seen.T @ seen)
    kept = vectors.flip(1)[:, :count]
    weights = strengths.flip(0)[:count].clamp(min=1e-6 * float(strengths[-1])).sqrt()
    return Directions(kept.T @ root, inverse_root @ kept, weights / weights.mean())


def _patterns(like: torch.Tensor) -> torch.Tensor:
    """Random patterns (N, 3, R, R), as strong at every scale from 8 px to R."""
    total, size = torch.zeros_like(like), like.shape[-1]
    cells = size
    while cells >= 8:
        coarse = torch.randn(len(like), 3, cells, cells).to(like) * cells / size
        total += F.interpolate(coarse, size=like.shape[2:])
        cells //= 2
    return total


def working_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on a GPU, and on a CPU that multiplies it natively."""
    return torch.bfloat16 if device.type == "cuda" else fast_dtype(device)


class Pool:
    """Random people with their latents, drawn once and shown a few times: drawing is what takes time."""

    def __init__(self, size: int) -> None:
        self.size, self.filled, self.next = size, 0, 0

    def add(self, pictures: torch.Tensor, ws: torch.Tensor) -> None:
        """Takes in pictures (N, 3, R, R) and W+ in place of the oldest ones."""
        if not self.filled:
            self.pictures = pictures.new_zeros((self.size, *pictures.shape[1:]), dtype=torch.bfloat16)
            self.ws = ws.new_zeros((self.size, *ws.shape[1:]))
        places = (torch.arange(len(ws), device=ws.device) + self.next) % self.size
        self.pictures[places], self.ws[places] = pictures.to(torch.bfloat16), ws
        self.next = (self.next + len(ws)) % self.size
        self.filled = min(self.size, self.filled + len(ws))

    def draw(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """n of them at random."""
        chosen = torch.randint(self.filled, (n,), device=self.ws.device)
        return self.pictures[chosen].float(), self.ws[chosen]


class Training:
    """The encoder in training, the frozen generator, and the renders."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.device = torch.device(args.device)
        self.generator_sha256 = generator_sha256(args.generator)
        self.dtype = working_dtype(self.device)
        self.generator = load_generator(args.generator).to(self.device)
        self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        names, cutouts = load_cutouts(args.renders, self.generator.resolution)
        kept_back = torch.from_numpy(held_out(names))
        if kept_back.all() or not kept_back.any():
            raise UsageError(f"{args.renders}: {len(names)} renders are too few. Give a thousand or more.")
        self.cutouts = cutouts[~kept_back].to(self.device)
        unseen = compose_as_photographed(cutouts[kept_back][:16], torch.Generator().manual_seed(1))
        self.unseen = unseen.to(self.device)

        count = min(DIRECTIONS, self.generator.w_dim)
        self.directions = find_directions(self.generator, count)
        encoder = Encoder(self.generator.num_ws, self.generator.w_dim, count)
        encoder.basis.copy_(self.directions.basis)
        self.encoder = encoder.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.Adam(self.encoder.parameters(), lr=args.rate, betas=(0.9, 0.99))
        self.checkpoint = args.run / "encoder.pt"
        self.images = 0
        if resumed := self.checkpoint.exists():
            saved = begun(self.checkpoint, self.generator_sha256, self.device)
            self.encoder.load_state_dict(saved["encoder"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.images = saved["images"]
            self.directions = Directions(**saved["directions"])
        self.warm_up = 0.0 if resumed else WARM_UP
        ones = torch.ones(1, 1, self.generator.resolution, self.generator.resolution)
        self.weight = importance(ones).to(self.device)
        self.pyramid = NormalisedLaplacianPyramid()
        torch.manual_seed(args.seed + self.images)
        self.fixed_samples = self._samples(16)
        self.pool = Pool(POOL)
        self.pool.add(*self._samples(args.batch))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype is torch.bfloat16)

    def _guess(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Coordinates (N, num_ws, K) and W+ (N, num_ws, w_dim)."""
        with self._autocast():
            coordinates = self.encoder.coordinates(pictures).float()
        return coordinates, self.generator.mapping.w_avg + coordinates @ self.encoder.basis

    def draw(self, ws: torch.Tensor) -> torch.Tensor:
        """Pictures (N, 3, R, R) of W+."""
        return self.generator.synthesis(ws, "const", self.dtype)

    @torch.no_grad()
    def _samples(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Random people: pictures (n, 3, R, R) and W+; in half of them each layer is also a little of
        somebody else, since a search in W+ ends in such places too."""
        generator = self.generator

        def people(count: int) -> torch.Tensor:
            return generator.mapping(torch.randn(count, generator.z_dim, device=self.device))

        others = people(n * generator.num_ws).unflatten(0, (n, generator.num_ws))
        lean = (
            LEAN * torch.rand(n, 1, 1, device=self.device) * (torch.rand(n, 1, 1, device=self.device) < 0.5)
        )
        ws = generator.broadcast(people(n)).lerp(others, lean)
        psi = 0.35 + 0.5 * torch.rand(n, 1, 1, device=self.device)
        ws = generator.mapping.w_avg.lerp(ws, psi)
        return self.draw(ws).clamp(-1, 1), ws

    def _renders(self, n: int) -> torch.Tensor:
        chosen = torch.randint(len(self.cutouts), (n,), device=self.device)
        return moved(compose_as_photographed(self.cutouts[chosen]))

    def _image_loss(self, drawn: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """(): what the search minimises, and an L1 pyramid, which knows where colours belong."""
        distance = self.pyramid.towards(target, self.weight)(drawn).mean()
        return distance + 0.5 * pyramid_loss(drawn, target, self.weight)

    def step(self, share: float, seconds_left: float) -> dict[str, float]:
        """One batch; `share` of the run that is over. Returns the losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(
                self.images // self.args.batch, seconds_left, self.args.minutes * 24, self.args.rate
            )
        self.encoder.train()
        warming_up = share < self.warm_up
        self.pool.add(*self._samples(max(1, self.args.batch // 16)))
        count = self.args.batch if warming_up else self.args.batch * 3 // 4
        pictures, ws = self.pool.draw(count)
        if not warming_up:
            pictures = torch.cat([pictures, self._renders(self.args.batch - count)])
        coordinates, guessed = self._guess(as_seen(pictures))
        wanted = (ws - self.generator.mapping.w_avg) @ self.directions.inverse
        loss = ((coordinates[:count] - wanted).square() * self.directions.importance).mean()
        losses = {"latent": float(loss.detach())}
        if not warming_up:
            image_loss = self._image_loss(self.draw(guessed[count:]), pictures[count:])
            loss = loss + IMAGE_WEIGHT * image_loss
            losses["image"] = float(image_loss.detach())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.encoder.parameters(), 5.0)
        self.optimiser.step()
        self.images += len(pictures)
        return losses

    @torch.no_grad()
    def reading(self) -> dict[str, float]:
        """The search's distance from pictures never trained on to their guesses, and to the median face."""
        self.encoder.eval()
        pictures, _ = self.fixed_samples
        median = self.draw(self.generator.broadcast(self.generator.mapping.w_avg[None]))
        result = {}
        for name, target in (("renders", self.unseen), ("samples", pictures)):
            distance = self.pyramid.towards(target, self.weight)
            drawn = self.draw(self._guess(target)[1])
            result[name] = float(distance(drawn).mean())
            result[f"{name}_median"] = float(distance(median.expand_as(target)).mean())
            if name == "renders":
                shown = to_uint8(torch.cat([target[:8], drawn[:8]]))
                contact_sheet(shown, len(shown) // 2).save(self.args.run / "pairs.png")
        return result

    def save(self) -> None:
        """Writes what a run goes on from; all of it or nothing."""
        state = {
            "encoder": self.encoder.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "directions": vars(self.directions),
            "images": self.images,
            "generator_sha256": self.generator_sha256,
        }
        with replacing(self.checkpoint) as temporary:
            torch.save(state, temporary)


def begun(checkpoint: Path, sha256: str, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What a run goes on from. Raises UsageError where it belongs to another generator, or is not there."""
    saved = kept(checkpoint, device)
    if saved.get("generator_sha256", sha256) != sha256:  # the first runs did not say
        raise UsageError(
            f"{checkpoint}: was trained for another generator. Name that one, or another folder."
        )
    return saved


def moved(pictures: torch.Tensor) -> torch.Tensor:
    """Turns, shifts and stretches pictures (N, 3, R, R) a little: photographs are framed less exactly, and
    real heads are narrower and wider than rendered ones."""
    n = len(pictures)
    angle, stretch, shift = (torch.randn(n, k, device=pictures.device) for k in (1, 2, 2))
    angle, stretch, shift = 0.03 * angle, torch.exp(0.03 * stretch), 0.02 * shift
    cosine, sine = angle.cos(), angle.sin()
    across = torch.cat([stretch[:, :1] * cosine, -sine, shift[:, :1]], dim=1)
    down = torch.cat([sine, stretch[:, 1:] * cosine, shift[:, 1:]], dim=1)
    grid = F.affine_grid(torch.stack([across, down], dim=1), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def as_seen(pictures: torch.Tensor) -> torch.Tensor:
    """Blurs a third of the pictures (N, 3, R, R), puts grain over all, as cameras do."""
    n, size = len(pictures), pictures.shape[-1]
    coarse = F.interpolate(pictures, scale_factor=0.5, mode="area")
    blurred = F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
    mix = torch.rand(n, 1, 1, 1, device=pictures.device) * (
        torch.rand(n, 1, 1, 1, device=pictures.device) < 1 / 3
    )
    grain = 0.05 * torch.rand(n, 1, 1, 1, device=pictures.device) * torch.randn_like(pictures)
    return pictures.lerp(blurred, mix) + grain


def train(args: argparse.Namespace) -> None:
    """Trains for `args.minutes`, everything included, one batch at least, and writes the run."""
    began_s = time.monotonic()
    torch.set_num_threads(args.threads)
    args.run.mkdir(parents=True, exist_ok=True)
    training = Training(args)
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
        row = json.dumps({name: round(value, 4) for name, value in line.items()})
        print(row, flush=True)
        with (args.run / "log.jsonl").open("a") as log:
            print(row, file=log)
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
    saved = begun(args.run / "encoder.pt", sha256)["encoder"]
    encoder = Encoder(generator.num_ws, generator.w_dim, len(saved["basis"]))
    encoder.load_state_dict(saved)
    save_encoder(encoder, args.export, generator_name(args.generator), sha256)


@report_errors_in_one_line
def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("generator", type=Path)
    parser.add_argument("renders", type=Path, help="a tar or a folder of cut-outs")
    parser.add_argument("run", type=Path, help="the folder to write, and to go on from")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--report-s", type=float, default=120)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
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
