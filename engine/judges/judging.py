"""Judging pictures: the one protocol for every judge, written out in docs/verdict.md.

A verdict is the mean over K fixed perturbations of the distance between a picture and a reference, which is
itself the mean embedding over the perturbations of one or more portraits of the sitter. *Same* means that
this mean distance is at most the judge's threshold (`engine.judges.verdict`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.common.errors import NoUsableFace
from engine.judges.base import Affine, Judge
from engine.judges.perturbations import WORST_CASE, Perturbation, perturbations
from engine.judges.verdict import Verdict, average_verdict

K = 8
"""Number of perturbations behind a verdict; docs/verdict.md says why eight."""

REFERENCE_K = 16
"""Number of perturbations of each portrait in the reference."""


@dataclass(frozen=True)
class Reference:
    """The sitter as one judge knows them.

    alignment: the affine map (2, 3) from unit coordinates of a picture to the judge's crop, used for every
    picture of the visit. embedding: (D,), the mean over the portraits.
    """

    alignment: Affine
    embedding: NDArray[np.float32]


def make_reference(
    judge: Judge,
    portraits: Sequence[tuple[Pixels, NDArray[np.float32]]],
    seed: int = 0,
    k: int = REFERENCE_K,
) -> Reference:
    """The reference from one or more portraits.

    portraits: pairs of a picture uint8 (R, R, 3) RGB and landmarks (478, 2) in its pixels. Each is embedded
    in its own alignment; the first one is the visit's portrait, whose alignment all pictures share. Raises
    NoUsableFace if the judge sees a face in none of them.
    """
    alignments = [judge.align(picture, landmarks) for picture, landmarks in portraits]
    changes = perturbations(seed, k)
    embeddings = [
        judge.describe([picture], alignment, changes)[0]
        for (picture, _), alignment in zip(portraits, alignments, strict=True)
    ]
    rows = np.concatenate(embeddings)
    if np.isnan(rows).any(axis=1).all():
        raise NoUsableFace(
            "none", f"The judge {judge.name} sees no face in the portrait: take another photograph."
        )
    return Reference(alignments[0], judge.centre(rows))


def judge_pictures(
    judge: Judge, reference: Reference, pictures: Sequence[Pixels], seed: int = 0, k: int = K
) -> list[Verdict]:
    """One verdict for each picture uint8 (R, R, 3) RGB, all under the same perturbations."""
    distances = _distances(judge, reference, pictures, perturbations(seed, k))
    return [average_verdict(judge.name, judge.threshold, row) for row in distances]


def judge_moved(
    judge: Judge,
    reference: Reference,
    picture: Pixels,
    landmarks: NDArray[np.float32],
    seed: int = 0,
    k: int = K,
) -> Verdict:
    """The verdict on a picture uint8 (R, R, 3) RGB whose face is not where the portrait's is.

    landmarks: (478, 2) of that face, in pixels: the judge looks at it in its own alignment. In that of the
    portrait a head that has moved would be someone else for where it is.
    """
    own = Reference(judge.align(picture, landmarks), reference.embedding)
    (verdict,) = judge_pictures(judge, own, [picture], seed, k)
    return verdict


def judge_worst_case(
    judge: Judge,
    reference: Reference,
    pictures: Sequence[Pixels],
    changes: Sequence[Perturbation] = WORST_CASE,
) -> list[Verdict]:
    """Verdicts under the harsher list `WORST_CASE`; what counts of them is `worst_distance`."""
    distances = _distances(judge, reference, pictures, changes)
    return [average_verdict(judge.name, judge.threshold, row) for row in distances]


def _distances(
    judge: Judge, reference: Reference, pictures: Sequence[Pixels], changes: Sequence[Perturbation]
) -> NDArray[np.float64]:
    if not pictures:
        return np.zeros((0, len(changes)))
    return judge.distance(judge.describe(pictures, reference.alignment, changes), reference.embedding)
