"""The question: what it says, and its answers."""

import re
from itertools import combinations

import pytest
from pygame import Rect

from hardware.display.events import TouchDown
from installation.app.inputs import translate_input
from installation.settings.parameters import Refusal
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts, languages
from installation.stage.canvas import Canvas, ItemKind
from installation.stage.view import Action, ChooseLanguage
from installation.visit.events import LanguageChosen, Touched
from tests.support.scene_checks import SCREENS, WIDE, faults
from tests.support.scene_views import BEGAN_S, LINK, play


def test_consent_says_what_the_code_does(values: Registry) -> None:
    canvas = Canvas(*WIDE)
    values.set("visit/left_s", 11)
    values.set("visit/left_doppelganger_s", 33)
    values.set("visit/hold_s", 1.5)
    play(canvas, Phase.CONSENT, 2.0, values)
    words = " ".join(each.words for each in canvas.drawn_items)
    assert "at most 33 seconds" in words and "hold for 1.5 s" in words and "ages 16" in words
    assert "10 minutes" in words
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
    assert mark and re.search("take your picture|Sie fotografieren|vous photographier|fotografiar", asked)


@pytest.mark.parametrize("language", languages())
def test_how_to_agree_and_for_whom_is_not_in_the_smallest_type(language: str, values: Registry) -> None:
    canvas = Canvas(1280, 800)
    play(canvas, Phase.CONSENT, 2.0, values, language)
    sizes = {each.words: each.size_px for each in canvas.drawn_items if each.kind is ItemKind.TEXT}
    (hold,) = (size for words, size in sizes.items() if re.search("hold for|halten|appuyez|pulse", words))
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


def test_consent_promises_what_is_in_force_not_what_waits_for_the_next_scene(values: Registry) -> None:
    canvas = Canvas(*WIDE)

    def promise() -> str:
        play(canvas, Phase.CONSENT, 2.0, values)
        return " ".join(each.words for each in canvas.drawn_items)

    values.set("delivery/gives", "doppelganger", at_next_scene=True)
    assert "pictures that the machine has made" in promise()
    values.begin_scene()
    assert "nothing else" in promise()


@pytest.mark.parametrize(
    ("address", "value", "follows", "filmed"),
    [
        ("stage/language", "en", True, True),
        ("delivery/meeting_in_film", False, True, False),
        ("delivery/gives", "doppelganger", True, False),
        ("visit/meeting_s", 0, False, False),
    ],
)
def test_consent_says_what_becomes_of_the_expression(
    address: str, value: object, follows: bool, filmed: bool, values: Registry
) -> None:
    canvas = Canvas(*WIDE)
    values.set(address, value)
    play(canvas, Phase.CONSENT, 2.0, values)
    said = " ".join(each.words for each in canvas.drawn_items)
    assert ("your expression moves" in said, "six seconds" in said) == (follows, filmed)
    play(canvas, Phase.CONSENT, 2.0, values, shown_elsewhere=True)
    assert ("Other screens" in " ".join(each.words for each in canvas.drawn_items)) == follows
    assert "Other screens" not in said
    play(canvas, Phase.CONSENT, 2.0, values, downloads_available=False)
    assert "six seconds" not in " ".join(each.words for each in canvas.drawn_items)


@pytest.mark.parametrize("with_others", [False, True])
def test_consent_says_that_a_rendering_server_gets_the_photographs(
    with_others: bool, values: Registry
) -> None:
    canvas = Canvas(*WIDE)
    for computed_elsewhere in (True, False):
        elsewhere = {"computed_elsewhere": computed_elsewhere}
        play(canvas, Phase.CONSENT, 2.0, values, "en", with_others=with_others, **elsewhere)
        said = " ".join(each.words for each in canvas.drawn_items)
        assert ("sent to a machine elsewhere" in said) == computed_elsewhere


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
    others = {ChooseLanguage(code) for code in languages() if code != "en"}
    assert others and others <= play(canvas, Phase.CONSENT, 2.0, values).areas().keys()
    assert values.set("stage/language", "de") == "de"
    assert not others & play(canvas, Phase.CONSENT, 2.0, values).areas().keys()
    assert isinstance(values.set("stage/language", "xx"), Refusal)
    values.set("consent/without_camera", False)
    assert play(canvas, Phase.CONSENT, 2.0, values).areas().keys() == {Action.YES, Action.NO}


def test_a_touch_on_a_language_is_that_language(values: Registry) -> None:
    """On the one that is spoken already it changes nothing."""
    canvas = Canvas(*WIDE)
    for now in languages():
        areas = play(canvas, Phase.CONSENT, 2.0, values, now).areas()
        names = {Texts.load(code)("language.name"): code for code in languages()}
        touched = {
            names[each.words]: list(translate_input([TouchDown(*each.rect.center)], areas))
            for each in canvas.drawn_items
            if each.words in names
        }
        assert touched.keys() == set(languages()) and touched.pop(now) == [Touched()]
        assert touched == {code: [LanguageChosen(code), Touched()] for code in touched}
