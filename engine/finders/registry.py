"""The finders there are, by name, in the order in which they are asked by default.

To add one: a module with a class that implements `engine.finders.base.Finder`, and an entry in `FINDERS`.
Its stages are among `engine.finders.base.STAGES`. It is asked where the configuration names it in
`[search] finders`.
"""

from collections.abc import Callable, Iterable, Mapping

import torch

from engine.common.errors import UsageError
from engine.finders.base import STAGES, Finder
from engine.finders.nearest import NearestFinder, NearestSettings
from engine.finders.on_the_way import OnTheWayFinder
from engine.finders.towards_others import TowardsOthersFinder

FINDERS: Mapping[str, Callable[[torch.dtype, int], Finder]] = {
    NearestFinder.name: lambda dtype, seed: NearestFinder(NearestSettings(dtype=dtype, seed=seed)),
    OnTheWayFinder.name: lambda dtype, seed: OnTheWayFinder(),
    TowardsOthersFinder.name: lambda dtype, seed: TowardsOthersFinder(seed),
}
"""A finder's name -> how it is made from the dtype of feature maps while searching, and the visit's seed."""


def make_finders(
    names: Iterable[str] = tuple(FINDERS), dtype: torch.dtype = torch.float32, seed: int = 0
) -> tuple[Finder, ...]:
    """The finders of these names, in their order. Raises UsageError for unknown names and unknown stages."""
    finders = []
    for name in names:
        if name not in FINDERS:
            raise UsageError(f"There is no finder {name!r}: choose among " + ", ".join(FINDERS))
        finder = FINDERS[name](dtype, seed)
        for stage in (finder.stage, finder.judging_stage):
            if stage not in STAGES:
                raise UsageError(
                    f"The finder {name!r} names the stage {stage!r}: engine/finders/base.py has "
                    + ", ".join(STAGES)
                )
        finders.append(finder)
    return tuple(finders)
