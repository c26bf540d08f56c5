"""Embeddings of pictures by a judge, and distances between them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from engine.judges.base import Judge
from engine.judges.crops import cut, density_px, reduce_to

Array = NDArray[Any]


def embeddings(judge: Judge, pictures: Array) -> Array:
    """Pictures uint8 (N, R, R, 3) in FFHQ framing -> (N, D), each in its own alignment, unperturbed."""
    crops = []
    for picture in pictures:
        # dlib finds its own five points and looks at no landmarks of the mesh.
        alignment = judge.align(picture, np.zeros((478, 2), np.float32))
        crops.append(cut(reduce_to(picture, density_px(alignment)), alignment, judge.crop_px))
    batches = range(0, len(crops), 32)
    return np.concatenate(
        [judge.embed(np.stack(crops[i : i + 32])) for i in tqdm(batches, "judge", leave=False)]
    )


def embeddings_with_mirrored(judge: Judge, pictures: Array) -> tuple[Array, Array]:
    """`embeddings` of the pictures, and of their mirror images."""
    return embeddings(judge, pictures), embeddings(judge, np.ascontiguousarray(pictures[:, :, ::-1]))


def distances(a: Array, b: Array) -> Array:
    """Euclidean distances (N, M) between rows of (N, D) and (M, D)."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a.astype(np.float64) @ b.T.astype(np.float64)
    return np.sqrt(np.maximum(squares, 0))
