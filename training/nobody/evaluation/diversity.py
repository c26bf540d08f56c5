"""How many different people samples show, and whether they are people of the training set."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.nobody.evaluation.embeddings import distances

STRANGERS = 0.6  # dlib: two pictures farther apart are two people
MEMORISED = 0.35  # dlib: a sample nearer to a training render is that person
Array = NDArray[Any]


def share_of_strangers(found: Array) -> float:
    """How many of all pairs among embeddings (N, D) are farther apart than `STRANGERS`."""
    return float((distances(found, found)[np.triu_indices(len(found), 1)] > STRANGERS).mean())


def share_memorised(found: Array, mirrored: Array, training: Array) -> float:
    """How many samples (N, D), or their mirror images (N, D), are a training render (M, D)."""
    nearest = np.minimum(distances(found, training).min(1), distances(mirrored, training).min(1))
    return float((nearest < MEMORISED).mean())


def share_of_lookalikes(found: Array, mirrored: Array) -> float:
    """How many of (N, D), or their mirror images (N, D), are as near to another one of them: what
    `share_learned_by_heart` is to be expected of people drawn as these were, none of whom was trained on."""
    both = np.minimum(distances(found, found), distances(mirrored, found))
    np.fill_diagonal(both, np.inf)
    return float((both.min(1) < MEMORISED).mean())
