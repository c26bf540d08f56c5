"""Two decoders that learn: everything has its place, and what is read can be read."""

import math

import numpy as np
import pytest

from engine.live.decoders.training_frame import TrainingFrame
from installation.app.registration import registry_of
from installation.app.scene_player import ScenePlayer
from installation.settings.registry import Registry
from installation.settings.texts import Texts, languages
from installation.stage.canvas import Canvas, ItemKind
from installation.stage.scene import scene_of
from installation.stage.view import View
from installation.visit.parameters import DecodersParameters
from installation.visit.state import State
from tests.support.scene_checks import SCREENS, UPRIGHT, WIDE, faults, keep
from tests.support.scene_views import BEGAN_S, scene_types

DICE = np.random.default_rng(0)
CURVE = (6.9, 5.0, 4.1, 3.3)


def picture(level: int) -> np.ndarray:
    return np.full((96, 96, 3), level, np.uint8)


FRAME = TrainingFrame(
    seen=picture(120),
    wanted=picture(200),
    code=DICE.integers(0, 255, (7, 24), np.uint8),
    drawn=(picture(110), picture(190)),
    pictures=500,
    missed_grey=CURVE,
    frozen_grey=7.25,
)


@pytest.fixture
def values() -> Registry:
    return registry_of([*(scene() for scene in scene_types().values()), scene_of("decoders")()])


def view_of(
    at_s: float, values: Registry, language: str = "en", training: TrainingFrame | None = FRAME
) -> View:
    """Attract, so many seconds after it began."""
    return View(
        now_s=BEGAN_S + at_s,
        visit=State(entered_s=BEGAN_S, engine_ready=True),
        parameters=values.snapshot(),
        text=Texts.load(language),
        entered_s=BEGAN_S,
        duration_s=math.inf,
        training=training,
    )


def drawn(canvas: Canvas, view: View, values: Registry) -> Canvas:
    scene = scene_of("decoders")()
    scene.enter(view_of(0.0, values))
    canvas.clear()
    scene.draw(canvas, view)
    scene.leave()
    return canvas


@pytest.mark.parametrize("screen", SCREENS, ids=lambda size: f"{size[0]}x{size[1]}")
def test_nothing_is_clipped_or_overlaps_and_every_sentence_comes(
    screen: tuple[int, int], values: Registry
) -> None:
    canvas = Canvas(*screen)
    for language in languages() if screen in (UPRIGHT, WIDE) else ("de",):
        told = set()
        for at_s in (3.0, 11.0, 19.0):
            drawn(canvas, view_of(at_s, values, language), values)
            keep(canvas, f"{screen[0]}x{screen[1]}-{language}-decoders-{at_s:.0f}")
            # Four faces and a code are smaller than the one of the other scenes.
            assert not [fault for fault in faults(canvas) if "too small a face" not in fault]
            pictures = [each.rect for each in canvas.drawn_items if each.kind is ItemKind.PICTURE]
            assert len(pictures) == 5 and min(rect.width for rect in pictures) >= 0.2 * min(screen)
            told.add(" ".join(each.words for each in canvas.drawn_items))
        assert len(told) == 3
        assert any(Texts.load(language).number(CURVE[-1], 1) in words for words in told)


def test_sentences_can_be_read_while_they_are_there(values: Registry) -> None:
    """At 200 words a minute."""
    lasts_s = values.of(DecodersParameters).sentence_s
    for language in languages():
        text = Texts.load(language)
        for key in ("how", "swap"):
            assert 60 / 200 * len(text(f"decoders.{key}").split()) <= lasts_s
        assert 60 / 200 * len(text("decoders.off", off=3.3, frozen=7.2).split()) <= lasts_s


def test_before_anything_is_known_there_is_the_quiet_light(values: Registry) -> None:
    canvas = drawn(Canvas(*WIDE), view_of(4.0, values, training=None), values)
    assert not canvas.drawn_items and canvas.pixels[..., :3].max() > 60


def test_it_is_what_attract_shows_while_there_is_a_training(values: Registry) -> None:
    scenes = {phase: scene() for phase, scene in scene_types().items()}
    player = ScenePlayer(scenes, (640, 360), decoders=scene_of("decoders")())
    pictures = []
    for at_s, training in ((3.0, None), (4.0, FRAME), (5.0, None)):
        player.play(view_of(at_s, values, training=training))
        assert player.failing_since_s is None, player.fault
        items = player.canvas.drawn_items
        pictures.append(sum(each.kind is ItemKind.PICTURE for each in items))
    assert pictures == [0, 5, 0]
