"""Counts flashes: moments at which a swapped face changes by more than the motion in the film explains.

The flow between two frames is found in the film before the swap. What remains of the change of the swapped
face along that flow, less what remains of the film's own, is what the swap has added. A flash is where that
exceeds its usual value by three standard deviations.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.live.frame import Array
from engine.live.rigs.fields import pixel_grid
from engine.live.rigs.flows import flow_back

DEVIATIONS = 3.0
# In grey levels; less of a change is not seen, however calm the rest of the film is.
LEAST_GREY = 1.5
# The standard deviation of a normal distribution over its median absolute deviation.
ROBUST = 1.4826


def unexplained_change(before: tuple[Pixels, Pixels], after: tuple[Pixels, Pixels], face: Array) -> float:
    """In grey levels, what a swap adds to the change between two frames.

    before, after: the film's own face and the swapped one, uint8 (S, S, 3) RGB, both cut out at the same
    place. face: float (S, S), 1 in the face.
    """
    flow = flow_back(before[0], after[0], (face > 0.5).astype(np.float32))
    at = pixel_grid(len(face), len(face)) + flow
    own, swapped = (
        np.abs(
            cv2.remap(old, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
                np.float32
            )
            - new
        ).mean(axis=2)
        for old, new in zip(before, after, strict=True)
    )
    weight = max(float(face.sum()), 1.0)
    return float(((swapped - own) * face).sum() / weight)


def flashes(changes: Sequence[float]) -> list[int]:
    """Which of these changes, one for each frame but the first, begin a flash: their indices.

    A wrong frame changes twice, into it and out of it; what follows at once or after one frame more belongs
    to the same flash.
    """
    values: NDArray[np.float64] = np.array(changes)
    if len(values) == 0:
        return []
    usual = float(np.median(values))
    deviation = ROBUST * float(np.median(np.abs(values - usual)))
    found = np.flatnonzero(values > usual + max(DEVIATIONS * deviation, LEAST_GREY))
    begun: list[int] = []
    last = -10
    for index in found.tolist():
        if index - last > 2:
            begun.append(index)
        last = index
    return begun
