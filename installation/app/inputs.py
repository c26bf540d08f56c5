"""Translates keys and touches into events of the visit. Pure.

The display's settings map keys to actions; the scene on the screen says where a touch means which action.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pygame

from hardware.display.events import DisplayEvent, FocusLost, KeyDown, KeyUp, Quit, TouchDown, TouchUp
from installation.stage.view import Action, ChooseFace, ChooseLanguage, Touchable
from installation.visit.events import (
    ChoseOthers,
    ChoseSynthetic,
    Declined,
    Event,
    FaceChosen,
    LanguageChosen,
    Pressed,
    Released,
    Touched,
)


@dataclass(frozen=True)
class NextLanguage:
    """The visitor wants the next language."""


def translate_input(
    events: Iterable[DisplayEvent], areas: Mapping[Touchable, pygame.Rect]
) -> Iterator[Event | NextLanguage | Quit]:
    """The events of the visit, in the order of the input. areas: those of the scene on the screen.

    *Yes* is held from going down to going up; a finger may slide off it meanwhile. Where the scene does not
    offer *yes* or *with others*, the key counts as a touch: an early press must not answer a question that
    comes later.
    """
    for event in events:
        match event:
            case KeyDown(action) if action in (Action.YES, Action.WITH_OTHERS) and action not in areas:
                yield Touched()
            case KeyDown():
                yield _EVENT_OF_ACTION[Action(event.action)]
            case TouchDown(x, y):
                touched = (action for action, area in areas.items() if area.collidepoint(x, y))
                match next(touched, None):
                    case None:
                        yield Touched()
                    case ChooseFace(number, decision):
                        yield FaceChosen(number, decision)
                    case ChooseLanguage(language):
                        yield LanguageChosen(language)
                        yield Touched()
                    case action:
                        yield _EVENT_OF_ACTION[action]
            case KeyUp(Action.YES) | TouchUp() | FocusLost():
                yield Released()
            case Quit():
                yield event


_EVENT_OF_ACTION: Mapping[Action, Event | NextLanguage] = {
    Action.YES: Pressed(),
    Action.NO: Declined(),
    Action.WITHOUT_CAMERA: ChoseSynthetic(),
    Action.WITH_OTHERS: ChoseOthers(),
    Action.LANGUAGE: NextLanguage(),
}
