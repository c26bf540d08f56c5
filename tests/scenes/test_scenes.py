"""The scenes: where things stand on every screen, that verdict and picture agree, that nothing is left.

Set SCREENSHOTS to a folder to keep what is drawn here.
"""

import gc
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st
from pygame import Rect

from engine.border.strip import NoBorderReason, Strip
from engine.common.arrays import Pixels
from engine.common.errors import UsageError
from engine.pipeline.result import PictureKind, PortrayalResult
from hardware.display.events import TouchDown
from installation.app.inputs import NextLanguage, translate_input
from installation.control.protocol.parameter_table import parameter_table
from installation.delivery.captions import captions
from installation.settings.parameters import Refusal
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import FOLDER, Texts, languages
from installation.stage import scene as scene_module
from installation.stage.canvas import Canvas, ItemKind
from installation.stage.layout import Layout
from installation.stage.scene import scene_of
from installation.stage.theme import StageParameters
from installation.stage.typesetting import text_width, wrap
from installation.stage.view import Action, Guidance, SearchStatus, Sighting, View
from installation.visit.effects import EraseVisit
from installation.visit.events import Touched
from installation.visit.machine import step
from installation.visit.parameters import Timeouts
from installation.visit.participants import Sitter
from installation.visit.state import Show
from scenes.border import Border, BorderParameters, SegmentKind, schedule
from scenes.jury import headline_key, place_labels
from scenes.widgets.mirror import window_for
from scenes.widgets.ride import Leg, progress_of, ride
from scenes.widgets.steering import OneEuro, Steering
from tests.conftest import REPO
from tests.support import scene_views
from tests.support.judge_kit import verdict
from tests.support.scene_views import BEGAN_S, LINK, WIFI, make_view, play, registry, somebody, with_threshold

UPRIGHT, WIDE = (1080, 1920), (1920, 1080)
SCREENS = [UPRIGHT, WIDE, (3840, 2160), (2160, 3840), (1280, 1024), (1024, 768), (1000, 1000), (768, 1366)]


@pytest.fixture
def values() -> Registry:
    return registry()


# --- every scene on every screen --------------------------------------------------------------------


def moments() -> Iterator[tuple[str, Phase, float, dict[str, Any]]]:
    """What is worth looking at: a name, the phase, the time, and what differs from an ordinary visit."""
    found = somebody().result
    always = replace(found, median=with_threshold(found.median, 2.0), nearest=None, doppelganger=None)
    never = replace(always, median=with_threshold(found.median, 0.0))
    undecided = replace(always, median=replace(found.median, border=None))
    crowd = tuple(
        replace(found.judge_results[0], judge=name, border_t=t, no_border_reason=None)
        for name, t in (("dlib", 0.42), ("arcface", 0.5), ("sface", 0.93))
    )
    mute = replace(found.judge_results[1], fmr=None, border_t=None)
    crowd += (
        replace(mute, judge="anthropometry", no_border_reason=NoBorderReason.ALWAYS),
        replace(mute, judge="vggface", no_border_reason=NoBorderReason.NEVER),
    )
    yield "attract", Phase.ATTRACT, 6.0, {}
    yield "attract-waking", Phase.ATTRACT, 4.0, {"people": (), "engine_ready": False}
    yield "attract-resting", Phase.ATTRACT, 4.0, {"camera_failed": True}
    yield "attract-closed", Phase.ATTRACT, 4.0, {"show": Show(is_open=False)}
    yield "consent", Phase.CONSENT, 3.0, {}
    yield "consent-held", Phase.CONSENT, 3.0, {"pressed_since_s": BEGAN_S + 1.5}
    yield "consent-late", Phase.CONSENT, 40.0, {}
    for guidance in Guidance:
        sighting = Sighting(guidance, None if guidance is Guidance.NOBODY else somebody().box)
        name = guidance.name.lower().replace("_", "-")
        yield f"portrait-{name}", Phase.PORTRAIT, 2.2, {"sighting": sighting}
    counting = {"last_usable_s": BEGAN_S + 2.0, "usable_since_s": BEGAN_S + 0.5}
    yield "portrait-countdown", Phase.PORTRAIT, 2.0, counting
    yield "portrait-opening", Phase.PORTRAIT, 1.0, {"camera": None, "sighting": None}
    yield "search", Phase.SEARCH, 8.0, {}
    yield "search-late", Phase.SEARCH, 4.0, {"search": None}
    yield "search-nobody", Phase.SEARCH, 4.0, {"sitter": Sitter.SYNTHETIC}
    for stage in ("faces", "reference", "tuning", "judging", "doppelganger", "film"):
        live = SearchStatus(stage, 0.5, found.median.pictures[0])
        yield f"search-{stage}", Phase.SEARCH, 2.0, {"search": live}
        yield f"search-{stage}-nobody", Phase.SEARCH, 2.0, {"search": live, "sitter": Sitter.SYNTHETIC}
    for at_s in (1.0, 6.0, 20.0, 24.0, 28.0):
        yield f"border-{at_s:.0f}", Phase.BORDER, at_s, {}
    yield "border-always", Phase.BORDER, 25.0, {"result": always}
    yield "border-never", Phase.BORDER, 25.0, {"result": never}
    yield "border-undecided", Phase.BORDER, 25.0, {"result": undecided}
    yield "border-nobody", Phase.BORDER, 25.0, {"result": never, "sitter": Sitter.SYNTHETIC}
    yield "border-late", Phase.BORDER, 2.0, {"result": None}
    yield "jury", Phase.JURY, 4.0, {}
    yield "jury-crowd", Phase.JURY, 4.0, {"result": replace(found, judge_results=crowd)}
    yield "jury-crowd-back", Phase.JURY, 8.5, {"result": replace(found, judge_results=crowd)}
    yield "jury-alone", Phase.JURY, 4.0, {"result": replace(found, judge_results=crowd[:1])}
    agreed = tuple(
        replace(each, border_t=t, no_border_reason=None)
        for each, t in zip(found.judge_results, (0.37, 0.385), strict=True)
    )
    yield "jury-agreed", Phase.JURY, 4.0, {"result": replace(found, judge_results=agreed)}
    yield "jury-nowhere", Phase.JURY, 4.0, {"result": replace(found, judge_results=crowd[3:])}
    yield "jury-nobody", Phase.JURY, 4.0, {"sitter": Sitter.SYNTHETIC}
    yield "doppelganger", Phase.DOPPELGANGER, 2.0, {}
    yield "doppelganger-coming", Phase.DOPPELGANGER, 2.0, {"result": replace(found, complete=False)}
    yield "doppelganger-without-phones", Phase.DOPPELGANGER, 8.0, {"downloads_available": False}
    yield "doppelganger-link", Phase.DOPPELGANGER, 8.0, {"link": LINK}
    yield "doppelganger-wifi", Phase.DOPPELGANGER, 8.0, {"link": WIFI}
    yield "doppelganger-without-link", Phase.DOPPELGANGER, 30.0, {}
    yield "doppelganger-beyond", Phase.DOPPELGANGER, 2.0, {"result": never}
    yield "doppelganger-same", Phase.DOPPELGANGER, 2.0, {"result": always}
    yield "doppelganger-nobody", Phase.DOPPELGANGER, 2.0, {"sitter": Sitter.SYNTHETIC}
    yield "farewell", Phase.FAREWELL, 6.0, {}
    yield "farewell-link", Phase.FAREWELL, 6.0, {"link": LINK}
    yield "farewell-nobody", Phase.FAREWELL, 6.0, {"link": LINK, "sitter": Sitter.SYNTHETIC}


