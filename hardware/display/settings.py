"""Settings of the screen.

| screen | what it is |
| --- | --- |
| `0`, `1` ... | the monitor of this number; `./kiosk run --setup` shows which is which |
| `name:HDMI` | the first monitor with this in its name, in any case of letters |
| `headless`, `headless:1080x1920` | no window at all; 1920x1080 unless a size is given |
| `window:1280x720` | a window on the desktop, which may be closed |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.common.errors import UsageError

HEADLESS_SIZE_PX = 1920, 1080
# A side of a window, or of a screen that nobody sees; 8K has 7680.
SMALLEST_PX, LARGEST_PX = 48, 8192
ROTATIONS_DEG = (0, 90, 180, 270)
MODIFIERS = ("ctrl", "alt", "shift", "super")
KEYS = {
    "space": "yes",
    "return": "yes",
    "enter": "yes",  # of the keypad
    "escape": "no",
    "backspace": "no",
    "s": "without camera",
    "o": "with others",
    "l": "language",
}

Kind = Literal["monitor", "window", "headless"]


@dataclass(frozen=True)
class DisplaySettings:
    """Settings of the screen. Raises UsageError where one is not possible.

    screen: see the module.
    rotation_deg: 0, 90, 180 or 270, clockwise, for a monitor that hangs turned while its computer does not
        know.
    vsync: whether to wait for the monitor.
    keys: name of a key -> the action it stands for; no other key does anything.
    exit_chord: keys that end the program, such as `ctrl+alt+shift+q`; or empty.
    """

    screen: str = "0"
    rotation_deg: int = 0
    vsync: bool = True
    keys: Mapping[str, str] = field(default_factory=lambda: dict(KEYS))
    exit_chord: str = ""

    def __post_init__(self) -> None:
        if self.rotation_deg not in ROTATIONS_DEG:
            raise UsageError(f"display rotation {self.rotation_deg}: give 0, 90, 180 or 270 degrees.")
        *modifiers, key = self.exit_chord.split("+")
        if self.exit_chord and not (key and modifiers and set(modifiers) <= set(MODIFIERS)):
            raise UsageError(
                f"exit chord {self.exit_chord!r}: give {', '.join(MODIFIERS)} and a key, such as "
                "ctrl+alt+shift+q."
            )


def parse_screen(screen: str) -> tuple[Kind, tuple[int, int]]:
    """The kind of screen and the size that is asked for, width and height in pixels; (0, 0): the monitor's.

    Raises UsageError where `screen` is not of the module's table.
    """
    if (screen.isascii() and screen.isdecimal()) or re.fullmatch(r"name:.*\S.*", screen):
        return "monitor", (0, 0)
    if screen == "headless":
        return "headless", HEADLESS_SIZE_PX
    if sized := re.fullmatch(r"(headless|window):([0-9]{1,9})x([0-9]{1,9})", screen):
        size_px = int(sized[2]), int(sized[3])
        if not all(SMALLEST_PX <= side <= LARGEST_PX for side in size_px):
            raise UsageError(
                f"display {screen!r}: give a size from {SMALLEST_PX} to {LARGEST_PX} pixels a side."
            )
        return "headless" if sized[1] == "headless" else "window", size_px
    raise UsageError(
        f"display {screen!r} is not known: give 0, name:HDMI, window:1280x720, headless or "
        "headless:1080x1920."
    )
