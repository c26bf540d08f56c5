"""*beyond*: a picture that judges who were not asked may call someone else, too.

The nearest picture convinces the judges that it was made against and hardly anybody else (docs/limits.md).
What carries over to another recogniser is what all of them look at. So this search asks for more than
`engine.finders.nearest`, whose steps it takes:

- every judge of the panel that has gradients is to be convinced, also those that bind nobody (an ensemble;
  Liu et al., *Delving into Transferable Adversarial Examples*, 2017);
- by a margin that grows with `reach`;
- while the picture is moved, resized, relit and compressed more than a verdict would (input diversity; Xie et
  al., *Improving Transferability of Adversarial Examples with Input Diversity*, 2019);
- by the coarser layers of the latent alone, which shape the face. The finest draw texture, which one network
  may notice and the next one not.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from engine.border.continuum import Continuum
from engine.common.arrays import Pixels
from engine.finders.base import Doppelganger, Finder, FinderStage, FinderTask
from engine.finders.bisection import first_that_holds
from engine.finders.nearest import NearestFinder, NearestSettings, search_nearest

FULL_MARGIN = 0.6
"""How far beyond each threshold it goes at reach 1, as a share of it."""

SHAPING_LAYERS = 0.75
"""The share of the latent's layers, from the coarsest, that move: 9 of 12 at 256 px."""

TOWARDS_THE_MATCH = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Places on the way from where the search has ended (0) to the match (1)."""

FINEST_T = 0.02


class BeyondFinder(Finder):
    """Goes beyond the border as far as `reach` says, and the largest visible change that is given allows."""

    name = "beyond"
    description = "lies well beyond the border of every judge with gradients"
    stage: ClassVar[FinderStage] = "nearest"
    judging_stage: ClassVar[FinderStage] = "nearest_judging"
    own_continuum = True

    def __init__(self, reach: float, settings: NearestSettings | None = None) -> None:
        """reach: above 0, up to 1. settings: of the search; its layers and changes are this finder's own."""
        self.reach = reach
        settings = settings or NearestSettings()
        self.nearest = NearestFinder(settings)
        self.settings = replace(settings, moving_layers=SHAPING_LAYERS, diverse_changes=True)

    def find(self, task: FinderTask) -> Doppelganger | None:
        """The picture where the search has ended, or, where it changes the face too much, the first on the
        way from there to the match that may be given; where none may be, the nearest one."""
        match = task.continuum.end
        constraints = [
            replace(
                constraint, limit=constraint.limit + self.reach * FULL_MARGIN * constraint.judge.threshold
            )
            for constraint in (*task.constraints, *task.others)
        ]
        for step in search_nearest(
            task.generator, match, constraints, task.change, self.settings, task.metric
        ):
            task.report_step(step)
        way = Continuum(task.generator, step.place, match)

        def may_be_given(pictures: Sequence[Pixels]) -> list[bool]:
            return [
                task.change.measure(picture).total <= task.most_visible_change and task.holds([picture])[0]
                for picture in pictures
            ]

        t = first_that_holds(way.picture, may_be_given, TOWARDS_THE_MATCH, FINEST_T)
        if t is None:
            return self.nearest.find(task)
        return Doppelganger(self.name, None, way.place(t), way.picture(t))


def with_reach(finders: Sequence[Finder], reach: float) -> tuple[Finder, ...]:
    """The finders for a reach, 0 to 1: above 0, *beyond* takes the place of *nearest*, with its settings."""
    return tuple(
        BeyondFinder(reach, finder.settings) if reach > 0 and isinstance(finder, NearestFinder) else finder
        for finder in finders
    )
