"""The base class of scenes. A scene is a file with one subclass of `Scene`, named in the configuration.

class BlinkParameters(Parameters):
    "A picture that comes and goes."
    scene: ClassVar[str] = "blink"
    period_s: float = Field(4, ge=1, le=20, description="from light to light")

class Blink(Scene):
    parameters = BlinkParameters

    def draw(self, canvas: Canvas, view: View) -> None:
        period_s = view.parameters.of(BlinkParameters).period_s
        ...
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import ClassVar

import pygame

from engine.common.errors import UsageError
from installation.settings.parameters import Parameters
from installation.stage.canvas import Canvas
from installation.stage.sound import StartedSound
from installation.stage.view import ShownPicture, Touchable, View


class Scene(ABC):
    """Is entered, then updated and drawn once a frame, then left; used again in the next visit."""

    parameters: ClassVar[type[Parameters]]

    def enter(self, view: View) -> None:  # noqa: B027
        """Begins the scene. Nothing of an earlier visit may be left in the object."""

    def update(self, view: View) -> None:  # noqa: B027
        """Advances to `view.now_s`. What is drawn depends on the time, not on how many frames came before."""

    @abstractmethod
    def draw(self, canvas: Canvas, view: View) -> None:
        """Draws the whole frame onto the canvas, which is black, in a few milliseconds at most."""

    def leave(self) -> None:  # noqa: B027
        """Ends the scene: drops every picture it holds."""

    def areas(self) -> Mapping[Touchable, pygame.Rect]:
        """The touch buttons as last drawn, in canvas pixels, and what each means."""
        return {}

    def shown(self) -> Sequence[ShownPicture]:
        """The pictures of the last frame that have a verdict written beside them."""
        return ()

    def sounds(self) -> Sequence[StartedSound]:
        """The sounds that begin with the last frame: each is returned for one frame, by its first one."""
        return ()


def scene_of(name: str) -> type[Scene]:
    """The scene in the file `scenes/NAME.py`. Raises UsageError where there is none."""
    missing = f"scene {name!r} is not there: it needs a file scenes/{name}.py."
    if not name.isidentifier():
        raise UsageError(missing)
    try:
        module = import_module(f"scenes.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"scenes.{name}":
            raise
        raise UsageError(missing) from None
    found = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Scene) and each.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise UsageError(f"scenes/{name}.py: has {len(found)} scenes. One file holds one subclass of Scene.")
    return found[0]
