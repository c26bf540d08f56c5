"""The screen: one monitor filled at its own resolution, or none at all, and what visitors do at it.

    display = Display(DisplaySettings(screen="name:HDMI", rotation_deg=90))
    canvas = pygame.Surface(display.size_px)
    while True:
        for event in display.events(): ...     # KeyDown("yes"), TouchDown(120, 840), Quit() ...
        display.show(canvas)
    display.close()

A visitor with a keyboard cannot leave the installation: keys that are not in the settings do nothing, nor
does closing the window, and system shortcuts are kept from the desktop where the desktop allows it.
docs/display.md says more.
"""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np

# Pygame prints a greeting on standard output.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
import pygame

from engine.common.arrays import Pixels
from engine.common.errors import MachineError, UsageError
from hardware.display.events import DisplayEvent, FocusLost, KeyDown, KeyUp, Quit, TouchDown, TouchUp
from hardware.display.monitors import Monitor, choose_monitor, list_monitors
from hardware.display.settings import DisplaySettings, parse_screen

log = logging.getLogger(__name__)

# How often it is checked whether the monitors are still the same, or are back.
CHECK_EVERY_S = 2.0
# What SDL reads when it starts. Without the first, it would turn the signal that ends a service into an event
# of the window, where it is ignored.
_SDL_HINTS = {
    "SDL_NO_SIGNAL_HANDLERS": "1",
    "SDL_VIDEO_ALLOW_SCREENSAVER": "0",
    "SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS": "0",
    "SDL_GRAB_KEYBOARD": "1",
}
# What SDL falls back to where there is no desktop: drivers that show nothing.
_UNSEEN_DRIVERS = "dummy", "offscreen"
_MODIFIERS = {
    "ctrl": pygame.KMOD_CTRL,
    "alt": pygame.KMOD_ALT,
    "shift": pygame.KMOD_SHIFT,
    "super": pygame.KMOD_GUI,
}
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_EVENT_TYPES = (
    *(pygame.KEYDOWN, pygame.KEYUP, pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP, pygame.QUIT),
    *(pygame.WINDOWFOCUSLOST, pygame.WINDOWMINIMIZED),
)


