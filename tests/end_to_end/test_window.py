"""The installation in a real window, in real time, before visitors with a keyboard (Xvfb, xdotool)."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.common.arrays import Pixels
from installation.cli.portray import sample_sitter
from installation.settings.phase import Phase
from installation.settings.texts import languages
from tests.support.app_kit import SHORT, few_steps
from tests.support.programs import require_programs

REPO = Path(__file__).resolve().parents[2]
# Looked at by people after a run of the tests; ignored by git.
OUTPUT = REPO / "tests" / "output" / "window"
WIDTH_PX, HEIGHT_PX = 360, 640
CHORD = "ctrl+alt+shift+q"
# What somebody tries who wants to get out.
NOWHERE = (
    *("alt+F4", "ctrl+c", "ctrl+q", "ctrl+alt+q", "q", "Tab", "alt+Tab", "super", "Menu", "Print", "Delete"),
    *(f"F{number}" for number in range(1, 13)),
)
PATIENCE_S = 240.0  # on a machine with other things to do


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An X server with one upright screen: its DISPLAY, and the file with what is on the screen."""
    require_programs("Xvfb", "xdotool")
    memory = tmp_path_factory.mktemp("screen")
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{WIDTH_PX}x{HEIGHT_PX}x24",
         "-fbdir", str(memory), "-noreset", "-nolisten", "tcp"],
        pass_fds=[writer], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writer)
    try:
        with os.fdopen(reader) as answer:
            yield f":{answer.readline().strip()}", memory / "Xvfb_screen0"
    finally:
        server.terminate()
        server.wait(10)


class Kiosk:
    """`kiosk run` on that screen, with a photograph before the camera."""

    def __init__(self, folder: Path, screen: tuple[str, Path]) -> None:
        display, self._memory = screen
        configuration = few_steps(folder)
        words = f'screen = "0"\nexit_chord = "{CHORD}"'
        configuration.write_text(re.sub('screen = ".*"', words, configuration.read_text()))
        self._environment = os.environ | {"DISPLAY": display, "OMP_NUM_THREADS": "1"}
        self._environment.pop("SDL_VIDEODRIVER", None)
        self._environment.pop("WAYLAND_DISPLAY", None)
        self._log = folder / "log"
        # No question runs out, and nothing on its picture moves, however slow the machine is.
        times = SHORT | {"visit/consent_s": "300", "consent/remaining_s": "0", "visit/doppelganger_s": "300"}
        changes = [word for address, value in times.items() for word in ("--set", f"{address}={value}")]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "installation.cli.main", "run", "--config", configuration,
                 "--show", folder, "--camera", f"file:{sample_sitter()}", "--without-phone", *changes],
                cwd=REPO, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Every change of phase so far: the new one, and why."""
        return re.findall(r"visit \d+: \w+ -> (\w+): (.*)", self.log)

    @property
    def phase(self) -> Phase:
        return Phase(self.steps[-1][0]) if self.steps else Phase.ATTRACT

    def until(self, phase: Phase) -> None:
        """Waits until that phase."""
        self.eventually(lambda: self.phase is phase, f"{phase} does not come")

    def eventually(self, true: Callable[[], object], otherwise: str) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not true():
            assert self.process.poll() is None, f"it has ended: {self.log}"
            assert time.monotonic() < end_s, f"{otherwise}: {self.log}"
            time.sleep(0.1)

    def wake(self) -> None:
        """From attract, as soon as the engine is there, to the question."""
        self.until(Phase.ATTRACT)

        def is_woken() -> bool:
            self.xdotool("key", "space")
            time.sleep(0.5)
            return self.phase is Phase.CONSENT

        self.eventually(is_woken, "it does not wake up")

    def agree(self) -> None:
        """Holds *yes* until it has been held long enough."""
        self.xdotool("keydown", "space")
        self.until(Phase.PORTRAIT)
        self.xdotool("keyup", "space")

    def ends_all(self, family: list[int]) -> bool:
        """Whether it ends well, and with it all that it has started, some of it a moment later."""
        if self.process.wait(PATIENCE_S) != 0:
            return False
        end_s = time.monotonic() + PATIENCE_S
        while any(is_there(number) for number in family) and time.monotonic() < end_s:
            time.sleep(0.1)
        return not any(is_there(number) for number in family)

    def press(self, *keys: str) -> None:
        self.xdotool("key", *keys)

    def xdotool(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], check=True, timeout=30, env=self._environment)

    def picture(self, name: str, still: bool = True) -> Pixels:
        """What is on the screen, now or once it stands still: uint8 (H, W, 3) RGB; kept as a file too."""
        before, now = None, self._pixels()
        end_s = time.monotonic() + PATIENCE_S
        while still and (before is None or not np.array_equal(before, now)):
            assert time.monotonic() < end_s, f"{name} never stands still"
            time.sleep(1)
            before, now = now, self._pixels()
        OUTPUT.mkdir(parents=True, exist_ok=True)
        Image.fromarray(now).save(OUTPUT / f"{name}.png")
        return now

    def _pixels(self) -> Pixels:
        # An X window dump: a header that begins with its own length, a table of colours, the pixels.
        dump = self._memory.read_bytes()
        header = np.frombuffer(dump, ">u4", 25)
        start = int(header[0] + 12 * header[19])
        pixels = np.frombuffer(dump, np.uint8, HEIGHT_PX * WIDTH_PX * 4, start)
        return np.ascontiguousarray(pixels.reshape(HEIGHT_PX, WIDTH_PX, 4)[..., 2::-1])

    def family(self) -> list[int]:
        """This process and all that it has started."""
        found = [self.process.pid]
        for number in found:
            for children in Path(f"/proc/{number}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
        return found


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory, screen: tuple[str, Path]) -> Iterator[Kiosk]:
    kiosk = Kiosk(tmp_path_factory.mktemp("kiosk"), screen)
    yield kiosk
    if kiosk.process.poll() is None:
        kiosk.process.kill()
        kiosk.process.wait()


def is_there(number: int) -> bool:
    """Whether a process lives; one that has ended and is not yet buried does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except OSError:
        return False


