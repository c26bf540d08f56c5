"""How eyes move in the second recipe: eyeballs turn with the gaze, and lids slide over them until they meet.

Vertices are (V, 3) of an unposed head, in centimetres, changed in place.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from training.nobody.render.body.fields import unit

LID_THICKNESS = 0.05  # what lies at least between a moved lid and the eyeball
LIDS_OVERLAP = 0.04  # of shut lids, so that no slit is left at the ends of wide eyes
LID_MOVED = 0.12  # by how much a vertex has to move to count fully as lid
NEIGHBOURS = 4  # vertices of the eyeball that tell its radius in a direction


@dataclass(frozen=True)
class Eye:
    """One eye of the model."""

    ball: slice  # vertices of the eyeball's outer shell
    upper_lid: tuple[int, int]  # landmarks on the edge of the lid, x ascending
    lower_lid: tuple[int, int]  # those below them


def turn_eyeball(vertices: np.ndarray, eye: Eye, rotation: np.ndarray) -> None:
    """Turns an eyeball about its centre by a matrix (3, 3)."""
    centre = _centre(vertices[eye.ball])
    vertices[eye.ball] = (vertices[eye.ball] - centre) @ rotation.T + centre


def close_lids(
    vertices: np.ndarray, eye: Eye, landmarks: np.ndarray, blink: np.ndarray, closure: float
) -> None:
    """Closes the share `closure` (0 to 1) of the opening that the lids have.

    `blink` (V, 3) is the model's own expression, which closes every eye by the same length: too much for
    narrow eyes, too little for wide ones. So it is scaled to this eye's opening, in two places. Its vertices
    move along straight lines; those that thus come to lie inside the eyeball are lifted onto it.
    """
    upper, lower = (landmarks[list(lid)] for lid in (eye.upper_lid, eye.lower_lid))
    opening = (vertices[upper] - vertices[lower])[:, 1] + LIDS_OVERLAP
    closed_by_blink = -(blink[upper] - blink[lower])[:, 1]
    weights = closure * np.maximum(0, opening / closed_by_blink)
    moved = np.interp(vertices[:, 0], vertices[upper, 0], weights)[:, None] * blink
    vertices += moved
    _lift_off_eyeball(vertices, eye, np.linalg.norm(moved, axis=1))


def _lift_off_eyeball(vertices: np.ndarray, eye: Eye, moved: np.ndarray) -> None:
    """Lifts vertices that were moved by lengths (V,) out of the eyeball."""
    ball = vertices[eye.ball]
    if len(ball) == 0:  # a model of the outer skin alone
        return
    centre = _centre(ball)
    radii = np.linalg.norm(ball - centre, axis=1)
    lids = np.flatnonzero(moved > 0.01)
    offsets = vertices[lids] - centre
    apart, nearest = cKDTree(unit(ball - centre)).query(unit(offsets), k=NEIGHBOURS)
    share = 1 / (apart + 1e-3)
    surface = (radii[nearest] * share).sum(1) / share.sum(1) + LID_THICKNESS
    inside = np.maximum(0, surface - np.linalg.norm(offsets, axis=1))
    inside *= np.minimum(1, moved[lids] / LID_MOVED)
    vertices[lids] += inside[:, None] * unit(offsets)


def _centre(ball: np.ndarray) -> np.ndarray:
    """The centre of the sphere that fits points (N, 3) best."""
    equations = np.c_[2 * ball, np.ones(len(ball))]
    return np.linalg.lstsq(equations, (ball**2).sum(1), rcond=None)[0][:3]
