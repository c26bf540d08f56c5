"""How much of a visit the engine has done."""

from collections.abc import Sequence

from engine.finders.base import STAGES, Finder
from engine.pipeline.progress import Progress

SHARES = {
    "faces": 0.01,
    "reference": 0.01,
    "search": 0.08,
    "tuning": 0.24,
    "judging": 0.05,
    "film": 0.16,
    "doppelganger": 0.02,
    "nearest": 0.33,
    "nearest_judging": 0.10,
}
"""The stages in order, each with its approximate share of the time of a whole portrayal."""


class ShareOfVisit:
    """How much of a visit is done, from 0 to 1; it never falls. Stages of finders that are not asked do not
    count."""

    def __init__(self, finders: Sequence[Finder]) -> None:
        asked = {stage for finder in finders for stage in (finder.stage, finder.judging_stage)}
        absent = set(STAGES) - asked - {"doppelganger"}  # where the match itself is put to the judges
        self.shares = {stage: share for stage, share in SHARES.items() if stage not in absent}
        self.done = 0.0

    def after(self, progress: Progress) -> float:
        stages = list(self.shares)
        before = sum(self.shares[stage] for stage in stages[: stages.index(progress.stage)])
        done = before + self.shares[progress.stage] * progress.share
        self.done = max(self.done, done / sum(self.shares.values()))
        return self.done
