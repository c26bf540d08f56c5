"""The report of `./kiosk judges equity`: refusals, judges' errors and borders by groups of people."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from engine.evaluation.equity import GroupErrors, GroupLooks, VisitFigures
from engine.judges.base import Judge
from engine.judges.calibration import Rate
from installation.outputs.rates import Share, share
from installation.outputs.report import Distance, Number, Part, T


class EquityJudge(Part):
    """A judge at its operating point. It says *same person* where distance <= threshold."""

    name: str
    metric: str
    threshold: Distance
    threshold_source: str


class Errors(Part):
    """A judge's errors on the pairs within a group: strangers taken for one person, pictures of one person
    taken for two. Null where there are no such pairs."""

    false_matches: Share | None
    misses: Share | None


class Visits(Part):
    """Whole visits of a group's first people; medians. borders: visits with a border of the leading judge.
    border_t: its place from the median face (0) to the match (1). steps: of search and tuning.
    doppelgangers: visits in which one was given. visible_change: its own, in just-noticeable differences."""

    borders: Share
    border_t: T | None
    steps: Number
    doppelgangers: Share
    visible_change: Number | None


class Group(Part):
    """People who are compared with other people. kind: how they were chosen. ita_deg: the skin tone of the
    darkest and of the lightest; null where no face was found. refused: of all photographs; reasons: how many
    for each. judges: by name. visits: null where none were made."""

    name: str
    kind: Literal["everybody", "skin tone", "label"]
    people: int
    ita_deg: tuple[Number, Number] | None
    refused: Share
    reasons: dict[str, int]
    judges: dict[str, Errors]
    visits: Visits | None


class EquityReport(Part):
    """The whole report."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    photographs: int
    judges: list[EquityJudge]
    groups: list[Group]


def equity_judge(judge: Judge) -> EquityJudge:
    """A judge's part of the report."""
    return EquityJudge(
        name=judge.name,
        metric=judge.metric,
        threshold=judge.threshold,
        threshold_source=judge.threshold_source,
    )


def group_part(
    name: str,
    kind: Literal["everybody", "skin tone", "label"],
    looks: GroupLooks,
    errors: dict[str, GroupErrors],
    visits: Sequence[VisitFigures],
) -> Group:
    """A group's part of the report; errors: by the judge's name."""
    return Group(
        name=name,
        kind=kind,
        people=looks.people,
        ita_deg=looks.ita_deg,
        refused=share(looks.refused),
        reasons={str(reason): count for reason, count in looks.reasons.items()},
        judges={
            judge: Errors(
                false_matches=share(found.false_matches) if found.false_matches else None,
                misses=share(found.misses) if found.misses else None,
            )
            for judge, found in errors.items()
        },
        visits=_visits(visits) if visits else None,
    )


def _visits(made: Sequence[VisitFigures]) -> Visits:
    borders = [each.border_t for each in made if each.border_t is not None]
    changes = [each.visible_change for each in made if each.visible_change is not None]
    return Visits(
        borders=share(Rate(len(borders), len(made))),
        border_t=np.median(borders) if borders else None,
        steps=np.median([each.steps for each in made]),
        doppelgangers=share(Rate(len(changes), len(made))),
        visible_change=np.median(changes) if changes else None,
    )
