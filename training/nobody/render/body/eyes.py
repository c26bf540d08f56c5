"""Eyeballs, divided finely enough that sclera, iris and pupil can be painted on their vertices."""

from dataclasses import dataclass

import numpy as np

from training.nobody.render.body.fields import smoothstep
from training.nobody.render.body.head import HeadModel, Part
from training.nobody.render.description.person import Person

CENTRE_Z = 8.05  # depth of the eyeballs' centres in the generic head
DIVISIONS = 2
SCLERA = np.array([0.60, 0.565, 0.55])
PUPIL = 0.003  # of light
PUPIL_SHARE = 0.40  # of the iris's radius


@dataclass(frozen=True)
class Eyeball:
    """A mesh with a colour (linear RGB) a vertex."""

    vertices: np.ndarray  # (V, 3), posed
    faces: np.ndarray  # (F, 4), -1 in the fourth place of a triangle
    colours: np.ndarray  # (V, 3)


def eyeball(model: HeadModel, person: Person, posed: np.ndarray, part: Part) -> Eyeball:
    """One of `head.EYEBALLS`, from the posed head's vertices (26719, 3)."""
    generic = model.vertices[part.vertices]
    centre = np.array([generic[:, 0].mean(), generic[:, 1].mean(), CENTRE_Z])
    both, faces = np.hstack([posed[part.vertices], generic]), model.local_faces(part)
    for _ in range(DIVISIONS):
        both, faces = subdivide(both, faces)
    return Eyeball(both[:, :3], faces, _colours(person, both[:, 3:] - centre))


def subdivide(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits every face into four, without smoothing; vertices (V, any), faces (F, 4), -1 for triangles."""
    quads, tris = faces[faces[:, 3] >= 0], faces[faces[:, 3] < 0][:, :3]
    sides = [np.stack([polygon, np.roll(polygon, -1, axis=1)], axis=2) for polygon in (quads, tris)]
    edges = np.sort(np.concatenate([side.reshape(-1, 2) for side in sides]), axis=1)
    unique, which = np.unique(edges, axis=0, return_inverse=True)
    which = which.ravel() + len(vertices)
    quad_edges = which[: quads.size].reshape(-1, 4)
    tri_edges = which[quads.size :].reshape(-1, 3)
    centres = len(vertices) + len(unique) + np.arange(len(quads))
    nowhere = np.full(len(tris), -1)
    divided = np.concatenate(
        [np.c_[quads[:, i], quad_edges[:, i], centres, quad_edges[:, i - 1]] for i in range(4)]
        + [np.c_[tris[:, i], tri_edges[:, i], tri_edges[:, i - 1], nowhere] for i in range(3)]
        + [np.c_[tri_edges, nowhere]]
    )
    return np.concatenate([vertices, vertices[unique].mean(1), vertices[quads].mean(1)]), divided


def _colours(person: Person, offsets: np.ndarray) -> np.ndarray:
    """Colours at offsets (V, 3) from the centre of a generic eyeball that looks straight ahead."""
    x, y, z = offsets.T
    radius = np.hypot(x, y) + np.where(z < 0, 5, 0)  # the back of the ball is far from the pupil
    iris_radius = person.iris_radius
    outwards, angle = radius / iris_radius, np.arctan2(y, x)
    fibres = 0.8 + 0.3 * np.sin(19 * angle + 2 * np.sin(7 * angle)) * np.interp(
        outwards, [0, 0.45, 1], [0, 1, 0.6]
    )
    shading = np.interp(outwards, [0.35, 0.5, 0.85, 1], [1.3, 1.2, 0.85, 0.30])  # dark at the limbus
    iris = person.eye_colour * (fibres * shading)[:, None]
    sclera = SCLERA * np.interp(radius, [iris_radius, 0.9, 1.5], [1, 1, 0.8])[:, None]
    sclera *= 1 - smoothstep(0.8, 1.4, radius)[:, None] * np.array([0, 0.16, 0.16])  # redder outside
    in_iris = smoothstep(1.05, 0.95, outwards)[:, None]
    in_pupil = smoothstep(PUPIL_SHARE + 0.04, PUPIL_SHARE - 0.04, outwards)[:, None]
    return (sclera * (1 - in_iris) + iris * in_iris) * (1 - in_pupil) + PUPIL * in_pupil
