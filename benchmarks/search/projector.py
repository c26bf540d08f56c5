"""The published projector, run again on the same machine: what this project's search is compared with.

The recipe is that of NVIDIA's `projector.py` (Karras et al. 2020, appendix D; stylegan2-ada-pytorch, commit
d72cc7d): one w for all layers, Adam at 0.1, a ramp up over 5 % and down over the last 25 % of 1,000 steps,
latent noise that fades until 75 %, noise maps optimised and renormalised, VGG-16 features at 256 px; the last
step is the answer.

Two things differ from NVIDIA's program. The noise maps are regularised as the paper says: what is halved in
size is doubled in strength, which the program leaves out. And only maps are optimised that the generator
uses: the embedded one has learned without noise, and random maps would spoil its every picture.
"""

import math
import time
from collections.abc import Iterator

import torch

from engine.inversion.projection import Loss, Place, draw, latent_spread, noise_penalty, used_noise
from engine.stylegan2.network import Generator

STEPS = 1000
RATE = 0.1
LATENT_NOISE, LATENT_NOISE_UNTIL = 0.05, 0.75
NOISE_WEIGHT = 1e5


def published_search(
    generator: Generator, distance: Loss, measure: Loss, steps: int, seed: int = 0
) -> Iterator[tuple[float, float]]:
    """Yields (seconds since the beginning, distance by `measure`) after each step.

    distance: what it minimises, pictures (1, 3, R, R) in [-1, 1] -> (1,). measure: what it is compared by;
    the seconds do not contain it.
    """
    random = torch.Generator().manual_seed(seed)
    # NVIDIA's w_std is the root of the summed variances, not of their mean.
    spread = latent_spread(generator) * math.sqrt(generator.w_dim)
    own = dict(generator.synthesis.named_buffers())
    w = generator.mapping.w_avg[None].clone().requires_grad_()
    maps = {
        name: torch.randn(own[name].shape, generator=random).requires_grad_()
        for name in used_noise(generator)
    }
    optimiser = torch.optim.Adam([w, *maps.values()], betas=(0.9, 0.999))
    seconds = 0.0
    for index in range(steps):
        began_s = time.perf_counter()
        t = index / steps
        down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - t) / 0.25))
        for group in optimiser.param_groups:
            group["lr"] = RATE * down * min(1.0, t / 0.05)
        shake = LATENT_NOISE * spread * max(0.0, 1 - t / LATENT_NOISE_UNTIL) ** 2
        shaken = w + shake * torch.randn(w.shape, generator=random)
        picture = draw(
            generator,
            Place(generator.broadcast(shaken), {name: noise - own[name] for name, noise in maps.items()}),
        )
        loss = distance(picture).sum()
        if maps:
            loss = loss + NOISE_WEIGHT * noise_penalty(list(maps.values()))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for noise in maps.values():
                noise.sub_(noise.mean()).mul_(noise.square().mean().rsqrt())
        seconds += time.perf_counter() - began_s
        with torch.no_grad():
            yield seconds, float(measure(picture.detach()))
