"""Nothing flashes more than three times a second, and what does is found."""

import math

import cv2
import numpy as np
import pytest

from benchmarks.flashes import MOST, worst_flashes
from engine.common.arrays import Pixels
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.stage.canvas import Canvas
from installation.stage.view import Guidance, Sighting
from installation.visit.parameters import Timeouts
from scenes.border import Border
from tests.support.scene_views import make_view, somebody

RATE_HZ = 20
SIZE = 320, 180


def square_wave(flashes_hz: float, share: float = 1.0, high: int = 255, low: int = 0) -> list[Pixels]:
    """Three seconds in which that share of the screen's width flashes."""
    frames = []
    for frame in range(3 * RATE_HZ):
        picture = np.full((SIZE[1], SIZE[0], 3), low, np.uint8)
        if int(2 * flashes_hz * frame / RATE_HZ) % 2:
            picture[:, : round(share * SIZE[0])] = high
        frames.append(picture)
    return frames


@pytest.mark.parametrize("flashes_hz", [1, 2, 5])
def test_flashes_are_counted(flashes_hz: int) -> None:
    assert abs(worst_flashes(square_wave(flashes_hz), RATE_HZ) - flashes_hz) <= 1
    assert (worst_flashes(square_wave(flashes_hz), RATE_HZ) > MOST) == (flashes_hz == 5)


def test_what_is_small_faint_or_bright_throughout_does_not_flash() -> None:
    assert worst_flashes(square_wave(5, share=0.05), RATE_HZ) == 0
    assert worst_flashes(square_wave(5, high=80), RATE_HZ) == 0  # 8 % of relative luminance
    assert worst_flashes(square_wave(5, low=235), RATE_HZ) == 0


@pytest.mark.parametrize("tremble_deg", [0.0, 8.0])
def test_the_border_does_not_flash_however_a_head_trembles(tremble_deg: float, values: Registry) -> None:
    """The whole scene: the ride, the flip with its light, the pair and what moved."""
    for name, value in (("calm_hz", 10), ("swell_percent", 60), ("flip_every_s", 1), ("swell_s", 1)):
        values.set(f"border/{name}", value)
    canvas, scene = Canvas(*SIZE), Border()
    scene.enter(make_view(Phase.BORDER, 0.0, values))

    def frames() -> list[Pixels]:
        drawn = []
        for frame in range(round(RATE_HZ * Timeouts().border_s)):
            now_s = frame / RATE_HZ
            yaw_deg = tremble_deg * math.sin(2 * math.pi * 4 * now_s)
            sighting = Sighting(Guidance.READY, somebody().box, yaw_deg)
            view = make_view(Phase.BORDER, now_s, values, sighting=sighting)
            scene.update(view)
            canvas.clear()
            scene.draw(canvas, view)
            drawn.append(np.asarray(cv2.cvtColor(canvas.pixels, cv2.COLOR_RGBA2RGB), np.uint8))
        return drawn

    assert worst_flashes(frames(), RATE_HZ) <= MOST
