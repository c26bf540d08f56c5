"""Trains the generator made of nobody against a discriminator, on pictures of rendered people only.

    python -m training.nobody.train RENDERS RUN --start weights/nobody.safetensors --resolution 256 --minutes
    9 python -m training.nobody.train RENDERS RUN --resolution 256 --minutes 20      # goes on from there

RENDERS is a tar or a folder of cut-outs (see `compose.py`). RUN keeps `generator.safetensors` (the averaged
generator, which the installation loads as it is), `discriminator-*.safetensors`, `state.json`, `log.jsonl`
and `samples.jpg`; a run goes on from there, also at a higher resolution. How to run it on a GPU machine is
told in docs/training.md.

Sources: Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, 2020 (networks,
non-saturating logistic loss, lazy regularisation, path lengths); Karras et al., *Training Generative
Adversarial Networks with Limited Data*, 2020 (adaptive augmentation, settings for few pictures and 256 px);
Mescheder et al., *Which Training Methods for GANs do actually Converge?*, 2018 (R1).
"""

import argparse
import copy
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from engine.common.atomic_file import replacing, write_text
from engine.common.errors import UsageError, report_errors_in_one_line
from engine.stylegan2.checkpoint import load_generator, save_generator
from engine.stylegan2.network import Generator, to_uint8
from training.nobody.augment import AdaptiveProbability, augment
from training.nobody.compose import compose_as_photographed, held_out, load_cutouts
from training.nobody.discriminator import STD_GROUP, Discriminator
from training.nobody.learning import contact_sheet, grown, set_w_avg, widen

BEGAN_S = time.monotonic()
MAPPING_LAYERS = 2  # as Karras et al. 2020b take for small data; eight learn more slowly
BETA2 = 0.99
WARM_UP_STEPS = 100  # the optimisers' moments are not kept, and without them the first steps are too large
R1_EVERY = 16
PATH_LENGTH_EVERY = 4
PATH_LENGTH_DECAY = 0.01
MIXING = 0.9
AVERAGE_HALF_LIFE_KIMG = 20.0
AVERAGE_RAMP = 0.05
ADA_FULL_RANGE_KIMG = 100.0  # the paper's 500 suits 25 million pictures; a short training cannot wait so long
HEAD_START_KIMG = 5.0
PART_BYTES = 15 * 2**20
REPORT_S = 30.0
SAVE_S = 150.0
SAMPLES = 32

Reading = dict[str, float]


