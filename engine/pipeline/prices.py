"""The price list of one sitter: the way on which one judge after the other lets go, and what each step costs.

The judges that a search can convince, those whose networks give gradients, say where the way goes; all judges
of the panel, binding or not, are asked along it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.border.continuum import Continuum
from engine.border.strip import Strip
from engine.border.tracing import Curve
from engine.common.arrays import Pixels
from engine.finders.base import Doppelganger, JudgeConstraint
from engine.finders.metric import LatentMetric
from engine.finders.nearest import NearestFinder, NearestSettings, close_in, search_nearest
from engine.finders.price_list import Judges, Stop, cheapest_first, way_through
from engine.inversion.projection import Place
from engine.judges.judging import judge_pictures
from engine.judges.verdict import Verdict
from engine.perceptual.visible_change import VisibleChange
from engine.pipeline.assessment import holding
from engine.pipeline.curves import JudgeCurves, judge_nearest_continuum
from engine.pipeline.progress import PictureCounter, Report
from engine.pipeline.settings import PortrayalSettings


@dataclass(frozen=True, eq=False)
class Price:
    """The picture with which one judge lets go: the first someone else, seen from the match.

    t: its place on the way from the last stop (0) to the closest match (1). picture: uint8 (R, R, 3) RGB.
    visible_change: against the match, in just-noticeable differences; infinite where it shows no face.
    verdicts: of all judges, by name; those that say *same* still know the sitter.
    """

    judge: str
    t: float
    picture: Pixels
    visible_change: float
    verdicts: dict[str, Verdict]


@dataclass(frozen=True, eq=False)
class PriceList:
    """What it costs until the next judge lets go.

    prices: from the match outwards. at_match: the verdicts on the match, by the judges' names. still_know:
    the judges who say *same* at the end of the way. curves, strip: of the whole way, as of any continuum.
    """

    prices: tuple[Price, ...]
    at_match: dict[str, Verdict]
    still_know: tuple[str, ...]
    curves: dict[str, Curve]
    strip: Strip


def find_prices(
    match: Continuum,
    judged: Sequence[JudgeCurves],
    change: VisibleChange,
    found: Doppelganger | None,
    settings: PortrayalSettings,
    report: Report,
    metric: LatentMetric | None = None,
) -> PriceList | None:
    """The price list of a sitter. None where no judge that knows the match can be convinced within the limit
    of visible change.

    match: a continuum that ends at the closest match. found: the doppelgänger of the visit, whose search is
    not done again where it is the nearest one. metric: of the match; Euclidean by default.
    """
    convincible = {
        each.judge.name: JudgeConstraint(
            each.judge, each.reference, each.judge.threshold * (1 + settings.margin)
        )
        for each in judged
        if each.at_match <= each.judge.threshold and each.judge.network_with_gradients() is not None
    }
    known: dict[Judges, Place] = {}
    if found is not None and found.kind == NearestFinder.name:
        known[frozenset(each.judge.name for each in judged if each.judge.binding)] = found.place
    nearest = NearestSettings(dtype=settings.search.dtype, seed=settings.seed)
    on_step = PictureCounter("prices", 2 * len(convincible) * nearest.steps, report).add

    def search(judges: Judges) -> Place | None:
        constraints = [convincible[name] for name in sorted(judges)]
        for step in search_nearest(match.generator, match.end, constraints, change, nearest, metric):
            on_step(step.picture.numpy())
        holds = holding(constraints, settings, lambda _: None)
        closest = close_in(match.generator, step.place, match.end, holds)
        return closest.place if closest else None

    def find(judges: Judges) -> Stop | None:
        place = known.get(judges) or search(judges)
        if place is None:
            return None
        visible_change = change.measure(Continuum(match.generator, place, place).picture(0.0)).total
        return Stop(place, visible_change) if visible_change <= settings.most_visible_change else None

    stops = [stop for _, stop in cheapest_first(list(convincible), find)]
    if not stops:
        return None
    way = way_through(match.generator, stops, match.end)
    judged_way = judge_nearest_continuum(way, judged, settings, "prices_judging", report)
    curves = judged_way.curves
    prices = [_price(name, curve, way, judged, change, settings) for name, curve in curves.items()]
    return PriceList(
        prices=tuple(sorted((price for price in prices if price), key=lambda price: -price.t)),
        at_match={name: curve.samples[-1].verdict for name, curve in curves.items()},
        still_know=tuple(name for name, curve in curves.items() if curve.samples[0].verdict.same),
        curves=curves,
        strip=judged_way.strip,
    )


def _price(
    name: str,
    curve: Curve,
    way: Continuum,
    judged: Sequence[JudgeCurves],
    change: VisibleChange,
    settings: PortrayalSettings,
) -> Price | None:
    """The price at a judge's border; None where it has none, or does not know the match."""
    if curve.border is None or not curve.border.high.verdict.same:
        return None
    picture = way.picture(curve.border.low.t)
    verdicts = {
        each.judge.name: judge_pictures(each.judge, each.reference, [picture], settings.seed, settings.k)[0]
        for each in judged
    }
    return Price(name, curve.border.low.t, picture, change.measure(picture).total, verdicts)
