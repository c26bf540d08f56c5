"""Brows, beards and lashes, as strands on the unposed head."""

import numpy as np

from training.nobody.render.body.fields import ridge, smooth_noise, smoothstep, unit
from training.nobody.render.body.head import HeadModel, Skull
from training.nobody.render.body.regions import beard_mask, brow_coordinates
from training.nobody.render.body.strands import (
    Growth,
    Strands,
    choose_roots,
    clump,
    curl,
    frizz,
    grow,
    roots_at,
)
from training.nobody.render.description.person import Brows, Person

UPPER_LIDS = ((36, 37, 38, 39), (42, 43, 44, 45))  # landmarks from corner to corner
LOWER_LIDS = ((39, 40, 41, 36), (45, 46, 47, 42))
BEARD_GROWTH = Growth(points=7, rise=0.35, noise=0.12, comb=0.3, gravity=0.10, lift=0.06)
BEARD_RADIUS = 0.013


def brow_line_height(brows: Brows, along: np.ndarray) -> np.ndarray:
    """How far above the generic brow a person's runs, at places (N,) along it from 0 to 1."""
    return brows.height + brows.arch * np.sin(3 * along)


def brows(model: HeadModel, person: Person, skull: Skull, random: np.random.Generator) -> Strands | None:
    """Both brows, or None where so thin that nothing grows."""
    grown = [_brow(model, person.brows, skull, random, side) for side in (-1, 1)]
    points = np.concatenate(grown)
    return Strands(points, radius=0.0125 + 0.003 * person.brows.density) if len(points) else None


def _brow(model: HeadModel, shape: Brows, skull: Skull, random: np.random.Generator, side: int) -> np.ndarray:
    skin = model.surface.generic
    x, y, z = skin[:, 0] * side, skin[:, 1], skin[:, 2]
    near = np.flatnonzero((x > 0.6) & (x < 6.3) & (z > 4) & (np.abs(y - 5.3) < 2.2))
    along, height, distance = brow_coordinates(skin[near], side)
    density = ridge(height - brow_line_height(shape, along), shape.thickness * (1.05 - 0.7 * along))
    density *= (np.abs(distance - np.abs(height)) < 0.12) * smoothstep(-0.02, 0.15, along)
    everywhere = np.zeros(len(skin))
    everywhere[near] = density * (density > 0.12)
    chosen = choose_roots(random, everywhere, int(330 * shape.density * (0.7 + shape.thickness)))
    if len(chosen) == 0:
        return np.zeros((0, 5, 3))

    along, _, _ = brow_coordinates(skin[chosen], side)
    # In radians: steep at the nose, falling at the temple.
    upwards = np.interp(along, [0, 0.2, 0.55, 1], [1.15, 0.55, 0.12, -0.55])
    wanted = np.c_[side * np.cos(upwards), np.sin(upwards), np.full(len(chosen), -0.25)]
    roots = roots_at(model.surface, skull, chosen)
    direction = roots.along_skin(wanted + 0.12 * random.normal(size=wanted.shape))
    length = (0.42 + 0.35 * random.random(len(chosen))) * (1 - 0.25 * along)
    t = np.linspace(0, 1, 5)[None, :, None]
    lifted = roots.normals[:, None] * (0.02 + 0.10 * t * (1 - 0.5 * t))
    return roots.places[:, None] + lifted + direction[:, None] * length[:, None, None] * t


def beard(model: HeadModel, person: Person, skull: Skull, random: np.random.Generator) -> Strands | None:
    """The beard, or None for the shaven."""
    kind = person.beard.kind
    if kind == "none":
        return None
    skin = model.surface.generic
    density = beard_mask(skin, kind, model.lip_outline)
    if kind == "stubble":
        chosen = choose_roots(random, density * (density > 0.1), 4500)
        lengths = 0.10 + 0.18 * random.random(len(chosen))
    else:
        density = density * np.clip(0.85 + 0.25 * smooth_noise(skin, 1.3, person.seed + 51), 0.5, 1)
        count = 7500 if kind == "full" else 3000
        chosen = choose_roots(random, density**1.3 * (density > 0.05), count)
        lengths = person.beard.length * (0.35 + 0.6 * random.random(len(chosen)))
        lengths *= np.interp(skin[chosen, 1], [-9, -5, 0, 2], [1, 1, 0.55, 0.3])  # shorter on the cheeks
        lengths *= np.clip(1.3 * density[chosen], 0.35, 1)
    if len(chosen) == 0:
        return None

    roots = roots_at(model.surface, skull, chosen)
    x, y = roots.generic[:, 0], roots.generic[:, 1]
    moustache = (y > -3.6) & (np.abs(x) < 3.2)
    sideways = np.sign(x) * np.where(moustache, 0.75, 0.06 * np.abs(x))
    combing = roots.along_skin(np.c_[sideways, np.full(len(x), -1.0), np.full(len(x), 0.15)])
    points = grow(random, roots, lengths, combing, skull, BEARD_GROWTH)
    if kind != "stubble":
        points, lock = clump(random, points, 300, 0.4)
        points = frizz(
            random, curl(random, points, lock, radius=0.07 * (0.3 + person.hair.curl), frequency=4), 0.02
        )
    return Strands(points, BEARD_RADIUS)


def lashes(
    model: HeadModel, person: Person, vertices: np.ndarray, closed: float, random: np.random.Generator
) -> Strands:
    """Lashes along the lids; mascara thickens them. Vertices (V, 3) are the unposed head's.

    `closed` is the share of the eyes' opening that the lids close: the upper lashes sink with their lid.
    """
    upwards = 0.55 - 1.1 * smoothstep(0.15, 1.0, closed)
    lids = []
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        lids.append(_lashes_of(vertices[model.landmarks[list(upper)]], 64, 0.62, float(upwards), random))
        lids.append(_lashes_of(vertices[model.landmarks[list(lower)]], 20, 0.16, -0.5, random))
    return Strands(np.concatenate(lids), radius=0.013 if person.skin.makeup else 0.0085)


def _lashes_of(
    lid: np.ndarray, count: int, length: float, upwards: float, random: np.random.Generator
) -> np.ndarray:
    """`count` lashes fanning out of a lid's edge (4, 3), bent the way they point."""
    knots = np.linspace(0, 1, len(lid))
    along = random.random(count)
    roots = np.stack([np.interp(along, knots, lid[:, axis]) for axis in range(3)], axis=1)
    fan = 0.35 * (roots[:, 0] - lid[:, 0].mean())
    direction = np.c_[fan, np.full(count, upwards), np.ones(count)]
    direction = unit(direction + 0.08 * random.normal(size=direction.shape))
    t = np.linspace(0, 1, 5)[None, :, None]
    points = roots[:, None] + direction[:, None] * t * length * (0.7 + 0.4 * random.random((count, 1, 1)))
    points[..., 1] += t[..., 0] ** 2 * length * 0.45 * np.sign(upwards)
    return points
