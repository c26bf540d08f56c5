"""The quiet light, where no face is: a glow that turns into a ring and back, and never stands still.

It is the piece's two signs, the disc and the ring, as one slow light.
"""

import numpy as np
from numpy.typing import NDArray
from pygame import Rect

from installation.stage.canvas import Canvas
from installation.stage.theme import Theme

_SIDE = 72


def draw_idle_glow(canvas: Canvas, theme: Theme, rect: Rect, light: float = 1.0) -> None:
    """The glow in the middle of `rect`, `light` in [0, 1]."""
    canvas.glow(_glow(theme.ring, light * theme.glow * theme.breath), rect)


def _glow(ring: float, light: float) -> NDArray[np.uint16]:
    """uint16 (72, 72): a soft disc at `ring` 0, a soft ring at 1."""
    y, x = np.mgrid[-1 : 1 : complex(0, _SIDE), -1 : 1 : complex(0, _SIDE)]
    distance = np.hypot(x / 0.86, y)
    radius, width = 0.46 * ring, 0.34 - 0.2 * ring
    shade = np.exp(-(((distance - radius) / width) ** 2) / 2)
    # Nothing reaches the edge, where the canvas would cut it off.
    shade *= np.clip((1 - distance) / 0.4, 0, 1)
    return np.rint(shade * light * 255 * 256).astype(np.uint16)
