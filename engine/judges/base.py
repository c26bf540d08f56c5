"""What a judge is: a face verifier with everything that its verdicts depend on.

That is: a model, how faces are brought into its crop, one metric, a threshold, where that threshold comes
from, and whether the doppelgänger has to convince it (`binding`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from engine.common.arrays import Pixels
from engine.judges.crops import compose, cut, density_px, reduce_to
from engine.judges.perturbations import Perturbation, displacement, expose

Metric = Literal["euclidean", "cosine"]
Embeddings = NDArray[np.float32]
Affine = NDArray[np.float64]


PlainReader = Callable[[Sequence[Pixels]], list[Embeddings | None]]
"""Whole pictures uint8 (H, W, 3) RGB -> of each the embedding (D,) of the first face that a judge's package
finds in it, in one crop; None without a face."""


@dataclass(frozen=True)
class OperatingPoint:
    """A named threshold of a judge, with its source.

    name: `maker` or `fmr-1e-3` and the like. threshold: the largest distance that still means *same*.
    source: where the figure comes from, one line. fmr, fnmr: false match rate and false non-match rate, the
    shares of strangers taken for the sitter and of sitters not recognised, where they were measured.
    """

    name: str
    threshold: float
    source: str
    fmr: float | None = None
    fnmr: float | None = None


class Judge(ABC):
    """A face verifier. Distances are in its own metric; smaller is more alike; *same* is `<= threshold`."""

    name: str
    metric: Metric
    crop_px: int
    binding: bool
    point: OperatingPoint

    @property
    def threshold(self) -> float:
        return self.point.threshold

    @property
    def threshold_source(self) -> str:
        return self.point.source

    @property
    def fmr(self) -> float | None:
        """Its false match rate, or None where it was not measured."""
        return self.point.fmr

    @abstractmethod
    def align(self, portrait: Pixels, landmarks: NDArray[np.float32]) -> Affine:
        """The map (2, 3) from unit coordinates of the FFHQ crop to this judge's crop.

        portrait: the sitter's, uint8 (R, R, 3) RGB. landmarks: float32 (478, 2), pixels of the portrait.
        Computed once a visit and kept for every picture of it. Crop coordinates run from 0 to `crop_px`,
        corner to corner.
        """

    @abstractmethod
    def embed(self, crops: Pixels) -> Embeddings:
        """Crops uint8 (N, crop_px, crop_px, 3) RGB -> float32 (N, D); NaN where it sees no face."""

    def network_with_gradients(self) -> nn.Module | None:
        """Crops as float RGB (N, 3, crop_px, crop_px), 0 to 255 -> embeddings (N, D) equal to `embed`'s.

        None where the judge has no network that torch can compute.
        """
        return None

    def plain_reader(self) -> PlainReader | None:
        """What the judge's own package makes of whole pictures; see `PlainReader` and `engine.judges.plain`.

        None where the judge has no such package.
        """
        return None

    def describe(
        self, pictures: Sequence[Pixels], alignment: Affine, perturbations: Sequence[Perturbation]
    ) -> Embeddings:
        """Embeddings float32 (N, K, D) of N pictures uint8 (R, R, 3) RGB under K perturbations."""
        size_px = density_px(alignment)
        crops = [
            cut(
                reduce_to(expose(picture, perturbation), size_px),
                compose(displacement(perturbation, self.crop_px), alignment),
                self.crop_px,
            )
            for picture in pictures
            for perturbation in perturbations
        ]
        return self.embed(np.stack(crops)).reshape(len(pictures), len(perturbations), -1)

    def distance(self, embeddings: Embeddings, reference: NDArray[np.float32]) -> NDArray[np.float64]:
        """Distances (...) of embeddings (..., D) to a reference (D,); NaN where the embedding is.

        euclidean: length of the difference. cosine: 1 - cosine of the angle, 0..2.
        """
        a, b = embeddings.astype(np.float64), reference.astype(np.float64)
        if self.metric == "euclidean":
            return np.asarray(np.linalg.norm(a - b, axis=-1))
        return np.asarray(1 - (a @ b) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b)))

    def centre(self, embeddings: Embeddings) -> NDArray[np.float32]:
        """The mean (D,) of embeddings (..., D); by cosine, of their directions. NaN rows do not count."""
        flat = embeddings.reshape(-1, embeddings.shape[-1]).astype(np.float64)
        if self.metric == "cosine":
            flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
        return np.asarray(np.nanmean(flat, axis=0), dtype=np.float32)
