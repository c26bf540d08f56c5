"""OSCQuery on real sockets, spoken by npm's oscquery and ws, and the page for people in a real browser."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import requests
import zeroconf
from playwright.sync_api import Browser, Page, expect, sync_playwright
from requests.auth import HTTPBasicAuth

from installation.control.protocol.address_space import COMMANDS, OUTPUTS
from installation.control.show.frame_status import JuryEntry
from installation.control.transports import web
from installation.control.transports.advertisement import Advertisement
from installation.control.transports.streams import MOST_CONNECTIONS
from installation.control.transports.web import MOST_HTTP_CONNECTIONS
from installation.settings.parameters import Kind
from installation.settings.phase import Phase
from installation.visit.events import Halted, Skipped
from installation.workers.supervision import Condition, Health
from tests.support.headless_stage import HeadlessStage, eventually, headless_stage
from tests.support.judge_kit import verdict
from tests.support.osc_clients import chromium, osc_js, oscquery, websocket

TYPES = {Kind.FLOAT: "f", Kind.INT: "i", Kind.BOOL: "T"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[HeadlessStage]:
    with headless_stage(tmp_path) as running:
        yield running


def get(stage: HeadlessStage, path: str, **headers: str) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{stage.http_port}{path}", headers=headers, timeout=10)


# --- the tree ---


def test_a_client_from_elsewhere_walks_the_whole_tree(stage: HeadlessStage) -> None:
    found = oscquery("127.0.0.1", str(stage.http_port))
    assert found["host"]["name"] == "Doppelgänger"
    assert (found["host"]["oscIp"], found["host"]["oscPort"]) == ("127.0.0.1", stage.port)
    assert found["host"]["extensions"]["LISTEN"] is True
    methods = {each["full_path"]: each for each in found["methods"]}
    for address, parameter in stage.registry.parameters.items():
        (argument,) = methods[f"/scene/{address}"]["arguments"]
        value = stage.value(address)
        # A switch's type is its value (OSC 1.0, optional types).
        assert argument["type"] == ("F" if value is False else TYPES.get(parameter.kind, "s"))
        assert argument["value"] == value
        assert methods[f"/scene/{address}"]["access"] == 3
        assert methods[f"/scene/{address}"]["description"] == parameter.description
        if parameter.minimum is not None:
            assert argument["range"] == {"min": parameter.minimum, "max": parameter.maximum}
        if parameter.choices:
            assert argument["range"] == {"vals": list(parameter.choices)}
    assert {each.address for each in (*COMMANDS, *OUTPUTS)} <= set(methods)


def test_it_is_found_by_name(tmp_path: Path) -> None:
    with headless_stage(tmp_path, advertise=True) as stage:
        found = oscquery("--discover", str(stage.http_port))
        assert found["host"]["oscPort"] == stage.port
        assert stage.control.services[3].health.condition is Condition.OK


def test_it_is_told_to_a_network_that_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["127.0.0.1"]
    told: list[set[tuple[str, ...]]] = []

    class Told:
        def __init__(self, **_: object) -> None:
            told.append(set())

        def register_service(self, information: zeroconf.ServiceInfo, **_: object) -> None:
            told[-1].add((information.type, *information.parsed_addresses()))

        def close(self) -> None:
            pass

    monkeypatch.setattr(zeroconf, "Zeroconf", Told)
    monkeypatch.setattr(zeroconf, "get_all_addresses", lambda: list(addresses))
    advertised = Advertisement(True, "0.0.0.0", ports=lambda: (9000, 5678))
    advertised.start()
    eventually(lambda: told and len(told[-1]) == 2)
    addresses.append("10.20.0.5")
    later = {(f"{kind}.local.", "10.20.0.5", "127.0.0.1") for kind in ("_osc._udp", "_oscjson._tcp")}
    eventually(lambda: told[-1] == later)
    advertised.stop()
    assert len(told) == 2


def test_a_node_says_all_that_the_registry_knows(stage: HeadlessStage) -> None:
    assert get(stage, "/scene/rehearsed/ride_s").json() == {
        "FULL_PATH": "/scene/rehearsed/ride_s",
        "TYPE": "f",
        "ACCESS": 3,
        "VALUE": [25.0],
        "RANGE": [{"MIN": 5, "MAX": 120}],
        "UNIT": ["time.second"],
        "CLIPMODE": ["both"],
        "DESCRIPTION": "how long",
        "APPLIES": "next scene",
        "DEFAULT": 25.0,
    }
    assert "CLIPMODE" not in get(stage, "/scene/rehearsed/tilt_deg").json()
    assert get(stage, "/scene/rehearsed/ground").json()["EXTENDED_TYPE"] == ["color"]
    assert list(get(stage, "/scene/rehearsed/").json()["CONTENTS"])[:2] == ["glow", "ride_s"]
    assert get(stage, "/show/next").json()["TYPE"] == "I"
    assert get(stage, "/visit/phase?VALUE").json() == {"VALUE": ["border", stage.status.reason]}


@pytest.mark.parametrize(
    ("path", "status", "answer"),
    [
        ("/scene/rehearsed/glow?VALUE", 200, {"VALUE": [0.5]}),
        ("/scene/rehearsed/glow?RANGE", 200, {"RANGE": [{"MIN": 0, "MAX": 1}]}),
        ("/scene/rehearsed/glow?TYPE", 200, {"TYPE": "f"}),
        ("/scene/rehearsed/glow?UNIT", 200, {}),
        ("/scene?TYPE", 200, {}),
        ("/border/crossed?VALUE", 200, {}),  # it has no value yet
        ("/show/next?VALUE", 204, None),
        ("/scene?VALUE", 204, None),
        ("/scene/rehearsed/glow?GABBAGABBAHEY", 400, None),
        ("/scene/rehearsed/none", 404, None),
        ("/scene/rehearsed/none?VALUE", 404, None),
        ("/page/../control.py", 404, None),
        ("/page/%2e%2e/control.py", 404, None),
    ],
)
def test_attributes_and_errors_are_those_of_the_proposal(
    stage: HeadlessStage, path: str, status: int, answer: dict | None
) -> None:
    got = get(stage, path)
    assert got.status_code == status
    if answer is not None:
        assert got.json() == answer
    if status == 204:
        assert got.content == b""


def test_nothing_can_be_posted(stage: HeadlessStage) -> None:
    assert requests.post(f"http://127.0.0.1:{stage.http_port}/", data="x", timeout=10).status_code == 405


def test_what_is_not_http_is_a_line_and_no_more(
    stage: HeadlessStage, caplog: pytest.LogCaptureFixture
) -> None:
    garbage = [
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"\xc0/ping\x00\x00\x00\xc0" * 20,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /?%00 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + b"\xff" * 300,
    ]
    for bytes_sent in garbage * 20:
        with socket.create_connection(("127.0.0.1", stage.http_port), timeout=10) as connection:
            connection.sendall(bytes_sent)
            assert connection.recv(1000)
    assert get(stage, "/scene?TYPE").json() == {}
    eventually(lambda: stage.control._error_log.counts["malformed web request"] >= 40)
    assert sum(len(record.getMessage()) for record in caplog.records) < 2000
    assert not any(record.exc_info for record in caplog.records)


# --- listening ---


def test_who_listens_hears_one_address_until_it_ignores_it(stage: HeadlessStage) -> None:
    with websocket(stage.http_port) as listener, osc_js(stage.port) as other:
        listener.send_text('{"COMMAND": "LISTEN", "DATA": "/scene/rehearsed/glow"}')
        assert listener.receive() == ("/scene/rehearsed/glow", (0.5,))
        other.ask("/scene/rehearsed/turns", ("i", 7))
        other.ask("/scene/rehearsed/glow", ("f", 0.75))
        assert listener.receive() == ("/scene/rehearsed/glow", (0.75,))
        listener.send_text('{"COMMAND": "IGNORE", "DATA": "/scene/rehearsed/glow"}')
        listener.send("/ping")
        assert listener.receive() == ("/pong", ())
        other.ask("/scene/rehearsed/glow", ("f", 0.5))
        assert listener.silent()


def test_binary_frames_are_osc(stage: HeadlessStage) -> None:
    with websocket(stage.http_port) as client:
        assert client.ask("/scene/rehearsed/hint", ("s", "look up")) == ("look up",)
        assert stage.value("rehearsed/hint") == "look up"


def test_a_new_preset_changes_the_tree(stage: HeadlessStage) -> None:
    with websocket(stage.http_port) as client:
        client.send("/preset/save", ("s", "morning"))
        assert json.loads(client.receive_text()) == {"COMMAND": "PATH_CHANGED", "DATA": "/preset/load"}
    assert get(stage, "/preset/load?RANGE").json()["RANGE"][0] == {"VALS": ["morning"]}


def test_wishes_that_make_no_sense_are_counted_and_nothing_else(stage: HeadlessStage) -> None:
    with websocket(stage.http_port) as client:
        for text in (
            "", "{", "[" * 5000, "null", '{"COMMAND": "LISTEN"}', '{"COMMAND": "LISTEN", "DATA": 1}',
            '{"COMMAND": "LISTEN", "DATA": "/none"}', '{"COMMAND": "OPEN", "DATA": "/scene"}',
        ):  # fmt: skip
            client.send_text(text)
        client.send("/ping")
        assert client.receive() == ("/pong", ())
    counts = stage.control._error_log.counts
    assert counts["malformed request over WebSocket"] == 8


def test_there_is_an_end_to_connections(stage: HeadlessStage) -> None:
    url = f"http://127.0.0.1:{stage.http_port}/"
    key = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    opened = [requests.get(url, headers=key, stream=True, timeout=10) for _ in range(MOST_CONNECTIONS + 1)]
    assert [each.status_code for each in opened] == [101] * MOST_CONNECTIONS + [503]
    for each in opened:
        each.close()


# --- who may ask ---


def test_only_this_machines_names_and_its_own_pages_are_answered(stage: HeadlessStage) -> None:
    port = stage.http_port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
        assert get(stage, "/?HOST_INFO", Host=host).status_code == 200
    for host in (f"evil.example:{port}", "evil.example", f"127.0.0.1.evil.example:{port}", ""):
        assert get(stage, "/?HOST_INFO", Host=host).status_code == 403
    assert get(stage, "/", Origin=f"http://127.0.0.1:{port}").status_code == 200
    for origin in ("http://evil.example", "null", "http://[", f"http://localhost:{port}"):
        assert get(stage, "/", Origin=origin).status_code == 403
    with pytest.raises(ConnectionRefusedError, match="403"), websocket(port, "http://evil.example"):
        pass


def test_who_is_not_on_the_list_sees_nothing(tmp_path: Path) -> None:
    """Not even a place to wait in: its connections end before it has said anything."""
    with headless_stage(tmp_path, allow=["127.0.0.1"]) as stage:
        address = ("127.0.0.1", stage.http_port)
        for _ in range(2 * MOST_HTTP_CONNECTIONS):
            with socket.create_connection(address, 10, ("127.0.0.2", 0)) as stranger:
                assert is_ended(stranger)
        assert stage.control._error_log.counts["connection refused"] == 2 * MOST_HTTP_CONNECTIONS
        assert get(stage, "/").status_code == 200


def test_who_says_nothing_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "REQUEST_LIMIT_S", 2.0)
    with headless_stage(tmp_path) as stage, websocket(stage.http_port) as listener:
        silent = [
            socket.create_connection(("127.0.0.1", stage.http_port), 20) for _ in range(MOST_HTTP_CONNECTIONS)
        ]
        assert is_ended(silent[-1]), "there are places for so many, one of them the WebSocket's"
        assert all(map(is_ended, silent))
        assert get(stage, "/").status_code == 200
        listener.send("/ping")
        assert listener.receive() == ("/pong", ()), "who has spoken may listen for as long as it likes"


def is_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_password_is_asked_for_everywhere(tmp_path: Path) -> None:
    with headless_stage(tmp_path, password="grün") as stage:
        url = f"http://127.0.0.1:{stage.http_port}"
        for path in ("/", "/?HOST_INFO", "/page/page.js", "/scene"):
            assert get(stage, path).status_code == 401
        wrong = requests.get(url, auth=("curator", "green"), timeout=10)
        assert wrong.status_code == 401 and "curator" not in wrong.cookies
        session = requests.Session()
        known = session.get(url, auth=HTTPBasicAuth(b"curator", "grün".encode()), timeout=10)
        assert known.status_code == 200
        assert session.get(f"{url}/scene", timeout=10).status_code == 200, "the cookie is enough"
        assert get(stage, "/", Authorization="Basic ***").status_code == 401
        with pytest.raises(ConnectionRefusedError), websocket(stage.http_port):
            pass


# --- the page ---


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
    page.get_by_text("rehearsed").click()
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
    page.get_by_text("rehearsed").click()
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
    page.get_by_text("rehearsed").click()
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
    page.get_by_text("rehearsed").click()
    page.get_by_label("/scene/rehearsed/turns, number").fill("9")
    page.get_by_label("/scene/rehearsed/turns, number").press("Enter")
    eventually(lambda: stage.value("rehearsed/turns") == 9)
    page.locator("#fade").fill("0")
    page.get_by_role("button", name="evening").click()
    eventually(lambda: stage.value("rehearsed/turns") == 3)


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
