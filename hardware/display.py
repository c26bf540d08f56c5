"""The screen: one monitor filled at its own resolution, or none at all, and what visitors do before it.

    display = Display(DisplaySettings(screen="name:HDMI", rotation_deg=90))
    canvas = pygame.Surface(display.size_px)
    while True:
        for event in display.events(): ...     # Down("yes"), Touch(120, 840), Quit() ...
        display.show(canvas)
    display.close()

| screen | what it is |
| --- | --- |
| `0`, `1` ... | the monitor of this number; `./kiosk run --setup` shows which is which |
| `name:HDMI` | the first monitor with this in its name, in any case of letters |
| `headless`, `headless:1080x1920` | no window at all; 1920x1080 unless a size is given |
| `window:1280x720` | a window on the desk, which may be closed |

A visitor with a keyboard gets nowhere: keys that are not in the settings do nothing, nor does closing the
window, and system shortcuts are kept from the desktop where the desktop allows it. docs/display.md says more.
"""

import contextlib
import ctypes
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

# Pygame greets everybody on standard output.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
import pygame

from engine.common.errors import MachineError, UsageError

log = logging.getLogger(__name__)

HEADLESS_SIZE_PX = 1920, 1080
# Whether the screen is still there, or there again, is looked up this often.
LOOK_AGAIN_S = 2.0
# What SDL reads when it starts. Without the first, it would turn the signal that ends a service into an event
# of the window, where it is ignored.
HINTS = {
    "SDL_NO_SIGNAL_HANDLERS": "1",
    "SDL_VIDEO_ALLOW_SCREENSAVER": "0",
    "SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS": "0",
    "SDL_GRAB_KEYBOARD": "1",
}
# What SDL takes where there is no desktop: pictures that nobody sees.
UNSEEN = "dummy", "offscreen"
KEYS = {
    "space": "yes",
    "return": "yes",
    "enter": "yes",  # of the keypad
    "escape": "no",
    "backspace": "no",
    "s": "without camera",
    "l": "language",
}
MODIFIERS = {
    "ctrl": pygame.KMOD_CTRL,
    "alt": pygame.KMOD_ALT,
    "shift": pygame.KMOD_SHIFT,
    "super": pygame.KMOD_GUI,
}
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_LISTENED_TO = (
    *(pygame.KEYDOWN, pygame.KEYUP, pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP, pygame.QUIT),
    *(pygame.WINDOWFOCUSLOST, pygame.WINDOWMINIMIZED),
)


@dataclass(frozen=True)
class DisplaySettings:
    """Settings of the screen. Raises UsageError where one is not possible.

    screen: see the module. rotation_deg: 0, 90, 180 or 270, clockwise, for a monitor that hangs turned while
    its computer does not know. vsync: wait for the monitor. keys: name of a key -> what it stands for; no
    other key does anything. exit_chord: keys that end the program, such as `ctrl+alt+shift+q`; or empty.
    """

    screen: str = "0"
    rotation_deg: int = 0
    vsync: bool = True
    keys: Mapping[str, str] = field(default_factory=lambda: dict(KEYS))
    exit_chord: str = ""

    def __post_init__(self) -> None:
        if self.rotation_deg not in (0, *_TURNS):
            raise UsageError(f"display rotation {self.rotation_deg}: give 0, 90, 180 or 270 degrees.")
        *modifiers, key = self.exit_chord.split("+")
        if self.exit_chord and not (key and modifiers and set(modifiers) <= MODIFIERS.keys()):
            raise UsageError(
                f"exit chord {self.exit_chord!r}: give {', '.join(MODIFIERS)} and a key, such as "
                "ctrl+alt+shift+q."
            )


@dataclass(frozen=True)
class Screen:
    """A monitor: its number, its name, and its size as the desktop has it."""

    index: int
    name: str
    size_px: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.index} ({self.name}, {self.size_px[0]}x{self.size_px[1]})"


@dataclass(frozen=True)
class Down:
    """A key of the settings goes down; `action` is what it stands for."""

    action: str


@dataclass(frozen=True)
class Up:
    """It goes up again."""

    action: str


@dataclass(frozen=True)
class Touch:
    """A finger or the mouse goes down, in pixels of what is shown."""

    x: int
    y: int


@dataclass(frozen=True)
class TouchUp:
    """The finger or the mouse goes up again, wherever it is."""


@dataclass(frozen=True)
class FocusLost:
    """The window no longer hears the keyboard: whatever was down counts as up."""


@dataclass(frozen=True)
class Quit:
    """The program is to end: by the exit chord, by closing a window on the desk, or to be laid out anew."""


DisplayEvent = Down | Up | Touch | TouchUp | FocusLost | Quit


