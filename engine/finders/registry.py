"""The finders there are, by name, in the order in which they are asked by default.

To add one: a module here with a class that implements `engine.finders.base.Finder` and a function
`build(dtype, seed)`, which makes it from the dtype of feature maps while searching and the visit's seed; and
an entry in `FINDERS`. Its stages are among `engine.finders.base.STAGES`. It is asked where the configuration
names it in `[search] finders`.

A finder's module, and with it PyTorch, is loaded only when the finder is made: a process that only checks a
configuration loads none of them.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from engine.common.errors import UsageError

if TYPE_CHECKING:
    import torch

    from engine.finders.base import Finder

FINDERS: dict[str, str] = {
    "nearest": "engine.finders.nearest",
    "on-the-way": "engine.finders.on_the_way",
    "towards-others": "engine.finders.towards_others",
}
"""A finder's name -> its module."""


def description_of(kind: str) -> str:
    """What a doppelgänger of this kind is; continues the sentence "doppelganger.png ..."."""
    if kind == "beyond":  # takes the place of `nearest` where a reach is asked for
        description: str = import_module("engine.finders.beyond").BeyondFinder.description
        return description
    (finder,) = make_finders([kind])
    return finder.description


def make_finders(
    names: Iterable[str] = tuple(FINDERS), dtype: "torch.dtype | None" = None, seed: int = 0
) -> "tuple[Finder, ...]":
    """The finders of these names, in their order; `dtype` None: float32.

    Raises UsageError for unknown names and unknown stages.
    """
    import torch

    from engine.finders.base import STAGES

    finders = []
    for name in names:
        if name not in FINDERS:
            raise UsageError(f"There is no finder {name!r}: choose among " + ", ".join(FINDERS))
        finder: Finder = import_module(FINDERS[name]).build(dtype or torch.float32, seed)
        for stage in (finder.stage, finder.judging_stage):
            if stage not in STAGES:
                raise UsageError(
                    f"The finder {name!r} names the stage {stage!r}: engine/finders/base.py has "
                    + ", ".join(STAGES)
                )
        finders.append(finder)
    return tuple(finders)
