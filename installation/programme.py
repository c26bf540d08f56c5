"""Which scene plays in which phase of the visit: the configuration names a module for each."""

import importlib
import inspect
import logging
from collections.abc import Mapping

from engine.errors import UsageError
from installation.visit import Phase
from scenes.scene import Scene

log = logging.getLogger(__name__)


def load_scenes(modules: Mapping[Phase, str]) -> dict[Phase, Scene]:
    """One scene for each phase, from the module that the configuration names, `scenes.border` and the like.

    Raises UsageError where a module is not there or holds no scene, or more than one.
    """
    return {phase: _scene_class(phase, modules[phase])() for phase in Phase}


def _scene_class(phase: Phase, module_name: str) -> type[Scene]:
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UsageError(f"scene of {phase}: {module_name} cannot be imported ({error}).") from None
    found = [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Scene) and kind.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise UsageError(
            f"scene of {phase}: {module_name} must hold one subclass of Scene, not {len(found)}."
        )
    return found[0]
