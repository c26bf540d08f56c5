"""Every scene on every screen: nothing is clipped, nothing stands still, nothing is kept."""

import gc
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest
from pygame import Rect

from hardware.display.events import TouchDown
from installation.app.inputs import translate_input
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts, languages
from installation.stage.canvas import Canvas, ItemKind
from installation.stage.view import Action, View
from installation.visit.effects import EraseVisit
from installation.visit.machine import step
from installation.visit.parameters import Timeouts
from installation.visit.participants import Sitter
from scenes.widgets.border_schedule import BorderParameters, SegmentKind, schedule
from tests.support import scene_views
from tests.support.scene_checks import (
    LATE,
    SCREENS,
    UPRIGHT,
    WIDE,
    faults,
    keep,
    moments,
)
from tests.support.scene_views import BEGAN_S, LINK, make_view, play, somebody


@pytest.mark.parametrize(
    ("screen", "language"),
    [(size, code) for size in SCREENS for code in (languages() if size in (UPRIGHT, WIDE) else ("de",))],
    ids=lambda each: each if isinstance(each, str) else f"{each[0]}x{each[1]}",
)
def test_nothing_is_clipped_or_overlaps(screen: tuple[int, int], language: str, values: Registry) -> None:
    canvas = Canvas(*screen)
    for name, phase, at_s, changes in moments():
        play(canvas, phase, at_s, values, language, **changes)
        keep(canvas, f"{screen[0]}x{screen[1]}-{language}-{name}")
        assert not faults(canvas), name
        assert canvas.pixels[..., :3].max() > 60, f"{name} is black"


def test_faults_are_noticed(values: Registry) -> None:
    canvas = Canvas(*WIDE)
    canvas.text("over the edge", (1900, 100), 40)
    canvas.text("tiny", (100, 100), 20)
    canvas.picture(np.zeros((8, 8, 3), np.uint8), Rect(0, 200, 640, 640))
    canvas.text("over the face", (100, 500), 40)
    assert [fault.partition(":")[0] for fault in faults(canvas)] == [
        "beyond the screen", "too small", "too small a face", "overlap",
    ]  # fmt: skip
    values.set("consent/question", "every word of a very long question " * 4)
    play(canvas, Phase.CONSENT, 2.0, values)
    assert not faults(canvas)
    values.set("doppelganger/headline", "w" * 80)
    play(canvas, Phase.DOPPELGANGER, 2.0, values)
    assert any(fault.startswith("too long") for fault in faults(canvas))


@pytest.mark.parametrize("late", [False, True], ids=["", "late"])
@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.CONSENT])
def test_a_scene_never_stands_still(phase: Phase, late: bool, values: Registry) -> None:
    """Even where nothing has come yet and nobody moves. Consent may: it waits for an answer."""
    canvas = Canvas(640, 360)
    frames = []
    for at_s in (3.0, 4.0, 5.0):
        play(canvas, phase, at_s, values, **(LATE.get(phase, {}) if late else {}))
        frames.append(canvas.pixels.copy())
    assert all(np.any(one != other) for one, other in pairwise(frames))


def test_a_late_frame_shows_what_an_even_ride_shows(values: Registry) -> None:
    """What is on the screen depends on the time, not on the frames before."""
    for phase in (Phase.ATTRACT, Phase.BORDER, Phase.JURY, Phase.FAREWELL):
        even, late = Canvas(640, 360), Canvas(640, 360)
        play(even, phase, 5.0, values)
        scene = scene_views.scene_types()[phase]()
        scene.enter(make_view(phase, 0.0, values))
        for at_s in (0.0, 5.0):
            view = make_view(phase, at_s, values)
            scene.update(view)
        scene.draw(late, view)
        assert np.array_equal(even.pixels, late.pixels), phase


STOPPABLE = (Phase.PORTRAIT, Phase.SEARCH, Phase.BORDER, Phase.JURY, Phase.MEETING)


