"""A person of the embedded generator, rigged once for all tests of a process."""

from functools import cache

import numpy as np
import torch

from engine.faces.analyser import FaceAnalyser
from engine.inversion.projection import draw
from engine.live.expression import Mesh
from engine.live.motion import NAMES
from engine.live.rigs.directions import face_box, load_directions
from engine.live.rigs.rig import Rig
from engine.live.rigs.rigging import make_rig
from engine.live.safe_motion import JudgedPoses
from engine.pipeline.people_file import load_people
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.network import to_uint8
from tests.conftest import DATA, REPO

WEIGHTS = REPO / "weights"

ALL_SAFE = JudgedPoses(1.5, np.eye(len(NAMES)), np.full(len(NAMES), 1.5))
"""No pose brings a face nearer to the sitter than it is at rest, which is far away."""


@cache
def shared_analyser() -> FaceAnalyser:
    return FaceAnalyser()


@cache
def shared_rig() -> Rig:
    generator = load_generator(WEIGHTS / "nobody.safetensors")
    # A place alone, without maps, so that what is measured of the puppet does not change with the people.
    (place,), _ = load_people(DATA / "puppet.safetensors", generator)
    directions, _ = load_directions(WEIGHTS / "nobody-directions.safetensors", generator)
    with torch.no_grad():
        picture = to_uint8(draw(generator, place))[0].numpy()
    mesh = shared_analyser().mesh(picture, face_box(len(picture)))
    assert mesh is not None
    return make_rig(picture, mesh, generator, place, directions, shared_analyser())


@cache
def shared_mesh() -> Mesh:
    """The mesh of the rig's picture, (478, 3)."""
    picture = shared_rig().picture
    found = shared_analyser().mesh(picture, face_box(len(picture)))
    assert found is not None
    return found
