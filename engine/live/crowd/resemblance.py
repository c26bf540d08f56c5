"""Which nobodies look like somebody who has agreed to be compared: they must not stand for anybody."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.judges.base import Judge
from engine.judges.judging import Reference, make_reference

# A nobody is alike within a judge's threshold and this share of it more.
MARGIN = 0.05
# Perturbations of each picture: less exact than a verdict, and quick.
LOOKS = 4
Shot = tuple[Pixels, NDArray[np.float32]]
"""A picture uint8 (R, R, 3) RGB of one face, and its mesh (478, 2) in pixels."""


def are_alike(judge: Judge, a: Reference, b: Reference) -> bool:
    """Whether a judge takes, or nearly takes, two people for one. True where it cannot say."""
    distance = judge.distance(a.embedding, b.embedding)
    return not float(distance) > judge.threshold * (1 + MARGIN)


class Resemblance:
    """Compares people with nobodies. Keeps nothing of them: only numbers of nobodies come out.

    judges: any one that takes somebody for a nobody names that nobody.
    """

    def __init__(self, judges: Sequence[Judge], seed: int = 0) -> None:
        self._judges, self._seed = judges, seed
        self._known: dict[int, list[Reference]] = {}

    @property
    def numbers(self) -> frozenset[int]:
        """The nobodies known so far."""
        return frozenset(self._known)

    def add(self, number: int, shot: Shot) -> None:
        """Knows a nobody from now on, who looks straight ahead in the shot."""
        self._known[number] = self._references(shot)

    def alike(self, shot: Shot) -> frozenset[int]:
        """The nobodies known so far that look like somebody."""
        if not self._known:  # nobody is measured for nothing
            return frozenset()
        references = self._references(shot)
        return frozenset(
            number
            for number, known in self._known.items()
            if any(map(are_alike, self._judges, known, references))
        )

    def _references(self, shot: Shot) -> list[Reference]:
        return [make_reference(judge, [shot], self._seed, LOOKS) for judge in self._judges]
