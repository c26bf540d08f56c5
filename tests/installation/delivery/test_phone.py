"""Chromium as an iPhone and as an Android phone: from the code on the screen to the picture and its end."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Playwright, sync_playwright

from engine.common.arrays import Pixels
from installation.delivery.captions import Caption
from installation.delivery.messages import Offered
from installation.delivery.pictures import TakeHomePictures
from installation.outputs import marks
from installation.outputs.films import film
from tests.support.code_reader import read_code, screen_with_code
from tests.support.delivery_kit import Stage, running, until
from tests.support.programs import require_programs

CHROMIUM = "/usr/bin/chromium"
PHONES = ["iPhone 15", "Pixel 7"]
RED, BLUE, GREEN = ((200, 30, 30), (30, 30, 200), (30, 200, 30))

# What the browser would ask of its maker is none of the test's business.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


def plain(colour: tuple[int, int, int], height_px: int = 64) -> Pixels:
    return np.full((height_px, 64, 3), colour, np.uint8)


@pytest.fixture(scope="module")
def driver() -> Iterator[Playwright]:
    require_programs("chromium", "zbarimg")
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(driver: Playwright) -> Iterator[Browser]:
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


class Phone:
    """A page on a phone of this make, and what went wrong in it or was asked of any other server."""

    def __init__(self, driver: Playwright, browser: Browser, make: str, script: bool = True) -> None:
        self.page: Page = browser.new_context(**driver.devices[make], java_script_enabled=script).new_page()
        self.troubles: list[str] = []

    def open(self, url: str) -> Page:
        own = url.lower().partition("/d/")[0]
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("requestfailed", lambda request: self._note(str(request.failure), request.url))
        self.page.on("request", lambda request: self._expect(request.url, own))
        assert self.goto(url) == 200
        self.page.wait_for_load_state("networkidle")
        return self.page

    def _note(self, failure: str, url: str) -> None:
        # A browser lets go of a film once it has enough of it, and of a visit that becomes a download. What a
        # server breaks off has another name.
        if not (failure == "net::ERR_ABORTED" and (url.endswith(".mp4") or "/save/" in url)):
            self.troubles.append(f"{failure}: {url}")

    def _expect(self, url: str, own: str) -> None:
        if not url.lower().startswith(own):
            self.troubles.append(f"asked of another: {url}")

    def goto(self, url: str) -> int:
        answer = self.page.goto(url)
        assert answer is not None
        return answer.status


@pytest.fixture
def phone(driver: Playwright, browser: Browser) -> Iterator[Callable[..., Phone]]:
    """Makes phones: `phone("Pixel 7", script=False)`."""
    made: list[Phone] = []

    def make(name: str, script: bool = True) -> Phone:
        made.append(Phone(driver, browser, name, script))
        return made[-1]

    yield make
    for each in made:
        each.page.context.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running(tmp_path_factory.mktemp("delivery") / "sock") as stage:
        yield stage


numbers = iter(range(1, 1000))


@pytest.fixture
def url(stage: Stage, tmp_path: Path) -> str:
    """Where a code leads, read off a picture of the screen."""
    moving = (plain(RED, 80) if number < 8 else plain(BLUE, 80) for number in range(30))
    offered = TakeHomePictures(
        visit_id=next(numbers),
        language="en",
        doppelganger=plain(GREEN),
        captions=(Caption("dlib", False, "Of 10,000 strangers it takes 57 for you."),),
        pair=(plain(RED), plain(BLUE)),
        film=film.film_bytes(moving),
    )
    stage.visits.add(offered.visit_id)
    stage.delivery.offer(offered)
    link = stage.wait_for(Offered, offered.visit_id).url
    read = read_code(screen_with_code(link, 480), tmp_path)
    assert read.startswith(f"http://127.0.0.1:{stage.network.port}/D/")
    return read


def colours(page: Page, selector: str) -> list[tuple[int, ...]]:
    """The colours of a picture on the page at 10 %, 50 % and 90 % of its width, a quarter down."""
    with Image.open(io.BytesIO(page.locator(selector).screenshot())) as image:
        shown = np.asarray(image.convert("RGB"))
    row = shown[shown.shape[0] // 4]
    return [tuple(row[int(len(row) * share)].tolist()) for share in (0.1, 0.5, 0.9)]


def box(element: Locator) -> tuple[float, float, float, float]:
    """Where it is on the page: left, top, width, height in CSS pixels."""
    found = element.bounding_box()
    assert found is not None
    return found["x"], found["y"], found["width"], found["height"]


def near(seen: tuple[int, ...], colour: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 30 for a, b in zip(seen, colour, strict=True))


@pytest.mark.parametrize("make", PHONES)
def test_a_phone_sees_wipes_plays_saves_and_forgets(
    phone: Callable[..., Phone], make: str, url: str, tmp_path: Path
) -> None:
    held = phone(make)
    page = held.open(url)
    assert page.locator("h1").inner_text().strip().lower() == "someone else"
    assert all(near(colour, GREEN) for colour in colours(page, ".face img"))

    # The line between the two, drawn with a finger, and moved with keys.
    pair = page.locator("#pair")
    pair.scroll_into_view_if_needed()
    left, _, right = colours(page, "#pair")
    assert near(left, BLUE) and near(right, RED)
    x, y, width, _ = box(pair)
    page.mouse.move(x + width / 2, y + 50)
    page.mouse.down()
    page.mouse.move(x + width * 0.95, y + 50, steps=5)
    page.mouse.up()
    assert all(near(colour, BLUE) for colour in colours(page, "#pair"))
    page.locator("#pair input").focus()
    page.keyboard.press("Home")
    assert all(near(colour, RED) for colour in colours(page, "#pair")[1:])

    # The film plays: time passes, and its picture is not the poster any more.
    page.evaluate("document.querySelector('video').play()")
    until(lambda: page.evaluate("document.querySelector('video').currentTime > 0.1") or None, "the film")
    page.evaluate("v = document.querySelector('video'), v.pause(), v.currentTime = 0.8")
    until(lambda: near(colours(page, "video")[1], BLUE) or None, "the film's second half")

    # Without HTTPS nothing is offered that would not work.
    assert page.locator("#share").is_hidden()

    with page.expect_download() as saving:
        page.get_by_role("link", name="Save the picture").click()
    assert saving.value.suggested_filename == "doppelganger.png"
    kept = tmp_path / "kept.png"
    saving.value.save_as(kept)
    with Image.open(kept) as image:
        assert (np.asarray(image) == plain(GREEN)).all()
    assert marks.read_digital_source_type(kept) == marks.TRAINED_ALGORITHMIC_MEDIA

    page.locator("summary").click()
    page.get_by_role("button", name="Delete everything").click()
    page.wait_for_url("**/gone")
    assert "Deleted." in (page.locator("h1").first.text_content() or "")
    assert held.troubles == []
    assert held.goto(url) == 404
    assert "Nothing here" in (page.locator("h1").first.text_content() or "")


def test_a_page_whose_link_is_over_says_so(phone: Callable[..., Phone], stage: Stage) -> None:
    """To whoever saves, and to whoever goes back to a page that the browser has kept whole."""
    save = "document.querySelector('nav a').click()"
    go_back = "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
    for act in (save, go_back):
        visit_id = next(numbers)
        path = stage.offer(TakeHomePictures(visit_id, "en", plain(GREEN)))
        page = phone("iPhone 15").open(f"http://127.0.0.1:{stage.network.port}{path}")
        stage.delivery.revoke(visit_id)
        stage.offer(TakeHomePictures(next(numbers), "en", plain(GREEN)))  # commands are carried out in order
        page.evaluate(act)
        page.get_by_text("Nothing here").wait_for(timeout=10_000)


def test_time_passes_while_the_phone_sleeps(phone: Callable[..., Phone], url: str) -> None:
    page = phone("iPhone 15").page
    page.add_init_script(
        "slept = 0, now = Date.now, Date.now = () => now() + slept, performance.now = () => 0"
    )
    page.goto(url)
    assert "Deleted in 10 min" in page.locator("#stays").inner_text()
    page.evaluate("slept = 7 * 60 * 1000")
    page.get_by_text("Deleted in 3 min").wait_for(timeout=10_000)


@pytest.mark.parametrize("make", PHONES)
def test_the_essentials_work_without_javascript(phone: Callable[..., Phone], make: str, url: str) -> None:
    held = phone(make, script=False)
    page = held.open(url)
    left, _, right = colours(page, "#pair")  # side by side
    assert near(left, BLUE) and near(right, RED)
    assert page.get_by_text("Move the line").is_hidden()
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save the card").click()
    with Image.open(saving.value.path()) as image:
        assert image.size == (1080, 1350)
    page.locator("summary").click()
    page.get_by_role("button", name="Delete everything").click()
    page.wait_for_url("**/gone")
    assert held.troubles == [] and held.goto(url) == 404


@pytest.mark.parametrize("make", [*PHONES, "iPhone SE", "iPhone 15 landscape", "Pixel 7 landscape"])
def test_the_page_fits_every_phone(phone: Callable[..., Phone], make: str, url: str) -> None:
    page = phone(make).open(url)
    whole, seen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert whole <= seen  # nothing to scroll sideways
    face_left, face_top, face_width, face_height = box(page.locator(".face img"))
    words_left, words_top, _, _ = box(page.locator(".words"))
    if "landscape" in make:
        assert words_left >= face_left + face_width - 1
        assert face_height <= page.evaluate("innerHeight")
    else:
        assert face_width == seen and words_top >= face_top + face_height - 1
    # Its own typeface came, and buttons are large enough for a thumb.
    assert page.evaluate("document.fonts.check('16px \"IBM Plex Sans\"') && document.fonts.size === 1")
    assert all(box(button)[3] >= 44 for button in page.locator("a.button").all())


def test_an_injected_script_does_not_run(phone: Callable[..., Phone], url: str) -> None:
    """What might be brought into the page stays dead under its policy. The control: without one it runs."""
    held = phone("Pixel 7")
    page = held.open(url)
    inject = (
        "s = document.createElement('script'), s.textContent = 'window.pwned = 1', document.body.append(s)"
    )
    page.evaluate(inject)
    assert page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in line for line in held.troubles)
    page.goto("about:blank")
    page.evaluate(inject)
    assert page.evaluate("window.pwned") == 1


def test_a_picture_that_is_still_the_sitter_is_not_called_someone_else(
    phone: Callable[..., Phone], stage: Stage
) -> None:
    words = {}
    for same in (True, False):
        path = stage.offer(TakeHomePictures(next(numbers), "en", plain(GREEN), same=same))
        page = phone("Pixel 7").open(f"http://127.0.0.1:{stage.network.port}{path}")
        words[same] = page.locator("header").inner_text().lower()
    assert "same person" in words[True] and "still you" in words[True]
    assert "someone else" in words[False] and "not you" in words[False]


def test_words_from_the_stage_are_shown_as_words(phone: Callable[..., Phone], stage: Stage) -> None:
    hostile = "<script>window.pwned = 1</script><img src=x onerror=alert(1)>"
    offered = TakeHomePictures(next(numbers), "en", plain(GREEN), (Caption(hostile, False, hostile),))
    address = f"http://127.0.0.1:{stage.network.port}{stage.offer(offered)}"
    held = phone("Pixel 7")
    page = held.open(address)
    assert hostile in page.locator(".judges p").inner_text() and held.troubles == []
    assert len(re.findall("<script", page.content())) == 1


def test_sharing_is_offered_where_the_page_came_by_https(phone: Callable[..., Phone], url: str) -> None:
    """To a browser its own machine is as safe as HTTPS; the system's share sheet itself is stood in for."""
    page = phone("Pixel 7").page
    page.add_init_script(
        "navigator.canShare = (content) => content.files.length === 1;"
        "navigator.share = async (content) => { window.shared = content.files[0]; };"
    )
    page.goto(url)
    page.locator("#share").wait_for(state="visible")
    page.locator("#share").click()
    shared = page.evaluate("[window.shared.name, window.shared.type, window.shared.size > 10000]")
    assert shared == ["card.jpg", "image/jpeg", True]
