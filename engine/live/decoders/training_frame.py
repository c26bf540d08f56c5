"""What a screen shows of a training; without torch, which the stage's process does not load."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels


@dataclass(frozen=True, eq=False)
class TrainingFrame:
    """One moment of a training. Pictures are uint8 (S, S, 3) RGB.

    seen: A, as the encoder sees them. wanted: B in the same pose, from which nothing has been learned yet.
    code: uint8 (H, W), of which known poses `seen` is mixed; brighter where there is more of one. drawn: what
    the decoders of A and of B make of that code. pictures: learned so far, of each person. missed_grey: by
    how much B's decoder has missed pictures that are never learned from, in grey levels of 255, oldest first.
    frozen_grey: the same for B's mean picture.
    """

    seen: Pixels
    wanted: Pixels
    code: NDArray[np.uint8]
    drawn: tuple[Pixels, Pixels]
    pictures: int
    missed_grey: tuple[float, ...]
    frozen_grey: float
