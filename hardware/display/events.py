"""What visitors do at the screen: keys and touches, as the display reports them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyDown:
    """A key of the settings goes down; `action` is what it stands for, such as `yes`."""

    action: str


@dataclass(frozen=True)
class KeyUp:
    """A key of the settings goes up again."""

    action: str


@dataclass(frozen=True)
class TouchDown:
    """A finger or the left mouse button goes down at (x, y), in pixels of the shown picture."""

    x: int
    y: int


@dataclass(frozen=True)
class TouchUp:
    """The finger or the mouse button goes up again, wherever it is."""


@dataclass(frozen=True)
class FocusLost:
    """The window no longer receives the keyboard: all keys count as up."""


@dataclass(frozen=True)
class Quit:
    """The program is to end: by the exit chord, because its window was closed, or to start with another
    layout."""


DisplayEvent = KeyDown | KeyUp | TouchDown | TouchUp | FocusLost | Quit
