"""The training of an encoder: samples of the frozen generator with their latents, renders, and the losses."""

import argparse
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import UsageError
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.stylegan2.checkpoint import generator_sha256, load_generator
from engine.stylegan2.encoder import Encoder
from engine.stylegan2.network import to_uint8
from training.nobody.compose import compose_as_photographed
from training.nobody.dataset import load_divided_cutouts
from training.nobody.encoder.directions import Directions, find_directions, working_dtype
from training.nobody.encoder.distortions import blur_and_add_grain, jitter_framing
from training.nobody.losses import importance, learning_rate, pyramid_loss
from training.nobody.run_folder import load_checkpoint, save_checkpoint
from training.nobody.sheets import contact_sheet

CHECKPOINT_FILE = "encoder.pt"
DIRECTIONS = 160
WARM_UP = 0.35  # share of a new run that learns from latents alone
IMAGE_WEIGHT = 1.0
POOL = 4096
LEAN = 0.6  # how far a layer of a sample leans to a person of its own, at most


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


class EncoderTraining:
    """The encoder in training, the frozen generator, and the renders."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.device = torch.device(args.device)
        self.generator_sha256 = generator_sha256(args.generator)
        self.dtype = working_dtype(self.device)
        self.generator = load_generator(args.generator).to(self.device)
        self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        cutouts, unseen_cutouts = load_divided_cutouts(args.renders, self.generator.resolution, 2)
        self.cutouts = cutouts.to(self.device)
        unseen = compose_as_photographed(unseen_cutouts[:16], torch.Generator().manual_seed(1))
        self.unseen = unseen.to(self.device)

        count = min(DIRECTIONS, self.generator.w_dim)
        self.directions = find_directions(self.generator, count)
        encoder = Encoder(self.generator.num_ws, self.generator.w_dim, count)
        encoder.basis.copy_(self.directions.basis)
        self.encoder = encoder.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.Adam(self.encoder.parameters(), lr=args.rate, betas=(0.9, 0.99))
        self.checkpoint = args.run / CHECKPOINT_FILE
        self.images = 0
        if resumed := self.checkpoint.exists():
            saved = load_encoder_checkpoint(self.checkpoint, self.generator_sha256, self.device)
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
        return jitter_framing(compose_as_photographed(self.cutouts[chosen]))

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
        coordinates, guessed = self._guess(blur_and_add_grain(pictures))
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
        save_checkpoint(self.checkpoint, state)


def load_encoder_checkpoint(
    checkpoint: Path, sha256: str, device: torch.device | str = "cpu"
) -> dict[str, Any]:
    """What a run goes on from. Raises UsageError where it belongs to another generator, or is not there."""
    saved = load_checkpoint(checkpoint, device)
    if saved.get("generator_sha256", sha256) != sha256:  # the first runs did not say
        raise UsageError(
            f"{checkpoint}: was trained for another generator. Name that one, or another folder."
        )
    return saved
