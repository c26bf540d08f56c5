"""The head as a mesh: ICT-FaceKit's generic head, a person's shape and expression, and the pose.

The parts of the mesh follow one another in its vertices and faces (table in ICT-FaceKit's README).
"""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.spatial import cKDTree

from training.nobody.render.assets import load_assets
from training.nobody.render.body.eye_movement import Eye, close_lids, turn_eyeball
from training.nobody.render.body.fields import blob_pair, smoothstep, unit
from training.nobody.render.description.movement import EYE_REACH
from training.nobody.render.description.person import Person
from training.nobody.render.description.shot import Shot

FACE_FACES = 9_230  # the face, which has a texture
OUTER_VERTICES, OUTER_FACES = 11_248, 11_144  # face, back of the head and neck
MOUTH_SOCKET = slice(11_248, 13_294)
EYE_SOCKETS = slice(13_294, 14_062)
SKIN_VERTICES, SKIN_FACES = 14_062, 14_034  # the outer skin and the sockets


@dataclass(frozen=True)
class Part:
    """A piece of the mesh: its vertices and its faces."""

    vertices: slice
    faces: slice


GUMS = Part(slice(14_062, 17_039), slice(14_034, 17_006))
TEETH = Part(slice(17_039, 21_451), slice(17_006, 21_496))
EYEBALLS = (  # the outer shells, left and right
    Part(slice(21_451, 22_221), slice(21_496, 22_296)),
    Part(slice(23_021, 23_791), slice(23_094, 23_894)),
)
EYES = {  # by the suffix of their expressions
    "_L": Eye(EYEBALLS[0].vertices, upper_lid=(43, 44), lower_lid=(47, 46)),
    "_R": Eye(EYEBALLS[1].vertices, upper_lid=(37, 38), lower_lid=(41, 40)),
}

# Landmarks of Multi-PIE. Right and left are the person's own.
NOSE = slice(27, 36)
RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)
OUTER_LIP = slice(48, 60)
MOUTH_CORNERS = (48, 54)

SOCKET_DEPTH = 0.25  # below the generic skin, from which on the mouth's socket must stay under the skin
SKIN_THICKNESS = 0.2  # what lies at least over it
SKIN_NEAR = 0.5  # within which the socket is measured; farther in, the nearest skin may be across the mouth

SURFACE_SAMPLES = 260_000
NECK_PIVOT = np.array([0.0, -4.0, 0.0])
NECK_TOP = -8.6  # y below which the neck is shortened


class HeadModel:
    """The generic head and what can be known of it before anybody is drawn."""

    def __init__(self, assets: Path) -> None:
        arrays, self.landmarks = load_assets(assets)
        self.vertices = arrays["V"].astype(np.float64)  # (26719, 3)
        self.faces = arrays["F"]  # (26384, 4), -1 where a triangle has no fourth corner
        self.texture_faces = arrays["FT"]
        self.texture_coordinates = arrays["vt"]
        self.identities = arrays["I"].astype(np.float32)
        self.expressions = dict(zip(arrays["en"].tolist(), arrays["E"], strict=True))
        self.outer_triangles = triangles(self.faces[:OUTER_FACES])
        self.surface = _scatter_over(self.vertices, self.outer_triangles)

    @cached_property
    def lip_outline(self) -> np.ndarray:
        """The outer edge of the generic lips, (12, 2) in x and y."""
        return self.vertices[self.landmarks[OUTER_LIP], :2]

    @cached_property
    def deep_socket(self) -> np.ndarray:
        """Vertices of the mouth's socket that lie well below the skin, unlike those at the lips."""
        outer = self.vertices[:OUTER_VERTICES]
        skin = Skull(outer, vertex_normals(outer, self.outer_triangles))
        height, _, _ = skin.heights(self.vertices[MOUTH_SOCKET])
        return MOUTH_SOCKET.start + np.flatnonzero(height < -SOCKET_DEPTH)

    def local_faces(self, part: Part) -> np.ndarray:
        """A part's faces, counted from its own first vertex."""
        faces = self.faces[part.faces]
        return np.where(faces >= 0, faces - part.vertices.start, -1)

    def position_map(self, resolution: int) -> np.ndarray:
        """Which place of the generic head every texel of the face's texture shows, (resolution ** 2, 3).

        Rows run upwards, as texture coordinates do. Texels beside the face take the nearest place.
        """
        corner = self.faces[:FACE_FACES] >= 0
        vertex = self.faces[:FACE_FACES][corner]
        texel, first = np.unique(self.texture_faces[:FACE_FACES][corner], return_index=True)
        known = self.texture_coordinates[texel].astype(float)
        places = self.vertices[vertex[first]]
        axis = (np.arange(resolution) + 0.5) / resolution
        u, v = np.meshgrid(axis, axis)
        wanted = np.c_[u.ravel(), v.ravel()]
        inside = LinearNDInterpolator(known, places)(wanted)
        return np.where(np.isnan(inside), NearestNDInterpolator(known, places)(wanted), inside)


