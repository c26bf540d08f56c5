"""A whole visit with phones: from the code in the kiosk's own picture to the saved doppelgänger and its end.

The kiosk runs live in this thread, Chromium as two phones in another.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright
from skimage import data

from engine.common.arrays import Pixels
from engine.pipeline.result import PictureKind, PortrayalResult
from installation.app import downloads, simulated_visitors
from installation.app.app import App, RunOptions
from installation.app.clock import LiveClock
from installation.app.recorder import pixels
from installation.app.simulated_visitors import SimulatedVisitors
from installation.settings.configuration import load
from installation.settings.phase import Phase
from tests.conftest import REPO
from tests.end_to_end.test_leaks import Sitter
from tests.installation.delivery.test_phone import CHROMIUM, FLAGS, Phone, box
from tests.support.app_kit import SHORT, few_steps
from tests.support.code_reader import read_code
from tests.support.delivery_kit import free_port, until
from tests.support.programs import require_programs

# Looked at by people after a run of the tests; ignored by git.
OUTPUT = REPO / "tests" / "output" / "take-home"
PATIENT = {
    "visit/search_s": "1800",
    "visit/silence_s": "300",
    "visit/doppelganger_s": "300",
    "visit/left_s": "60",
    "visit/left_doppelganger_s": "120",
}
# Few steps lead nearer to the sitter, not all the way: a border is found where the threshold is generous.
JUDGING = 'panel = ["dlib", "anthropometry"]\nthresholds = { dlib = 0.66 }'
LIMIT_S = 900


class Kiosk:
    """One live visit, whose visitor looks at the code and answers nothing."""

    def __init__(self, folder: Path, size: str) -> None:
        config = few_steps(folder, free_port())
        words = config.read_text().replace("headless:360x640", f"headless:{size}")
        config.write_text(words.replace('panel = ["dlib"]', JUDGING))
        portrait = folder / "portrait.png"
        Image.fromarray(data.astronaut()).save(portrait)
        configuration = load(config)
        stage = configuration.stage.model_copy(update={"camera": f"file:{portrait}"})
        configuration = configuration.model_copy(update={"stage": stage})
        self.app = App(configuration, folder, SHORT | PATIENT, RunOptions())
        assert isinstance(self.app.clock, LiveClock)
        self.app.clock.rate_hz = 5  # the cores are for the engine
        self.app.main_loop._sources = [*self.app.main_loop._sources, SimulatedVisitors(1)]

    @property
    def phase(self) -> Phase:
        return self.app.session.state.phase

    def until(self, reached: Callable[[], bool]) -> None:
        """Plays until that is so."""
        limit_s = time.monotonic() + LIMIT_S
        while not reached():
            self.app.main_loop.frame()
            assert time.monotonic() < limit_s, f"still in {self.phase}"

    def for_s(self, seconds: float) -> None:
        """Plays so long."""
        end_s = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end_s)

    def screenshot(self) -> Pixels:
        return pixels(self.app.main_loop.player.canvas.surface)


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kiosk]:
    require_programs("chromium", "zbarimg")
    monkeypatch.setattr(simulated_visitors, "DOPPELGANGER_S", math.inf)
    monkeypatch.setattr(downloads, "FILM_LIMIT_S", 120.0)  # a late film is another test's matter
    OUTPUT.mkdir(parents=True, exist_ok=True)
    kiosk = Kiosk(tmp_path, "1080x1920")
    with kiosk.app as app:
        app.camera.begin(app.clock.now_s)
        yield kiosk


def visit_by_phone(url: str, saved: Path) -> list[str]:
    """What a visitor with two phones does; returns what went wrong in the browsers."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        iphone, android = Phone(driver, browser, "iPhone 15"), Phone(driver, browser, "Pixel 7")
        page = iphone.open(url)
        page.screenshot(path=OUTPUT / "iphone.png", full_page=True)
        # The line between the two pictures, moved with a finger.
        page.locator("#pair").scroll_into_view_if_needed()
        x, y, width, _ = box(page.locator("#pair"))
        before = page.locator("#pair").screenshot()
        page.mouse.move(x + width / 2, y + 50)
        page.mouse.down()
        page.mouse.move(x + width * 0.9, y + 50, steps=5)
        page.mouse.up()
        assert page.locator("#pair").screenshot() != before
        page.evaluate("document.querySelector('video').play()")
        until(lambda: page.evaluate("document.querySelector('video').currentTime > 0.2") or None, "the film")
        page.evaluate("document.querySelector('video').pause()")

        page = android.open(url)
        page.screenshot(path=OUTPUT / "android.png", full_page=True)
        with page.expect_download() as saving:
            page.locator("a.button").first.click()
        saving.value.save_as(saved)

        wide = Phone(driver, browser, "iPhone 15 landscape")
        wide.open(url).screenshot(path=OUTPUT / "landscape.png")

        page.locator("summary").click()
        page.locator("form button").click()
        page.wait_for_url("**/gone")
        page.screenshot(path=OUTPUT / "gone.png")
        troubles = iphone.troubles + android.troubles + wide.troubles
        assert [phone.goto(url) for phone in (iphone, android)] == [404, 404]
        browser.close()
    return troubles


def test_a_visitor_takes_the_doppelganger_home_and_forgets_it(kiosk: Kiosk, tmp_path: Path):
    session = kiosk.app.session
    kiosk.until(lambda: session._visitor.link is not None)
    kiosk.for_s(6)  # the picture alone comes first
    Image.fromarray(kiosk.screenshot()).save(OUTPUT / "kiosk.png")
    result = session._visitor.result
    assert isinstance(result, PortrayalResult)
    assert result.enlarged is not None
    given = np.copy(result.enlarged)
    assert result.picture_to_take_home[1] is PictureKind.HOLDS and result.median.border is not None
    binding = [one.of_doppelganger for one in result.judge_results if one.binding]
    assert binding and not any(one is None or one.same for one in binding)
    url = read_code(kiosk.screenshot(), tmp_path)
    assert url.startswith("http://127.0.0.1:")

    saved = tmp_path / "saved.png"
    outcome: list[object] = []
    phones = threading.Thread(target=partial(_into, outcome, visit_by_phone, url, saved))
    phones.start()
    kiosk.until(lambda: not phones.is_alive() or kiosk.phase is not Phase.DOPPELGANGER)
    assert not [trouble for trouble in outcome if isinstance(trouble, BaseException)]
    # *Forget it now* on the phone ends the visit here, too.
    assert kiosk.phase is Phase.FAREWELL and "wants no picture to stay" in session.state.reason
    kiosk.until(lambda: not phones.is_alive() and kiosk.phase is Phase.ATTRACT)
    assert outcome == [[]]

    with Image.open(saved) as image:
        picture = np.asarray(image)
    assert np.array_equal(picture, given)
    sitter = Sitter()
    assert sitter.is_in(picture) == "" and any(True for _ in sitter.numbers(picture)), (
        "a face, not the sitter's"
    )
    kiosk.app._ends.close()
    (counts,) = json.loads((tmp_path / "counters.json").read_text())["days"].values()
    wanted = {"begun": 1, "agreed": 1, "link": 1, "saved": 1, "forgotten by phone": 1, "finished": 1}
    assert {name: counts.get(name) for name in wanted} == wanted


def _into(outcome: list[object], work: Callable[..., object], *words: object) -> None:
    """The work's result or its failure, for another thread."""
    try:
        outcome.append(work(*words))
    except BaseException as error:
        outcome.append(error)
