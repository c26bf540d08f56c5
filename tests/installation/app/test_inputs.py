"""What keys and touches mean to the visit."""

import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.display.events import FocusLost, KeyDown, KeyUp, Quit, TouchDown, TouchUp
from hardware.display.settings import KEYS
from installation.app.inputs import NextLanguage, translate_input
from installation.settings.phase import Phase
from installation.stage.view import Action, ChooseLanguage, Touchable
from installation.visit.events import (
    ChoseSynthetic,
    Declined,
    Event,
    LanguageChosen,
    Pressed,
    Released,
    Tick,
    Touched,
)
from installation.visit.machine import step
from installation.visit.parameters import Timeouts
from installation.visit.state import State

AREAS: dict[Touchable, pygame.Rect] = {
    Action.YES: pygame.Rect(100, 800, 300, 200),
    Action.NO: pygame.Rect(680, 800, 300, 200),
    Action.WITHOUT_CAMERA: pygame.Rect(100, 1100, 880, 100),
    Action.LANGUAGE: pygame.Rect(100, 1300, 200, 100),
    ChooseLanguage("fr"): pygame.Rect(400, 1300, 200, 100),
}


def test_every_key_stands_for_an_action() -> None:
    assert {Action(action) for action in KEYS.values()} == set(Action)


@pytest.mark.parametrize(
    ("done", "meant"),
    [
        (KeyDown("yes"), [Pressed()]),
        (KeyUp("yes"), [Released()]),
        (KeyDown("no"), [Declined()]),
        (KeyUp("no"), []),
        (KeyDown("without camera"), [ChoseSynthetic()]),
        (KeyDown("language"), [NextLanguage()]),
        (TouchDown(100, 800), [Pressed()]),
        (TouchDown(399, 999), [Pressed()]),
        (TouchDown(400, 999), [Touched()]),
        (TouchDown(700, 900), [Declined()]),
        (TouchDown(500, 1150), [ChoseSynthetic()]),
        (TouchDown(150, 1350), [NextLanguage()]),
        (TouchDown(450, 1350), [LanguageChosen("fr"), Touched()]),
        (TouchUp(), [Released()]),
        (FocusLost(), [Released()]),
        (Quit(), [Quit()]),
    ],
)
def test_meanings(done: object, meant: list[object]) -> None:
    assert list(translate_input([done], AREAS)) == meant  # type: ignore[list-item]


def test_a_scene_without_areas_is_woken_by_any_touch() -> None:
    assert list(translate_input([TouchDown(700, 900), TouchUp()], {})) == [Touched(), Released()]


def test_yes_is_only_a_touch_where_it_is_not_offered() -> None:
    without: dict[Touchable, pygame.Rect] = {Action.NO: AREAS[Action.NO]}
    assert list(translate_input([KeyDown("yes"), KeyUp("yes"), KeyDown("no")], without)) == [
        Touched(),
        Released(),
        Declined(),
    ]


@given(
    st.lists(
        st.sampled_from([KeyDown("yes"), KeyUp("yes"), TouchDown(150, 850), TouchUp(), FocusLost()]),
        max_size=12,
    )
)
def test_nobody_agrees_after_letting_go(done: list) -> None:
    """Whatever is mixed: a hold whose last word was *up* never becomes consent."""
    timeouts = Timeouts()
    state = State(phase=Phase.CONSENT, visit_id=1, engine_ready=True)
    events = [event for event in translate_input([*done, TouchUp()], AREAS) if isinstance(event, Event)]
    for event in events:
        state, _ = step(state, event, 1.0, timeouts)
    state, _ = step(state, Tick(), 1.0 + 2 * timeouts.hold_s, timeouts)
    assert state.phase is Phase.CONSENT
