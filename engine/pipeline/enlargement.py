"""The doppelgänger enlarged for screens and prints, where the judges still say of it what they said before.

A generator of 256 px gives a picture too small to be printed. No network invents detail that nobody has
judged; and what a filter changes could bring back the sitter, so its picture is put to the judges again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.finders.base import Holds

ENLARGED_PX = 1024
_CORRECTIONS = 2  # each takes back most of what is missing; more only rounds

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Enlargement:
    """An enlarged doppelgänger that holds, uint8 (ENLARGED_PX, ENLARGED_PX, 3) RGB, and its filter."""

    picture: Pixels
    filter: str


def _lanczos(picture: Floats) -> Floats:
    size = (ENLARGED_PX, ENLARGED_PX)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LANCZOS4), np.float32)


def _lanczos_corrected(picture: Floats) -> Floats:
    """Lanczos, to which the enlarged error of its own reduction is added: iterative back-projection.

    Reduced again it is nearly the judged picture. Irani and Peleg, "Improving resolution by image
    registration", CVGIP 53, 1991.
    """
    enlarged = _lanczos(picture)
    for _ in range(_CORRECTIONS):
        reduced = cv2.resize(enlarged, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
        enlarged = enlarged + _lanczos(picture - reduced)
    return enlarged


FILTERS: dict[str, Callable[[Floats], Floats]] = {
    "lanczos-corrected": _lanczos_corrected,
    "lanczos": _lanczos,
}
"""From the sharpest to the gentlest."""


def enlarge(doppelganger: Pixels, holds: Holds) -> Enlargement | None:
    """The doppelgänger, uint8 (R, R, 3) RGB, enlarged by the first filter whose picture holds.

    holds: the test that the doppelgänger itself has passed, without its margin. None where no filter's
    picture passes it, or the generator's own resolution is `ENLARGED_PX` or more.
    """
    if len(doppelganger) >= ENLARGED_PX:
        return None
    for name, apply in FILTERS.items():
        enlarged = apply(doppelganger.astype(np.float32))
        picture = np.clip(np.rint(enlarged), 0, 255).astype(np.uint8)
        if holds([picture])[0]:
            return Enlargement(picture, name)
    return None