def test_no_leads_back(kiosk: Kiosk):
    kiosk.wake()
    kiosk.press("Escape")
    kiosk.until(Phase.ATTRACT)
    assert kiosk.steps[-1] == ("attract", "the visitor says no")


def test_the_language_key_changes_the_words_and_goes_round(kiosk: Kiosk):
    kiosk.wake()
    english = kiosk.picture("consent-first")
    kiosk.press("l")
    time.sleep(1)
    german = kiosk.picture("consent-second")
    assert (english != german).any(-1).mean() > 0.01
    for _ in languages()[1:]:
        kiosk.press("l")
        time.sleep(1)
    assert np.array_equal(kiosk.picture("consent-again"), english)
    kiosk.press("Escape")


def test_other_keys_get_nowhere(kiosk: Kiosk):
    kiosk.wake()
    before, question = kiosk.steps, kiosk.picture("consent")
    kiosk.press(*NOWHERE)
    time.sleep(1)
    assert kiosk.process.poll() is None and kiosk.steps == before
    assert np.array_equal(kiosk.picture("consent"), question)
    kiosk.press("Escape")
    kiosk.until(Phase.ATTRACT)
    kiosk.press(*NOWHERE)
    time.sleep(1)
    assert kiosk.process.poll() is None and kiosk.phase is Phase.ATTRACT


def test_the_way_without_a_camera(kiosk: Kiosk):
    kiosk.wake()
    kiosk.press("s")
    kiosk.until(Phase.SEARCH)
    kiosk.press("BackSpace")
    kiosk.until(Phase.FAREWELL)
    assert kiosk.steps[-1] == ("farewell", "the visitor wants to stop")
    assert Phase.PORTRAIT not in [phase for phase, _ in kiosk.steps]


def test_who_lets_go_too_early_has_not_agreed_and_who_holds_has_the_whole_visit(kiosk: Kiosk):
    kiosk.wake()
    before = len(kiosk.steps)
    kiosk.press("space")
    time.sleep(3)
    assert len(kiosk.steps) == before
    kiosk.agree()
    kiosk.until(Phase.DOPPELGANGER)
    kiosk.press("space")  # too early to mean anything
    time.sleep(1)
    kiosk.picture("doppelganger", still=False)  # its light breathes
    assert kiosk.steps[-1][0] == "doppelganger"

    def is_done() -> bool:
        kiosk.press("space")
        time.sleep(0.5)
        return kiosk.phase is Phase.FAREWELL

    kiosk.eventually(is_done, "it does not end")
    assert kiosk.steps[-1] == ("farewell", "the visitor has the picture")
    kiosk.until(Phase.ATTRACT)
    phases = [phase for phase, _ in kiosk.steps[before:]]
    after = list(Phase)[list(Phase).index(Phase.PORTRAIT) :]
    assert phases == [*(phase for phase in after if phase is not Phase.MEETING), Phase.ATTRACT]
    assert "Traceback" not in kiosk.log


def test_the_chord_of_staff_ends_it(kiosk: Kiosk):
    family = kiosk.family()
    assert len(family) > 1
    kiosk.press(CHORD)
    assert kiosk.ends_all(family)


def test_the_signal_that_ends_a_service_ends_all_of_it(tmp_path: Path, screen: tuple[str, Path]):
    kiosk = Kiosk(tmp_path, screen)
    try:
        kiosk.wake()
        kiosk.agree()
        kiosk.until(Phase.SEARCH)
        family = kiosk.family()
        assert len(family) > 1
        kiosk.process.send_signal(signal.SIGTERM)
        assert kiosk.ends_all(family)
        assert "Traceback" not in kiosk.log
    finally:
        if kiosk.process.poll() is None:
            kiosk.process.kill()
            kiosk.process.wait()
