"""What anybody reads at home, with a judge's own package and the saved picture.

There the package finds the face itself, cuts one crop and compares one embedding; nothing is averaged, and
the crop lies elsewhere than the visit's (docs/verdict.md). So it may say otherwise than the verdict, near the
border most of all. A doppelgänger has to convince this reading too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.judges.base import Judge, PlainReader
from engine.judges.crops import compose, cut
from engine.judges.perturbations import Perturbation, displacement, expose
from engine.judges.verdict import Verdict, average_verdict

AS_SAVED = (Perturbation(),)
VERSIONS = (
    *AS_SAVED,
    Perturbation(mirrored=True),
    Perturbation(jpeg_quality=80),
    Perturbation(gain=0.9),
    Perturbation(gain=1.1),
    Perturbation(scale=0.9),
    Perturbation(shift_px=(-3, 3)),
    Perturbation(jpeg_quality=80, mirrored=True, gain=1.1),
)
"""What happens to a saved picture; scale and shift are of the picture itself, its edge repeated."""

LARGEST_IN_VERSIONS_PX = 512
"""Of larger pictures only the saved one is read: the package takes half a second for one of 1024 px."""


@dataclass(frozen=True, eq=False)
class PlainReading:
    """The sitter as a judge's own package knows them. known: one embedding (D,) of the portrait."""

    judge: Judge
    read: PlainReader
    known: NDArray[np.float32]

    def distances(self, picture: Pixels, versions: Sequence[Perturbation] = VERSIONS) -> NDArray[np.float64]:
        """Of versions of a picture uint8 (R, R, 3) RGB, (N,); NaN where the package finds no face."""
        embeddings = self.read([version(picture, each) for each in versions])
        return np.array(
            [
                np.nan if embedding is None else float(self.judge.distance(embedding, self.known))
                for embedding in embeddings
            ]
        )

    def verdict(self, picture: Pixels) -> Verdict:
        """The verdict on a picture as it was saved; its `worst_distance` is over the versions."""
        distances = self.distances(picture, _versions_of(picture))
        saved = average_verdict(self.judge.name, self.judge.threshold, distances[:1])
        worst = average_verdict(self.judge.name, self.judge.threshold, distances).worst_distance
        return Verdict(saved.judge, saved.threshold, saved.distance, saved.measured, worst, 0.0, saved.faces)

    def holds(self, picture: Pixels) -> bool:
        """Whether no version of the picture is the sitter's; one without a face is nobody's."""
        distances = self.distances(picture, _versions_of(picture))
        return not (distances <= self.judge.threshold).any()


def plain_reading(judge: Judge, portrait: Pixels) -> PlainReading | None:
    """The reading of a sitter by their portrait, uint8 (R, R, 3) RGB; None where the judge has no package, or
    that finds no face."""
    read = judge.plain_reader()
    known = read([portrait])[0] if read else None
    return PlainReading(judge, read, known) if read and known is not None else None


def version(picture: Pixels, change: Perturbation) -> Pixels:
    """A picture uint8 (R, R, 3) RGB, changed as a whole; the same shape back."""
    size_px = len(picture)
    from_unit = np.diag([size_px, size_px, 1.0])[:2]
    return cut(expose(picture, change), compose(displacement(change, size_px), from_unit), size_px)


def _versions_of(picture: Pixels) -> Sequence[Perturbation]:
    return VERSIONS if len(picture) <= LARGEST_IN_VERSIONS_PX else AS_SAVED
