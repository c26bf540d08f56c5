"""The finder `nearest` with fewer steps: for tests of what comes before and after it."""

import torch

from engine.finders.nearest import NearestFinder, NearestSettings

STEPS, CHECK_EVERY = 10, 5


def build(dtype: torch.dtype, seed: int) -> NearestFinder:
    """The finder, as `engine.finders.registry` makes it."""
    return NearestFinder(NearestSettings(steps=STEPS, check_every=CHECK_EVERY, dtype=dtype, seed=seed))
