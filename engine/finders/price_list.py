"""The price list: how much of a face must change until one more judge lets go of it.

A *stop* is the nearest picture found that so many judges call someone else, and its price the visible change
from the match. Which judge lets go next is not given: of those who still know the sitter it is the one that
costs least, together with all who have let go before.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.border.continuum import Chain
from engine.inversion.projection import Place
from engine.stylegan2.network import Generator

Judges = frozenset[str]


@dataclass(frozen=True, eq=False)
class Stop:
    """A place at which a set of judges has let go, and its visible change, in just-noticeable differences."""

    place: Place
    visible_change: float


def cheapest_first(judges: Sequence[str], find: Callable[[Judges], Stop | None]) -> list[tuple[str, Stop]]:
    """The order in which the judges let go, each with the stop at which it and all before it have done so.

    To convince more judges costs no less, so what a judge cost last is the least that it costs now: a judge
    whose last price is above the best one found is not asked again. For J judges that is about 2 J searches,
    not J (J + 1) / 2. The list ends where none of the judges left can be convinced.

    find: the nearest stop of a set of judges; None where there is none.
    """
    least = dict.fromkeys(judges, 0.0)
    let_go: Judges = frozenset()
    order: list[tuple[str, Stop]] = []
    while len(order) < len(judges):
        best: tuple[str, Stop] | None = None
        for judge in sorted(least, key=least.__getitem__):
            if least[judge] >= (best[1].visible_change if best else math.inf):
                break
            stop = find(let_go | {judge})
            least[judge] = stop.visible_change if stop else math.inf
            if stop and (best is None or stop.visible_change < best[1].visible_change):
                best = judge, stop
        if best is None:
            break
        order.append(best)
        let_go |= {best[0]}
        del least[best[0]]
    return order


def way_through(generator: Generator, stops: Sequence[Stop], match: Place) -> Chain:
    """The way from the last stop (t = 0) through all others to the match (t = 1).

    1 - t is the share of the highest price: the stops lie as far apart as their prices. A stop is left out
    where a later one, at which more judges have let go, was found to cost no more.
    """
    kept: list[Stop] = []
    for stop in reversed(stops):
        if not kept or stop.visible_change < kept[-1].visible_change:
            kept.append(stop)
    ts = [1 - stop.visible_change / kept[0].visible_change for stop in kept]
    return Chain(generator, [*(stop.place for stop in kept), match], [*ts, 1.0])
