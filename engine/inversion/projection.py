"""The projection: a search from the median face to the closest match, as a stream of steps.

Two phases. In the first the latent moves from w_avg into W+ (one w for each layer), weights frozen; where an
encoder has estimated the sitter's place, it first moves there in a straight line. In the second, *tuning*,
the generator's own weights move a little, for this visit and in memory only, and the latent moves on with
them; it follows where the latent alone does not bring the match close enough. Detail that weights cannot
express, such as wrinkles and strands of hair, goes at the same time into the noise maps of the two finest
resolutions that the loss sees.

What the search ends in is a `Place`: a latent and the offsets of the generator's tensors. Both are zero-based
at the median face, so that a straight line leads back to it (`engine.border.continuum`).

**Convention:** pictures are (1, 3, R, R), RGB, [-1, 1]; latents are W+ (1, num_ws, w_dim).

Sources: projection as in Karras et al. 2020, appendix D (cosine ramp, latent noise, noise regularisation); W+
as in Abdal et al., *Image2StyleGAN*, 2019; tuning after Roich et al., *Pivotal Tuning for Latent-based
Editing of Real Images*, 2021, where the latent stays (`pivot_rate` 0); noise maps for detail as in Abdal et
al., *Image2StyleGAN++*, 2020. No judge takes part in the loss.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import torch
from torch.func import functional_call

from engine.common.device import multiplies_bfloat16
from engine.stylegan2.network import Generator, NoiseMode, to_uint8

if TYPE_CHECKING:
    from engine.stylegan2.encoder import Encoder  # its files need safetensors, which the search does not

Loss = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Place:
    """Somewhere in the generator: a latent, and what this visit has added to the generator's own tensors.

    Attributes:
        latent: W+ (1, num_ws, w_dim).
        offsets: name of a synthesis parameter or buffer -> tensor to add to it; empty where nothing is tuned.
    """

    latent: torch.Tensor
    offsets: dict[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step of a search. `picture` is uint8 (R, R, 3), RGB; `loss` is the perceptual distance alone, in
    the search for the nearest picture what has gradients of the visible change (`engine.finders.nearest`).
    `gradient`: of the distance by the latent, of its shape, in standard deviations of w; None where this step
    has none."""

    phase: Literal["latent", "tuning", "nearest"]
    index: int
    steps: int
    loss: float
    picture: torch.Tensor
    place: Place
    gradient: torch.Tensor | None = None


@dataclass(frozen=True)
class SearchSettings:
    """How long and with which rates to search.

    Attributes:
        space: "w" moves one w for all layers, "w+" each layer's own.
        steps, tuning_steps: the most of each phase; a phase ends earlier once it no longer gains.
        walk_steps: how many of the latent's steps lead straight to an encoder's estimate, where there is one.
        rate: learning rate of the latent, in standard deviations of w.
        tuning_rate: learning rate of the weights; with 0 they stay, and only the latent and noise maps move.
        detail_rate: learning rate of the noise maps while tuning, as they are added to the feature maps.
        pivot_rate: learning rate of the latent while tuning, in standard deviations of w.
        latent_weight: pull towards w_avg, which keeps the match where faces are.
        noise_weight: weight of the noise regularisation (only where the generator uses its noise).
        gain, patience: stop when the loss has not fallen by the share `gain` within `patience` steps.
        dtype: of the feature maps while searching; pictures that are judged are always float32.
        seed: of the latent noise.
    """

    space: Literal["w", "w+"] = "w+"
    steps: int = 150
    tuning_steps: int = 50
    walk_steps: int = 12
    rate: float = 0.1
    tuning_rate: float = 8e-3
    detail_rate: float = 4e-2
    pivot_rate: float = 0.1
    latent_weight: float = 2e-3
    noise_weight: float = 1e5
    gain: float = 0.01
    patience: int = 40
    dtype: torch.dtype = torch.float32
    seed: int = 0


def fast_dtype(device: torch.device) -> torch.dtype:
    """The dtype a search is fastest in: bfloat16 where the device multiplies it natively, else float32.

    Not float16, which older GPUs have: feature maps may exceed its range.
    """
    return torch.bfloat16 if multiplies_bfloat16(device) else torch.float32


def median_face(generator: Generator) -> Place:
    """G(w_avg): where every search begins."""
    return Place(generator.broadcast(generator.mapping.w_avg[None]).clone())


@torch.no_grad()
def guess_place(generator: Generator, encoder: "Encoder", pictures: torch.Tensor) -> Place:
    """Where an encoder, which was trained for this generator, estimates that pictures (N, 3, R, R) lie."""
    return Place(median_face(generator).latent + encoder(pictures))


