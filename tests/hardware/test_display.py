"""The display without a window, and in a real one on a screen of its own (Xvfb), with keys from xdotool."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pygame
import pytest

from engine.common.errors import MachineError, UsageError
from hardware.display.display import Display
from hardware.display.events import DisplayEvent, FocusLost, KeyDown, KeyUp, Quit, TouchDown, TouchUp
from hardware.display.settings import DisplaySettings
from tests.conftest import REPO
from tests.support.programs import require_programs

SIZES = (640, 360), (360, 640)


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the X server keeps what is on its screens."""
    return tmp_path_factory.mktemp("screens")


@pytest.fixture(scope="module")
def two_screens(memory: Path) -> Iterator[str]:
    """An X server with a screen across and one upright; its DISPLAY."""
    require_programs("Xvfb", "xdotool")
    reader, writer = os.pipe()
    screens = [word for i, (w, h) in enumerate(SIZES) for word in ("-screen", str(i), f"{w}x{h}x24")]
    command = [
        "Xvfb",
        "-displayfd",
        str(writer),
        *screens,
        "-fbdir",
        str(memory),
        "-noreset",
        "-nolisten",
        "tcp",
    ]
    server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    try:
        with os.fdopen(reader) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        pygame.display.quit()
        server.terminate()
        server.wait(10)


@pytest.fixture
def on_screen(two_screens: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Display]]:
    """Opens displays on that server."""
    monkeypatch.setenv("DISPLAY", two_screens)
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    opened: list[Display] = []

    def open_display(now: Callable[[], float] = time.monotonic, **settings: object) -> Display:
        opened.append(Display(DisplaySettings(**settings), now))  # type: ignore[arg-type]
        return opened[-1]

    yield open_display
    for display in opened:
        display.close()


def xdotool(*words: str) -> None:
    subprocess.run(["xdotool", *words], check=True, timeout=20, capture_output=True)


def wait_for_events(display: Display, number: int, seconds: float = 10) -> list[DisplayEvent]:
    """At least so many events, and all that come until a moment later."""
    events: list[DisplayEvent] = []
    deadline_s = time.monotonic() + seconds
    while len(events) < number and time.monotonic() < deadline_s:
        events += display.events()
        time.sleep(0.01)
    time.sleep(0.1)
    return events + display.events()


def settle(display: Display) -> None:
    """Shows the window, until it has the keyboard, and takes what the system says of it."""
    picture = pygame.Surface(display.size_px)
    deadline_s = time.monotonic() + 20
    settled = 0
    while settled < 10:
        assert time.monotonic() < deadline_s, "the window has no keyboard"
        display.show(picture)
        display.events()
        settled += pygame.key.get_focused()
        time.sleep(0.02)


def arrow(size_px: tuple[int, int]) -> pygame.Surface:
    """Another colour at each corner: red, green, blue and white, clockwise from the top left."""
    picture = pygame.Surface(size_px)
    w, h = size_px
    corners = ((0, 0), (w - 40, 0), (w - 40, h - 40), (0, h - 40))
    for colour, corner in zip(("red", "green", "blue", "white"), corners, strict=True):
        picture.fill(colour, (*corner, 40, 40))
    return picture


def as_rgbx(picture: pygame.Surface) -> pygame.Surface:
    """The same picture in another order of bytes."""
    rgbx = pygame.Surface(picture.get_size(), 0, 32, (0xFF, 0xFF00, 0xFF0000, 0))
    rgbx.blit(picture, (0, 0))
    return rgbx


def corners(surface: pygame.Surface) -> list[str]:
    names = {(255, 0, 0): "red", (0, 255, 0): "green", (0, 0, 255): "blue", (255, 255, 255): "white"}
    w, h = surface.get_size()
    places = ((5, 5), (w - 5, 5), (w - 5, h - 5), (5, h - 5))
    colours = (surface.get_at(place) for place in places)
    return [names.get((colour.r, colour.g, colour.b), "") for colour in colours]


# --- without a window


@pytest.mark.parametrize(
    ("screen", "size_px"),
    [("headless", (1920, 1080)), ("headless:1080x1920", (1080, 1920)), ("headless:3840x2160", (3840, 2160))],
)
def test_headless(screen: str, size_px: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with Display(DisplaySettings(screen=screen, keys={"space": "yes"})) as display:
        assert display.size_px == size_px and pygame.display.get_driver() == "dummy"
        for picture in (arrow(size_px), as_rgbx(arrow(size_px))):
            display.show(picture)
            assert display.events() == [] and not display.lost
            shown = pygame.display.get_surface()
            assert shown is not None and corners(shown) == ["red", "green", "blue", "white"]
            shown.fill("black")
        assert "SDL_VIDEODRIVER" not in os.environ
    assert not pygame.display.get_init()


@pytest.mark.parametrize(
    ("rotation_deg", "clockwise"),
    [
        (90, ["white", "red", "green", "blue"]),
        (180, ["blue", "white", "red", "green"]),
        (270, ["green", "blue", "white", "red"]),
    ],
)
def test_rotation(rotation_deg: int, clockwise: list[str]) -> None:
    with Display(DisplaySettings(screen="headless:320x200", rotation_deg=rotation_deg)) as display:
        assert display.size_px == ((200, 320) if rotation_deg != 180 else (320, 200))
        for picture in (arrow(display.size_px), as_rgbx(arrow(display.size_px))):
            display.show(picture)
            shown = pygame.display.get_surface()
            assert shown is not None and corners(shown) == clockwise
        # A touch on a corner of what is seen is a touch on that corner of what is shown.
        seen = dict(zip(clockwise, ((5, 5), (314, 5), (314, 194), (5, 194)), strict=True))
        pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=seen["red"]))
        pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=seen["blue"]))
        w, h = display.size_px
        assert display.events() == [TouchDown(5, 5), TouchDown(w - 6, h - 6)]


