"""The adversarial training itself: both networks, their losses, and the measurements of a run.

Sources: Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, 2020 (networks,
non-saturating logistic loss, lazy regularisation, path lengths); Karras et al., *Training Generative
Adversarial Networks with Limited Data*, 2020 (adaptive augmentation, settings for few pictures and 256 px);
Mescheder et al., *Which Training Methods for GANs do actually Converge?*, 2018 (R1).
"""

import argparse
import copy
import json
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F

from engine.common.atomic_file import replacing, write_text
from engine.stylegan2.checkpoint import save_generator
from engine.stylegan2.network import to_uint8
from training.nobody.adversarial.augment import AdaptiveProbability, augment
from training.nobody.adversarial.checkpoint import (
    read_state,
    save_in_parts,
    start_discriminator,
    start_generator,
)
from training.nobody.adversarial.discriminator import STD_GROUP
from training.nobody.compose import compose_as_photographed
from training.nobody.dataset import load_divided_cutouts
from training.nobody.generators import set_w_avg
from training.nobody.sheets import contact_sheet

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
SAMPLES = 32
FEWEST_RENDERS = 64

Reading = dict[str, float]


class AdversarialTraining:
    """The two networks in training, and what is counted. `images` have been shown so far, over all runs."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.device = torch.device(args.device)
        self.dtype = torch.bfloat16 if self.device.type == "cuda" and not args.float32 else torch.float32
        state = read_state(args.run)
        self.images, self.steps, self.generator_steps = int(state.get("images", 0)), 0, 0
        torch.manual_seed(args.seed + self.images)

        cutouts, unknown_cutouts = load_divided_cutouts(args.renders, args.resolution, FEWEST_RENDERS)
        self.cutouts = cutouts.to(self.device)
        unknown = evenly_spaced(unknown_cutouts, 64)
        self.known_cutouts = evenly_spaced(cutouts, len(unknown)).to(self.device)
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


def evenly_spaced(cutouts: torch.Tensor, at_most: int) -> torch.Tensor:
    """Cut-outs spread evenly over all, so many that the discriminator compares them in its usual groups."""
    n = min(at_most, len(cutouts))
    n = n // STD_GROUP * STD_GROUP or n
    return cutouts[torch.linspace(0, len(cutouts) - 1, n).long()]
