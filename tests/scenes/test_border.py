"""The border: the verdict belongs to the picture, and nothing flashes."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.sound import Sound, StartedSound
from installation.stage.theme import StageParameters
from installation.stage.view import Guidance, Sighting
from installation.visit.parameters import Timeouts
from scenes.border import Border
from scenes.widgets.border_schedule import BorderParameters, SegmentKind
from tests.support.scene_checks import UPRIGHT, WIDE, assert_on_screen
from tests.support.scene_views import BEGAN_S, make_view, play, somebody


@pytest.mark.parametrize("has_nearest", [True, False])
def test_every_verdict_belongs_to_the_picture_on_the_screen(has_nearest: bool, values: Registry) -> None:
    """Frame by frame through the border: the very picture, its own verdict, in words and in the record."""
    canvas, scene = Canvas(640, 360), Border()
    text = Texts.load("en")
    known = {True: text("verdict.same").upper(), False: text("verdict.other").upper()}
    found = somebody().result if has_nearest else replace(somebody().result, nearest=None)
    strip = found.crossing
    scene.enter(make_view(Phase.BORDER, 0.0, values, result=found))
    verdicts, parts, both = set(), [], False
    for frame in range(round(30 * Timeouts().border_s)):
        view = make_view(Phase.BORDER, frame / 30, values, result=found)
        scene.update(view)
        canvas.clear()
        scene.draw(canvas, view)
        words = [each.words for each in canvas.drawn_items if each.words in known.values()]
        assert sorted(words) == sorted(known[one.verdict.same] for one in scene.shown())
        both |= len(scene.shown()) == 2
        for one in scene.shown():
            index = int(np.flatnonzero([np.shares_memory(p, one.picture) for p in strip.pictures])[0])
            assert (one.verdict.same, one.verdict.distance, one.t) == (
                strip.same[index],
                strip.distances[index],
                strip.t[index],
            )
            verdicts.add(one.verdict.same)
        if len(scene.shown()) == 1 and view.elapsed_s > StageParameters().ease_s:
            assert_on_screen(canvas, scene.shown()[0].picture)
        assert scene._segment is not None
        if scene._segment.kind not in parts:
            parts.append(scene._segment.kind)
    assert parts == [SegmentKind.RIDE, SegmentKind.PAIR, SegmentKind.DIFFERENCE]
    assert both and verdicts == {True, False}


def test_same_is_on_the_right_of_needle_and_pair(values: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the jury's line, and as a head turned right leads there."""
    signs: list[tuple[float, bool]] = []
    monkeypatch.setattr(
        Canvas, "verdict_sign", lambda _, at, radius, same, *colour: signs.append((at[0], same))
    )
    for at_s in (1.0, 12.0):
        play(Canvas(*WIDE), Phase.BORDER, at_s, values)
    (_, match), (_, other) = signs[:2], signs[2:]  # beside the words, then on the needle
    assert (match[1], other[1]) == (True, False) and match[0] > other[0]
    signs.clear()
    play(Canvas(*WIDE), Phase.BORDER, 19.0, values)
    assert [same for _, same in sorted(signs)] == [False, True]


def flips(values: Registry, yaw_deg: Callable[[float], float] = lambda _: 0.0) -> list[StartedSound]:
    """What sounds while the border is played, the head turned by `yaw_deg` of the scene's time."""
    scene = Border()
    found: list[StartedSound] = []
    scene.enter(make_view(Phase.BORDER, 0.0, values))
    for frame in range(round(30 * Timeouts().border_s)):
        sighting = Sighting(Guidance.READY, somebody().box, yaw_deg(frame / 30))
        scene.update(make_view(Phase.BORDER, frame / 30, values, sighting=sighting))
        found += scene.sounds()
    return found


def test_the_flip_sounds_once_in_the_frame_in_which_the_verdict_changes(values: Registry) -> None:
    (flip,) = flips(values)
    assert flip.sound is Sound.FLIP
    before, after = (
        play(Canvas(640, 360), Phase.BORDER, flip.at_s - BEGAN_S + late_s, values).shown()[0].verdict.same
        for late_s in (-0.1, 0.1)
    )
    assert before and not after
    assert flips(values) == [flip]  # the same every time


def test_a_head_that_crosses_the_border_again_and_again_flips_no_more_often_than_calm(
    values: Registry,
) -> None:
    values.set("border/calm_hz", 10)
    often = flips(values, lambda at_s: 22 * math.sin(2 * math.pi * 1.0 * at_s))
    every_s = values.of(BorderParameters).flip_every_s
    assert len(often) >= 3
    assert all(later.at_s - sooner.at_s >= every_s - 1e-6 for sooner, later in pairwise(often))


def test_the_tone_has_a_caption_where_it_is_heard(values: Registry) -> None:
    (flip,) = flips(values)
    canvas, caption = Canvas(*UPRIGHT), Texts.load("en")("sound.flip")

    def is_captioned(at_s: float) -> bool:
        play(canvas, Phase.BORDER, at_s, values)
        return caption in [each.words for each in canvas.drawn_items]

    at_s = flip.at_s - BEGAN_S
    assert [is_captioned(at_s + late_s) for late_s in (-0.5, 0.5, 2.5)] == [False, True, False]
    values.set("sound/volume_percent", 0)
    assert not is_captioned(at_s + 0.5)


def test_light_swells_around_the_face_at_the_flip_and_sinks(values: Registry) -> None:
    (flip,) = flips(values)
    canvas = Canvas(*UPRIGHT)
    face = canvas.layout.face

    def beside_face(at_s: float) -> float:
        """The mean grey level in the middle of the face's upper edge, which is black without it."""
        play(canvas, Phase.BORDER, flip.at_s - BEGAN_S + at_s, values)
        edge = canvas.pixels[face.top : face.top + 4, face.centerx - 20 : face.centerx + 20, :3]
        return float(edge.mean())

    before, swollen, after = beside_face(-0.2), beside_face(0.5), beside_face(2.4)
    assert before < 2 and after < 2 and 20 < swollen < 100
    values.set("stage/reduced_motion", True)
    assert beside_face(0.5) < 2


def test_a_wrong_picture_would_be_noticed(values: Registry) -> None:
    canvas = Canvas(640, 360)
    (one,) = play(canvas, Phase.BORDER, 1.0, values).shown()
    assert_on_screen(canvas, one.picture)
    with pytest.raises(AssertionError):
        assert_on_screen(canvas, somebody().result.median.pictures[0])


def test_reduced_motion_shows_stills(values: Registry) -> None:
    values.set("stage/reduced_motion", True)
    scene = Border()
    scene.enter(make_view(Phase.BORDER, 0.0, values))
    indices = []
    for frame in range(8 * 30):
        scene.update(make_view(Phase.BORDER, frame / 30, values))
        indices.append(scene._index)
    assert 4 <= sum(one != other for one, other in pairwise(indices)) <= 14


def test_no_distance_is_written_where_the_judge_sees_no_face(
    values: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = somebody().result
    seen, rest = found.median.same, 2 * found.median.threshold
    strip = replace(
        found.median,
        measured=found.median.measured & seen,
        distances=np.where(seen, found.median.distances, rest),
    )
    written: list[str] = []
    monkeypatch.setattr(Canvas, "changing_number", lambda _, words, *more: written.append(words))
    for at_s in (2.0, 10.0, 25.0):
        play(Canvas(*UPRIGHT), Phase.BORDER, at_s, values, result=replace(found, median=strip, nearest=None))
    assert written and not any(f"{rest:.3f}" in words for words in written)