def faults(canvas: Canvas) -> list[str]:
    """What is wrong with how a frame is laid out."""
    layout, found = canvas.layout, [f"too long: {words}" for words in canvas.truncated_texts]
    screen = Rect(0, 0, layout.width_px, layout.height_px)
    # Two faces of that size do not go on a screen that is nearly square.
    pictures = sum(each.kind is ItemKind.PICTURE for each in canvas.drawn_items)
    smallest = 0.45 if pictures == 2 and max(screen.size) < 1.5 * min(screen.size) else 0.6
    for each in canvas.drawn_items:
        if not screen.contains(each.rect):
            found.append(f"beyond the screen: {each}")
        if each.kind is ItemKind.TEXT and each.size_px < layout.height_px / 45:
            found.append(f"too small: {each}")
        if each.kind is ItemKind.PICTURE and each.rect.height < smallest * layout.short_px:
            found.append(f"too small a face: {each}")
    for one, other in combinations(canvas.drawn_items, 2):
        words_in_field = {one.kind, other.kind} == {ItemKind.BUTTON, ItemKind.TEXT} and (
            one.rect.contains(other.rect) or other.rect.contains(one.rect)
        )
        if one.rect.colliderect(other.rect) and not words_in_field:
            found.append(f"overlap: {one} and {other}")
    return found


