"""Proportions of a face: lengths on the mesh that a smile leaves alone, as Alphonse Bertillon took them."""

import numpy as np
from numpy.typing import NDArray

from engine.faces.landmarks import Landmarks

# length: (its two points of the mesh, ordinary deviation of its logarithm between shots of one person). The
# deviations are pooled over the four shots of 14 rendered people (42 degrees of freedom), each shot the mean
# over the perturbations of a verdict; `python -m benchmarks.judges lengths` measures them again.
LENGTHS: dict[str, tuple[tuple[int, int], float]] = {
    "face breadth": ((Landmarks.LEFT_CHEEK, Landmarks.RIGHT_CHEEK), 0.0086),
    "forehead breadth": ((Landmarks.LEFT_FOREHEAD, Landmarks.RIGHT_FOREHEAD), 0.0109),
    "temples": ((Landmarks.LEFT_TEMPLE, Landmarks.RIGHT_TEMPLE), 0.0095),
    "jaw breadth": ((Landmarks.LEFT_JAW, Landmarks.RIGHT_JAW), 0.0209),
    "face length": ((Landmarks.NOSE_ROOT, Landmarks.CHIN), 0.0179),
    "forehead height": ((Landmarks.FOREHEAD_TOP, Landmarks.NOSE_ROOT), 0.0351),
    "nose length": ((Landmarks.NOSE_ROOT, Landmarks.NOSE_BASE), 0.0173),
    "nose breadth": ((Landmarks.LEFT_NOSTRIL, Landmarks.RIGHT_NOSTRIL), 0.0324),
    "between the eyes": ((Landmarks.LEFT_EYE_INNER, Landmarks.RIGHT_EYE_INNER), 0.0157),
    "across the eyes": ((Landmarks.LEFT_EYE_OUTER, Landmarks.RIGHT_EYE_OUTER), 0.0071),
}


def proportions(mesh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms of the lengths relative to their geometric mean (len(LENGTHS),), from a mesh (478, 3).

    Lengths are taken in space, so that a slightly turned head keeps its own; size and distance drop out.
    """
    ends = np.array([points for points, _ in LENGTHS.values()])
    logs = np.log(np.linalg.norm(mesh[ends[:, 0]] - mesh[ends[:, 1]], axis=1))
    return np.asarray(logs - logs.mean())


def unlikeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """How far two `proportions` are apart; 1 is as far as two shots of one person ordinarily are."""
    deviations = np.array([deviation for _, deviation in LENGTHS.values()])
    return float(np.sqrt(np.mean(((one - other) / deviations) ** 2)))
