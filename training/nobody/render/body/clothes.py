"""What is worn: a garment and headwear as shells lifted off the skin, and the wire of a pair of glasses."""

from dataclasses import dataclass

import numpy as np

from training.nobody.render.body.fields import smoothstep
from training.nobody.render.body.head import (
    LEFT_EYE,
    OUTER_FACES,
    OUTER_VERTICES,
    RIGHT_EYE,
    HeadModel,
    vertex_normals,
)
from training.nobody.render.body.regions import scalp_height
from training.nobody.render.description.person import Glasses, Person

JAW_ENDS = (0, 16)  # landmarks before the right and the left ear


@dataclass(frozen=True)
class Shell:
    """A piece of cloth: posed vertices (V, 3), faces (F, 4; -1 for triangles), generic places (V, 3)."""

    vertices: np.ndarray
    faces: np.ndarray
    generic: np.ndarray


@dataclass(frozen=True)
class Wire:
    """A tube along a line (P, 3) on the unposed head."""

    points: np.ndarray
    radius: float


def garment(model: HeadModel, person: Person, posed: np.ndarray) -> Shell | None:
    """What covers neck and shoulders, or None where they are bare."""
    x, y, z = _outer(model)
    edge = {
        "crew": -12.6 - 0.10 * np.maximum(z, 0),
        "v": -12.4 - 0.9 * np.maximum(0, 3.4 - x) * (z > 0),
        "turtle": np.full_like(y, -9.3),
        "bare": np.full_like(y, -np.inf),
    }[person.clothes.collar]
    covered = (y < edge) & ((x < 7) | (y < -11))
    lift = np.full_like(y, 0.5 if person.clothes.collar == "turtle" else 0.35)
    return _shell(model, posed, covered, lift, smoothings=3)


def headwear(model: HeadModel, person: Person, posed: np.ndarray) -> Shell | None:
    """A beanie or a head scarf, or None."""
    x, y, z = _outer(model)
    if person.hair.style == "beanie":
        generic = model.vertices[:OUTER_VERTICES]
        covered = scalp_height(generic, low=-0.9 + 0.6 * person.hair.curl) > -0.2
        return _shell(model, posed, covered, 0.55 + 0.5 * smoothstep(8, 14, y), smoothings=2)
    if person.hair.style == "hijab":
        face = (np.hypot(x / 6.9, (y - 1.6) / 8.6) < 1) & (z > 2.0)
        return _shell(model, posed, ~face, 0.55 + 0.35 * smoothstep(6, 13, y), smoothings=6)
    return None


def _outer(model: HeadModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance from the middle, height and depth of the generic outer skin's vertices."""
    x, y, z = model.vertices[:OUTER_VERTICES].T
    return np.abs(x), y, z


def _shell(
    model: HeadModel, posed: np.ndarray, covered: np.ndarray, lift: np.ndarray, smoothings: int
) -> Shell | None:
    """The faces with all corners covered (V,), raised by `lift` (V,) and smoothed; None if there are none."""
    faces = model.faces[:OUTER_FACES]
    faces = faces[covered[np.where(faces >= 0, faces, faces[:, :1])].all(1)]
    if len(faces) == 0:
        return None
    used = np.unique(faces[faces >= 0])
    renumbered = np.full(OUTER_VERTICES, -1)
    renumbered[used] = np.arange(len(used))
    faces = np.where(faces >= 0, renumbered[faces], -1)
    outer = posed[:OUTER_VERTICES]
    normals = vertex_normals(outer, model.outer_triangles)
    raised = outer[used] + normals[used] * lift[used][:, None]
    return Shell(_smoothed(raised, faces, smoothings), faces, model.vertices[used])


def _smoothed(vertices: np.ndarray, faces: np.ndarray, times: int) -> np.ndarray:
    """Moves every vertex halfway to the mean of its neighbours, several times."""
    last = np.where(faces[:, 3] >= 0, faces[:, 3], faces[:, 2])
    edges = np.concatenate([faces[:, :2], faces[:, 1:3], np.c_[faces[:, 2], last], np.c_[last, faces[:, 0]]])
    edges = edges[edges[:, 0] != edges[:, 1]]
    neighbours = np.bincount(edges.ravel(), minlength=len(vertices))[:, None]
    for _ in range(times):
        total = np.zeros_like(vertices)
        np.add.at(total, edges[:, 0], vertices[edges[:, 1]])
        np.add.at(total, edges[:, 1], vertices[edges[:, 0]])
        vertices = 0.5 * vertices + 0.5 * total / neighbours
    return vertices


def glasses(model: HeadModel, frame: Glasses, vertices: np.ndarray) -> list[Wire]:
    """Two rims, their temples and the bridge, on the unposed head's vertices (26719, 3)."""
    landmarks = vertices[model.landmarks]
    right_eye, left_eye = landmarks[RIGHT_EYE].mean(0), landmarks[LEFT_EYE].mean(0)
    front = max(right_eye[2], left_eye[2]) + 1.9
    radius = 0.20 if frame.squareness > 3.2 else 0.10  # square frames are of plastic
    wires = []
    for eye, side, jaw_end in ((right_eye, -1, JAW_ENDS[0]), (left_eye, 1, JAW_ENDS[1])):
        rim = _rim(frame, eye + np.array([0.15 * side, -0.25, 0]), front)
        hinge = rim[np.argmax(rim[:, 0] * side)]
        ear = np.array([side * (abs(landmarks[jaw_end, 0]) + 0.6), eye[1] + 0.4, 0.8])
        temple = np.array([hinge + np.array([0, 0.5, 0]), 0.7 * hinge + 0.3 * ear, ear])
        wires += [Wire(rim, radius), Wire(temple, 0.9 * radius)]
    start = np.array([right_eye[0] - 0.15 + frame.width, right_eye[1], front - 0.02])
    end = np.array([left_eye[0] + 0.15 - frame.width, left_eye[1], front - 0.02])
    bridge = np.array([start, (start + end) / 2 + np.array([0, 0.25, 0.15]), end])
    return [*wires, Wire(bridge, radius)]


def _rim(frame: Glasses, centre: np.ndarray, front: float) -> np.ndarray:
    """A superellipse around an eye, bent back towards the temples, (41, 3)."""
    angle = np.linspace(0, 2 * np.pi, 41)

    def bulging(wave: np.ndarray) -> np.ndarray:
        return np.sign(wave) * np.abs(wave) ** (2 / frame.squareness)

    x = centre[0] + frame.width * bulging(np.cos(angle))
    y = centre[1] + frame.height * bulging(np.sin(angle))
    return np.c_[x, y, front - 0.015 * x**2]