def draw(
    generator: Generator, place: Place, dtype: torch.dtype = torch.float32, noise: NoiseMode = "const"
) -> torch.Tensor:
    """Pictures (N, 3, R, R) of a place; noise is the generator's constant noise by default."""
    if not place.offsets:
        return generator.synthesis(place.latent, noise, dtype)
    own = dict(generator.synthesis.named_parameters()) | dict(generator.synthesis.named_buffers())
    changed = {name: own[name] + offset for name, offset in place.offsets.items()}
    return functional_call(generator.synthesis, changed, (place.latent, noise, dtype))


@lru_cache(maxsize=1)
def latent_spread(generator: Generator, draws: int = 10000) -> float:
    """Standard deviation of w about its mean, one number (Karras et al. 2020, appendix D); of the generator
    asked for last it is kept."""
    z = torch.randn(draws, generator.z_dim, generator=torch.Generator().manual_seed(123))
    with torch.no_grad():
        w = generator.mapping(z.to(generator.device))
    return float((w - w.mean(0)).square().mean().sqrt())


def _ramp(index: int, steps: int) -> float:
    """Learning rate over the search: up over the first 5 %, cosine down over the last 25 %."""
    t = (index + 1) / steps
    return min(1.0, t / 0.05) * (0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - t) / 0.25 + 1e-3)))


def noise_penalty(maps: list[torch.Tensor]) -> torch.Tensor:
    """Autocorrelation of the noise maps at every scale down to 8 px: noise must carry no picture."""
    total = torch.zeros([], device=maps[0].device)
    for noise in maps:
        level = noise[None, None]
        while True:
            for axis in (2, 3):
                total = total + (level * level.roll(1, axis)).mean().square()
            if level.shape[-1] <= 8:
                break
            level = torch.nn.functional.avg_pool2d(level, 2) * 2
    return total


class _Stall:
    """Detects that a falling series has stopped falling."""

    def __init__(self, gain: float, patience: int) -> None:
        self.gain, self.patience = gain, patience
        self.best, self.since = math.inf, 0

    def __call__(self, loss: float) -> bool:
        if loss < self.best * (1 - self.gain):
            self.best, self.since = loss, 0
        else:
            self.since += 1
        return self.since >= self.patience


def search_latent(
    generator: Generator, loss: Loss, settings: SearchSettings, start: Place | None = None
) -> Iterator[Step]:
    """Moves the latent until the picture is as close as it gets. The first step is always the median face,
    the last one holds the best place found.

    Args:
        loss: pictures (N, 3, R, R) -> distances (N,) to the sitter, differentiable.
        start: an encoder's estimate, to which the first steps lead and where optimisation begins; the median
            face by default.
    """
    median = median_face(generator)
    walked = 0
    if start:
        if settings.space == "w":  # a guess has a w for each layer; their mean is the nearest one for all
            start = replace(start, latent=start.latent.mean(1, keepdim=True).expand_as(start.latent))
        walked = min(settings.walk_steps, settings.steps - 1)
        yield from _walk(generator, loss, median, start, walked, settings)
    start, steps = start or median, settings.steps - walked
    spread = latent_spread(generator)
    random = torch.Generator().manual_seed(settings.seed)
    move = _free_move(start.latent, settings.space)
    own_noise = dict(generator.synthesis.named_buffers())
    noise = {name: torch.zeros_like(own_noise[name], requires_grad=True) for name in used_noise(generator)}
    optimiser = torch.optim.Adam([move, *noise.values()], lr=settings.rate, betas=(0.9, 0.999))
    stall = _Stall(settings.gain, settings.patience)
    best, best_loss = start, math.inf

    for index in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * _ramp(index, steps)
        latent = start.latent + spread * move
        shake = 0.05 * spread * max(0.0, 1 - index / steps / 0.5) ** 2
        shaken = latent + shake * torch.randn(move.shape, generator=random).to(latent.device)
        picture = draw(generator, Place(shaken, noise), settings.dtype)
        distance = loss(picture).sum()
        total = distance + settings.latent_weight * ((latent - median.latent) / spread).square().mean()
        if noise:
            total = total + settings.noise_weight * noise_penalty(
                [own_noise[name] + offset for name, offset in noise.items()]
            )
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        place = Place(latent.detach().clone(), {name: n.detach().clone() for name, n in noise.items()})
        optimiser.step()
        value = float(distance.detach())
        if value < best_loss:
            best, best_loss = place, value
        done = index == steps - 1 or stall(value)
        yield Step(
            "latent",
            walked + index,
            settings.steps,
            best_loss if done else value,
            to_uint8(draw(generator, best).detach() if done else picture)[0],
            best if done else place,
            _own_gradient(move, latent),
        )
        if done:
            return


def _own_gradient(move: torch.Tensor, latent: torch.Tensor) -> torch.Tensor | None:
    """The gradient of a move in which every layer has a w of its own; None of any other."""
    return move.grad if move.shape == latent.shape else None


