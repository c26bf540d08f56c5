"""Turns the numbers a render was made from into a standard normal latent z: pairs to learn from.

Numbers become normal by their rank; a choice among k kinds becomes k normal numbers whose largest, after
adding a constant a kind, is the chosen one; what correlates (grey hair and age) is
made independent by whitening. A fresh draw of z is then a fresh, plausible person.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Numbers = NDArray[np.float64]

CHOICES = ("masc", "makeup", "style", "beard", "glasses", "collar", "fill", "rim")
EXPRESSIONS = (
    "mouthSmile", "jawOpen", "mouthFunnel", "mouthFrown", "browDown", "browInnerUp", "browOuterUp",
    "eyeWide", "mouthPress", "mouthPucker", "eyeBlink",
)  # fmt: skip
LEFT_OUT = {"seed", "hairn", "face_asy"}  # not shown, or shown by others
SHAPE_MODES = 60  # of 100: what the others move is one percent of all
SHAPE_NAMES = [f"c{i}" for i in range(SHAPE_MODES)]
# Shape modes are symmetric but for these, which change sides; the azimuth of a light from behind lies around
# pi, and its rank changes sides all the same.
ONE_SIDED_SHAPES = (
    9, 20, 25, 28, 33, 37, 43, 45, 51, 53, 58, 60, 65, 67, 71, 73, 76, 80, 83, 85, 89, 91, 93, 95, 97
)  # fmt: skip
MIRRORED = (
    *(f"c{i}" for i in ONE_SIDED_SHAPES if i < SHAPE_MODES),
    "asym", "part", "yaw", "roll", "gaze0", "key0", "fill_light0", "rim_light0",
)  # fmt: skip


def _flatten(row: dict[str, Any]) -> dict[str, float | str]:
    """One render's parameters as a flat dictionary of numbers and kinds."""
    flat: dict[str, float | str] = {}

    def put(name: str, value: Any) -> None:
        if name in CHOICES:
            flat[name] = str(value)
        elif isinstance(value, list):
            flat.update({f"{name}{i}": float(v) for i, v in enumerate(value)})
        else:
            flat[name] = float(value)

    for name, value in row["identity"].items():
        if name not in LEFT_OUT:
            put(name, value[:SHAPE_MODES] if name == "c" else value)
    shot = row["shot"]
    for name in EXPRESSIONS:
        put(name, shot["expr"].get(name, 0.0))
    for name in ("yaw", "pitch", "roll", "gaze", "dist"):
        put(name, shot[name])
    put("world", [shot["world"][0], shot["world"][3]])
    key, *others = shot["lights"]
    put("key", key[:5])
    fill = next((light for light in others if light[2] == 90), None)
    rim = next((light for light in others if light[2] == 30), None)
    for name, light in (("fill", fill), ("rim", rim)):
        put(name, light is not None)
        put(f"{name}_light", [light[0], light[1], light[3]] if light else [0.0, 0.0, 0.0])
    return flat


def _normal_by_rank(values: Numbers, random: np.random.Generator) -> Numbers:
    """(N,) numbers -> (N,) standard normal numbers of the same order; equal numbers fall in random order."""
    order = np.lexsort((random.random(len(values)), values))
    ranks = np.empty(len(values))
    ranks[order] = np.arange(len(values))
    return ndtri((ranks + 0.5) / len(values))


def _fill(values: Numbers, there: NDArray[np.bool_], random: np.random.Generator) -> None:
    """What a lamp would be like that was not there must not tell that it was not there; in place."""
    values[~there] = random.choice(values[there], (~there).sum())


