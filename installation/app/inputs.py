"""From keys and touches to what the visit understands. Pure.

What the keys stand for is said in the settings of the display, in the words of `Action`; where a touch means
what, the scene on the screen says.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pygame

from hardware.display.events import DisplayEvent, FocusLost, KeyDown, KeyUp, Quit, TouchDown, TouchUp
from installation.stage.view import Action
from installation.visit.events import ChoseSynthetic, Declined, Event, Pressed, Released, Touched


@dataclass(frozen=True)
class NextLanguage:
    """The visitor asks for the next language."""


def translate_input(
    events: Iterable[DisplayEvent], areas: Mapping[Action, pygame.Rect]
) -> Iterator[Event | NextLanguage | Quit]:
    """What was done, in its order. `areas` are those of the scene that was on the screen.

    *Yes* is held from going down to going up; a finger may slide off it meanwhile. Where the scene does not
    offer it, the key is a touch like any other: an impatient press answers nothing that is not asked yet.
    """
    for event in events:
        match event:
            case KeyDown(Action.YES) if Action.YES not in areas:
                yield Touched()
            case KeyDown():
                yield _MEANINGS[Action(event.action)]
            case TouchDown(x, y):
                touched = (action for action, area in areas.items() if area.collidepoint(x, y))
                action = next(touched, None)
                yield _MEANINGS[action] if action else Touched()
            case KeyUp(Action.YES) | TouchUp() | FocusLost():
                yield Released()
            case Quit():
                yield event


_MEANINGS: Mapping[Action, Event | NextLanguage] = {
    Action.YES: Pressed(),
    Action.NO: Declined(),
    Action.WITHOUT_CAMERA: ChoseSynthetic(),
    Action.LANGUAGE: NextLanguage(),
}
