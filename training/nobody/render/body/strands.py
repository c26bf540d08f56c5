"""How strands of hair grow out of the skin, hang together, curl and frizz: (N, points, 3), root first."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from training.nobody.render.body.fields import smoothstep, unit
from training.nobody.render.body.head import Skull, SurfaceSamples


@dataclass(frozen=True)
class Strands:
    """Strands of one thickness: points (N, P, 3) and the radius at the root, in centimetres."""

    points: np.ndarray
    radius: float


@dataclass(frozen=True)
class Roots:
    """Where N strands begin: on this person, and on the generic head."""

    places: np.ndarray  # (N, 3) on the person
    normals: np.ndarray  # (N, 3)
    generic: np.ndarray  # (N, 3) the same places on the generic head

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, chosen: np.ndarray) -> "Roots":
        return Roots(self.places[chosen], self.normals[chosen], self.generic[chosen])

    def along_skin(self, directions: np.ndarray) -> np.ndarray:
        """Directions (N, 3) without their part along the normals, as unit vectors."""
        return unit(directions - self.normals * (directions * self.normals).sum(1, keepdims=True))


@dataclass(frozen=True)
class Growth:
    """How strands leave the skin and go on. Factors are per step of a strand, lengths in centimetres."""

    points: int
    rise: float  # share of the skin's normal in the first direction; the rest is the combing
    noise: float  # standard deviation of every step's direction
    comb: float  # how strongly the combing goes on along the strand
    gravity: float
    lift: float | np.ndarray = 0.25  # least height above the skin (a number, or one a strand)
    cling: float = 0.0  # how much of the height above `lift` is taken back
    stiffness: float = 0.6
    off_face: float = 0.0  # how strongly strands before the face are pushed aside
    combed_length: float | None = None  # after which combing ends; None: it fades out over the whole strand
    target: np.ndarray | None = None  # (3,) towards which strands are combed anew at every step


def choose_roots(random: np.random.Generator, density: np.ndarray, count: int) -> np.ndarray:
    """Indices of up to `count` different surface samples, drawn in proportion to a density (N,)."""
    density = np.clip(density, 0, None)
    if not density.any():
        return np.array([], int)
    count = min(count, np.count_nonzero(density))
    return random.choice(len(density), count, replace=False, p=density / density.sum())


def roots_at(surface: SurfaceSamples, skull: Skull, chosen: np.ndarray) -> Roots:
    """The chosen surface samples as roots on a person's skull."""
    normals = unit(surface.on(skull.normals, chosen))
    return Roots(surface.on(skull.vertices, chosen), normals, surface.generic[chosen])


def grow(
    random: np.random.Generator,
    roots: Roots,
    lengths: np.ndarray,
    combing: np.ndarray,
    skull: Skull,
    how: Growth,
) -> np.ndarray:
    """Grows strands of lengths (N,) step by step, off the skull; `combing` (N, 3) are unit directions."""
    step = (lengths / (how.points - 1))[:, None]
    place = roots.places - 0.05 * roots.normals  # a little below the skin, so that none floats

    def jitter() -> np.ndarray:
        return random.normal(size=place.shape) * how.noise

    direction = unit(how.rise * roots.normals + (1 - how.rise) * combing + jitter())
    strands = [place]
    for i in range(1, how.points):
        along = i / (how.points - 1)
        pull = _face_push(place, how.off_face)
        pull[:, 1] -= how.gravity * (0.3 + along)
        combed = 1 - along if how.combed_length is None else np.clip(1 - step * i / how.combed_length, 0, 1)
        direction = unit(direction * how.stiffness + pull + combing * how.comb * combed + jitter())
        if how.target is not None:
            combing = unit(how.target - place)
        free = place + direction * step
        kept = _keep_off(skull, free, how.lift * np.minimum(1, i / 2.5), how.cling)
        direction = unit(kept - place)
        place = place + direction * step
        strands.append(place)
    return np.stack(strands, axis=1)


def _face_push(places: np.ndarray, strength: float) -> np.ndarray:
    """Sideways and backwards for strands that hang before the face."""
    push = np.zeros_like(places)
    if strength:
        x, y, z = places.T
        before = smoothstep(3.5, 6.5, z) * smoothstep(7.6, 5.2, np.abs(x)) * smoothstep(10.2, 8.0, y)
        push[:, 0] = 0.6 * strength * before * np.sign(x + 1e-6)
        push[:, 2] = -0.25 * strength * before
    return push


def _keep_off(skull: Skull, places: np.ndarray, lift: float | np.ndarray, cling: float) -> np.ndarray:
    """Raises places lower above the skin than `lift`, and takes higher ones down by the share `cling`."""
    distance, nearest = skull.tree.query(places)
    normals = skull.normals[nearest]
    height = ((places - skull.vertices[nearest]) * normals).sum(1)
    shift = np.maximum(0, lift - height) - cling * np.clip(height - lift, 0, 1.5)
    return places + normals * np.where(distance < 6, shift, 0)[:, None]


def clump(
    random: np.random.Generator, strands: np.ndarray, locks: int, amount: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draws strands together into locks, towards the tips.

    Returns:
        The strands, and which lock (N,) each belongs to.
    """
    leaders = random.choice(len(strands), min(locks, len(strands)), replace=False)
    _, lock = cKDTree(strands[leaders, 0]).query(strands[:, 0])
    leader = strands[leaders][lock]
    # A lock's course, begun halfway between its leader's root and the strand's own.
    course = leader - leader[:, :1] + 0.5 * (strands[:, :1] + leader[:, :1])
    tipwards = np.linspace(0, 1, strands.shape[1])[None, :, None]
    return strands + amount * tipwards * (course - strands), lock


def curl(
    random: np.random.Generator, strands: np.ndarray, lock: np.ndarray, radius: float, frequency: float
) -> np.ndarray:
    """Winds strands into helices of a radius, `frequency` radians a centimetre; a lock winds together."""
    count, points, _ = strands.shape
    phase = (random.random(lock.max() + 1) * 6.28)[lock][:, None] + 0.35 * random.normal(size=(count, 1))
    length = np.linalg.norm(np.diff(strands, axis=1), axis=2).sum(1)[:, None]
    place = np.linspace(0, 1, points)
    angle = phase + frequency * length * place
    tangent = unit(np.gradient(strands, axis=1))
    across = unit(np.cross(tangent, np.array([0.3, 0.1, 1.0])))  # any direction no hair follows for long
    onset = np.minimum(1, 3 * place)[:, None]
    turn = across * np.sin(angle)[..., None] + np.cross(tangent, across) * np.cos(angle)[..., None]
    return strands + radius * onset * turn


def frizz(random: np.random.Generator, strands: np.ndarray, amount: float) -> np.ndarray:
    """Lets strands wander, the farther from the root the more."""
    wander = np.cumsum(random.normal(size=strands.shape), axis=1)
    return strands + amount * np.linspace(0, 1, strands.shape[1])[None, :, None] * wander
