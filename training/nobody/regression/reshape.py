"""More people from the same renders: pictures warped to how the mesh would lie with other shape coefficients.

All renders share one mesh, and the numbers each was made from are known; so it is known where every place
of a face lies in the picture, and where it would lie had the person another shape. Between the two the
picture is warped. Skin, hair, light and pose stay, and the light keeps falling as it did on the old shape.

**Convention:** warp fields are float16 (2, G, G): for a place in the new picture, how far left or right (0)
and up or down (1) the same place of the person lies in the render, in picture widths.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from engine.common.atomic_file import replacing
from training.nobody.render.body.head import OUTER_VERTICES, HeadModel, pose_head, shape_head, vertex_normals
from training.nobody.render.description.person import Person
from training.nobody.render.description.population import draw_person, draw_shape, lean_shape
from training.nobody.render.description.shot import Shot, draw_shot
from training.nobody.render.parameters import seed_and_number
from training.nobody.render.scene.camera import Camera, solve_camera

GRID = 48
DEPTH_TOLERANCE_CM = 1.5  # of what falls into one cell, what lies this much deeper is hidden
FACING = 0.05  # cosine to the camera below which skin counts as turned away

Array = NDArray[Any]


class SkinModel(HeadModel):
    """The head without what lies inside it: all that a warp has to know, at a fraction of the time."""

    def __init__(self, assets: Path) -> None:
        super().__init__(assets)
        self.vertices = self.vertices[:OUTER_VERTICES]
        self.identities = self.identities[:, :OUTER_VERTICES]
        self.expressions = {name: offsets[:OUTER_VERTICES] for name, offsets in self.expressions.items()}


def another_shape(person: Person, random: np.random.Generator, likeness: float) -> Array:
    """Shape coefficients (100,) as a person of this sex, age and tone might have, drawn afresh.

    `likeness` 0: independent of the person's own; 1: the person's own. In between, of the same spread.
    """
    mean = np.zeros(100)
    lean_shape(mean, person.masculine, person.age, person.tone)
    fresh = draw_shape(random)
    lean_shape(fresh, person.masculine, person.age, person.tone)
    return mean + likeness * (person.shape - mean) + np.sqrt(1 - likeness**2) * (fresh - mean)


def warp_fields(model: HeadModel, person: Person, shot: Shot, shapes: Array) -> Array:
    """The warp fields that give a render of `person` other shapes (K, 100): float16 (K, 2, GRID, GRID)."""
    posed, camera = _posed(model, person, shot)
    before = camera.project(posed)
    return np.stack([_warp_field(model, before, replace(person, shape=shape), shot) for shape in shapes])


def _warp_field(model: HeadModel, before: Array, person: Person, shot: Shot) -> Array:
    """From the person's picture back to where each vertex lay `before` (V, 2), in picture widths."""
    posed, camera = _posed(model, person, shot)
    after, normals = camera.project(posed), vertex_normals(posed, model.outer_triangles)
    towards = camera.position - posed
    depth = np.linalg.norm(towards, axis=1)
    facing = (normals * towards).sum(1) / depth
    cells = np.floor(after * GRID).astype(int)
    shown = (facing > FACING) & (cells >= 0).all(1) & (cells < GRID).all(1)
    cell, depth, moved = (cells[shown] @ [1, GRID]), depth[shown], (before - after)[shown]
    nearest = np.full(GRID * GRID, np.inf)
    np.minimum.at(nearest, cell, depth)
    front = depth < nearest[cell] + DEPTH_TOLERANCE_CM
    count = np.bincount(cell[front], minlength=GRID * GRID)
    total = [np.bincount(cell[front], moved[front, i], GRID * GRID) for i in range(2)]
    return _filled(np.stack(total).reshape(2, GRID, GRID), count.reshape(GRID, GRID)).astype(np.float16)


def _posed(model: HeadModel, person: Person, shot: Shot) -> tuple[Array, Camera]:
    """The vertices (V, 3) and the camera that sees them."""
    posed = pose_head(model, shape_head(model, person, shot), shot)
    return posed, solve_camera(posed[model.landmarks], shot.distance)


def _filled(total: Array, count: Array) -> Array:
    """Sums (2, G, G) of `count` (G, G) values -> means; what is empty takes from ever wider surroundings."""
    total, count = total.transpose(1, 2, 0).astype(np.float32), count.astype(np.float32)
    result, weight = total / np.maximum(count, 1)[..., None], np.minimum(count, 1)
    for sigma in (1.0, 2.0, 4.0, 8.0, 16.0):
        blurred = cv2.GaussianBlur(np.dstack([result * weight[..., None], weight]), (0, 0), sigma)
        around = blurred[..., :2] / np.maximum(blurred[..., 2:], 1e-6)
        reached = np.clip(blurred[..., 2] * 4, 0, 1)
        result = weight[..., None] * result + (1 - weight[..., None]) * around
        weight = np.maximum(weight, reached)
    return cv2.GaussianBlur(result, (0, 0), 0.7).transpose(2, 0, 1)


_model: HeadModel | None = None


def _start(assets: Path) -> None:
    global _model
    cv2.setNumThreads(1)
    _model = SkinModel(assets)


def _shapes_and_fields(name: str, count: int) -> tuple[Array, Array]:
    assert _model is not None
    seed, number = seed_and_number(name)
    person, shot = draw_person(seed), draw_shot(seed, number)
    random = np.random.default_rng([seed, number, 77])
    shapes = np.stack([another_shape(person, random, random.uniform(0, 0.9)) for _ in range(count)])
    return shapes, warp_fields(_model, person, shot, shapes)


def other_shapes(
    names: list[str], count: int, assets: Path, processes: int, kept: Path
) -> tuple[Array, Array]:
    """`count` other shapes for each of N renders, always the same ones; a few minutes the first time.

    `kept` is the file they are read from, or written to where it is missing or of other renders.

    Returns:
        Shape coefficients (N, count, 100) and the warp fields that go with them (N, count, 2, GRID, GRID).
    """
    if kept.is_file():
        with np.load(kept) as stored:
            if stored["names"].tolist() == names and stored["shapes"].shape[1] == count:
                return stored["shapes"], stored["fields"]
    # A fork would inherit locks of torch's threads, but not the threads, and wait for ever.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, _start, (assets,)) as pool:
        found = list(pool.map(partial(_shapes_and_fields, count=count), names, chunksize=8))
    shapes, fields = np.stack([s for s, _ in found]), np.stack([f for _, f in found])
    with replacing(kept) as temporary, temporary.open("wb") as file:
        np.savez(file, names=np.array(names), shapes=shapes, fields=fields)
    return shapes, fields


def warped(cutouts: torch.Tensor, fields: torch.Tensor) -> torch.Tensor:
    """Cut-outs uint8 (N, 4, R, R) and warp fields (N, 2, GRID, GRID) -> the warped cut-outs, uint8."""
    size = cutouts.shape[-1]
    moved = F.interpolate(fields.float(), size=(size, size), mode="bilinear", align_corners=False)
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    grid = torch.stack([x, y], -1) + 2 * moved.permute(0, 2, 3, 1)
    drawn = F.grid_sample(cutouts.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return drawn.round().to(torch.uint8)
