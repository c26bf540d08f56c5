"""The monitors of this machine, as SDL lists them."""

import ctypes
import os
from dataclasses import dataclass

# Pygame prints a greeting on standard output.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
import pygame

from engine.common.errors import MachineError


@dataclass(frozen=True)
class Monitor:
    """A monitor: its number, its name, and its size as the desktop has it, width and height."""

    index: int
    name: str
    size_px: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.index} ({self.name}, {self.size_px[0]}x{self.size_px[1]})"


def list_monitors() -> tuple[Monitor, ...]:
    """All monitors, by number. `pygame.display` must have been started."""
    # Pygame does not give the names, but the SDL that it has loaded does.
    sdl_name = ctypes.CDLL(pygame.base.__file__).SDL_GetDisplayName
    sdl_name.restype = ctypes.c_char_p
    sizes = pygame.display.get_desktop_sizes()
    return tuple(
        Monitor(index, (sdl_name(index) or b"").decode("utf-8", "replace"), size)
        for index, size in enumerate(sizes)
    )


def choose_monitor(wanted: str, monitors: tuple[Monitor, ...]) -> Monitor:
    """The monitor that `wanted` names: its number, or `name:` and a part of its name. Raises MachineError."""
    name = wanted.removeprefix("name:").strip().lower()
    for monitor in monitors:
        if wanted == str(monitor.index) or (wanted.startswith("name:") and name in monitor.name.lower()):
            return monitor
    there = ", ".join(str(monitor) for monitor in monitors) or "none"
    raise MachineError(
        f"display {wanted!r} is not there. There is: {there}. Plug it in, or choose another with --display."
    )
