"""Proportions of a face: lengths on the mesh that a smile leaves alone, as Alphonse Bertillon took them."""

import numpy as np
from numpy.typing import NDArray

# length: (its two points of the mesh, ordinary deviation of its logarithm between shots of one person). The
# deviations are pooled over the four shots of 14 rendered people (42 degrees of freedom), each shot the mean
# over the perturbations of a verdict; `benchmarks/judges.py lengths` measures them again.
LENGTHS: dict[str, tuple[tuple[int, int], float]] = {
    "face breadth": ((234, 454), 0.0086),
    "forehead breadth": ((54, 284), 0.0109),
    "temples": ((21, 251), 0.0095),
    "jaw breadth": ((172, 397), 0.0209),
    "face length": ((168, 152), 0.0179),
    "forehead height": ((10, 168), 0.0351),
    "nose length": ((168, 2), 0.0173),
    "nose breadth": ((129, 358), 0.0324),
    "between the eyes": ((133, 362), 0.0157),
    "across the eyes": ((33, 263), 0.0071),
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
