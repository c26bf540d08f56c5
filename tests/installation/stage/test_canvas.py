"""The canvas: pictures, glow, and what it keeps."""

import numpy as np
from pygame import Rect

from installation.settings.phase import Phase
from installation.stage.canvas import Canvas
from tests.support.scene_views import play, registry


def test_a_picture_stands_as_it_is_and_its_edges_melt() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    canvas = Canvas(400, 300)
    canvas.picture(picture, Rect(40, 20, 256, 256), fade_edges=False)
    assert np.array_equal(canvas.pixels[20:276, 40:296, :3], picture)
    canvas.clear()
    canvas.picture(np.full((256, 256, 3), 255, np.uint8), Rect(40, 20, 256, 256))
    assert canvas.pixels[20, 40:296, :3].max() == 0 and canvas.pixels[20:276, 40, :3].max() == 0
    assert canvas.pixels[148, 168, :3].min() == 255
    canvas.clear()
    canvas.picture(np.full((256, 256, 3), 200, np.uint8), Rect(-100, -100, 256, 256), light=0.5)
    assert canvas.pixels[20, 20, 0] == 100


def test_the_surface_is_the_canvas() -> None:
    canvas = Canvas(64, 48)
    canvas.fill(Rect(10, 10, 5, 5), (255, 128, 0))
    assert tuple(canvas.surface.get_at((12, 12)))[:3] == (255, 128, 0)
    assert canvas.surface.get_size() == (64, 48)


def test_a_dark_glow_shows_no_steps() -> None:
    """Where neighbouring rows differ by less than one grey level, dithering mixes two levels."""
    canvas = Canvas(400, 400)
    ramp = np.linspace(10 * 256, 14 * 256, 72).astype(np.uint16)
    canvas.glow(np.tile(ramp[:, None], (1, 72)), Rect(0, 0, 400, 400))
    rows = canvas.pixels[50:350, :, 0]
    assert np.mean([len(np.unique(row)) >= 2 for row in rows]) > 0.8
    smooth = rows.mean(axis=1)
    assert np.abs(np.diff(smooth)).max() < 0.2


def test_the_canvas_keeps_no_picture_that_is_not_drawn() -> None:
    canvas = Canvas(640, 360)
    play(canvas, Phase.BORDER, 3.0, registry())
    assert canvas._scaled
    canvas.clear()
    canvas.clear()
    assert not canvas._scaled and not canvas.drawn_items and not canvas.pixels.any()
