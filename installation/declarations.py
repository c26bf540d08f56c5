"""All that curators can turn: what the house declares, and what the scenes of a configuration do."""

from collections.abc import Iterable, Mapping

from installation.camera_desk import CameraParameters
from installation.delivery import DeliveryParameters
from installation.framing import PortraitTaking
from installation.parameters import Parameters, Registry
from installation.visit import Phase, Timeouts
from scenes.look import StageParameters
from scenes.scene import Scene, scene_of

HOUSE: tuple[type[Parameters], ...] = (
    StageParameters,
    Timeouts,
    CameraParameters,
    PortraitTaking,
    DeliveryParameters,
)


def load_scenes(names: Mapping[Phase, str]) -> dict[Phase, Scene]:
    """The scene of each phase. Raises UsageError where one is not there."""
    return {phase: scene_of(names[phase])() for phase in Phase}


def declarations_of(scenes: Iterable[Scene]) -> tuple[type[Parameters], ...]:
    """All there is to declare with these scenes, in the order of the documentation."""
    return (*HOUSE, *dict.fromkeys(scene.parameters for scene in scenes))


def registry_of(scenes: Iterable[Scene]) -> Registry:
    """A registry of everything, at its defaults."""
    return Registry(*declarations_of(scenes))
