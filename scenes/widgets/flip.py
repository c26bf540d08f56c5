"""The flip as an event: the light that swells around the face, the tone, and the tone's caption."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pygame import Rect

from installation.stage.canvas import Canvas
from installation.stage.sound import Sound, SoundParameters, StartedSound, duration_s
from installation.stage.start_edge import start_edge
from installation.stage.theme import Theme, ease
from installation.stage.view import View

_SIDE = 96
_REACH = 1.25  # the light's square, as a multiple of the face's
_RISE = 0.2  # of the swell's time


class Flip:
    """Begins where the verdict shown changes from *same person* to *someone else*, calmed.

    every_s: the least time from one flip to the next. began_s: of the last one, -inf before the first.
    """

    def __init__(self, every_s: float) -> None:
        self.began_s = -math.inf
        self._every_s = every_s
        self._same: bool | None = None
        self._started: tuple[StartedSound, ...] = ()

    def watch(self, same: bool | None, now_s: float) -> None:
        """Takes note of the verdict shown in this frame; None where none is shown."""
        flips = self._same is True and same is False and now_s - self.began_s >= self._every_s
        self._same, self._started = same, ()
        if flips:
            self.began_s = now_s
            self._started = (StartedSound(Sound.FLIP, now_s),)

    def sounds(self) -> Sequence[StartedSound]:
        """What began to sound in the last frame watched."""
        return self._started


def draw_swell(
    canvas: Canvas, theme: Theme, flip: Flip, now_s: float, swell_s: float, brightness: float
) -> None:
    """Draws the light around the face: it rises, and sinks within `swell_s`. brightness: its peak, 0 to 1."""
    elapsed_s = now_s - flip.began_s
    if theme.reduced_motion or not 0 <= elapsed_s < swell_s:
        return
    light = ease(elapsed_s, _RISE * swell_s) * (1 - ease(elapsed_s - _RISE * swell_s, (1 - _RISE) * swell_s))
    face = canvas.layout.face
    side = round(_REACH * face.width)
    area = Rect(face.centerx - side // 2, face.centery - side // 2, side, side)
    canvas.glow(np.rint(_ring() * light * brightness * 255 * 256).astype(np.uint16), area)


def draw_caption(canvas: Canvas, view: View, theme: Theme, flip: Flip, area: Rect) -> None:
    """Says at the end of the last line of `area` that the tone sounds, while it does."""
    volume = view.parameters.of(SoundParameters).volume_percent
    if volume <= 0 or not 0 <= view.now_s - flip.began_s < duration_s(Sound.FLIP):
        return
    small, start = canvas.layout.small_px, start_edge(area, view.text)
    at = start.end, area.bottom - 0.35 * small
    canvas.text(view.text("sound.flip"), at, small, 300, theme.quiet_ink, 1.0, start.opposite_align)


@cache
def _ring() -> NDArray[np.float64]:
    """float64 (96, 96), 0 to 1: dark over the face and at the edge, brightest where the face's edges fade."""
    y, x = np.mgrid[-1 : 1 : complex(0, _SIDE), -1 : 1 : complex(0, _SIDE)]
    outwards = _REACH * (np.abs(x) ** 3 + np.abs(y) ** 3) ** (1 / 3)  # 1 at the edge of the face's square
    inner, outer = np.clip((outwards - 0.55) / 0.4, 0, 1), np.clip((_REACH - outwards) / 0.3, 0, 1)
    shade: NDArray[np.float64] = inner * inner * (3 - 2 * inner) * outer * outer * (3 - 2 * outer)
    return shade