@pytest.mark.parametrize(
    "settings",
    [
        {"screen": ""},
        {"screen": "name:"},
        {"screen": "window"},
        {"screen": "window:0x100"},
        {"screen": "headless:100"},
        {"screen": "HDMI"},
        {"screen": "headless", "rotation_deg": 45},
        {"screen": "headless", "exit_chord": "q"},
        {"screen": "headless", "exit_chord": "ctrl+"},
        {"screen": "headless", "exit_chord": "hyper+q"},
        {"screen": "headless", "exit_chord": "ctrl+nokey"},
        {"screen": "headless", "keys": {"nokey": "yes"}},
    ],
)
def test_settings_that_are_not_possible(settings: dict) -> None:
    with pytest.raises(UsageError) as refusal:
        Display(DisplaySettings(**settings))
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith(".")
    assert not pygame.display.get_init()


def test_no_screen_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("DISPLAY", ":4711")
    with pytest.raises(MachineError, match="headless"):
        Display(DisplaySettings())


# --- on a real screen


@pytest.mark.parametrize("index", [0, 1])
def test_a_screen_by_its_number_at_its_own_resolution(on_screen: Callable[..., Display], index: int) -> None:
    display = on_screen(screen=str(index))
    assert display.monitor is not None and display.monitor.index == index
    assert display.size_px == SIZES[index]
    assert [screen.size_px for screen in display.monitors] == list(SIZES)
    assert not pygame.mouse.get_visible() and not pygame.display.get_allow_screensaver()
    settle(display)
    assert not display.lost


def test_a_screen_by_its_name(on_screen: Callable[..., Display]) -> None:
    display = on_screen(screen="name:SCREEN")  # as Xvfb calls all of them
    assert display.monitor is not None and display.monitor.index == 0


@pytest.mark.parametrize("screen", ["2", "name:beamer"])
def test_a_screen_that_is_not_there(on_screen: Callable[..., Display], screen: str) -> None:
    with pytest.raises(MachineError, match=r"There is: 0 \(screen, 640x360\), 1 \(screen, 360x640\)\."):
        on_screen(screen=screen)


def test_what_is_shown_is_on_the_screen(on_screen: Callable[..., Display], memory: Path) -> None:
    display = on_screen(screen="0", vsync=False)
    deadline_s = time.monotonic() + 20
    seen: list[str] = []
    while seen != ["red", "green", "blue", "white"] and time.monotonic() < deadline_s:
        display.show(arrow(display.size_px))
        display.events()
        time.sleep(0.02)
        seen = corners(dumped(memory / "Xvfb_screen0"))
    assert seen == ["red", "green", "blue", "white"]


def dumped(path: Path) -> pygame.Surface:
    """An X window dump: a header that begins with its own length, a table of colours, the pixels."""
    dump = path.read_bytes()
    header = np.frombuffer(dump, ">u4", 25)
    pixels = np.frombuffer(dump, np.uint8, 640 * 360 * 4, int(header[0] + 12 * header[19]))
    pixels = pixels.reshape(360, 640, 4)[..., 2::-1]
    return pygame.surfarray.make_surface(np.ascontiguousarray(pixels.swapaxes(0, 1)))


def test_keys_on_the_list_and_no_others(on_screen: Callable[..., Display]) -> None:
    display = on_screen(screen="0", keys={"space": "yes", "escape": "no"}, exit_chord="ctrl+alt+q")
    settle(display)
    for key in ("a", "F1", "Print", "Tab", "q", "ctrl+c", "ctrl+q", "alt+F4", "alt+Tab", "super", "F11"):
        xdotool("key", key)
    xdotool("keydown", "space")
    xdotool("keyup", "space")
    xdotool("key", "Escape")
    assert wait_for_events(display, 4) == [KeyDown("yes"), KeyUp("yes"), KeyDown("no"), KeyUp("no")]
    assert not display.lost
    xdotool("key", "ctrl+alt+q")
    assert wait_for_events(display, 1) == [Quit()]


