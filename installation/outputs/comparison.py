"""The report of `./kiosk judges compare`: what judges make of changed photographs."""

from typing import Literal

from pydantic import Field

from engine.evaluation.comparison import JudgeComparison, Likeness, Recognition
from engine.judges.base import Judge
from installation.outputs.rates import Share, share
from installation.outputs.report import Distance, MaybeDistance, Number, Part


class Side(Part):
    """What a judge makes of the originals, or of the changed pictures.

    recognised: of its own people. found_first: people whose own reference is the nearest of all. strangers:
    of the pairs with somebody else's reference, those taken for one person; null with a single pair.
    distance: median of its own people; null where it sees no face in half of them.
    """

    recognised: Share
    found_first: Share
    strangers: Share | None
    distance: MaybeDistance


class ComparedJudge(Part):
    """One judge. It says *same person* where distance <= threshold."""

    name: str
    metric: str
    threshold: Distance
    threshold_source: str
    before: Side
    after: Side


class PictureLikeness(Part):
    """Medians over `compared` pairs, as FFHQ crops of 256 px: RMSE in grey levels, PSNR, SSIM. frechet: of
    both sets, by the features of the embedded encoder; null of fewer than three pairs."""

    compared: int
    rmse: Number | None
    psnr_db: Number | None
    ssim: Number | None
    frechet: Number | None


class ComparisonReport(Part):
    """The whole report. known_by: the folder of the pictures that judges know people by."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    pairs: int
    left_out: int
    known_by: Literal["original", "another"]
    judges: list[ComparedJudge]
    likeness: PictureLikeness


def compared_judge(judge: Judge, found: JudgeComparison) -> ComparedJudge:
    """One judge's part of the report."""
    return ComparedJudge(
        name=judge.name,
        metric=judge.metric,
        threshold=judge.threshold,
        threshold_source=judge.threshold_source,
        before=_side(found.before),
        after=_side(found.after),
    )


def picture_likeness_part(found: Likeness) -> PictureLikeness:
    """The likeness as a part of the report."""
    return PictureLikeness(**vars(found))


def _side(found: Recognition) -> Side:
    return Side(
        recognised=share(found.recognised),
        found_first=share(found.found_first),
        strangers=share(found.strangers) if found.strangers.trials else None,
        distance=found.distance,
    )