@dataclass(frozen=True)
class SurfaceSamples:
    """Places scattered evenly over the outer skin, where hair may root."""

    triangles: np.ndarray  # (N, 3) vertices around each place
    weights: np.ndarray  # (N, 3) of these vertices, adding up to 1
    generic: np.ndarray  # (N, 3) the places on the generic head

    def on(self, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Values at vertices (V, 3), interpolated at the chosen places -> (K, 3)."""
        return (values[self.triangles[chosen]] * self.weights[chosen][..., None]).sum(1)


@dataclass(frozen=True)
class Skull:
    """The outer skin of a person before posing, as hair meets it."""

    vertices: np.ndarray  # (11248, 3)
    normals: np.ndarray

    @cached_property
    def tree(self) -> cKDTree:
        return cKDTree(self.vertices)

    def heights(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of points (N, 3): height above the nearest vertex (N,), its normal (N, 3), its distance (N,)."""
        distance, nearest = self.tree.query(points)
        normals = self.normals[nearest]
        return ((points - self.vertices[nearest]) * normals).sum(1), normals, distance


def triangles(faces: np.ndarray) -> np.ndarray:
    """Faces (N, 4), -1 marking triangles -> the triangles (M, 3) they consist of."""
    return np.concatenate([faces[:, [0, 1, 2]], faces[faces[:, 3] >= 0][:, [0, 2, 3]]])


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) of a mesh of triangles (M, 3), weighted by their areas."""
    first, second, third = (vertices[faces[:, i]] for i in range(3))
    face_normals = np.cross(second - first, third - first)
    normals = np.zeros((len(vertices), 3))
    for i in range(3):
        np.add.at(normals, faces[:, i], face_normals)
    return unit(normals)


def _scatter_over(vertices: np.ndarray, faces: np.ndarray) -> SurfaceSamples:
    random = np.random.default_rng(5)  # the same places for everybody
    first, second, third = (vertices[faces[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(second - first, third - first), axis=1)
    chosen = faces[random.choice(len(faces), SURFACE_SAMPLES, p=area / area.sum())]
    u = random.random((SURFACE_SAMPLES, 2))
    beyond = u.sum(1) > 1
    u[beyond] = 1 - u[beyond]
    weights = np.c_[1 - u.sum(1), u]
    return SurfaceSamples(chosen, weights, (vertices[chosen] * weights[..., None]).sum(1))


def shape_head(model: HeadModel, person: Person, shot: Shot) -> np.ndarray:
    """The vertices (26719, 3) of a person with the shot's expression and gaze, upright and facing forward."""
    vertices = model.vertices + np.tensordot(person.shape, model.identities, 1)
    _add_sex_and_age(vertices, model.vertices, person)
    weights = {**shot.expression, **_gaze_expressions(shot.gaze)}
    closure = weights.pop("eyeBlink", 0.0) if shot.moves else 0.0
    for name, weight in weights.items():
        for variant in (name, f"{name}_L", f"{name}_R"):
            if variant in model.expressions:
                vertices += weight * model.expressions[variant]
    if shot.moves:
        _move_eyes(vertices, model, shot.gaze, closure)
        _sink_mouth_socket(vertices, model)
    _shorten_neck(vertices, model.vertices, person.clothes.neck)
    vertices[:, 0] *= 1 + 0.03 * person.asymmetry * np.tanh(vertices[:, 0] / 4)
    return vertices