class Display:
    """One window over the whole of one screen, or what stands for it. A context manager.

    size_px: (width, height) of what is shown, as a visitor sees it: rotation is done here.

    Raises UsageError where the settings name nothing, MachineError where there is no such screen.
    """

    def __init__(
        self, settings: DisplaySettings | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings or DisplaySettings()
        self._now = now
        self._kind, self._wanted_px = _parse(self._settings.screen)
        self._surface: pygame.Surface | None = None
        self._turned: pygame.Surface | None = None
        self._screens: tuple[Screen, ...] = ()
        self._look_again_s = 0.0
        self._fits = True  # whether the screen that is back has the size everything was laid out for
        self.screen: Screen | None = None
        self._start()
        try:
            self._keys = {_key_code(name): action for name, action in self._settings.keys.items()}
            *modifiers, key = self._settings.exit_chord.split("+")
            self._exit = (_key_code(key), [MODIFIERS[name] for name in modifiers]) if key else None
            self._open()
        except BaseException:
            self.close()
            raise
        turned = self._settings.rotation_deg in (90, 270)
        width, height = self._window_px
        self.size_px = (height, width) if turned else (width, height)

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def lost(self) -> bool:
        """Whether there is no window now, because its screen has gone; it is looked for again."""
        return self._surface is None

    @property
    def screens(self) -> tuple[Screen, ...]:
        """All monitors, as they were when the window was opened."""
        return self._screens

    def show(self, picture: pygame.Surface) -> None:
        """Puts a picture of `size_px`, 32 bits a pixel, on the screen, and waits for the monitor if asked to.

        Where the screen has gone, nothing is shown until it is back; never raises.
        """
        try:
            if self._surface is None:
                self._look_again()
            if self._surface is None:
                return
            self._draw(self._surface, picture)
            pygame.display.flip()
        except pygame.error as error:
            self._lose(str(error))

    def events(self) -> list[DisplayEvent]:
        """What happened since the last call, in its order."""
        if not self._fits:
            return [FocusLost(), Quit()]
        if self.lost:
            return [FocusLost()]
        try:
            done = list(self._translate(pygame.event.get()))
            if self._have_monitors_changed():
                self._lose("the monitors have changed")
        except pygame.error as error:
            self._lose(str(error))
            done = []
        return [*done, FocusLost()] if self.lost else done

    def close(self) -> None:
        """Closes the window and gives the screen back."""
        self._surface = self._turned = None
        # pygame 2.6.1 keeps what it has drawn a scaled window with, and the next plain one would crash in it.
        with contextlib.suppress(pygame.error):
            if pygame.display.get_init():
                pygame.display.set_mode((64, 64))
        pygame.display.quit()

    # --- the window ---

    def _start(self) -> None:
        for hint, value in HINTS.items():
            os.environ.setdefault(hint, value)
        driver = os.environ.get("SDL_VIDEODRIVER")
        if self._kind == "headless":
            os.environ["SDL_VIDEODRIVER"] = "dummy"
        try:
            pygame.display.quit()
            pygame.display.init()
            if driver is None and self._kind != "headless" and pygame.display.get_driver() in UNSEEN:
                pygame.display.quit()
                raise pygame.error("no desktop answers")
        except pygame.error as error:
            raise MachineError(
                f"no screen can be opened ({error}). Start in a desktop session, or set DISPLAY; without "
                "a screen use --display headless."
            ) from None
        finally:
            # Not for the programs that this one starts.
            if driver is not None:
                os.environ["SDL_VIDEODRIVER"] = driver
            else:
                os.environ.pop("SDL_VIDEODRIVER", None)

    def _open(self) -> None:
        self._screens = _screens()
        if self._kind in ("headless", "window"):
            self._window_px = self._wanted_px
            self._surface = pygame.display.set_mode(self._window_px)
        else:
            self.screen = _choose(self._settings.screen, self._screens)
            self._window_px = self.screen.size_px
            self._surface = self._fill(self.screen)
            pygame.mouse.set_visible(False)
            pygame.event.set_keyboard_grab(True)
        pygame.display.set_caption("Doppelgänger")
        pygame.display.set_allow_screensaver(False)
        pygame.key.stop_text_input()
        pygame.event.set_blocked(None)
        pygame.event.set_allowed(_LISTENED_TO)

    def _fill(self, screen: Screen) -> pygame.Surface:
        """A window over the whole screen, whose resolution stays as it is.

        SCALED draws through the graphics processor, which is what can wait for the monitor.
        """
        flags = pygame.FULLSCREEN | pygame.SCALED
        if self._settings.vsync:
            try:
                return pygame.display.set_mode(screen.size_px, flags, display=screen.index, vsync=1)
            except pygame.error as error:
                log.warning("display: cannot wait for the monitor (%s): pictures may tear", error)
        return pygame.display.set_mode(screen.size_px, flags, display=screen.index)

    def _draw(self, surface: pygame.Surface, picture: pygame.Surface) -> None:
        turn = _TURNS.get(self._settings.rotation_deg)
        if turn is not None:
            if self._turned is None or self._turned.get_masks() != picture.get_masks():
                self._turned = pygame.Surface(self._window_px, 0, picture)
            # A third of the time that pygame.transform.rotate takes.
            cv2.rotate(_rows(picture), turn, dst=_rows(self._turned))
            picture = self._turned
        surface.blit(picture, (0, 0))

    def _lose(self, why: str) -> None:
        if self.lost:
            return
        log.warning("display: the screen is lost (%s); it is looked for every %g s", why, LOOK_AGAIN_S)
        self._surface = None
        self._look_again_s = self._now() + LOOK_AGAIN_S

    def _have_monitors_changed(self) -> bool:
        if self.screen is None or self.lost or not self._is_time_to_look():
            return False
        return _screens() != self._screens

    def _is_time_to_look(self) -> bool:
        if self._now() < self._look_again_s:
            return False
        self._look_again_s = self._now() + LOOK_AGAIN_S
        return True

    def _look_again(self) -> None:
        if not self._is_time_to_look():
            return
        size_px = self._window_px
        try:
            self._start()
            self._open()
        except MachineError:
            self._surface = None
            return
        if self._window_px != size_px:
            log.warning("display: the screen is back with another size, %dx%d: it ends", *self._window_px)
            self._surface, self._window_px, self._fits = None, size_px, False
            return
        log.info("display: the screen is back")

    # --- events ---

    def _translate(self, events: list[pygame.event.Event]) -> Iterator[DisplayEvent]:
        for event in events:
            match event.type:
                case pygame.KEYDOWN if self._is_exit(event):
                    yield Quit()
                case pygame.KEYDOWN if event.key in self._keys:
                    yield Down(self._keys[event.key])
                case pygame.KEYUP if event.key in self._keys:
                    yield Up(self._keys[event.key])
                case pygame.MOUSEBUTTONDOWN if event.button == pygame.BUTTON_LEFT:
                    yield Touch(*self._seen_at(*event.pos))
                case pygame.MOUSEBUTTONUP if event.button == pygame.BUTTON_LEFT:
                    yield TouchUp()
                case pygame.WINDOWFOCUSLOST:
                    yield FocusLost()
                case pygame.QUIT if self._kind == "window":
                    yield Quit()
                case pygame.WINDOWMINIMIZED if self.screen is not None:
                    self._lose("it was put away")

    def _is_exit(self, event: pygame.event.Event) -> bool:
        if self._exit is None or event.key != self._exit[0]:
            return False
        return all(event.mod & modifier for modifier in self._exit[1])

    def _seen_at(self, x: int, y: int) -> tuple[int, int]:
        """A place in the window -> the place in what is shown."""
        width, height = self._window_px
        match self._settings.rotation_deg:
            case 90:
                return y, width - 1 - x
            case 180:
                return width - 1 - x, height - 1 - y
            case 270:
                return height - 1 - y, x
            case _:
                return x, y


def _parse(screen: str) -> tuple[str, tuple[int, int]]:
    """`headless`, `window` or `monitor`, and the size that is asked for."""
    if screen.isdecimal() or re.fullmatch(r"name:.*\S.*", screen):
        return "monitor", (0, 0)
    kind, _, size = screen.partition(":")
    sizes = re.fullmatch(r"([1-9]\d{1,4})x([1-9]\d{1,4})", size)
    if kind in ("headless", "window") and sizes:
        return kind, (int(sizes[1]), int(sizes[2]))
    if screen == "headless":
        return kind, HEADLESS_SIZE_PX
    raise UsageError(
        f"display {screen!r} is not known: give 0, name:HDMI, window:1280x720, headless or "
        "headless:1080x1920."
    )


def _screens() -> tuple[Screen, ...]:
    # Pygame does not tell the names, but the SDL that it has loaded does.
    sdl_name = ctypes.CDLL(pygame.base.__file__).SDL_GetDisplayName
    sdl_name.restype = ctypes.c_char_p
    sizes = pygame.display.get_desktop_sizes()
    return tuple(
        Screen(index, (sdl_name(index) or b"").decode("utf-8", "replace"), size)
        for index, size in enumerate(sizes)
    )


def _choose(wanted: str, screens: tuple[Screen, ...]) -> Screen:
    name = wanted.removeprefix("name:").strip().lower()
    for screen in screens:
        if wanted == str(screen.index) or (wanted.startswith("name:") and name in screen.name.lower()):
            return screen
    there = ", ".join(str(screen) for screen in screens) or "none"
    raise MachineError(
        f"display {wanted!r} is not there. There is: {there}. Plug it in, or choose another with --display."
    )


def _key_code(name: str) -> int:
    try:
        return pygame.key.key_code(name)
    except ValueError:
        raise UsageError(
            f"key {name!r} is not known: give a name such as space, return, escape or q."
        ) from None


def _rows(surface: pygame.Surface) -> np.ndarray:
    """A surface of 32 bits a pixel as an array (H, W), sharing its memory."""
    return np.asarray(pygame.surfarray.pixels2d(surface)).T.view(np.int32)
