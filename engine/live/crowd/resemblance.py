"""Which nobodies look like somebody: they must not stand for anybody while that person is there."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.judges.base import Judge
from engine.judges.judging import Reference, make_reference

# A nobody is alike within a judge's threshold and this share of it more.
MARGIN = 0.05
Shot = tuple[Pixels, NDArray[np.float32]]
"""A picture uint8 (R, R, 3) RGB of one face, and its mesh (478, 2) in pixels."""


def are_alike(judge: Judge, a: Reference, b: Reference) -> bool:
    """Whether a judge takes, or nearly takes, two people for one. True where it cannot say."""
    distance = judge.distance(a.embedding, b.embedding)
    return not float(distance) > judge.threshold * (1 + MARGIN)


class Resemblance:
    """Compares people with a bank's nobodies. Keeps nothing of them: only numbers of nobodies come out.

    shots: of each nobody, by number, looking straight. judges: any one that takes somebody for a nobody
    strikes that nobody.
    """

    def __init__(self, shots: Mapping[int, Shot], judges: Sequence[Judge], seed: int = 0) -> None:
        self._judges, self._seed = judges, seed
        self._known = {
            number: [make_reference(judge, [shot], seed) for judge in judges]
            for number, shot in shots.items()
        }

    def alike(self, shot: Shot) -> frozenset[int]:
        """The nobodies that look like somebody who has agreed, or like a doppelgänger."""
        references = [make_reference(judge, [shot], self._seed) for judge in self._judges]
        return frozenset(
            number
            for number, known in self._known.items()
            if any(map(are_alike, self._judges, known, references))
        )
