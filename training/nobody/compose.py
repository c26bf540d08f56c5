"""Puts backgrounds, light and mirror images behind and over the renders, anew each time a picture is shown.

**Convention:** cut-outs are uint8 (N, 4, R, R), RGB premultiplied by alpha; composed pictures are float
(N, 3, R, R), RGB, [-1, 1]. All of it runs on whatever device the cut-outs are on.

Two ways to compose. `compose` is told everything by a standard normal vector of `COMPOSITION_DIMS` numbers,
so that a generator trained on pairs can be told it too. `compose_as_photographed` adds what no vector tells:
grounds with things out of focus, vignettes, contrast and colour of different cameras.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray

COMPOSITION_DIMS = 12
BLOBS = 6

Array = NDArray[Any]
Draw = Callable[..., torch.Tensor]


def compose(cutouts: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
    """Cut-outs uint8 (N, 4, R, R) and standard normal numbers (N, COMPOSITION_DIMS) -> pictures (N, 3, R, R).

    The numbers are, in order: the ground's level and its colour at one side (0-2) and at the other (3-5),
    the direction of the gradient between them (6, 7), exposure (8), white balance (9, 10), and the mirror
    image (11: mirrored where negative).
    """
    picture = _before(_gradient(draw, cutouts.shape[-1]), _mirrored(cutouts, draw))
    return _exposed(picture, draw).clamp(0, 1) * 2 - 1


def compose_as_photographed(cutouts: torch.Tensor, random: torch.Generator | None = None) -> torch.Tensor:
    """Cut-outs uint8 (N, 4, R, R) -> pictures (N, 3, R, R) as somebody might have photographed these people.

    The ground is a gradient (one picture in ten: a single colour), often with a soft mottle, and in half of
    the pictures with a few things and lights out of focus, as round as an aperture. Over the whole picture
    lie exposure, white balance, saturation, contrast and a slight vignette.
    """
    n, _, size, _ = cutouts.shape
    device = cutouts.device

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(n, *shape, generator=random, device=device)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(n, *shape, generator=random, device=device)

    def per_picture(values: torch.Tensor) -> torch.Tensor:
        return values.reshape(n, 1, 1, 1)

    draw = normal(COMPOSITION_DIMS)
    gradient = _gradient(draw, size)
    flat = gradient.mean(dim=(2, 3), keepdim=True)
    ground = torch.where(per_picture(uniform() < 0.1), flat, gradient)
    grey = ground.mean(dim=1, keepdim=True)
    ground = grey + (ground - grey) * per_picture(uniform())
    for cells, strength in ((3, 0.20), (8, 0.07)):
        grey, tint = normal(1, cells, cells), normal(3, cells, cells)
        mottle = F.interpolate(grey + 0.3 * tint, size=(size, size), mode="bicubic", align_corners=False)
        ground = ground * (1 + per_picture(strength * uniform() * (uniform() < 0.5)) * mottle)
    ground = _with_blobs(ground, per_picture(uniform() < 0.5), normal, uniform)

    picture = _exposed(_before(ground.clamp(0, 1), _mirrored(cutouts, draw)), draw)
    grey = picture.mean(dim=1, keepdim=True)
    picture = grey + (picture - grey) * torch.exp(0.12 * per_picture(normal()))
    picture = 0.4 + (picture - 0.4) * torch.exp(0.08 * per_picture(normal()))
    x, y = _axes(size, device)
    picture = picture * (1 - per_picture(0.25 * uniform() ** 2) * (x**2 + y**2) / 2)
    return picture.clamp(0, 1) * 2 - 1


def _axes(size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """x (1, 1, 1, R) and y (1, 1, R, 1) from -1 to 1."""
    axis = torch.linspace(-1, 1, size, device=device)
    return axis[None, None, None, :], axis[None, None, :, None]


def _gradient(draw: torch.Tensor, size: int) -> torch.Tensor:
    """The ground of `compose`, (N, 3, R, R) in [0, 1]: one colour passing into another."""

    def colour(first: int) -> torch.Tensor:
        level = torch.sigmoid(draw[:, first] * 1.2 - 0.2)
        tint = torch.stack(
            [draw[:, first + 1], -draw[:, first + 1 : first + 3].sum(1) / 2, draw[:, first + 2]], 1
        )
        return (level[:, None] * (1 + 0.12 * tint)).clamp(0, 1)[:, :, None, None]

    x, y = _axes(size, draw.device)
    direction = F.normalize(draw[:, 6:8], dim=1)
    slope = direction[:, 0, None, None, None] * x + direction[:, 1, None, None, None] * y
    place = (slope * 0.5 + 0.5).clamp(0, 1)
    return colour(0) * (1 - place) + colour(3) * place


def _with_blobs(ground: torch.Tensor, wanted: torch.Tensor, normal: Draw, uniform: Draw) -> torch.Tensor:
    """Lays discs with soft edges, lighter or darker than the ground, over those where `wanted` is 1."""
    x, y = _axes(ground.shape[-1], ground.device)
    centres, radii = uniform(BLOBS, 2) * 2.4 - 1.2, torch.exp(normal(BLOBS) * 0.5 - 1.6)
    edges, opacities = 0.08 + 0.5 * uniform(BLOBS), 0.7 * uniform(BLOBS)
    colours = ground.mean(dim=(2, 3))[:, None] * torch.exp(0.6 * normal(BLOBS, 1) + 0.15 * normal(BLOBS, 3))
    for i in range(BLOBS):
        centre, radius, edge, opacity = (
            v[:, i].reshape(len(ground), -1, 1, 1) for v in (centres, radii, edges, opacities)
        )
        distance = torch.sqrt((x - centre[:, :1]) ** 2 + (y - centre[:, 1:]) ** 2) / radius
        disc = torch.sigmoid((1 - distance) / edge * 4) * opacity * wanted
        ground = ground + (colours[:, i, :, None, None].clamp(0, 1) - ground) * disc
    return ground


def _mirrored(cutouts: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
    """float (N, 4, R, R) in [0, 1], left and right exchanged where the draw says so."""
    layers = cutouts.float() / 255
    return torch.where(draw[:, 11, None, None, None] < 0, layers.flip(3), layers)


def _before(ground: torch.Tensor, layers: torch.Tensor) -> torch.Tensor:
    """The cut-outs (N, 4, R, R) before their ground (N, 3, R, R)."""
    return layers[:, :3] + (1 - layers[:, 3:]) * ground


def _exposed(picture: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
    """Exposure and white balance; may leave [0, 1]."""
    exposure = torch.exp(0.10 * draw[:, 8])
    balance = torch.exp(0.03 * draw[:, 9:11])
    gains = exposure[:, None] * torch.stack([balance[:, 0], torch.ones_like(exposure), balance[:, 1]], 1)
    return picture * gains[:, :, None, None]
