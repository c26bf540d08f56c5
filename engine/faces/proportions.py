"""Proportions of a face: ratios of lengths on the mesh that hardly change with the expression.

Source: the idea of Alphonse Bertillon's anthropometry, *Identification anthropométrique*, 1893.
"""

import numpy as np
from numpy.typing import NDArray

from engine.faces.landmarks import Landmarks

# Name -> (its two points of the mesh, standard deviation of its logarithm between shots of one person). The
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
    """The logarithms of the lengths over their geometric mean, float64 (len(LENGTHS),), of a mesh (478, 3).

    The lengths are three-dimensional, so that they hold for a slightly turned head; the size of the face
    cancels out.
    """
    ends = np.array([points for points, _ in LENGTHS.values()])
    logs = np.log(np.linalg.norm(mesh[ends[:, 0]] - mesh[ends[:, 1]], axis=1))
    return np.asarray(logs - logs.mean())


def unlikeness(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The distance of two `proportions`: RMS of their differences in standard deviations.

    Two shots of one person are typically 1 apart.
    """
    deviations = np.array([deviation for _, deviation in LENGTHS.values()])
    return float(np.sqrt(np.mean(((a - b) / deviations) ** 2)))