class Display:
    """One window over the whole of one monitor, a window on the desktop, or none at all. A context manager.

    size_px: (width, height) of the shown picture, as a visitor sees it: it is rotated here.
    monitor: the monitor it fills; None for windows and without a screen.

    now: monotonic seconds. Raises UsageError where the settings name nothing, MachineError where there is no
    such monitor.
    """

    def __init__(
        self, settings: DisplaySettings | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings or DisplaySettings()
        self._now = now
        self._kind, self._wanted_px = parse_screen(self._settings.screen)
        self._surface: pygame.Surface | None = None
        self._rotated: pygame.Surface | None = None
        self._monitors: tuple[Monitor, ...] = ()
        self._next_check_s = 0.0
        self._has_same_size = True  # whether a screen that is back has the size of the layout
        self.monitor: Monitor | None = None
        self._start()
        try:
            self._keys = {_key_code(name): action for name, action in self._settings.keys.items()}
            *modifiers, key = self._settings.exit_chord.split("+")
            self._exit = (_key_code(key), [_MODIFIERS[name] for name in modifiers]) if key else None
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
        """Whether there is no window now, because its monitor has gone; it is reopened later."""
        return self._surface is None

    @property
    def monitors(self) -> tuple[Monitor, ...]:
        """All monitors, as they were when the window was opened."""
        return self._monitors

    def show(self, picture: pygame.Surface) -> None:
        """Shows a picture of `size_px`, 32 bits a pixel, and waits for the monitor where `vsync` is set.

        Where the monitor has gone, nothing is shown until it is back; never raises.
        """
        try:
            if self._surface is None:
                self._reopen()
            if self._surface is None:
                return
            self._draw(self._surface, picture)
            pygame.display.flip()
        except pygame.error as error:
            self._mark_lost(str(error))

    def events(self) -> list[DisplayEvent]:
        """The events since the last call, in their order."""
        if not self._has_same_size:
            return [FocusLost(), Quit()]
        if self.lost:
            return [FocusLost()]
        try:
            done = list(self._translate(pygame.event.get()))
            if self._have_monitors_changed():
                self._mark_lost("the monitors have changed")
        except pygame.error as error:
            self._mark_lost(str(error))
            done = []
        return [*done, FocusLost()] if self.lost else done

    def close(self) -> None:
        """Closes the window and gives the screen back."""
        self._surface = self._rotated = None
        # pygame 2.6.1 keeps what it has drawn a scaled window with, and the next plain one would crash in it.
        with contextlib.suppress(pygame.error):
            if pygame.display.get_init():
                pygame.display.set_mode((64, 64))
        pygame.display.quit()

    # --- the window ---

    def _start(self) -> None:
        """Starts SDL's display anew, with the driver for this kind of screen. Raises MachineError."""
        for hint, value in _SDL_HINTS.items():
            os.environ.setdefault(hint, value)
        driver = os.environ.get("SDL_VIDEODRIVER")
        if self._kind == "headless":
            os.environ["SDL_VIDEODRIVER"] = "dummy"
        try:
            pygame.display.quit()
            pygame.display.init()
            if driver is None and self._kind != "headless" and pygame.display.get_driver() in _UNSEEN_DRIVERS:
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
        """Opens the window. Raises MachineError where the monitor is not there."""
        self._monitors = list_monitors()
        if self._kind in ("headless", "window"):
            self._window_px = self._wanted_px
            self._surface = pygame.display.set_mode(self._window_px)
        else:
            self.monitor = choose_monitor(self._settings.screen, self._monitors)
            self._window_px = self.monitor.size_px
            self._surface = self._open_fullscreen(self.monitor)
            pygame.mouse.set_visible(False)
            pygame.event.set_keyboard_grab(True)
        pygame.display.set_caption("Doppelgänger")
        pygame.display.set_allow_screensaver(False)
        pygame.key.stop_text_input()
        pygame.event.set_blocked(None)
        pygame.event.set_allowed(_EVENT_TYPES)

    def _open_fullscreen(self, monitor: Monitor) -> pygame.Surface:
        """A window over the whole screen, whose resolution stays as it is.

        SCALED draws through the graphics processor, which is what can wait for the monitor.
        """
        flags = pygame.FULLSCREEN | pygame.SCALED
        if self._settings.vsync:
            try:
                return pygame.display.set_mode(monitor.size_px, flags, display=monitor.index, vsync=1)
            except pygame.error as error:
                log.warning("display: cannot wait for the monitor (%s): pictures may tear", error)
        return pygame.display.set_mode(monitor.size_px, flags, display=monitor.index)

    def _draw(self, surface: pygame.Surface, picture: pygame.Surface) -> None:
        turn = _TURNS.get(self._settings.rotation_deg)
        if turn is not None:
            if self._rotated is None or self._rotated.get_masks() != picture.get_masks():
                self._rotated = pygame.Surface(self._window_px, 0, picture)
            # A third of the time that pygame.transform.rotate takes.
            cv2.rotate(_pixels_of(picture), turn, dst=_pixels_of(self._rotated))
            picture = self._rotated
        if _has_red_and_blue_swapped(surface, picture):
            # In half the time of a blit, which knows every format.
            cv2.cvtColor(_pixels_of(picture), cv2.COLOR_RGBA2BGRA, dst=_pixels_of(surface))
        else:
            surface.blit(picture, (0, 0))

    def _mark_lost(self, why: str) -> None:
        if self.lost:
            return
        log.warning("display: the screen is lost (%s); it is looked for every %g s", why, CHECK_EVERY_S)
        self._surface = None
        self._next_check_s = self._now() + CHECK_EVERY_S

    def _have_monitors_changed(self) -> bool:
        if self.monitor is None or self.lost or not self._is_check_due():
            return False
        return list_monitors() != self._monitors

    def _is_check_due(self) -> bool:
        if self._now() < self._next_check_s:
            return False
        self._next_check_s = self._now() + CHECK_EVERY_S
        return True

    def _reopen(self) -> None:
        """Tries to open the window again, every `CHECK_EVERY_S`."""
        if not self._is_check_due():
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
            self._surface, self._window_px, self._has_same_size = None, size_px, False
            return
        log.info("display: the screen is back")

    # --- events ---

    def _translate(self, events: list[pygame.event.Event]) -> Iterator[DisplayEvent]:
        for event in events:
            match event.type:
                case pygame.KEYDOWN if self._is_exit(event):
                    yield Quit()
                case pygame.KEYDOWN if event.key in self._keys:
                    yield KeyDown(self._keys[event.key])
                case pygame.KEYUP if event.key in self._keys:
                    yield KeyUp(self._keys[event.key])
                case pygame.MOUSEBUTTONDOWN if event.button == pygame.BUTTON_LEFT:
                    yield TouchDown(*self._picture_position(*event.pos))
                case pygame.MOUSEBUTTONUP if event.button == pygame.BUTTON_LEFT:
                    yield TouchUp()
                case pygame.WINDOWFOCUSLOST:
                    yield FocusLost()
                case pygame.QUIT if self._kind == "window":
                    yield Quit()
                case pygame.WINDOWMINIMIZED if self.monitor is not None:
                    self._mark_lost("it was put away")

    def _is_exit(self, event: pygame.event.Event) -> bool:
        if self._exit is None or event.key != self._exit[0]:
            return False
        return all(event.mod & modifier for modifier in self._exit[1])

    def _picture_position(self, x: int, y: int) -> tuple[int, int]:
        """A position (x, y) in the window -> the position in the shown picture, which may be rotated."""
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


def _key_code(name: str) -> int:
    try:
        return pygame.key.key_code(name)
    except ValueError:
        raise UsageError(
            f"key {name!r} is not known: give a name such as space, return, escape or q."
        ) from None


def _has_red_and_blue_swapped(surface: pygame.Surface, picture: pygame.Surface) -> bool:
    """Whether two surfaces of 32 bits a pixel differ in nothing but the order of red and blue."""
    red, green, blue, _ = picture.get_masks()
    sizes = surface.get_size(), surface.get_bitsize()
    return sizes == (picture.get_size(), 32) and surface.get_masks()[:3] == (blue, green, red)


def _pixels_of(surface: pygame.Surface) -> Pixels:
    """A surface of 32 bits a pixel as uint8 (H, W, 4), sharing its memory."""
    rows = np.asarray(pygame.surfarray.pixels2d(surface)).T
    return rows.view(np.uint8).reshape(*rows.shape, 4)
