"""Measures a judge on labelled photographs: its error rates by threshold, with confidence intervals.

FMR: share of pairs of strangers that it calls *same*. FNMR: share of pairs of one person that it calls
*someone else*. Each photograph is once the sitter, with its reference, and once the picture judged, under the
protocol of docs/verdict.md; each is judged in its own alignment, as a stranger's picture is. Of the two
directions of a pair the one from the earlier photograph counts.
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from engine.common.arrays import Pixels
from engine.common.errors import UsageError, printable
from engine.judges.base import Judge
from engine.judges.judging import REFERENCE_K, K
from engine.judges.perturbations import perturbations
from engine.photographs.folder import ignored, picture_files

ENOUGH_ERRORS = 30
"""False matches a threshold should rest on: with 30, the rate is right to a third, nine times in ten
(Doddington et al., Speech Communication 31, 2000)."""


@dataclass(frozen=True)
class Rate:
    """`count` of `trials`, with the exact 95 % interval of Clopper and Pearson, which takes trials as
    independent."""

    count: int
    trials: int

    @property
    def value(self) -> float:
        return self.count / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        found = binomtest(self.count, self.trials).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Calibration:
    """Distances of all pairs, sorted: `genuine` of one person, `impostor` of strangers."""

    genuine: NDArray[np.float64]
    impostor: NDArray[np.float64]

    def fmr(self, threshold: float) -> Rate:
        return Rate(int(np.searchsorted(self.impostor, threshold, side="right")), len(self.impostor))

    def fnmr(self, threshold: float) -> Rate:
        return Rate(
            len(self.genuine) - int(np.searchsorted(self.genuine, threshold, side="right")), len(self.genuine)
        )

    def threshold(self, fmr: float) -> float:
        """The largest threshold of four decimals at which at most the share `fmr` of strangers passes.

        Raises UsageError unless 0 < fmr < 1.
        """
        if not 0 < fmr < 1:
            raise UsageError(f"A false match rate lies between 0 and 1, not at {fmr}")
        # 0.29 * 100 is a little less than 29, and 29 strangers may pass.
        first_refused = self.impostor[min(int(fmr * len(self.impostor) + 1e-6), len(self.impostor) - 1)]
        steps = int(first_refused * 1e4)
        # 0.07 * 1e4 is a little more than 700: the first stranger to be refused must not pass by rounding.
        while steps / 1e4 >= first_refused:
            steps -= 1
        return steps / 1e4

    def doubts(self, fmr: float) -> str | None:
        """Why a threshold for this rate should not be trusted yet, or None."""
        expected = fmr * len(self.impostor)
        if expected >= ENOUGH_ERRORS:
            return None
        needed = int(np.ceil(ENOUGH_ERRORS / fmr))
        # n people with one photograph each give n (n - 1) / 2 pairs.
        people = int(np.ceil((1 + np.sqrt(1 + 8 * needed)) / 2))
        return (
            f"{len(self.impostor)} pairs of strangers hold {expected:.1f} false matches at FMR {fmr:g}: "
            f"too few to trust this threshold. {needed} pairs, {people} people, give {ENOUGH_ERRORS}."
        )


def labelled_files(
    folder: Path, report: Callable[[str], None] = ignored, repeated: bool = True
) -> list[tuple[str, Path]]:
    """(person, file) of a folder with a sub-folder for each person, or with files named `<person>_<shot>.*`.

    Sorted by person and file; hidden files are passed over, and what `picture_files` reports. repeated:
    whether somebody must be there more than once. Raises UsageError if the folder holds neither.
    """
    if not os.path.isdir(folder):
        raise UsageError(f"{printable(folder)} is not a folder")
    found = [
        (path.parent.name if path.parent != folder else path.stem.rpartition("_")[0], path)
        for path in picture_files(folder, depth=1, report=report)
    ]
    labelled = sorted((person, path) for person, path in found if person)
    people = [person for person, _ in labelled]
    if len(set(people)) < 2 or (repeated and len(set(people)) == len(people)):
        two = ", and two of at least one" if repeated else ""
        raise UsageError(
            f"{printable(folder)} needs photographs of two people or more{two}: a sub-folder for each "
            "person, or files named <person>_<shot>.jpg"
        )
    return labelled


@dataclass(frozen=True, eq=False)
class JudgedShot:
    """A photograph of a person as a judge sees it: the copies (K, D) that are judged, and the reference
    (D,)."""

    person: str
    copies: NDArray[np.float32]
    reference: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class JudgedPairs:
    """Every pair of photographs: the people on both (P,), and the distance between them (P,)."""

    first: NDArray[np.str_]
    second: NDArray[np.str_]
    distances: NDArray[np.float64]

    def of(self, people: Collection[str]) -> "JudgedPairs":
        """The pairs in which both are among these people."""
        inside = np.isin(self.first, list(people)) & np.isin(self.second, list(people))
        return JudgedPairs(self.first[inside], self.second[inside], self.distances[inside])

    @property
    def calibration(self) -> Calibration:
        """The distances by kind; either kind may be empty."""
        alike = self.first == self.second
        return Calibration(np.sort(self.distances[alike]), np.sort(self.distances[~alike]))


def judge_shot(
    judge: Judge, person: str, picture: Pixels, landmarks: NDArray[np.float32], seed: int = 0, k: int = K
) -> JudgedShot | None:
    """Judges one photograph, uint8 (R, R, 3) RGB in FFHQ framing with its landmarks (478, 2), in its own
    alignment; None where the judge sees no face in a copy of it."""
    judged = perturbations(seed, k)
    rows = judge.describe(
        [picture], judge.align(picture, landmarks), [*judged, *perturbations(seed, REFERENCE_K)]
    )[0]
    if np.isnan(rows).any():
        return None
    return JudgedShot(person, rows[: len(judged)], judge.centre(rows[len(judged) :]))


def judged_pairs(judge: Judge, shots: Sequence[JudgedShot]) -> JudgedPairs:
    """Every pair of shots, once."""
    names = np.array([shot.person for shot in shots], dtype=np.str_)
    first, second = np.triu_indices(len(shots), k=1)
    distances = [
        judge.distance(np.stack([other.copies for other in shots[i + 1 :]]), shot.reference).mean(axis=1)
        for i, shot in enumerate(shots[:-1])
    ]
    return JudgedPairs(names[first], names[second], np.concatenate([np.zeros(0), *distances]))


def calibrate(
    judge: Judge, photographs: Iterable[tuple[str, Pixels, NDArray[np.float32]]], seed: int = 0, k: int = K
) -> Calibration:
    """Judges every pair of photographs: (person, picture, landmarks) as for `judge_shot`.

    Photographs in which the judge sees no face are left out. Raises UsageError unless there are pairs of both
    kinds.
    """
    judged = (
        judge_shot(judge, person, picture, landmarks, seed, k) for person, picture, landmarks in photographs
    )
    found = judged_pairs(judge, [shot for shot in judged if shot is not None]).calibration
    if not len(found.genuine) or not len(found.impostor):
        raise UsageError("The usable photographs hold no two of one person, or only one person")
    return found
