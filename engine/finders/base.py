"""What a finder is: a way from the closest match to a doppelgänger, the picture that the sitter takes home.

A picture *holds* when every binding judge says someone else, in the worst case over the perturbations too.
A doppelgänger is a picture that holds. The pipeline asks the finders of its settings in their order
(`engine.pipeline.portrayal`); `engine.finders.registry` lists all there are.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, get_args

from engine.border.continuum import Continuum
from engine.common.arrays import Pixels
from engine.finders.metric import LatentMetric
from engine.inversion.projection import Place, Step
from engine.judges.base import Judge
from engine.judges.judging import Reference
from engine.judges.plain import PlainReading
from engine.perceptual.visible_change import VisibleChange
from engine.stylegan2.network import Generator

FinderStage = Literal["doppelganger", "nearest", "nearest_judging"]
STAGES: tuple[FinderStage, ...] = get_args(FinderStage)
"""The stages of the progress that belong to finders. A new one also needs an entry in `SHARES` of
`engine.runtime.visit_share` and in `ProgressBar.NAMES` of `installation.cli.portray`."""

Holds = Callable[[Sequence[Pixels]], list[bool]]
"""Pictures uint8 (R, R, 3) RGB -> whether each holds."""


@dataclass(frozen=True)
class Doppelganger:
    """A picture that holds.

    Attributes:
        kind: the name of the finder that found it.
        t: its place on the continuum from the median face (0) to the closest match (1); None where it does
            not lie on it.
        place: where it lies in the generator.
        picture: uint8 (R, R, 3), RGB.
    """

    kind: str
    t: float | None
    place: Place
    picture: Pixels


@dataclass(frozen=True)
class JudgeConstraint:
    """A binding judge, its reference of the sitter, and the distance that must be exceeded in the worst case
    over the perturbations. plain: the reading with its own package, which must say someone else too; None
    where it has none."""

    judge: Judge
    reference: Reference
    limit: float
    plain: PlainReading | None = None


@dataclass(frozen=True, eq=False)
class FinderTask:
    """Everything a finder may use.

    Attributes:
        generator: the generator.
        continuum: from the median face (t = 0) to the closest match (t = 1).
        border_t: where on the continuum all binding judges that change their mind have done so, seen from the
            match: just beyond the farthest of their borders; 1 where there is none.
        recognised_throughout: whether a binding judge recognises the sitter in every picture of the
            continuum, so that none on it can hold.
        constraints: one for each binding judge.
        others: one for each other judge of the panel that has gradients.
        holds: tells which pictures hold, and reports them as progress.
        match_holds: whether the closest match itself holds.
        change: the visible change of a picture against the closest match.
        most_visible_change: the largest that is given of a picture that need not be a face
            (`engine.pipeline.choice`).
        metric: how visible a move of the latent about the match is.
        portrait_distance: of a picture, uint8 (R, R, 3) RGB: its perceptual distance to the sitter's
            portrait.
        report_step: to be called with each step of a search.
    """

    generator: Generator
    continuum: Continuum
    border_t: float
    recognised_throughout: bool
    constraints: Sequence[JudgeConstraint]
    holds: Holds
    match_holds: bool
    change: VisibleChange
    portrait_distance: Callable[[Pixels], float]
    report_step: Callable[[Step], None] = lambda _: None
    metric: LatentMetric = field(default_factory=LatentMetric)
    others: Sequence[JudgeConstraint] = ()
    most_visible_change: float = math.inf


class Finder(Protocol):
    """One way to a doppelgänger. An implementation names this class as its base, and so has the defaults.

    Attributes:
        name: in the configuration and in report.json (`kind`).
        description: of what it finds; continues the sentence "doppelganger.png ...".
        stage: that its time and its steps count for, one of `STAGES`.
        judging_stage: that the pictures it asks about count for, one of `STAGES`.
        own_continuum: whether what it finds gets a continuum of its own, from there to the closest match.
        last_resort: whether it is asked only where no finder before it has found anything to give.
        stays_among_faces: whether what it finds lies on a way between two faces of the generator, and so is a
            face however much has changed. Any other picture is given only where it changes little
            (`engine.pipeline.choice`).
    """

    name: ClassVar[str]
    description: ClassVar[str]
    stage: ClassVar[FinderStage] = "doppelganger"
    judging_stage: ClassVar[FinderStage] = "doppelganger"
    own_continuum: ClassVar[bool] = False
    last_resort: ClassVar[bool] = False
    stays_among_faces: ClassVar[bool] = False

    @abstractmethod
    def find(self, task: FinderTask) -> Doppelganger | None:
        """A doppelgänger, or None where this way leads to none."""
