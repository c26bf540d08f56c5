"""The Fréchet distance of two sets of pictures, by the features of the encoder."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.stylegan2.encoder import Encoder

Array = NDArray[Any]

FEWEST_FOR_FRECHET = 3
"""Of fewer pictures no distribution is fitted."""


def frechet_distance(a: Array, b: Array) -> float:
    """Squared Fréchet distance of two normal distributions fitted to features (N, D) and (M, D).

    Heusel et al., *GANs Trained by a Two Time-Scale Update Rule*, 2017, with a face verifier's features.
    """
    mean = ((a.mean(0) - b.mean(0)) ** 2).sum()
    p, q = (np.cov(x.astype(np.float64), rowvar=False) for x in (a, b))
    values, vectors = np.linalg.eigh(p)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    both = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ q @ root), 0)).sum()
    return float(mean + np.trace(p) + np.trace(q) - 2 * both)


@torch.no_grad()
def pooled_features(encoder: Encoder, pictures: Array) -> Array:
    """uint8 (N, R, R, 3) -> (N, D): means of the encoder's feature maps over the picture."""
    parts = (part.permute(0, 3, 1, 2) / 127.5 - 1 for part in torch.from_numpy(pictures).split(32))
    means = [torch.cat([x.mean(dim=(2, 3)) for x in encoder.features(part)], dim=1) for part in parts]
    return torch.cat(means).numpy()