@pytest.mark.parametrize("screen", [UPRIGHT, WIDE], ids=["upright", "wide"])
def test_a_touch_on_stop_ends_the_visit(screen: tuple[int, int], values: Registry) -> None:
    """In one place from portrait to meeting, whatever the scene shows, at once and even where it is late."""
    canvas, places = Canvas(*screen), set()
    for phase in STOPPABLE:
        for at_s in (0.0, 2.0, 32.0, 36.0):
            for changes in ({}, LATE[phase]):
                areas = play(canvas, phase, at_s, values, **changes).areas()
                assert not faults(canvas), (phase, at_s)
                places.add(tuple(areas[Action.NO]))
                assert "Stop" in [each.words for each in canvas.drawn_items]
                (event,) = translate_input([TouchDown(*areas[Action.NO].center)], areas)
                state = make_view(phase, at_s, values, **changes).visit
                after, effects = step(state, event, BEGAN_S + at_s, values.of(Timeouts))  # type: ignore[arg-type]
                assert after.phase is Phase.FAREWELL and effects[-1] == EraseVisit(1)
    (place,) = places
    assert min(place[2:]) >= 0.08 * min(screen)


@pytest.mark.parametrize("language", languages())
def test_what_goes_by_itself_can_be_read_meanwhile(language: str, values: Registry) -> None:
    """At 200 words a minute, as adults read when they do not hurry."""
    canvas = Canvas(*UPRIGHT)

    def reading_s(phase: Phase, at_s: float, **changes: object) -> float:
        play(canvas, phase, at_s, values, language, **changes)
        told = [each for each in canvas.drawn_items if each.kind is ItemKind.TEXT]
        # A number is drawn without telling what it says, and read like a word.
        return 60 / 200 * sum(len(each.words.split()) or 1 for each in told)

    for sitter in (None, Sitter.SYNTHETIC):
        assert reading_s(Phase.FAREWELL, 6.0, link=LINK, sitter=sitter) <= Timeouts().farewell_s
    sentence = Texts.load(language)("doppelganger.holds")
    row = schedule(somebody().result, values.of(BorderParameters), Timeouts().border_s, sentence)
    *before, difference = row
    assert difference.kind is SegmentKind.DIFFERENCE
    begun_s = sum(segment.duration_s for segment in before)
    assert reading_s(Phase.BORDER, begun_s + 3.0) <= difference.duration_s


def _arrays(root: object) -> list[np.ndarray]:
    """Every array that can be reached from an object, but for modules, classes and functions."""
    found, seen, queue = [], set(), [root]
    while queue:
        each = queue.pop()
        if id(each) in seen or isinstance(each, ModuleType | type) or callable(each):
            continue
        seen.add(id(each))
        if isinstance(each, np.ndarray):
            found.append(each)
        queue += gc.get_referents(each)
    return found


@pytest.mark.parametrize("phase", list(Phase))
def test_a_scene_that_is_left_holds_no_picture(phase: Phase, values: Registry) -> None:
    canvas = Canvas(640, 360)
    scene = play(canvas, phase, 25.0 if phase is Phase.BORDER else 3.0, values, link=LINK)
    scene.leave()
    assert not _arrays(scene)
    assert not scene.shown() and not scene.areas()


def test_a_picture_that_is_held_would_be_noticed(values: Registry) -> None:
    assert _arrays(play(Canvas(640, 360), Phase.BORDER, 3.0, values))


def test_entering_again_begins_anew(values: Registry) -> None:
    """The second visit sees what the first one saw."""
    for phase in Phase:
        canvas = Canvas(640, 360)
        scene = play(canvas, phase, 4.0, values)
        first = canvas.pixels.copy()
        scene.leave()
        scene.enter(make_view(phase, 0.0, values))
        for at_s in [*np.arange(0.0, 4.0, 0.1).tolist(), 4.0]:
            view: View = make_view(phase, at_s, values)
            scene.update(view)
        canvas.clear()
        scene.draw(canvas, view)
        if phase is not Phase.ATTRACT:  # goes on with the next person
            assert np.array_equal(canvas.pixels, first), phase
