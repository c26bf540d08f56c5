"""The border: the verdict belongs to the picture, and nothing flashes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.visit.parameters import Timeouts
from scenes.border import Border
from scenes.widgets.border_schedule import SegmentKind
from tests.support.scene_checks import UPRIGHT, assert_on_screen
from tests.support.scene_views import make_view, play, somebody


@pytest.mark.parametrize("way", ["both", "median", "nearest"])
def test_every_verdict_belongs_to_the_picture_on_the_screen(way: str, values: Registry) -> None:
    """Frame by frame through the border: the very picture, its own verdict, in words and in the record."""
    values.set("border/way", way)
    canvas, scene = Canvas(640, 360), Border()
    text = Texts.load("en")
    known = {True: text("verdict.same").upper(), False: text("verdict.other").upper()}
    found = somebody().result
    assert found.nearest is not None
    strips = {"median": [found.median], "nearest": [found.nearest]}.get(way, [found.median, found.nearest])
    scene.enter(make_view(Phase.BORDER, 0.0, values))
    seen, parts, both = set(), [], False
    for frame in range(round(30 * Timeouts().border_s)):
        view = make_view(Phase.BORDER, frame / 30, values)
        scene.update(view)
        canvas.clear()
        scene.draw(canvas, view)
        words = [each.words for each in canvas.drawn_items if each.words in known.values()]
        assert sorted(words) == sorted(known[one.verdict.same] for one in scene.shown())
        both |= len(scene.shown()) == 2
        for one in scene.shown():
            strip = next(s for s in strips if np.shares_memory(s.pictures, one.picture))
            index = int(np.flatnonzero([np.shares_memory(p, one.picture) for p in strip.pictures])[0])
            assert (one.verdict.same, one.verdict.distance, one.t) == (
                strip.same[index],
                strip.distances[index],
                strip.t[index],
            )
            seen.add((one.verdict.same, id(strip)))
        if len(scene.shown()) == 1:
            assert_on_screen(canvas, scene.shown()[0].picture)
        assert scene._segment is not None
        if scene._segment.kind not in parts:
            parts.append(scene._segment.kind)
    assert parts == [SegmentKind.SWEEP, SegmentKind.ALTERNATE, SegmentKind.BESIDE, SegmentKind.DIFFERENCE]
    assert both and len(seen) == 2 * len(strips)


@pytest.mark.parametrize(("arrives_s", "rides_it"), [(0.5, True), (18.0, True), (23.0, False), (1e9, False)])
def test_the_nearest_way_is_waited_for_without_a_jump(
    arrives_s: float, rides_it: bool, values: Registry
) -> None:
    """It is looked for while the way through the median is ridden; what comes too late changes nothing."""
    scene = Border()
    found = somebody().result
    begun = replace(found, nearest=None, doppelganger=None, complete=False)
    scene.enter(make_view(Phase.BORDER, 0.0, values, result=begun))
    shown_before: Pixels | None = None
    strips: list[Strip] = []
    differences: list[float] = []
    for frame in range(round(30 * Timeouts().border_s)):
        result = found if frame / 30 >= arrives_s else begun
        scene.update(make_view(Phase.BORDER, frame / 30, values, result=result))
        assert scene._strip is not None and scene._segment is not None
        if scene._segment.kind is not SegmentKind.SWEEP:
            continue
        picture = scene._strip.pictures[scene._index]
        if shown_before is not None:
            differences.append(float(np.abs(picture.astype(int) - shown_before).mean()))
        shown_before = picture
        if not strips or strips[-1] is not scene._strip:
            strips.append(scene._strip)
    assert any(strip is found.nearest for strip in strips) == rides_it
    # From one frame to the next no more than a ride along one way ever changes.
    assert max(differences) < 6


def test_a_wrong_picture_would_be_noticed(values: Registry) -> None:
    canvas = Canvas(640, 360)
    (one,) = play(canvas, Phase.BORDER, 1.0, values).shown()
    assert_on_screen(canvas, one.picture)
    with pytest.raises(AssertionError):
        assert_on_screen(canvas, somebody().result.median.pictures[0])


@pytest.mark.parametrize("beat_s", [0.4, 0.7])
def test_nothing_flashes_above_three_hertz(beat_s: float, values: Registry) -> None:
    """The picture on the screen changes back and forth at most three times a second."""
    values.set("border/beat_s", beat_s)
    scene = Border()
    scene.enter(make_view(Phase.BORDER, 0.0, values))
    changes: list[float] = []
    before = None
    for frame in range(30 * 60):
        view = make_view(Phase.BORDER, frame / 60, values)
        scene.update(view)
        assert scene._segment is not None
        if scene._segment.kind is SegmentKind.ALTERNATE:
            if before is not None and scene._index != before:
                changes.append(frame / 60)
            before = scene._index
    assert len(changes) >= 4
    # A flash is a pair of changes.
    assert all(later - sooner >= 1 / 3 for sooner, later in zip(changes, changes[2:], strict=False))


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