def _free_move(latent: torch.Tensor, space: Literal["w", "w+"]) -> torch.Tensor:
    """What is added to a latent, in standard deviations of w: zeros (1, 1 or num_ws, w_dim) to optimise."""
    return torch.zeros_like(latent[:, :1] if space == "w" else latent, requires_grad=True)


@torch.no_grad()
def _walk(
    generator: Generator, loss: Loss, start: Place, end: Place, steps: int, settings: SearchSettings
) -> Iterator[Step]:
    """In a straight line from the median face to just before an encoder's estimate, so that visitors see the
    search begin at the median face."""
    for index in range(steps):
        place = Place(torch.lerp(start.latent, end.latent, index / steps))
        picture = draw(generator, place, settings.dtype)
        yield Step("latent", index, settings.steps, float(loss(picture)), to_uint8(picture)[0], place)


def used_noise(generator: Generator) -> list[str]:
    """The names of the noise maps that change the picture: an empty one does not, whatever its strength."""
    return [
        f"{name}.noise_const"
        for name, layer in generator.synthesis.noise_layers().items()
        if layer.noise_strength.detach() != 0 and layer.noise_const.any()
    ]


def _detail_maps(generator: Generator, sees_px: int | None) -> dict[str, float]:
    """The noise maps of the two finest resolutions that the loss sees, used or empty, and how strongly each
    is added.

    Of a finer map the loss sees only the mean over each cell that is shrunk to one pixel; its gradient would
    fill these cells evenly, which shows as a mosaic.
    """
    finest_px = min(generator.resolution, sees_px or generator.resolution)
    return {
        f"{name}.noise_const": strength
        for name, layer in generator.synthesis.noise_layers().items()
        if finest_px <= 2 * layer.noise_const.shape[-1] <= 2 * finest_px
        and (strength := abs(float(layer.noise_strength.detach()))) > 0
    }


def tune(
    generator: Generator,
    loss: Loss,
    pivot: Place,
    settings: SearchSettings,
    detailed: torch.Tensor | None = None,
    sees_px: int | None = None,
) -> Iterator[Step]:
    """Tuning: moves the weights of the synthesis, the latent and the finest noise maps together towards the
    sitter.

    The generator itself stays as it is: what is learned is the place's `offsets`. Coarser noise maps and the
    strengths stay: on the way back to the median face, structure should move and only detail fade.

    Args:
        detailed: (1, 1, R, R) in [0, 1], where noise maps may take detail; everywhere by default.
        sees_px: the side that `loss` shrinks pictures to; by default it sees all of them.
    """
    own = dict(generator.synthesis.named_parameters()) | dict(generator.synthesis.named_buffers())
    rates = {
        name: settings.tuning_rate
        for name, _ in generator.synthesis.named_parameters()
        if settings.tuning_rate and ".affine." not in name and not name.endswith("noise_strength")
    }
    maps = _detail_maps(generator, sees_px)
    rates |= {name: settings.detail_rate / strength for name, strength in maps.items()}
    moves = {name: torch.zeros_like(own[name], requires_grad=True) for name in rates}
    masks = {
        name: torch.nn.functional.interpolate(detailed, size=own[name].shape, mode="area")[0, 0]
        for name in maps
        if detailed is not None
    }
    spread = latent_spread(generator)
    move = _free_move(pivot.latent, settings.space)
    optimiser = torch.optim.Adam(
        [
            {"params": [move], "rate": settings.pivot_rate},
            *({"params": [moves[name]], "rate": rate} for name, rate in rates.items()),
        ],
        lr=settings.tuning_rate,
    )
    stall = _Stall(settings.gain, settings.patience)

    def here() -> Place:
        offsets = {name: tensor * masks[name] if name in masks else tensor for name, tensor in moves.items()}
        offsets |= {
            name: offset + offsets[name] if name in offsets else offset
            for name, offset in pivot.offsets.items()
        }
        return Place(pivot.latent + spread * move, offsets)

    for index in range(settings.tuning_steps):
        for group in optimiser.param_groups:
            group["lr"] = group["rate"] * _ramp(index, settings.tuning_steps)
        picture = draw(generator, here(), settings.dtype)
        distance = loss(picture).sum()
        optimiser.zero_grad(set_to_none=True)
        distance.backward()
        value = float(distance.detach())
        done = index == settings.tuning_steps - 1 or stall(value)
        optimiser.step()
        with torch.no_grad():
            place = here() if done else pivot
            shown = draw(generator, place) if done else picture
        gradient = _own_gradient(move, pivot.latent)
        yield Step("tuning", index, settings.tuning_steps, value, to_uint8(shown)[0], place, gradient)
        if done:
            return
