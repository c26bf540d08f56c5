"""Tries a configured judge on three pictures that every recogniser tells apart: two of one rendered person
and one of another (`weights/known-pair.safetensors`).

Measured in thresholds, dlib, MobileFace and FaceRes put the two of one person at 0.31 to 0.47 and the two
people at 1.50 to 1.96. So a network that is no recogniser, or whose input is scaled wrongly, shows itself;
swapped colours do not, recognisers hardly mind them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from engine.common.arrays import Pixels
from engine.common.errors import UsageError
from engine.faces.landmarks import Landmarks
from engine.judges.base import Judge
from engine.judges.perturbations import Perturbation

EMBEDDING_SIZES = range(16, 8193)
MESH_POINTS = 478


@dataclass(frozen=True)
class KnownPair:
    """pictures: uint8 (3, R, R, 3) RGB in FFHQ framing; the first two are of one person. landmarks: float32
    (3, 478, 2), pixels; only the five points of `Landmarks.FIVE_POINTS` are there."""

    pictures: Pixels
    landmarks: NDArray[np.float32]


@dataclass(frozen=True)
class PairDistances:
    """Of the two pictures of one person, and of the two people."""

    same: float
    other: float


def load_known_pair(path: Path) -> KnownPair:
    """Reads the file that the manifest calls `known-pair`."""
    content = load_file(path)
    pictures = content["pictures"]
    landmarks = np.zeros((len(pictures), MESH_POINTS, 2), np.float32)
    landmarks[:, list(Landmarks.FIVE_POINTS)] = content["points"] * pictures.shape[1]
    return KnownPair(pictures, landmarks)


def try_out(judge: Judge, pair: KnownPair) -> PairDistances:
    """The judge's distances. Raises UsageError, which says what is wrong, where they are no recogniser's."""
    first, second, stranger = (
        judge.describe([picture], judge.align(picture, landmarks), [Perturbation()])[0, 0]
        for picture, landmarks in zip(pair.pictures, pair.landmarks, strict=True)
    )
    if len(first) not in EMBEDDING_SIZES:
        raise UsageError(
            f"The judge {judge.name} gives {len(first)} numbers for a face, an embedding has "
            f"{EMBEDDING_SIZES.start} to {EMBEDDING_SIZES.stop - 1}: is the file a recogniser?"
        )
    if not np.isfinite([first, second, stranger]).all():
        raise UsageError(f"The judge {judge.name} gives numbers that are none: check mean and std.")
    same, other = (float(judge.distance(embedding, first)) for embedding in (second, stranger))
    measured = f"at {same:.3f}, two people at {other:.3f}, the threshold is {judge.threshold:g}"
    if same > judge.threshold:
        raise UsageError(
            f"The judge {judge.name} takes two pictures of one person for two people ({measured}): "
            "check mean, std, template, metric and threshold."
        )
    if other <= judge.threshold:
        raise UsageError(
            f"The judge {judge.name} takes two people for one (two pictures of one are {measured}): is the "
            "file a recogniser? Check mean, std, template, metric and threshold."
        )
    return PairDistances(same, other)
