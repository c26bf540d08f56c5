"""How two pictures differ: in how many values, and what part of the face has moved."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels

_REACH = 1 / 48  # standard deviation of the neighbourhood of `what_moved`, in widths of the picture
_BACKGROUND = 0.8  # the share of the picture that `what_moved` leaves out, as all of it moves a little
_FULL = 0.75  # of the largest density: where the mask reaches 1
_DARK = 0.28  # how bright the rest is under a spotlight


def identical_share(first: Pixels, second: Pixels) -> float:
    """The share, 0 to 1, of the R * R * 3 values that two pictures uint8 (R, R, 3) have in common."""
    return float(np.mean(first == second))


def what_moved(first: Pixels, second: Pixels) -> NDArray[np.float32]:
    """Where two pictures differ most, as a soft mask float32 (R, R), 0 to 1; 0 throughout for equal pictures.

    first, second: uint8 (R, R, 3) RGB. The absolute difference is averaged over a neighbourhood of about a
    twelfth of a face, because two neighbours of a border differ by single grey levels in a few values, which
    only together say what part of the face has changed. Only places above `_BACKGROUND` of the picture count.
    """
    apart = np.abs(first.astype(np.float32) - second).mean(axis=-1)
    density = cv2.GaussianBlur(apart, (0, 0), len(first) * _REACH)
    background, highest = float(np.quantile(density, _BACKGROUND)), float(density.max())
    span = _FULL * highest - background
    if highest == 0 or span <= 0:
        return np.zeros_like(density)
    above = np.clip((density - background) / span, 0, 1)
    return np.asarray(above * above * (3 - 2 * above), np.float32)  # eased at both ends


def spotlight(picture: Pixels, mask: NDArray[np.float32], share: float = 1.0) -> Pixels:
    """The picture as it is where the mask is 1, dark and without colour where it is 0: uint8 (R, R, 3) RGB.

    picture: uint8 (R, R, 3) RGB. mask: float32 (R, R), 0 to 1. share: from 0, the picture unchanged, to 1,
    the spotlight alone.
    """
    dark = _DARK * cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    keep = 1 - share * (1 - mask[..., None])
    return np.asarray(np.round(dark + (picture - dark) * keep), np.uint8)
