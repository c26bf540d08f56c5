"""Whether a picture holds as a doppelgänger, and the judges' verdicts on the one that was found."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

import torch

from engine.border.tracing import Curve
from engine.common.arrays import Pixels
from engine.finders.base import Doppelganger, Holds, JudgeConstraint
from engine.inversion.projection import Loss
from engine.inversion.target import to_target
from engine.judges.judging import judge_pictures, judge_worst_case
from engine.judges.plain import PlainReading
from engine.judges.verdict import Verdict
from engine.perceptual.visible_change import VisibleChange, picture_likeness
from engine.pipeline.curves import JudgeOfSitter
from engine.pipeline.settings import PortrayalSettings


@dataclass(frozen=True)
class AssessedDoppelganger(Doppelganger):
    """A doppelgänger with verdicts and likeness.

    verdicts: of each judge, by name. worst_case: its verdicts over the harsher list of perturbations, of
    which `worst_distance` counts. likeness: how alike it and the closest match look (docs/outputs.md).
    """

    verdicts: dict[str, Verdict]
    worst_case: dict[str, Verdict]
    likeness: dict[str, float]

    @property
    def visible_change(self) -> float:
        """Against the closest match, in just-noticeable differences; infinite where it shows no face."""
        return self.likeness.get("visible_change", math.inf)


def constraints_of(
    panel: Sequence[JudgeOfSitter],
    settings: PortrayalSettings,
    plain: Mapping[str, PlainReading] = MappingProxyType({}),
) -> list[JudgeConstraint]:
    """What each binding judge demands of a doppelgänger: in the worst case, too, a distance beyond its
    threshold by the margin of the settings, and someone else in its plain reading, where it is among
    `plain`, by the judges' names."""
    return [
        JudgeConstraint(
            each.judge,
            each.reference,
            each.judge.threshold * (1 + settings.margin),
            plain.get(each.judge.name),
        )
        for each in panel
        if each.judge.binding
    ]


def constraints_of_others(panel: Sequence[JudgeOfSitter]) -> list[JudgeConstraint]:
    """The judges that bind nobody and have gradients, each with its threshold."""
    return [
        JudgeConstraint(each.judge, each.reference, each.judge.threshold)
        for each in panel
        if not each.judge.binding and each.judge.network_with_gradients() is not None
    ]


def holding(
    constraints: Sequence[JudgeConstraint], settings: PortrayalSettings, on_picture: Callable[[Pixels], None]
) -> Holds:
    """The test whether pictures hold: every binding judge says someone else, in the worst case and in its
    plain reading too.

    on_picture: called with each picture, once for each judge that it is put to.
    """

    def convinced(constraint: JudgeConstraint, picture: Pixels) -> bool:
        on_picture(picture)
        judge, reference = constraint.judge, constraint.reference
        (plain,) = judge_pictures(judge, reference, [picture], settings.seed, settings.k)
        if plain.same:
            return False
        (worst,) = judge_worst_case(judge, reference, [picture])
        if worst.worst_distance <= constraint.limit:
            return False
        return constraint.plain is None or constraint.plain.holds(picture)

    return lambda pictures: [
        all(convinced(constraint, picture) for constraint in constraints) for picture in pictures
    ]


def t_beyond_border(curve: Curve) -> float | None:
    """The t just beyond the border; 1 where the judge does not recognise the match itself, None where it
    recognises every picture of the continuum."""
    if curve.border is None and curve.samples[-1].verdict.same:
        return None
    return curve.border.low.t if curve.border and curve.border.high.verdict.same else 1.0


def assess(
    found: Doppelganger,
    panel: Sequence[JudgeOfSitter],
    match: Pixels,
    change: VisibleChange,
    portrait_distance: float,
    settings: PortrayalSettings,
) -> AssessedDoppelganger:
    """Asks all judges about a doppelgänger, and compares it with the closest match.

    match: uint8 (R, R, 3) RGB. change: measures the visible change against it. portrait_distance: the
    doppelgänger's perceptual distance to the portrait.
    """
    likeness = _likeness(found.picture, match, change, portrait_distance)
    verdicts, worst_case = {}, {}
    for each in panel:
        (verdicts[each.judge.name],) = judge_pictures(
            each.judge, each.reference, [found.picture], settings.seed, settings.k
        )
        (worst_case[each.judge.name],) = judge_worst_case(each.judge, each.reference, [found.picture])
    return AssessedDoppelganger(
        found.kind, found.t, found.place, found.picture, verdicts, worst_case, likeness
    )


@torch.no_grad()
def distance_to_portrait(picture: Pixels, loss: Loss, device: torch.device) -> float:
    """The perceptual distance of a picture uint8 (R, R, 3) RGB to the portrait that `loss` was made of."""
    return float(loss(to_target(picture, picture.shape[0]).to(device)))


def _likeness(
    picture: Pixels, match: Pixels, change: VisibleChange, portrait_distance: float
) -> dict[str, float]:
    """How alike the doppelgänger and the closest match look, by several measures."""
    figures = picture_likeness(picture, match) | {
        "perceptual": change.perceptual(picture),
        "perceptual_to_portrait": portrait_distance,
    }
    measured = change.measure(picture)
    parts = {"visible_change": measured.total} | {f"noticed_{k}": v for k, v in asdict(measured).items()}
    return figures | {name: value for name, value in parts.items() if math.isfinite(value)}
