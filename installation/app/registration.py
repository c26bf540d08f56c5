"""All parameters that curators can change: those shared by app and services, and those of the scenes."""

import tomllib
from collections.abc import Iterable, Mapping

from engine.common.errors import UsageError
from installation.capture.camera import CameraParameters
from installation.settings.parameters import Parameters, Refusal
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.stage.scene import Scene, scene_of
from installation.stage.sound import SoundParameters
from installation.stage.theme import StageParameters
from installation.visit.parameters import (
    CaptureParameters,
    DecodersParameters,
    DeliveryParameters,
    MeetingParameters,
    Timeouts,
)

SHARED: tuple[type[Parameters], ...] = (
    StageParameters,
    SoundParameters,
    Timeouts,
    CameraParameters,
    CaptureParameters,
    DeliveryParameters,
    MeetingParameters,
    DecodersParameters,
)


def load_scenes(names: Mapping[Phase, str]) -> dict[Phase, Scene]:
    """The configured scene of each phase. Raises UsageError where one does not exist."""
    return {phase: scene_of(names[phase])() for phase in Phase}


def declarations_of(scenes: Iterable[Scene]) -> tuple[type[Parameters], ...]:
    """All parameter classes with these scenes, in the order of the documentation."""
    return tuple(dict.fromkeys((*SHARED, *(scene.parameters for scene in scenes))))


def registry_of(scenes: Iterable[Scene]) -> Registry:
    """A registry of all parameters, at their defaults."""
    return Registry(*declarations_of(scenes))


def apply_overrides(registry: Registry, overrides: Mapping[str, str]) -> None:
    """Sets parameters from the command line, values in TOML's notation, texts also without quotes.

    Raises UsageError where one is refused, or is a number out of range, which would be clamped unseen.
    """
    for address, words in overrides.items():
        try:
            value = tomllib.loads(f"value = {words}")["value"]
        except tomllib.TOMLDecodeError:
            value = words
        done = registry.set(address, value)
        if isinstance(done, Refusal):
            raise UsageError(f"--set {done}")
        parameter = registry.parameters[address]
        if isinstance(done, int | float) and done in (parameter.minimum, parameter.maximum) and done != value:
            raise UsageError(f"--set {address}: {words} is out of range. It takes {parameter.range}.")
    registry.begin_scene()
