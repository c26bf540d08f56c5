"""The part of a portrayal that scenes show: pictures and verdicts, no photograph of the sitter.

This module needs numpy alone; `engine.pipeline.summary` makes these of a portrayal.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from engine.border.strip import NoBorderReason, Strip
from engine.border.tracing import Sample
from engine.common.arrays import Pixels
from engine.judges.verdict import Verdict

WEAKEST_JUDGE = "anthropometry"


@dataclass(frozen=True)
class JudgeResult:
    """One judge's verdicts along the continuum from the median face (t = 0) to the closest match (t = 1).

    Distances are in the judge's own metric; smaller is more alike, up to `threshold` means *same*.
    samples: its verdicts by rising t, of the pictures in which it saw a face. border_t: None where there is
    none; `no_border_reason` says why.
    fmr: its false match rate, the share of strangers it takes for the sitter, where that was measured.
    of_doppelganger: its verdict on the doppelgänger, None where there is none.
    """

    judge: str
    binding: bool
    threshold: float
    fmr: float | None
    samples: tuple[Sample, ...]
    border_t: float | None
    no_border_reason: NoBorderReason | None
    of_doppelganger: Verdict | None = None


class PictureKind(StrEnum):
    """What kind of picture there is to take home."""

    HOLDS = "holds"  # a doppelgänger that stays someone else for every binding judge
    BEYOND = "beyond"  # the picture nearest to the match that the leading judge takes for someone else
    INSTEAD = "instead"  # the same, instead of a doppelgänger that changed the face too much to be given
    SAME = "same"  # the one farthest from the sitter, where all are recognised


@dataclass(frozen=True, eq=False)
class PortrayalResult:
    """Everything the scenes from border to doppelganger show.

    median: the continuum from the median face (t = 0) to the closest match (t = 1). nearest: the one from the
    nearest picture that every binding judge calls someone else (t = 0) to the closest match, where there is
    one. judge_results: of all judges along the continuum from the median face, the leading one first.
    doppelganger: the picture given to the sitter, uint8 (R, R, 3) RGB, or None where none holds.
    enlarged: the doppelgänger enlarged (`engine.pipeline.enlargement`), uint8 (1024, 1024, 3) RGB, or None.
    refused: whether a doppelgänger was found that changed the face too much to be given.
    complete: False while the nearest picture and the doppelgänger are still looked for.
    """

    median: Strip
    nearest: Strip | None
    judge_results: tuple[JudgeResult, ...]
    doppelganger: Pixels | None
    complete: bool = True
    enlarged: Pixels | None = None
    refused: bool = False

    @property
    def crossing(self) -> Strip:
        """The continuum whose border the visit speaks of: the nearest where it has a border, else the median.

        Film, border pair, card and figures are all of this one. The doppelgänger lies at its border.
        """
        return self.nearest if self.nearest is not None and self.nearest.border is not None else self.median

    def crossing_alone(self) -> "PortrayalResult":
        """The same result with the crossing as its only continuum: all that the border scene shows."""
        return replace(self, median=self.crossing, nearest=None)

    @property
    def match(self) -> Pixels:
        """The closest match, uint8 (R, R, 3) RGB: the end of every continuum."""
        return self.crossing.pictures[-1]

    @property
    def witness(self) -> JudgeResult | None:
        """The judge that says at the end what it makes of the doppelgänger; nobody had to convince it.

        The first judge of the panel that is not binding (`[judging] witness` makes a judge so) and saw a face
        in the doppelgänger. The anthropometry is the witness only where there is no other: it is the weakest.
        None without such a judge, or without a doppelgänger.
        """
        witnesses = [
            judge_result
            for judge_result in self.judge_results
            if not judge_result.binding
            and judge_result.of_doppelganger is not None
            and judge_result.of_doppelganger.measured
        ]
        return min(witnesses, key=lambda witness: witness.judge == WEAKEST_JUDGE, default=None)

    @property
    def picture_to_take_home(self) -> tuple[Pixels, PictureKind]:
        """The picture to take home, uint8 (R, R, 3) RGB, whatever was found, and what it is."""
        if self.doppelganger is not None:
            return self.doppelganger, PictureKind.HOLDS
        strip = self.crossing
        others = np.flatnonzero(~strip.same)
        if len(others):
            kind = PictureKind.INSTEAD if self.refused else PictureKind.BEYOND
            return strip.pictures[others[-1]], kind
        return strip.pictures[int(strip.distances.argmax())], PictureKind.SAME
