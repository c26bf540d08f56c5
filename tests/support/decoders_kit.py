"""Two films of people who do not exist, and what two decoders learn from them, made once in a process."""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F

from engine.common.arrays import Pixels
from engine.live.acting import STILL_S, Act
from engine.live.decoders.faces import Faces, Lessons, cut_faces, drawn_in_poses, flow_of, motions, paired
from engine.live.decoders.network import Side
from engine.live.decoders.placement import find_meshes, placements
from engine.live.expression import Mesh
from engine.live.motion import Motion
from engine.live.rigs.directions import face_box
from engine.live.rigs.puppet import draw
from tests.support.puppet_kit import shared_analyser, shared_rig

RATE_HZ = 12
FRAMES = 60
LARGEST_PX = 96


def mesh_of(picture: Pixels) -> Mesh | None:
    return shared_analyser().mesh(picture, face_box(len(picture)))


@cache
def acted_film(seed: int = 1) -> list[Pixels]:
    """The rig's person in motion, with colours of their own for each seed: (FRAMES, 256, 256, 3)."""
    act = Act(seed)
    tint = np.array([1.0, 1.0, 1.0]) if seed == 1 else np.array([0.7, 0.85, 1.0])
    return [
        (draw(shared_rig(), act.at(STILL_S + frame / RATE_HZ)) * tint).astype(np.uint8)
        for frame in range(FRAMES)
    ]


@cache
def film_meshes(seed: int = 1) -> list[Mesh | None]:
    film = acted_film(seed)
    return find_meshes(mesh_of, lambda frame: film[frame], len(film))


@cache
def film_motions() -> dict[int, Motion]:
    return motions(film_meshes(), RATE_HZ)


@cache
def film_faces(seed: int, side_px: int) -> Faces:
    meshes = film_meshes(seed)
    return cut_faces(enumerate(acted_film(seed)), meshes, placements(meshes, RATE_HZ), side_px)


@cache
def lessons(side_px: int) -> dict[Side, Lessons]:
    """A is the first film's person; B, of other colours, is drawn in their poses. Those of a smaller side are
    the largest ones, shrunk."""
    if side_px < LARGEST_PX:
        small: dict[Side, Lessons] = {}
        for side, large in lessons(LARGEST_PX).items():
            own, seen, drawn = (_shrunk(each, side_px) for each in (large.own, large.seen, large.drawn))
            small[side] = Lessons(own, seen, drawn, flow_of(drawn))
        return small
    own_a, own_b = film_faces(1, side_px), film_faces(2, side_px)
    posed = drawn_in_poses(shared_rig(), film_motions(), mesh_of, RATE_HZ, side_px)
    seen, drawn = paired(own_a, posed)
    tinted = drawn.pictures.float()
    tinted[:, :3] *= torch.tensor([0.7, 0.85, 1.0])[:, None, None]
    drawn = Faces(drawn.frames, tinted.to(drawn.pictures.dtype))
    return {
        "a": Lessons(own_a, drawn, seen, flow_of(seen)),
        "b": Lessons(own_b, seen, drawn, flow_of(drawn)),
    }


def _shrunk(faces: Faces, side_px: int) -> Faces:
    pictures = F.interpolate(faces.pictures.float(), size=(side_px, side_px), mode="area")
    return Faces(faces.frames, pictures.round().to(torch.uint8))