def _add_sex_and_age(vertices: np.ndarray, generic: np.ndarray, person: Person) -> None:
    """Brow ridge and jaw by sex, full or hollow cheeks, jowls and bags under the eyes by age; in place."""
    outwards = np.sign(generic[:, 0])
    masculine = 0.35 if person.masculine else -0.35
    sag = person.skin.wrinkles
    vertices[:, 2] += masculine * 0.5 * blob_pair(generic, (2.8, 5.6, 9.9), (1.6, 0.7, 2))
    vertices[:, 0] += masculine * 0.5 * outwards * blob_pair(generic, (5.6, -5.2, 5), (2, 2, 3))
    vertices[:, 0] += 0.45 * person.fullness * outwards * blob_pair(generic, (5.8, -2.5, 6), (2.5, 3, 3))
    vertices[:, 1] -= 0.45 * sag * blob_pair(generic, (4, -5, 8), (2, 2, 3))
    vertices[:, 2] += 0.30 * sag * blob_pair(generic, (2.9, 2.1, 9.5), (1.2, 0.35, 2))


def _gaze_expressions(gaze: tuple[float, float]) -> dict[str, float]:
    left, up = gaze
    weights = {
        "eyeLookOut_L": left,
        "eyeLookIn_R": left,
        "eyeLookIn_L": -left,
        "eyeLookOut_R": -left,
        "eyeLookUp": up,
        "eyeLookDown": -up,
    }
    return {name: weight for name, weight in weights.items() if weight > 0}


def _move_eyes(vertices: np.ndarray, model: HeadModel, gaze: tuple[float, float], closure: float) -> None:
    """Turns the eyeballs with the gaze and closes the share `closure` of the eyes' opening; in place."""
    left, up = np.multiply(gaze, EYE_REACH)
    for side, eye in EYES.items():
        if len(vertices[eye.ball]):  # a model of the outer skin alone has no eyeballs
            turn_eyeball(vertices, eye, rotation(left, -up, 0))
        close_lids(vertices, eye, model.landmarks, model.expressions[f"eyeBlink{side}"], closure)


def _sink_mouth_socket(vertices: np.ndarray, model: HeadModel) -> None:
    """Takes the mouth's inside back under the skin, where pursed lips let it come through; in place."""
    deep = model.deep_socket
    if len(deep) == 0:  # a model of the outer skin alone
        return
    outer = vertices[:OUTER_VERTICES]
    skin = Skull(outer, vertex_normals(outer, model.outer_triangles))
    height, normals, distance = skin.heights(vertices[deep])
    shift = np.where(distance < SKIN_NEAR, np.maximum(0, height + SKIN_THICKNESS), 0)
    vertices[deep] -= shift[:, None] * normals


def _shorten_neck(vertices: np.ndarray, generic: np.ndarray, factor: float) -> None:
    neck = np.flatnonzero(generic[:OUTER_VERTICES, 1] < NECK_TOP)
    vertices[neck, 1] = NECK_TOP + (vertices[neck, 1] - NECK_TOP) * factor


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The matrix (3, 3) that rolls, then pitches, then yaws a column vector; radians."""
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def turn(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (..., 3) turned about the top of the neck."""
    return (points - NECK_PIVOT) @ matrix.T + NECK_PIVOT


def pose_head(model: HeadModel, vertices: np.ndarray, shot: Shot) -> np.ndarray:
    """The vertices (26719, 3) in the shot's pose; the shoulders follow the head a little."""
    head = turn(vertices, rotation(shot.yaw, shot.pitch, shot.roll))
    shoulders = turn(vertices, rotation(shot.yaw * 0.35, shot.pitch * 0.1, 0))
    low = smoothstep(-8, -12.5, model.vertices[:, 1])
    low[OUTER_VERTICES:] = 0
    return head + low[:, None] * (shoulders - head)