class Training:
    """The two networks in training, and what is counted. `images` have been shown so far, over all runs."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.device = torch.device(args.device)
        self.dtype = torch.bfloat16 if self.device.type == "cuda" and not args.float32 else torch.float32
        state = read_state(args.run)
        self.images, self.steps, self.generator_steps = int(state.get("images", 0)), 0, 0
        torch.manual_seed(args.seed + self.images)

        names, cutouts = load_cutouts(args.renders, args.resolution)
        kept_back = torch.from_numpy(held_out(names))
        if len(names) < 64 or not kept_back.any():
            raise UsageError(f"{args.renders}: {len(names)} renders are too few. Give a thousand or more.")
        self.cutouts = cutouts[~kept_back].to(self.device)
        unknown = some_of(cutouts[kept_back], 64)
        self.known_cutouts = some_of(cutouts[~kept_back], len(unknown)).to(self.device)
        self.unknown_cutouts = unknown.to(self.device)

        generator = start_generator(args, resumed=bool(state))
        discriminator, ready = start_discriminator(args, state)
        self.generator = generator.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.generator.requires_grad_(True)
        self.discriminator = discriminator.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # A discriminator that knows nothing yet would only undo what the generator has learned.
        learned = bool(state or args.start)
        self.generator_from_image = self.images + (HEAD_START_KIMG * 1000 if learned and not ready else 0)
        # The average of what begins as noise has to forget soon; what was taught before need not.
        self.average_ramps = bool(state.get("average_ramps", args.start is None))

        self.probability = AdaptiveProbability(state.get("p", 0.0), ADA_FULL_RANGE_KIMG, self.device)
        self.path_length = torch.tensor(state.get("path_length", 0.0), device=self.device)
        lazy = PATH_LENGTH_EVERY / (PATH_LENGTH_EVERY + 1) if args.path_length else 1.0
        self.generator_optimiser = self._optimiser(self.generator.parameters(), lazy)
        self.discriminator_optimiser = self._optimiser(
            self.discriminator.parameters(), R1_EVERY / (R1_EVERY + 1)
        )
        # Second derivatives are taken of the plain networks: compiled ones have none.
        self.synthesis: Callable[..., torch.Tensor] = self.generator.synthesis
        self.judge: Callable[..., torch.Tensor] = self.discriminator
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter], lazy: float) -> torch.optim.Adam:
        """`lazy`: the loss's share of all steps, regularisation included (Karras et al. 2020, app. B)."""
        on_gpu = self.device.type == "cuda"
        return torch.optim.Adam(
            parameters, lr=self.args.rate * lazy, betas=(0.0, BETA2**lazy), eps=1e-8, fused=on_gpu
        )

    def compile(self) -> None:
        """Lets torch.compile fuse both networks, and tries them; keeps the plain ones where it fails."""
        plain = self.synthesis, self.judge
        self.synthesis, self.judge = (
            torch.compile(self.generator.synthesis),
            torch.compile(self.discriminator),
        )
        set_rate(self.discriminator_optimiser, 0.0)
        set_rate(self.generator_optimiser, 0.0)
        try:
            self._discriminator_step()
            self._generator_step()
        except Exception as error:
            self.synthesis, self.judge = plain
            print(f"not compiled, going on without ({' '.join(str(error).split())[:200]})", flush=True)

    def step(self) -> None:
        """Shows one batch to both networks."""
        set_rate(self.discriminator_optimiser, (self.steps + 1) / WARM_UP_STEPS)
        self._discriminator_step()
        if self.steps % R1_EVERY == 0:
            self._r1_step()
        if self.images >= self.generator_from_image:
            set_rate(self.generator_optimiser, (self.generator_steps + 1) / WARM_UP_STEPS)
            self._generator_step()
            if self.args.path_length and self.steps % PATH_LENGTH_EVERY == 0:
                self._path_length_step()
            self._move_average()
            self.generator_steps += 1
        self.steps += 1
        self.images += self.args.batch

    def _reals(self, cutouts: torch.Tensor | None = None) -> torch.Tensor:
        """Pictures (N, 3, R, R), composed anew: of the given cut-outs, or of a random batch."""
        if cutouts is None:
            cutouts = self.cutouts[torch.randint(len(self.cutouts), (self.args.batch,), device=self.device)]
        return compose_as_photographed(cutouts)

    def _latents(self, n: int) -> torch.Tensor:
        """W+ (n, num_ws, w_dim) of random people; most are one person's coarse and another's fine layers."""
        generator = self.generator
        w = generator.mapping(torch.randn(2 * n, generator.z_dim, device=self.device))
        first, second = generator.broadcast(w[:n]), generator.broadcast(w[n:])
        cut = torch.randint(1, generator.num_ws, (n, 1), device=self.device)
        mixed = torch.rand(n, 1, device=self.device) < MIXING
        swapped = mixed & (torch.arange(generator.num_ws, device=self.device) >= cut)
        return torch.where(swapped[:, :, None], second, first)

    def _logits(self, images: torch.Tensor) -> torch.Tensor:
        return self.judge(augment(images, self.probability.p), self.dtype)

    def _discriminator_step(self) -> None:
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        with torch.no_grad():
            fakes = self.synthesis(self._latents(self.args.batch), "random", self.dtype)
        fake_logits = self._logits(fakes)
        fake_loss = F.softplus(fake_logits).mean()
        fake_loss.backward()
        real_logits = self._logits(self._reals())
        real_loss = F.softplus(-real_logits).mean()
        real_loss.backward()
        self.discriminator_optimiser.step()
        self.probability.observe(real_logits)
        self._note(loss_d=fake_loss + real_loss)

    def _r1_step(self) -> None:
        """Penalises the gradient at what the discriminator was shown, so after the augmentation.

        Resampling itself has no second derivative in PyTorch; and nothing is lost, since the penalty belongs
        to the distribution that the discriminator sees. In float32.
        """
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        reals = augment(self._reals(), self.probability.p).detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.discriminator(reals).sum(), reals, create_graph=True)
        penalty = gradient.square().sum(dim=(1, 2, 3)).mean()
        gamma = self.args.gamma * (self.args.resolution / 256) ** 2
        (penalty * (gamma / 2 * R1_EVERY)).backward()
        self.discriminator_optimiser.step()
        self._note(r1=penalty)

    def _generator_step(self) -> None:
        self.generator_optimiser.zero_grad(set_to_none=True)
        self.discriminator.requires_grad_(False)
        try:  # a compiled network may fail here, and the plain ones go on
            fakes = self.synthesis(self._latents(self.args.batch), "random", self.dtype)
            loss = F.softplus(-self._logits(fakes)).mean()
            loss.backward()
        finally:
            self.discriminator.requires_grad_(True)
        self.generator_optimiser.step()
        self._note(loss_g=loss)

    def _path_length_step(self) -> None:
        """A step in w changes the picture by the same amount everywhere, so that a search finds its way."""
        self.generator_optimiser.zero_grad(set_to_none=True)
        ws = self._latents(max(1, self.args.batch // 2))
        images = self.generator.synthesis(ws, "random", self.dtype)
        noise = torch.randn_like(images) / self.args.resolution
        (gradient,) = torch.autograd.grad((images * noise).sum(), ws, create_graph=True)
        lengths = gradient.square().sum(dim=2).mean(dim=1).sqrt()
        self.path_length = self.path_length.lerp(lengths.detach().mean(), PATH_LENGTH_DECAY)
        penalty = (lengths - self.path_length).square().mean()
        (penalty * (self.args.path_length * PATH_LENGTH_EVERY)).backward()
        self.generator_optimiser.step()
        self._note(path_length=lengths.mean())

    @torch.no_grad()
    def _move_average(self) -> None:
        half_life = AVERAGE_HALF_LIFE_KIMG * 1000
        if self.average_ramps:
            half_life = min(half_life, AVERAGE_RAMP * (self.images + self.args.batch))
        weight = 1 - 0.5 ** (self.args.batch / half_life)
        torch._foreach_lerp_(list(self.average.parameters()), list(self.generator.parameters()), weight)

    def _note(self, **values: torch.Tensor) -> None:
        """Adds to the means of the next reading, on the device."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros([], device=self.device)) + value.detach()
            self._counts[name] = self._counts.get(name, 0) + 1

    @torch.no_grad()
    def reading(self) -> Reading:
        """Means since the last reading, and how much the discriminator has learned by heart.

        `r_t`: the share of augmented training pictures it takes for real, less the others. `by_heart`: 0
        where it likes people it has never seen as much as those it is trained on, 1 where it likes them no
        more than drawn ones (r_v in Karras et al. 2020b).
        """
        means = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        known, unknown = (
            float(self.discriminator(self._reals(cutouts), self.dtype).mean())
            for cutouts in (self.known_cutouts, self.unknown_cutouts)
        )
        latents = self._latents(len(self.unknown_cutouts))
        drawn = self.generator.synthesis(latents, "random", self.dtype)
        gap = known - float(self.discriminator(drawn, self.dtype).mean())
        by_heart = 0.0 if abs(gap) <= 1e-6 else (known - unknown) / gap  # not finite where a network is not
        return means | {
            "p": float(self.probability.p),
            "r_t": float(self.probability.sureness),
            "by_heart": by_heart,
        }

    @torch.no_grad()
    def save(self) -> None:
        """Writes everything a run goes on from, and a sheet of samples; each file whole or not at all."""
        run = self.args.run
        average = copy.deepcopy(self.average).cpu()
        set_w_avg(average)
        save_generator(average, run / "generator.safetensors", f"nobody-{self.args.resolution}")
        save_in_parts(self.discriminator.state_dict(), run, "discriminator")
        state = {
            "resolution": self.args.resolution,
            "images": self.images,
            "p": float(self.probability.p),
            "path_length": float(self.path_length),
            "average_ramps": self.average_ramps,
        }
        write_text(run / "state.json", json.dumps(state))
        average.to(self.device)
        random = torch.Generator().manual_seed(2)
        z = torch.randn(SAMPLES, average.z_dim, generator=random).to(self.device)
        drawn = torch.cat([average(part, psi=0.7) for part in z.split(8)])
        sheet = contact_sheet(to_uint8(torch.cat([drawn, self._reals(self.cutouts[:8])])), 8)
        with replacing(run / "samples.jpg") as temporary:
            sheet.save(temporary, "JPEG", quality=92)


def set_rate(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Sets the learning rate to a share of the usual one; to all of it where the share is more than 1."""
    for group in optimiser.param_groups:
        group["lr"] = optimiser.defaults["lr"] * min(1.0, share)


def some_of(cutouts: torch.Tensor, at_most: int) -> torch.Tensor:
    """Cut-outs spread evenly over all, so many that the discriminator compares them in its usual groups."""
    n = min(at_most, len(cutouts))
    n = n // STD_GROUP * STD_GROUP or n
    return cutouts[torch.linspace(0, len(cutouts) - 1, n).long()]


def start_generator(args: argparse.Namespace, resumed: bool) -> Generator:
    """The generator to go on from, grown to the resolution asked for; a new one where there is none.

    Of a given one truncation 1 shows from now on what `--start-truncation` has shown: the adversary sees all
    people that z can give, and those at the rim of a generator that was taught by regression dissolve.
    """
    source = args.run / "generator.safetensors" if resumed else args.start
    if source is None:
        return Generator(512, 512, args.resolution, 8192, 256, MAPPING_LAYERS)
    found = load_generator(source)
    fill_empty_noise(found)
    if not resumed:
        widen(found, 1 / args.start_truncation)
    if found.resolution == args.resolution:
        return found
    if found.resolution > args.resolution:
        raise UsageError(
            f"{source}: is of {found.resolution} px already. Ask for at least as many, or a new run."
        )
    larger = Generator(
        found.z_dim, found.w_dim, args.resolution, found.channel_base, found.channel_max, found.mapping_layers
    )
    return grown(found.state_dict(), larger, source)


@torch.no_grad()
def fill_empty_noise(generator: Generator) -> None:
    """Where noise maps are empty (`regress.silence`), strengths begin at zero: training draws random ones."""
    for layer in generator.synthesis.noise_layers().values():
        if not layer.noise_const.any():
            layer.noise_const.normal_()
            layer.noise_strength.zero_()


def start_discriminator(args: argparse.Namespace, state: dict[str, Any]) -> tuple[Discriminator, bool]:
    """The discriminator to go on from, and whether all of it has been trained at this resolution."""
    discriminator = Discriminator(args.resolution)
    if not state:
        return discriminator, False
    own = discriminator.state_dict()
    stored = load_parts(args.run, "discriminator")
    discriminator.load_state_dict(
        {k: v.float() for k, v in stored.items() if k in own and v.shape == own[k].shape}, strict=False
    )
    return discriminator, state["resolution"] == args.resolution


def read_state(run: Path) -> dict[str, Any]:
    """What an earlier run counted; empty where there was none."""
    path = run / "state.json"
    return json.loads(path.read_text()) if path.exists() else {}


def save_in_parts(state: dict[str, torch.Tensor], folder: Path, stem: str) -> None:
    """Writes tensors in half precision as `stem-1-of-n.safetensors` and so on, about `PART_BYTES` each."""
    parts: list[dict[str, torch.Tensor]] = [{}]
    filled = 0
    for name, tensor in state.items():
        half = tensor.detach().to("cpu", torch.float16).contiguous()
        if filled and filled + half.nbytes > PART_BYTES:
            parts.append({})
            filled = 0
        parts[-1][name] = half
        filled += half.nbytes
    written = [folder / f"{stem}-{i}-of-{len(parts)}.safetensors" for i in range(1, len(parts) + 1)]
    for path, part in zip(written, parts, strict=True):
        with replacing(path) as temporary:
            save_file(part, temporary)
    for path in set(folder.glob(f"{stem}-*-of-*.safetensors")) - set(written):
        path.unlink()


def load_parts(folder: Path, stem: str) -> dict[str, torch.Tensor]:
    """Reads what `save_in_parts` wrote. Raises UsageError where a part is missing."""
    paths = sorted(folder.glob(f"{stem}-*-of-*.safetensors"))
    count = int(paths[0].stem.rsplit("-", 1)[1]) if paths else 0
    if not paths or len(paths) != count:
        raise UsageError(
            f"{folder}: {len(paths)} of {count or 'the'} files {stem}-*.safetensors. Bring all of them."
        )
    return {name: tensor for path in paths for name, tensor in load_file(path).items()}


def train(args: argparse.Namespace) -> None:
    """Trains until the time is up or the process is asked to end, and writes the run either way."""
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    args.run.mkdir(parents=True, exist_ok=True)
    training = Training(args)
    if args.compile:
        training.compile()
    print(f"{len(training.cutouts)} people, start at {elapsed_s():.1f} s", flush=True)
    with end_when_asked() as asked_to_end:
        follow(training, args, asked_to_end)


def follow(training: Training, args: argparse.Namespace, asked_to_end: list[int]) -> None:
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
        with (args.run / "log.jsonl").open("a") as log:
            print(json.dumps(row), file=log)
        print(json.dumps(row), flush=True)
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
    print(table(rows))


@contextmanager
def end_when_asked() -> Iterator[list[int]]:
    """Collects the signals that ask the process to end, instead of ending it."""
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
    return time.monotonic() - BEGAN_S


def table(rows: list[Reading], at_most: int = 12) -> str:
    """The first, the last and some rows between, in columns."""
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("renders", type=Path, help="a tar or a folder of cut-outs")
    parser.add_argument("run", type=Path, help="the folder to write, and to go on from")
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
    parser.add_argument("--minutes", type=float, default=9, help="for everything, the last writing included")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0.0025)
    parser.add_argument("--gamma", type=float, default=1.0, help="of R1 at 256 px; at r px times (r / 256)^2")
    parser.add_argument(
        "--path-length", type=float, default=0.0, help="weight of the path lengths; published: 2"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--float32", action="store_true", help="no bfloat16 on the GPU")
    parser.add_argument(
        "--compile", action="store_true", help="fuse the networks first; takes a minute or two"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args(words))
    return 0


if __name__ == "__main__":
    sys.exit(main())