def keep(canvas: Canvas, name: str) -> None:
    """Saves a frame where somebody wants to look at it."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(Path(folder) / f"{name}.png"), canvas.pixels[..., 2::-1])


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


@settings(max_examples=200)
@examples(st.integers(480, 5000), st.floats(0.4, 2.6))
def test_layout_of_any_screen(width: int, aspect: float) -> None:
    layout = Layout(width, round(width / aspect))
    screen = Rect(0, 0, layout.width_px, layout.height_px)
    assert screen.contains(layout.face) and screen.contains(layout.panel) and screen.contains(layout.page)
    assert not layout.face.colliderect(layout.panel)
    assert layout.face.width == layout.face.height >= 0.6 * layout.short_px
    assert layout.height_px / 45 <= layout.small_px <= layout.body_px <= layout.large_px <= layout.title_px


LATE: dict[Phase, dict[str, Any]] = {
    Phase.ATTRACT: {"people": ()},
    Phase.PORTRAIT: {"camera": None},
    Phase.SEARCH: {"search": None},
    Phase.BORDER: {"result": None},
    Phase.JURY: {"result": None},
    Phase.DOPPELGANGER: {"result": None},
}


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


# --- words ------------------------------------------------------------------------------------------


def test_every_language_has_every_line() -> None:
    lines = {language: Texts.load(language).lines for language in languages()}
    for language, own in lines.items():
        assert own.keys() == lines["en"].keys(), language
        for key, line in own.items():
            assert line.strip(), f"{language}: {key} is empty"
            fields = re.findall(r"{(\w+)}", line)
            assert sorted(fields) == sorted(re.findall(r"{(\w+)}", lines["en"][key])), f"{language}: {key}"


def test_every_line_that_scenes_ask_for_is_there() -> None:
    lines = Texts.load("en").lines
    for file in sorted((REPO / "scenes").glob("*.py")):
        for key in re.findall(r'"([a-z]+\.[a-z_]+)"', file.read_text("utf-8")):
            assert key in lines, f"{file.name}: {key}"
    assert {f"guidance.{each.name.lower()}" for each in Guidance} <= lines.keys()
    assert {f"without.{each}{end}" for each in NoBorderReason for end in ("", "_words")} <= lines.keys()
    assert {f"doppelganger.{each}" for each in PictureKind} <= lines.keys()


@pytest.mark.parametrize("sitter", Sitter)
def test_who_takes_part_unseen_is_not_searched_for(sitter: Sitter, values: Registry) -> None:
    canvas = Canvas(*WIDE)
    told = ""
    for stage in ("faces", "reference", "search", "tuning", "judging", "doppelganger", "film"):
        play(canvas, Phase.SEARCH, 2.0, values, search=SearchStatus(stage, 0.5, None), sitter=sitter)
        told += " ".join(each.words for each in canvas.drawn_items)
    assert (re.search(r"\byou\b", told) is None) == (sitter is Sitter.SYNTHETIC)


@pytest.mark.parametrize("language", languages())
def test_farewell_takes_leave_of_no_photograph_that_never_was(language: str, values: Registry) -> None:
    text, canvas = Texts.load(language), Canvas(*WIDE)
    gone = text("farewell.photographs"), text("farewell.measurements")
    for sitter in (None, Sitter.SYNTHETIC):
        play(canvas, Phase.FAREWELL, 6.0, values, language, sitter=sitter)
        told = " ".join(each.words for each in canvas.drawn_items)
        assert all((line in told) == (sitter is None) for line in gone)
        assert (text("farewell.photographs_nobody") in told) == (sitter is Sitter.SYNTHETIC)


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
    row = schedule(somebody().result, values.of(BorderParameters), Timeouts().border_s)
    *before, difference = row
    assert difference.kind is SegmentKind.DIFFERENCE
    begun_s = sum(segment.lasts_s for segment in before)
    assert reading_s(Phase.BORDER, begun_s + 3.0) <= difference.lasts_s


@pytest.mark.parametrize("language", languages())
def test_pictures_that_differ_are_never_nothing_apart(language: str) -> None:
    text = Texts.load(language)
    mark = text("language.decimal")
    told = [text.levels(value).replace(mark, ".") for value in (0.0, 0.67, 0.0996, 0.023, 0.007, 0.0004)]
    assert told == ["0.00", "0.67", "0.10", "0.02", "0.007", "0.0004"]


def test_operating_points_are_told_in_one_way() -> None:
    """To the visitor, or of somebody who does not exist; on the screen and on the phone."""
    english, german = Texts.load("en"), Texts.load("de")
    assert english.strangers(0.0057) == "Of 10,000 strangers it mistakes 57 for you."
    of_nobody = german.strangers(0.25, exists=False)
    assert of_nobody == "Von 10.000 Fremden verwechselt sie 2.500 mit dieser Person."
    assert "1 for you" in english.strangers(1e-9) and "nobody" in english.strangers(None)
    found = replace(
        somebody().result, judge_results=(replace(somebody().result.judge_results[0], fmr=0.001),)
    )
    asked = replace(found, judge_results=(replace(found.judge_results[0], of_doppelganger=verdict(0.7)),))
    assert [one.words for one in captions(asked, english)] == ["Of 10,000 strangers it mistakes 10 for you."]
    (one,) = captions(asked, english, exists=False)
    assert one.words == "Of 10,000 strangers it mistakes 10 for this person."


def test_consent_says_what_the_code_does(values: Registry) -> None:
    canvas = Canvas(*WIDE)
    values.set("visit/left_s", 11)
    values.set("visit/left_doppelganger_s", 33)
    values.set("visit/hold_s", 1.5)
    play(canvas, Phase.CONSENT, 2.0, values)
    words = " ".join(each.words for each in canvas.drawn_items)
    assert "at most 33 seconds" in words and "hold for 1.5 s" in words and "ages 16" in words
    assert "for 10 minutes" in words
    # In doppelganger whoever is there keeps the visit going.
    assert "after everyone has walked away" in words
    values.set("visit/double_tap_s", 1)
    values.set("consent/age_years", 0)
    play(canvas, Phase.CONSENT, 2.0, values)
    words = " ".join(each.words for each in canvas.drawn_items)
    assert "tap twice" in words and "ages" not in words


@pytest.mark.parametrize("language", languages())
def test_consent_asks_what_yes_and_no_answer(language: str) -> None:
    """Whether a picture may be taken and used: that is what *yes* lets happen."""
    asked, mark, _ = Texts.load(language)("consent.question").partition("?")
    assert mark and re.search("take your picture|Sie fotografieren", asked)


@pytest.mark.parametrize("language", languages())
def test_how_to_agree_and_for_whom_is_not_in_the_smallest_type(language: str, values: Registry) -> None:
    canvas = Canvas(1280, 800)
    play(canvas, Phase.CONSENT, 2.0, values, language)
    sizes = {each.words: each.size_px for each in canvas.drawn_items if each.kind is ItemKind.TEXT}
    (hold,) = (size for words, size in sizes.items() if re.search("hold for|halten", words))
    (age,) = (size for words, size in sizes.items() if "16" in words)
    assert hold == age == canvas.layout.body_px > canvas.layout.small_px


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("screen", SCREENS, ids=lambda size: f"{size[0]}x{size[1]}")
def test_both_ways_to_agree_are_told_whole(screen: tuple[int, int], language: str, values: Registry) -> None:
    values.set("visit/double_tap_s", 1)
    values.set("visit/hold_s", 1.5)
    canvas = Canvas(*screen)
    play(canvas, Phase.CONSENT, 2.0, values, language)
    assert not faults(canvas)


def test_who_can_take_nothing_home_is_not_asked_to(values: Registry) -> None:
    always = replace(
        somebody().result,
        median=with_threshold(somebody().result.median, 2.0),
        nearest=None,
        doppelganger=None,
    )
    canvas = Canvas(*WIDE)
    play(canvas, Phase.DOPPELGANGER, 8.0, values, result=always, downloads_available=False)
    told = " ".join(each.words for each in canvas.drawn_items)
    assert "still you" in told and "no border" in told and "Take" not in told


def test_consent_promises_what_is_in_force_not_what_waits_for_the_next_scene(values: Registry) -> None:
    canvas = Canvas(*WIDE)

    def promise() -> str:
        play(canvas, Phase.CONSENT, 2.0, values)
        return " ".join(each.words for each in canvas.drawn_items)

    values.set("delivery/gives", "doppelganger", at_next_scene=True)
    assert "invented pictures" in promise()
    values.begin_scene()
    assert "nothing else" in promise()


def test_lines_break_evenly_and_long_words_stay_whole() -> None:
    words = "one two three four five six seven eight nine ten"
    lines = wrap(words, 40, 400, 500)
    assert " ".join(lines) == words
    assert len(lines[-1]) > 0.5 * len(lines[0])
    assert wrap("a\nb", 40, 400, 500) == ("a", "b")
    assert wrap("incomprehensibilities of it", 40, 400, 100)[0] == "incomprehensibilities"


def test_the_smallest_type_is_set_too() -> None:
    """On a screen of 320x240. Apart, because it would take for ever."""
    widths = "[len(wrap('one two three', size, 400, width)) for size in range(1, 9) for width in range(90)]"
    command = f"from installation.stage.typesetting import wrap; assert set({widths}) == {{1, 2, 3}}"
    subprocess.run([sys.executable, "-c", command], cwd=REPO, check=True, timeout=60)


def test_the_invitation_says_what_wakes_the_piece(values: Registry) -> None:
    """In ink, and larger than what is said while nothing does."""
    canvas = Canvas(*UPRIGHT)

    def sizes(**changes: Any) -> dict[str, int]:
        play(canvas, Phase.ATTRACT, 6.0, values, **changes)
        return {each.words: each.size_px for each in canvas.drawn_items if each.kind is ItemKind.TEXT}

    asked = sizes()
    assert "Touch the screen" in " ".join(asked) and "press Yes" in " ".join(asked)
    invitation = next(size for words, size in asked.items() if "Touch" in words)
    resting = sizes(camera_failed=True).items()
    assert invitation > 1.4 * next(size for words, size in resting if "rest" in words)
    for closed in (sizes(show=Show(is_open=False)), sizes(show=Show(is_open=False), camera_failed=True)):
        assert any("Closed" in words for words in closed)
        assert not any(re.search("Touch|press|rest", words) for words in closed)


# --- consent, keep and forget -----------------------------------------------------------------------


@pytest.mark.parametrize("screen", SCREENS, ids=lambda size: f"{size[0]}x{size[1]}")
def test_yes_and_no_are_equal(screen: tuple[int, int], values: Registry) -> None:
    canvas = Canvas(*screen)
    for phase, changes in ((Phase.CONSENT, {}), (Phase.DOPPELGANGER, {"link": LINK})):
        areas = play(canvas, phase, 8.0, values, "de", **changes).areas()
        assert areas[Action.YES].size == areas[Action.NO].size
        assert min(areas[Action.YES].size) >= 0.04 * min(screen)
        for one, other in combinations(areas.values(), 2):
            assert not one.colliderect(other)
        for area in areas.values():
            assert Rect(0, 0, *screen).contains(area)


STOPPABLE = (Phase.PORTRAIT, Phase.SEARCH, Phase.BORDER, Phase.JURY)


@pytest.mark.parametrize("screen", [UPRIGHT, WIDE], ids=["upright", "wide"])
def test_a_touch_on_stop_ends_the_visit(screen: tuple[int, int], values: Registry) -> None:
    """In one place from portrait to jury, whatever the scene shows, at once and even where it is late."""
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


def test_an_answer_is_offered_when_there_is_something_to_answer(values: Registry) -> None:
    """*I have it* beside the code, *done* where none will come; nothing ends a visit as soon as it begins."""
    canvas, unfinished = Canvas(*WIDE), replace(somebody().result, complete=False)
    whole: list[tuple[float, dict[str, Any], str, set[Action]]] = [
        (0.4, {}, "", set()),
        (2.0, {}, "Forget it now", {Action.NO}),
        (3.2, {"link": LINK}, "I have it", {Action.NO}),
        (4.0, {"link": LINK}, "I have it", {Action.YES, Action.NO}),
        (17.0, {}, "Done", {Action.YES}),
        (2.0, {"downloads_available": False}, "", set()),
        (4.0, {"downloads_available": False}, "Done", {Action.YES}),
        (30.0, {"result": unfinished}, "Forget it now", {Action.NO}),
        (30.0, {"result": unfinished, "downloads_available": False}, "", set()),
    ]
    for at_s, changes, word, offered in whole:
        areas = play(canvas, Phase.DOPPELGANGER, at_s, values, **changes).areas()
        assert areas.keys() == offered, (at_s, changes)
        assert not word or word in [each.words for each in canvas.drawn_items]
    values.set("doppelganger/choice", False)
    assert not play(canvas, Phase.DOPPELGANGER, 8.0, values, link=LINK).areas()


def test_no_picture_is_given_before_it_is_found(values: Registry) -> None:
    """A provisional one would jump. Then it comes as light, and the code some seconds after it."""
    canvas, found, scene = (
        Canvas(640, 360),
        somebody().result,
        scene_views.scene_types()[Phase.DOPPELGANGER](),
    )
    scene.enter(make_view(Phase.DOPPELGANGER, 0.0, values))
    kinds = []
    for at_s in np.arange(0, 16, 0.1):
        result = replace(found, complete=bool(at_s >= 9.95))
        view = make_view(Phase.DOPPELGANGER, float(at_s), values, result=result, link=LINK)
        scene.update(view)
        canvas.clear()
        scene.draw(canvas, view)
        kinds.append({each.kind for each in canvas.drawn_items})
        if not result.complete:
            assert not any("taken home" in each.words for each in canvas.drawn_items)
    assert not any(ItemKind.PICTURE in each for each in kinds[:100])
    assert (
        ItemKind.PICTURE in kinds[102]
        and ItemKind.QR_CODE not in kinds[129]
        and ItemKind.QR_CODE in kinds[132]
    )


def test_yes_fills_while_it_is_held(values: Registry) -> None:
    canvas = Canvas(*WIDE)
    light = []
    for held_s in (0.0, 0.7, 1.4, 2.0):
        scene = play(canvas, Phase.CONSENT, 5.0, values, pressed_since_s=BEGAN_S + 5.0 - held_s)
        areas = scene.areas()
        yes, no = (canvas.pixels[a.top : a.bottom, a.left : a.right, :3].mean() for a in _pair(areas))
        light.append(yes)
    assert light == sorted(light) and light[-1] > light[0] + 40
    assert no < light[0] + 10


def _pair(areas: object) -> tuple[Rect, Rect]:
    assert isinstance(areas, dict)
    return areas[Action.YES], areas[Action.NO]


def test_language_is_offered_unless_the_curator_has_chosen(values: Registry) -> None:
    canvas = Canvas(*WIDE)
    assert Action.LANGUAGE in play(canvas, Phase.CONSENT, 2.0, values).areas()
    assert values.set("stage/language", "de") == "de"
    assert Action.LANGUAGE not in play(canvas, Phase.CONSENT, 2.0, values).areas()
    assert isinstance(values.set("stage/language", "xx"), Refusal)
    values.set("consent/without_camera", False)
    assert play(canvas, Phase.CONSENT, 2.0, values).areas().keys() == {Action.YES, Action.NO}


def test_a_touch_on_a_language_is_that_language(values: Registry) -> None:
    """On the one that is spoken already it changes nothing."""
    canvas = Canvas(*WIDE)
    for now, other in (("en", "de"), ("de", "en")):
        areas = play(canvas, Phase.CONSENT, 2.0, values, now).areas()
        names = {Texts.load(code)("language.name"): code for code in languages()}
        touched = {
            names[each.words]: list(translate_input([TouchDown(*each.rect.center)], areas))
            for each in canvas.drawn_items
            if each.words in names
        }
        assert touched == {now: [Touched()], other: [NextLanguage()]}


# --- pictures and verdicts --------------------------------------------------------------------------


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
            _assert_on_screen(canvas, scene.shown()[0].picture)
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


def _assert_on_screen(canvas: Canvas, picture: np.ndarray) -> None:
    """The middle of the face is this picture, enlarged, and nothing else."""
    face = canvas.layout.face
    size = face.size
    large = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), size, interpolation=cv2.INTER_CUBIC)
    low, high = round(0.4 * size[0]), round(0.6 * size[0])
    there = canvas.pixels[face.top + low : face.top + high, face.left + low : face.left + high, :3]
    assert np.abs(there.astype(int) - large[low:high, low:high, :3]).max() <= 1


def test_a_wrong_picture_would_be_noticed(values: Registry) -> None:
    canvas = Canvas(640, 360)
    (one,) = play(canvas, Phase.BORDER, 1.0, values).shown()
    _assert_on_screen(canvas, one.picture)
    with pytest.raises(AssertionError):
        _assert_on_screen(canvas, somebody().result.median.pictures[0])


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


@pytest.mark.parametrize("tremble_deg", [4.0, 8.0])
def test_the_verdict_does_not_flash_before_a_head_held_still_at_the_border(
    tremble_deg: float, values: Registry
) -> None:
    """Whoever steers to the border and stays there, trembling."""
    for name, value in (("way", "median"), ("calm_hz", 10), ("rest_deg", 1), ("patience_s", 20)):
        values.set(f"border/{name}", value)
    strip = somebody().result.median
    place = progress_of(strip.border_t or 0.0, strip.border_t)
    scene = Border()
    scene.enter(make_view(Phase.BORDER, 0.0, values))
    changes: list[float] = []
    before = True
    for frame in range(60 * 12):
        now = frame / 60
        held_deg = 15.0 if now < 1 else 2 * 22 * (place - 0.5)
        yaw_deg = held_deg + tremble_deg * math.sin(2 * math.pi * 4 * now)
        scene.update(
            make_view(Phase.BORDER, now, values, sighting=Sighting(Guidance.READY, somebody().box, yaw_deg))
        )
        assert scene._segment is not None and scene._strip is not None
        same = bool(scene._strip.same[scene._index])
        if scene._segment.kind is SegmentKind.SWEEP and same != before:
            changes.append(now)
        before = same
    assert len(changes) > 5
    assert all(later - sooner >= 1 / 3 - 1e-6 for sooner, later in pairwise(changes))


def test_time_slows_down_at_the_border() -> None:
    leg = Leg(1.0, 0.0, 10.0)
    t = np.array([ride((leg,), 0.4, s, False) for s in np.linspace(0, 10, 1001)])
    speed = np.abs(np.diff(t))
    near = speed[np.abs(t[1:] - 0.4) < 0.03].mean()
    assert near < 0.25 * speed[np.abs(t[1:] - 0.7) < 0.1].mean()
    assert speed.max() < 0.02 and t[0] == 1.0 and t[-1] == 0.0


def test_reduced_motion_shows_stills(values: Registry) -> None:
    values.set("stage/reduced_motion", True)
    scene = Border()
    scene.enter(make_view(Phase.BORDER, 0.0, values))
    indices = []
    for frame in range(8 * 30):
        scene.update(make_view(Phase.BORDER, frame / 30, values))
        indices.append(scene._index)
    assert 4 <= sum(one != other for one, other in pairwise(indices)) <= 14


def test_border_scene_lasts_as_long_as_it_has() -> None:
    found, values = somebody().result, BorderParameters()
    for result in (
        found,
        replace(found, nearest=None),
        replace(found, median=with_threshold(found.median, 2.0)),
    ):
        for lasts_s in (5.0, 30.0, 300.0):
            assert sum(segment.lasts_s for segment in schedule(result, values, lasts_s)) == pytest.approx(
                lasts_s
            )


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
    monkeypatch.setattr(Canvas, "figures", lambda _, words, *more: written.append(words))
    for at_s in (2.0, 10.0, 25.0):
        play(Canvas(*UPRIGHT), Phase.BORDER, at_s, values, result=replace(found, median=strip, nearest=None))
    assert written and not any(f"{rest:.3f}" in words for words in written)


def test_the_median_without_a_border_gives_way_to_the_shorter_one() -> None:
    found = somebody().result
    always = replace(found, median=with_threshold(found.median, 2.0))
    parts = [segment.kind for segment in schedule(always, BorderParameters(), 30.0)]
    assert parts == [
        SegmentKind.SWEEP,
        SegmentKind.WORDS,
        SegmentKind.SWEEP,
        SegmentKind.ALTERNATE,
        SegmentKind.BESIDE,
        SegmentKind.DIFFERENCE,
    ]


RIDE, WORDS = SegmentKind.SWEEP, SegmentKind.WORDS
CLOSELY = [SegmentKind.SWEEP, SegmentKind.ALTERNATE, SegmentKind.BESIDE, SegmentKind.DIFFERENCE]


@pytest.mark.parametrize(
    ("way", "border", "nearest", "parts"),
    [
        ("both", True, True, [RIDE, *CLOSELY]),
        ("both", True, False, [RIDE, *CLOSELY]),
        ("both", False, True, [RIDE, WORDS, *CLOSELY]),
        ("both", False, False, [RIDE, WORDS]),
        ("nearest", True, True, [RIDE, *CLOSELY]),
        ("nearest", True, False, [RIDE, *CLOSELY]),
        ("nearest", False, True, [RIDE, *CLOSELY]),
        ("nearest", False, False, [RIDE, WORDS]),
        ("median", True, True, CLOSELY),
        ("median", False, True, [RIDE, WORDS]),
    ],
)
def test_while_the_nearest_way_is_looked_for_nothing_is_told_twice(
    way: str, border: bool, nearest: bool, parts: list[SegmentKind]
) -> None:
    """And what is shown meanwhile lasts equally long whatever is found."""
    found, values = somebody().result, BorderParameters(way=way)
    if not border:
        found = replace(found, median=with_threshold(found.median, 0.0))
    begun = replace(found, nearest=None, complete=False)
    rows = [schedule(one, values, 40.0, waited=True) for one in (begun, found if nearest else begun)]
    assert [segment.kind for segment in rows[1]] == parts
    assert sum(segment.lasts_s for segment in rows[1]) == pytest.approx(40.0)
    waits_s = [
        sum(segment.lasts_s for segment in row if not segment.last and segment.kind is RIDE) for row in rows
    ]
    assert waits_s[0] == waits_s[1]
    assert all(segment.strip is found.median for segment in rows[1][: parts.count(RIDE) - 1])
    if way != "median":
        assert (rows[1][-1].strip is found.nearest) == nearest


def test_what_is_given_whatever_was_found() -> None:
    found = somebody().result
    assert found.picture_to_take_home == (found.doppelganger, PictureKind.HOLDS)
    assert found.nearest is not None and found.nearest.border is not None
    none = replace(found, doppelganger=None)
    picture, kind = none.picture_to_take_home
    assert kind is PictureKind.BEYOND and not found.nearest.same[_index(found.nearest.pictures, picture)]
    picture, kind = replace(none, nearest=None, median=with_threshold(found.median, 0.0)).picture_to_take_home
    assert kind is PictureKind.BEYOND and np.array_equal(picture, found.median.pictures[-1])
    picture, kind = replace(none, nearest=None, median=with_threshold(found.median, 2.0)).picture_to_take_home
    assert kind is PictureKind.SAME and np.array_equal(
        picture, found.median.pictures[found.median.distances.argmax()]
    )


def _index(pictures: np.ndarray, picture: np.ndarray) -> int:
    return int(np.flatnonzero([np.array_equal(each, picture) for each in pictures])[0])


def test_the_leading_judges_sign_in_the_jury_is_the_pictures_own(values: Registry) -> None:
    canvas = Canvas(640, 360)
    strip = somebody().result.median
    verdicts = set()
    for at_s in np.linspace(0.5, 11.5, 40):
        (one,) = play(canvas, Phase.JURY, float(at_s), values).shown()
        assert one.verdict.same == strip.same[_index(strip.pictures, one.picture)]
        verdicts.add(one.verdict.same)
    assert verdicts == {True, False}


@settings(max_examples=200)
@examples(st.lists(st.tuples(st.floats(0, 900), st.floats(80, 420)), min_size=1, max_size=8))
def test_names_of_judges_keep_apart(row: list[tuple[float, float]]) -> None:
    places, widths = [x for x, _ in row], [width for _, width in row]
    labels = place_labels(places, widths, 0.0, 900.0, 10.0)
    placed = [(label, x, width) for label, x, width in zip(labels, places, widths, strict=True) if label]
    assert placed
    assert labels[0] or widths[0] + 10 > max(places[0], 900 - places[0])  # the first one comes first
    for (one, x, width), (other, there_x, there_width) in combinations(placed, 2):
        if one.level == other.level:
            assert one.left + width < other.left or other.left + there_width < one.left
        low, low_width, stem = (one, width, there_x) if one.level < other.level else (other, there_width, x)
        if one.level != other.level:
            assert not low.left < stem < low.left + low_width
    for label, _, width in placed:
        assert label.left >= 0 and label.left + width <= 900


@pytest.mark.parametrize("screen", [UPRIGHT, WIDE], ids=["upright", "wide"])
@pytest.mark.parametrize("other", ["anthropometry", "Anthropometrie"])
def test_the_panel_that_ships_loses_no_name(screen: tuple[int, int], other: str) -> None:
    """Wherever its two judges put the border; `_draw_line` has these measures."""
    layout = Layout(*screen)
    size, left, right = layout.body_px, layout.panel.left, layout.panel.right
    widths = [text_width(name, size, 500) + 1.15 * size for name in ("dlib", other)]
    for two in product(np.linspace(0.02, 0.98, 49), repeat=2):
        places = [left + 0.3 * size + float(t) * (right - left - 0.6 * size) for t in two]
        assert None not in place_labels(places, widths, left, right, 0.3 * size), two


def test_where_there_is_no_border_there_is_no_name_to_place() -> None:
    assert place_labels([], [], 0.0, 900.0, 10.0) == []


def test_the_headline_of_the_jury_is_so() -> None:
    one, other = somebody().result.judge_results[:2]

    def said(first_t: float | None, second_t: float | None) -> str:
        return headline_key((replace(one, border_t=first_t), replace(other, border_t=second_t)))

    assert said(0.38, 0.38) == said(0.38, 0.399) == "jury.agreed"
    assert said(0.38, 0.41) == said(0.38, None) == "jury.headline"
    assert said(None, None) == "jury.nowhere" and headline_key((replace(one, border_t=0.4),)) == "jury.alone"


# --- the code ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("screen", [UPRIGHT, WIDE, (3840, 2160)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_codes_can_be_read_off_the_screen(screen: tuple[int, int], values: Registry) -> None:
    canvas = Canvas(*screen)
    for link, contents in ((LINK, {LINK.url}), (WIFI, {WIFI.url, WIFI.wifi})):
        play(canvas, Phase.DOPPELGANGER, 8.0, values, link=link)
        grey = cv2.cvtColor(canvas.pixels[..., :3].copy(), cv2.COLOR_RGB2GRAY)
        fields = [one.rect for one in canvas.drawn_items if one.kind is ItemKind.QR_CODE]
        read = set()
        for field in fields:
            part = grey[field.top : field.bottom, field.left : field.right]
            words, _, _ = cv2.QRCodeDetector().detectAndDecode(part)
            read.add(words)
            dark = np.argwhere(part < 100)
            (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
            # The finder pattern's upper edge is seven modules long.
            module_px = int((part[top, left:] > 100).argmax()) / 7
            assert module_px == int(module_px) >= 4
            quiet_px = min(top, left, part.shape[0] - bottom, part.shape[1] - right)
            assert quiet_px >= 4 * module_px
            assert set(np.unique(part)) == {0, 216}
        assert read == contents


# --- steering ---------------------------------------------------------------------------------------


def test_one_euro_calms_a_still_head_and_follows_a_turning_one() -> None:
    random = np.random.default_rng(0)
    times = np.arange(0, 4, 1 / 30)
    still = OneEuro()
    noisy = random.normal(0, 1.0, len(times))
    calm = np.array([still.step(float(value), float(now)) for value, now in zip(noisy, times, strict=True)])
    assert calm[30:].std() < 0.5 * noisy[30:].std()
    turning = OneEuro()
    for now in times:
        turning.step(0.0 if now < 2 else 20.0, float(now))
    assert turning.value == pytest.approx(20.0, abs=0.5)
    assert turning.step(-90.0, float(times[-1])) == turning.value


def test_a_turned_head_takes_over_and_gives_back_without_a_jump() -> None:
    steering = Steering()
    progress = []
    for frame in range(60 * 14):
        now = frame / 60
        yaw = 0.0 if now < 2 else 20.0 if now < 5 else -20.0 if now < 7 else 0.5
        progress.append(steering.step(yaw, 0.3, now))
    assert progress[60] == pytest.approx(0.3)
    assert progress[60 * 5 - 1] > 0.9
    assert progress[60 * 7 - 1] < 0.1
    assert progress[-1] == pytest.approx(0.3)
    assert np.abs(np.diff(progress)).max() < 0.04


def test_who_turns_the_head_crosses_the_border(values: Registry) -> None:
    found = somebody().result
    strip = found.median
    assert strip.border_t is not None
    values.set("border/way", "median")
    verdicts = {}
    for yaw_deg in (-21.0, 21.0):
        scene = Border()
        scene.enter(make_view(Phase.BORDER, 0.0, values))
        for frame in range(150):
            sighting = Sighting(Guidance.READY, somebody().box, yaw_deg)
            view = make_view(Phase.BORDER, frame / 30, values, sighting=sighting)
            scene.update(view)
        scene.draw(Canvas(640, 360), view)
        (one,) = scene.shown()
        verdicts[yaw_deg] = one.verdict.same
    assert verdicts == {-21.0: False, 21.0: True}


# --- the mirror -------------------------------------------------------------------------------------


@settings(max_examples=100)
@examples(
    st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.02, 0.5), st.booleans(),
    st.sampled_from([(1280, 720), (720, 1280), (640, 480)]),
)  # fmt: skip
def test_the_mirror_stays_in_the_picture_and_holds_the_face(
    x: float, y: float, size: float, close: bool, frame: tuple[int, int]
) -> None:
    width, height = frame
    box = (x, y, min(x + size, 1.0), min(y + size, 1.0))
    window = window_for(width, height, box, close)
    assert window.side <= min(width, height)
    assert window.side / 2 <= window.x <= width - window.side / 2
    left, top, right, bottom = window.shares(box, width, height)
    middle = (left + right) / 2, (top + bottom) / 2
    assert all(0 <= each <= 1 for each in middle)


# --- nothing is left --------------------------------------------------------------------------------


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
    scene = play(canvas, phase, 26.0 if phase is Phase.BORDER else 3.0, values, link=LINK)
    scene.leave()
    assert not _arrays(scene)
    assert not scene.shown() and not scene.areas()


def test_a_picture_that_is_held_would_be_noticed(values: Registry) -> None:
    assert _arrays(play(Canvas(640, 360), Phase.BORDER, 3.0, values))


def test_the_canvas_keeps_no_picture_that_is_not_drawn(values: Registry) -> None:
    canvas = Canvas(640, 360)
    play(canvas, Phase.BORDER, 3.0, values)
    assert canvas._scaled
    canvas.clear()
    canvas.clear()
    assert not canvas._scaled and not canvas.drawn_items and not canvas.pixels.any()


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


# --- the canvas -------------------------------------------------------------------------------------


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


# --- scenes as files --------------------------------------------------------------------------------


def test_scenes_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scene_of("border") is Border
    with pytest.raises(UsageError, match=r"scene 'nowhere' is not there: it needs a file scenes/nowhere\.py"):
        scene_of("nowhere")
    with pytest.raises(UsageError, match=r"scenes/layout\.py: has 0 scenes"):
        scene_of("layout")
    assert scene_module.__doc__ and "class Blink(Scene)" in scene_module.__doc__


def test_the_example_in_the_documentation_is_a_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: Registry
) -> None:
    page = (REPO / "docs" / "scenes.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    name = "example_of_the_documentation"
    (tmp_path / f"{name}.py").write_text(example, "utf-8")
    import scenes

    monkeypatch.setattr(scenes, "__path__", [*scenes.__path__, str(tmp_path)])
    found = scene_of(name)
    own = Registry(Timeouts, StageParameters, found.parameters)
    canvas = Canvas(*WIDE)
    scene = found()
    view = make_view(Phase.ATTRACT, 2.0, own)
    scene.enter(view)
    scene.update(view)
    scene.draw(canvas, view)
    assert not faults(canvas) and canvas.pixels.any()


def test_the_documentation_has_every_parameter(values: Registry) -> None:
    page = (REPO / "docs" / "scenes.md").read_text("utf-8")
    wanted = Registry(StageParameters, *(each.parameters for each in scene_views.scene_types().values()))
    assert parameter_table(wanted).strip() in page, (
        "replace the tables in docs/scenes.md by what `parameter_table` returns"
    )


def test_every_language_file_is_toml_with_a_name() -> None:
    for file in FOLDER.glob("*.toml"):
        assert Texts.load(file.stem)("language.name")


def test_finding_without_opinions_draws_nothing_wrong(values: Registry) -> None:
    canvas = Canvas(*UPRIGHT)
    bare: PortrayalResult = replace(somebody().result, judge_results=())
    play(canvas, Phase.JURY, 3.0, values, result=bare)
    assert not faults(canvas)