def _normal_by_choice(kinds: list[str], random: np.random.Generator) -> Numbers:
    """(N,) kinds -> (N, k) normal numbers whose largest tells the kind; of two kinds (N, 1), by sign."""
    names, chosen = np.unique(kinds, return_inverse=True)
    if len(names) < 2:
        return np.zeros((len(kinds), 0))
    share = np.bincount(chosen) / len(chosen)
    if len(names) == 2:
        edge = ndtri(share[0])
        lower, upper = np.where(chosen == 0, -np.inf, edge), np.where(chosen == 0, edge, np.inf)
        return ndtri(random.uniform(ndtr(lower), ndtr(upper)))[:, None]

    lift = _lift_for(share)
    result = np.zeros((len(kinds), len(names)))
    missing = np.ones(len(kinds), bool)
    while missing.any():
        sample = random.standard_normal(result.shape)
        hit = missing & ((sample + lift).argmax(1) == chosen)
        result[hit] = sample[hit]
        missing &= ~hit
    return result


def _lift_for(share: Numbers) -> Numbers:
    """What to add to k normal numbers so that each is the largest in its `share` of cases."""
    sample = np.random.default_rng(0).standard_normal((20000, len(share)))
    lift = np.log(share)
    for _ in range(200):
        won = np.bincount((sample + lift).argmax(1), minlength=len(share)) / len(sample)
        lift += 0.5 * np.log(share / np.maximum(won, 1e-4))
    return lift


class LatentSpace:
    """The latents of N renders, and of people made from them that differ in their shape or are mirrored.

    Attributes:
        names: of the D columns (before whitening; a whitened column stays close to its own name).
        normal: (N, D), each column near standard normal. Change columns here, then call `latents`.
    """

    def __init__(self, rows: list[dict[str, Any]], seed: int = 0) -> None:
        """`rows` as `read_parameters` gives them."""
        random = np.random.default_rng(seed)
        flat = [_flatten(row) for row in rows]
        columns: list[Numbers] = []
        self.names: list[str] = []
        shapes: list[tuple[Numbers, Numbers]] = []
        for name in (n for n in flat[0] if all(n in f for f in flat)):
            if name in CHOICES:
                block = _normal_by_choice([str(f[name]) for f in flat], random)
            else:
                values = np.asarray([f[name] for f in flat], float)
                if "_light" in name:
                    lamp = name.split("_light")[0]
                    _fill(values, np.array([f[lamp] == "True" for f in flat]), random)
                block = _normal_by_rank(values, random)[:, None]
                if name in SHAPE_NAMES:
                    order = values.argsort()
                    shapes.append((values[order], block[order, 0]))
            columns.append(block)
            self.names += [name] * block.shape[1]
        self.normal = np.concatenate(columns, axis=1)
        self._shape_columns = [self.names.index(name) for name in SHAPE_NAMES]
        self._mirrored_columns = [self.names.index(name) for name in MIRRORED]
        self._shape_scales = shapes
        variances, vectors = np.linalg.eigh(np.corrcoef(self.normal.T))
        # Directions under a twentieth of a column's variance (what skin colour adds to skin tone) are not
        # stretched to full size.
        self._whiten = (vectors / np.sqrt(np.maximum(variances, 0.05))) @ vectors.T
        white = self.normal @ self._whiten
        self._mean, self._spread = white.mean(0), white.std(0)

    def latents(self, normal: Numbers) -> Numbers:
        """(..., D) like `normal` -> z, float32 (..., D), whose columns together are near N(0, I)."""
        return ((normal @ self._whiten - self._mean) / self._spread).astype(np.float32)

    def with_shapes(self, normal: Numbers, shapes: Numbers) -> Numbers:
        """(M, D) -> (M, D) of the same people with other shape coefficients (M, 100), by rank."""
        changed = normal.copy()
        for column, (values, ranked), new in zip(
            self._shape_columns, self._shape_scales, shapes.T[:SHAPE_MODES], strict=True
        ):
            changed[:, column] = np.interp(new, values, ranked)
        return changed

    def mirrored(self, normal: Numbers) -> Numbers:
        """(M, D) -> (M, D) of the mirrored pictures."""
        changed = normal.copy()
        changed[:, self._mirrored_columns] *= -1
        return changed