def test_there_is_no_way_out_unless_staff_have_one(on_screen: Callable[..., Display]) -> None:
    display = on_screen(screen="0")
    settle(display)
    xdotool("key", "ctrl+alt+shift+q", "ctrl+alt+q", "alt+F4")
    pygame.event.post(pygame.event.Event(pygame.QUIT))  # what a window manager sends
    assert wait_for_events(display, 1, seconds=0.3) == []


def test_touches(on_screen: Callable[..., Display]) -> None:
    display = on_screen(screen="0")
    settle(display)
    xdotool("mousemove", "--screen", "0", "100", "50", "click", "1", "click", "3")
    assert wait_for_events(display, 2) == [TouchDown(100, 50), TouchUp()]


def test_a_window_on_the_desk_may_be_closed(on_screen: Callable[..., Display]) -> None:
    display = on_screen(screen="window:320x200")
    assert display.size_px == (320, 200) and pygame.mouse.get_visible()
    settle(display)
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    assert wait_for_events(display, 1) == [Quit()]


def test_losing_the_keyboard(on_screen: Callable[..., Display]) -> None:
    display = on_screen(screen="0")
    settle(display)
    pygame.event.post(pygame.event.Event(pygame.WINDOWFOCUSLOST))
    assert wait_for_events(display, 1) == [FocusLost()]
    assert not display.lost


@pytest.mark.parametrize("how", ["put away", "monitors changed"])
def test_a_window_that_is_lost_comes_back(on_screen: Callable[..., Display], how: str) -> None:
    clock = [0.0]
    display = on_screen(screen="0", now=lambda: clock[0])
    settle(display)
    if how == "put away":
        pygame.event.post(pygame.event.Event(pygame.WINDOWMINIMIZED))
    else:
        display._monitors = display.monitors[:1]  # as if the other one had been plugged in since
        clock[0] = 2.5
    assert display.events() == [FocusLost()] and display.lost
    picture = pygame.Surface(display.size_px)
    display.show(picture)
    assert display.lost
    clock[0] += 2.5
    display.show(picture)
    assert not display.lost and pygame.display.get_surface() is not None
    assert [screen.size_px for screen in display.monitors] == list(SIZES)


def test_a_screen_that_cannot_be_opened_for_a_while(
    on_screen: Callable[..., Display],
    two_screens: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Such as a projector that is switched off: it is looked for for as long as it takes, in one line."""
    clock = [0.0]
    display = on_screen(screen="0", now=lambda: clock[0])
    settle(display)
    picture = pygame.Surface(display.size_px)
    display._mark_lost("unplugged")
    monkeypatch.setenv("DISPLAY", ":4711")
    for frame in range(600):
        clock[0] = frame / 60
        assert display.events() == [FocusLost()]
        display.show(picture)
        assert display.lost
    assert not pygame.display.get_init()
    monkeypatch.setenv("DISPLAY", two_screens)
    clock[0] += 2.5
    display.show(picture)
    assert not display.lost and FocusLost() not in display.events()
    assert len([line for line in caplog.messages if "is lost" in line]) == 1


def test_a_screen_that_comes_back_with_another_size_is_laid_out_anew(
    on_screen: Callable[..., Display],
) -> None:
    clock = [0.0]
    display = on_screen(screen="name:screen", now=lambda: clock[0])
    settle(display)
    display._window_px = 320, 200  # as if it had been smaller before
    display._mark_lost("unplugged")
    clock[0] = 2.5
    display.show(pygame.Surface(display.size_px))
    assert display.lost and display.events() == [FocusLost(), Quit()]


def test_the_signal_that_ends_a_service_ends_it(two_screens: str) -> None:
    """The window must not swallow it."""
    code = (
        "import time, pygame\n"
        "from hardware.display.display import Display\n"
        "from hardware.display.settings import DisplaySettings\n"
        "display = Display(DisplaySettings(screen='0'))\n"
        "print('open', flush=True)\n"
        "while True:\n"
        "    display.events(); time.sleep(0.01)\n"
    )
    environment = os.environ | {"DISPLAY": two_screens}
    environment.pop("SDL_VIDEODRIVER", None)
    program = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None and program.stdout.readline() == "open\n"
    program.terminate()
    assert program.wait(10) == -15


def test_another_display_after_a_full_screen(on_screen: Callable[..., Display]) -> None:
    """In a process of its own, because the fault it guards against ends the process."""
    display = on_screen()
    screen = os.environ["DISPLAY"]
    display.close()
    program = (
        "from hardware.display.display import Display\n"
        "from hardware.display.settings import DisplaySettings as Settings\n"
        "for screen in ('0', 'headless:64x48', '0', 'headless'):\n"
        "    with Display(Settings(screen)):\n"
        "        pass\n"
    )
    environment = {**os.environ, "DISPLAY": screen}
    environment.pop("SDL_VIDEODRIVER", None)
    done = subprocess.run([sys.executable, "-c", program], cwd=REPO, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
