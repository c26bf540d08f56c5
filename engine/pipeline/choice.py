"""Which of the doppelgängers that were found is given: the one with the least visible change.

A search that is free to go anywhere can end on a picture that convinces every judge because it is no face any
more. So what it finds is refused where it changes more than a limit, to which every face that was still one
has kept (docs/search.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.pipeline.assessment import AssessedDoppelganger


@dataclass(frozen=True)
class Refusal:
    """A doppelgänger that is not given because it changes the face too much.

    kind: the name of its finder. visible_change: against the closest match, in just-noticeable differences;
    infinite where it shows no face. limit: the largest that is given.
    """

    kind: str
    visible_change: float
    limit: float


def refusal(found: AssessedDoppelganger, stays_among_faces: bool, limit: float) -> Refusal | None:
    """The refusal of a doppelgänger, None where it may be given.

    stays_among_faces: of its finder (`engine.finders.base.Finder`).
    """
    if stays_among_faces or found.visible_change <= limit:
        return None
    return Refusal(found.kind, found.visible_change, limit)


def least_changed(found: Sequence[AssessedDoppelganger]) -> AssessedDoppelganger | None:
    """The one to give: the least visible change, the first of several alike. None of none."""
    return min(found, key=lambda each: each.visible_change, default=None)
