"""The control page, in a real browser."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from installation.control.show.frame_status import JuryEntry
from installation.settings.phase import Phase
from installation.visit.events import BlackoutChanged, Halted, ShowClosed, Skipped
from installation.workers.supervision import Condition, Health
from tests.support.headless_stage import HeadlessStage, eventually, headless_stage
from tests.support.judge_kit import verdict
from tests.support.osc_clients import chromium, osc_js


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(stage: HeadlessStage, browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 390, "height": 844})
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text))
    opened.goto(f"http://127.0.0.1:{stage.http_port}/")
    opened.wait_for_selector("body.connected")
    yield opened
    opened.close()
    # A page that looks for a server that is away says so; that is right.
    assert [fault for fault in faults if "ERR_CONNECTION" not in fault] == []


def test_a_slider_turns_a_parameter_and_follows_it(stage: HeadlessStage, page: Page) -> None:
    page.get_by_text("rehearsed", exact=True).click()
    slider = page.get_by_label("/scene/rehearsed/glow", exact=True)
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for share in (0.6, 0.7, 0.8):
        told = len(stage.registry.set_to("rehearsed/glow"))
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        eventually(lambda told=told: len(stage.registry.set_to("rehearsed/glow")) > told)  # type: ignore[misc]
    page.mouse.up()
    eventually(lambda: float(stage.value("rehearsed/glow")) > 0.75)
    glow = stage.registry.set_to("rehearsed/glow")
    assert glow == sorted(glow)
    with osc_js(stage.port) as other:
        other.ask("/scene/rehearsed/glow", ("f", 0.5))
        expect(slider).to_have_value("0.5")


def test_a_slider_that_is_let_go_shows_what_another_hand_has_set(stage: HeadlessStage, page: Page) -> None:
    page.get_by_text("rehearsed", exact=True).click()
    slider = page.get_by_label("/scene/rehearsed/glow", exact=True)
    slider.hover()
    page.mouse.down()
    with osc_js(stage.port) as other:
        other.ask("/scene/rehearsed/glow", ("f", 0.25))
        expect(slider).not_to_have_value("0.25")
        page.mouse.up()
        expect(slider).to_have_value("0.25")
    assert stage.value("rehearsed/glow") == 0.25


def test_every_kind_of_parameter_has_its_control(stage: HeadlessStage, page: Page) -> None:
    page.get_by_text("rehearsed", exact=True).click()
    page.get_by_label("/scene/rehearsed/needle").uncheck()
    page.get_by_label("/scene/rehearsed/way").select_option("fro")
    page.get_by_label("/scene/rehearsed/hint").fill("näher")
    page.get_by_label("/scene/rehearsed/hint").press("Enter")
    page.get_by_label("/scene/rehearsed/ground").fill("#203040")
    page.get_by_label("/scene/rehearsed/turns, number").fill("12")
    page.get_by_label("/scene/rehearsed/turns, number").press("Enter")
    wanted = {"needle": False, "way": "fro", "hint": "näher", "ground": "#203040", "turns": 12}
    eventually(lambda: stage.registry.changes().get("rehearsed") == wanted)
    changed = page.locator("[data-scene=rehearsed] .name.changed")
    expect(changed).to_have_text(["turns", "needle", "hint", "ground", "way"])
    # What is beyond its range comes back as what it really is; what is refused is said.
    page.get_by_label("/scene/rehearsed/ride_s, number").fill("999")
    page.get_by_label("/scene/rehearsed/ride_s, number").press("Enter")
    expect(page.get_by_label("/scene/rehearsed/ride_s, number")).to_have_value("120")
    page.get_by_label("/scene/rehearsed/tilt_deg, number").fill("99")
    page.get_by_label("/scene/rehearsed/tilt_deg, number").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("out of range")
    expect(page.get_by_label("/scene/rehearsed/tilt_deg, number")).to_have_value("0")
    page.get_by_label("/scene/rehearsed/hint").fill("much nearer than this can ever be")
    page.get_by_label("/scene/rehearsed/hint").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("at most 20 characters")
    expect(page.get_by_label("/scene/rehearsed/hint")).to_have_value("näher")
    for address in stage.registry.parameters:
        assert page.locator(f'[aria-label="/scene/{address}"]').count() == 1, address


def test_the_page_shows_the_visit_and_what_to_do(stage: HeadlessStage, page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("border")
    expect(page.locator("#health")).to_contain_text("Check the camera's cable.")
    expect(page.locator("#verdict")).to_have_text("dlib: the same person, 0.500")
    stage.status = replace(
        stage.status,
        phase=Phase.JURY,
        t=0.75,
        verdict=verdict(0.625),
        jury=(JuryEntry(verdict(0.625), 0.5),),
        health={"camera": Health(Condition.OK, "running.")},
    )
    expect(page.locator("#verdict")).to_have_text("dlib: someone else, 0.625")
    expect(page.locator("#phases .now")).to_have_text("jury")
    expect(page.locator("#shown")).to_have_attribute("cx", "220")
    expect(page.locator("#health")).not_to_contain_text("cable")
    expect(page.locator("#borders")).to_have_text("dlib")


def test_the_borders_of_judges_who_nearly_agree_can_be_read(stage: HeadlessStage, page: Page) -> None:
    judges = {"dlib": 0.55, "arcface-l": 0.56, "sface": 0.57, "anthropometry": 0.58}
    stage.status = replace(
        stage.status,
        phase=Phase.JURY,
        jury=tuple(JuryEntry(verdict(0.5, judge=judge), border) for judge, border in judges.items()),
    )
    labels = page.locator("svg text:visible")
    expect(labels.filter(has_text="anthropometry")).to_be_visible()
    boxes = [box for label in labels.all() if (box := label.bounding_box())]
    assert len(boxes) >= len(judges) + 3, "the two ends and the verdict, too"
    for box, other in combinations(boxes, 2):
        beside = box["x"] + box["width"] <= other["x"] or other["x"] + other["width"] <= box["x"]
        above = box["y"] + box["height"] <= other["y"] + 2 or other["y"] + other["height"] <= box["y"] + 2
        assert beside or above


def test_the_show_and_presets_are_at_hand(stage: HeadlessStage, page: Page) -> None:
    page.get_by_role("button", name="next", exact=True).click()
    eventually(lambda: stage.happened == [Skipped()])
    page.get_by_role("button", name="blackout").click()
    eventually(lambda: len(stage.happened) == 3 and stage.happened[1] == Halted())
    page.get_by_label("Name of a preset").fill("evening")
    page.get_by_role("button", name="save as it is").click()
    expect(page.get_by_role("button", name="evening")).to_be_visible()
    page.get_by_text("rehearsed", exact=True).click()
    page.get_by_label("/scene/rehearsed/turns, number").fill("9")
    page.get_by_label("/scene/rehearsed/turns, number").press("Enter")
    eventually(lambda: stage.value("rehearsed/turns") == 9)
    page.locator("#fade").fill("0")
    page.get_by_role("button", name="evening").click()
    eventually(lambda: stage.value("rehearsed/turns") == 3)


def test_no_two_parameters_of_a_scene_look_alike(stage: HeadlessStage, page: Page) -> None:
    shown = [
        f"{scene.get_attribute('data-scene')}/{name}"
        for scene in page.locator("details[data-scene]").all()
        for name in scene.locator(".name").all_text_contents()
    ]
    assert sorted(shown) == sorted(stage.registry.parameters)


def test_panic_asks_first(stage: HeadlessStage, page: Page) -> None:
    panic = page.get_by_role("button", name="panic")
    page.once("dialog", lambda dialog: dialog.dismiss())
    panic.click()
    page.get_by_role("button", name="next", exact=True).click()
    eventually(lambda: stage.happened == [Skipped()])
    page.once("dialog", lambda dialog: dialog.accept())
    panic.click()
    eventually(lambda: stage.happened[1:] == [Halted(), ShowClosed(), BlackoutChanged(True)])


def test_the_page_fits_a_phone_and_comes_back(stage: HeadlessStage, page: Page) -> None:
    for wide in (390, 320):
        page.set_viewport_size({"width": wide, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= wide
    web = stage.control.services[2]
    port = stage.http_port
    web.stop()
    expect(page.locator("#connection")).to_contain_text("not connected")
    web.start()
    page.wait_for_selector("body.connected")
    assert stage.http_port == port


def test_parameters_are_found_by_address_and_words(stage: HeadlessStage, page: Page) -> None:
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search parameters")
    expect(search).to_be_focused()
    search.press_sequentially("rehearsed BRIGHT")
    expect(page.locator(".parameter:visible .address")).to_have_text(["/scene/rehearsed/glow"])
    expect(page.locator("#found")).to_have_text("1 found")
    search.fill("ride_s how long")
    expect(page.locator(".parameter:visible .address")).to_contain_text(["/scene/rehearsed/ride_s"])
    search.fill("no such thing")
    expect(page.locator("details:visible")).to_have_count(0)
    search.press("Escape")
    expect(page.locator("details:visible")).to_have_count(page.locator("details").count())
    assert page.locator(".parameter:visible").count() == 0, "closed again"


def test_defaults_and_the_last_change_come_back(stage: HeadlessStage, page: Page) -> None:
    page.get_by_text("rehearsed", exact=True).click()
    reset = page.get_by_role("button", name="reset rehearsed/turns")
    expect(reset).to_be_hidden()
    page.get_by_label("/scene/rehearsed/turns, number").fill("12")
    page.get_by_label("/scene/rehearsed/turns, number").press("Enter")
    expect(reset).to_have_text("reset to 3 ")
    reset.click()
    eventually(lambda: stage.value("rehearsed/turns") == 3)
    expect(reset).to_be_hidden()
    page.get_by_role("button", name="undo").click()
    eventually(lambda: stage.value("rehearsed/turns") == 12)
    page.locator("body").press("Control+z")
    eventually(lambda: stage.value("rehearsed/turns") == 3)


def test_the_desk_shows_today_the_cues_and_the_log(tmp_path: Path, browser: Browser) -> None:
    (tmp_path / "cues.toml").write_text(
        '[[cue]]\nat = 10:00:00\nsend = [["/scene/rehearsed/turns", 10]]\n'
        '[[cue]]\nphase = "jury"\nsend = [["/scene/rehearsed/turns", 30]]\n'
    )
    restarted: list[str] = []
    with headless_stage(tmp_path, restart=lambda name, _: restarted.append(name)) as stage:
        stage.status = replace(stage.status, today={"begun": 41, "not_found": 0})
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"http://127.0.0.1:{stage.http_port}/")
        expect(page.locator("#today div")).to_have_text(["begun41", "not_found0"])
        expect(page.locator("#cues li")).to_have_count(2)
        expect(page.locator("#cues .next")).to_contain_text("10:00:00 every day")
        page.get_by_role("button", name="go cue 1").click()
        eventually(lambda: stage.value("rehearsed/turns") == 30)
        logging.getLogger("installation").warning("camera: <b>no</b> frames")
        expect(page.locator("#log .warning").last).to_have_text("camera: <b>no</b> frames")
        restart = page.get_by_role("button", name="restart camera")
        page.once("dialog", lambda dialog: dialog.dismiss())
        restart.click()
        assert not restarted, "it asks first"
        page.once("dialog", lambda dialog: dialog.accept())
        restart.click()
        eventually(lambda: restarted == ["camera"])
        (tmp_path / "cues.toml").write_text("")
        page.get_by_role("button", name="read the list again").click()
        expect(page.locator("#cues li")).to_have_count(0)
        page.close()


def test_fingers_find_every_control(stage: HeadlessStage, page: Page) -> None:
    """44 px at least, or the whole row of the label counts."""
    page.set_viewport_size({"width": 820, "height": 1180})
    page.get_by_text("rehearsed", exact=True).click()
    page.get_by_label("/scene/rehearsed/turns, number").fill("12")
    page.get_by_label("/scene/rehearsed/turns, number").press("Enter")
    expect(page.get_by_role("button", name="reset rehearsed/turns")).to_be_visible()
    small = page.locator(
        "button:visible, summary:visible, select:visible, .parameter:visible label, input[type=search]"
    ).evaluate_all("all => all.filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)")
    assert small == []
    expect(page.get_by_role("button", name="panic")).to_have_attribute("title", "/show/panic")
