"""The idle glow, drawn where there is no face: a soft disc that turns into a ring and back, slowly.

Disc and ring are the two signs of a verdict.
"""

import numpy as np
from numpy.typing import NDArray
from pygame import Rect

from installation.stage.canvas import Canvas
from installation.stage.theme import Theme

_SIDE = 72


def draw_idle_glow(canvas: Canvas, theme: Theme, rect: Rect, light: float = 1.0) -> None:
    """Draws the glow in the middle of `rect`; `light` from 0 to 1."""
    canvas.glow(_glow(theme.ring, light * theme.glow * theme.breath), rect)


def _glow(ring: float, light: float) -> NDArray[np.uint16]:
    """uint16 (72, 72): a soft disc at `ring` 0, a soft ring at 1."""
    y, x = np.mgrid[-1 : 1 : complex(0, _SIDE), -1 : 1 : complex(0, _SIDE)]
    distance = np.hypot(x / 0.86, y)
    radius, width = 0.46 * ring, 0.34 - 0.2 * ring
    shade = np.exp(-(((distance - radius) / width) ** 2) / 2)
    # Fades to 0 before the edge, where it would be cut off.
    shade *= np.clip((1 - distance) / 0.4, 0, 1)
    return np.rint(shade * light * 255 * 256).astype(np.uint16)
