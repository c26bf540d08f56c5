"""OSCQuery on real sockets, spoken by npm's oscquery and ws."""

import json
import socket
from pathlib import Path

import pytest
import requests
from requests.auth import HTTPBasicAuth

from installation.control.protocol.address_space import COMMANDS, OUTPUTS
from installation.control.transports import web
from installation.control.transports.streams import MOST_CONNECTIONS
from installation.control.transports.web import MOST_HTTP_CONNECTIONS
from installation.settings.parameters import Kind
from installation.workers.supervision import Condition
from tests.support.browser_headers import cookies
from tests.support.headless_stage import HeadlessStage, eventually, headless_stage
from tests.support.osc_clients import osc_js, oscquery, websocket

TYPES = {Kind.FLOAT: "f", Kind.INT: "i", Kind.BOOL: "T"}


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


def test_cookies_of_other_programs_at_the_same_address_are_no_hindrance(stage: HeadlessStage) -> None:
    """Browsers send a host's cookies to all of its ports, and 127.0.0.1 has many."""
    url = f"http://127.0.0.1:{stage.http_port}/scene/rehearsed/glow?VALUE"
    for most_bytes in (9000, 30_000):
        assert requests.get(url, headers={"Cookie": cookies(most_bytes)}).json() == {"VALUE": [0.5]}


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
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: " + b"x" * 40_000 + b"\r\n\r\n",
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


def test_malformed_requests_are_counted_and_nothing_else(stage: HeadlessStage) -> None:
    with websocket(stage.http_port) as client:
        for text in (
            "", "{", "[" * 5000, "null", '{"COMMAND": "LISTEN"}', '{"COMMAND": "LISTEN", "DATA": 1}',
            '{"COMMAND": "LISTEN", "DATA": "/none"}', '{"COMMAND": "OPEN", "DATA": "/scene"}',
        ):  # fmt: skip
            client.send_text(text)
        client.send("/ping")
        assert client.receive() == ("/pong", ())
    counts = stage.control._error_log.counts
    eventually(lambda: counts["malformed request over WebSocket"] == 8)


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
        counts = stage.control._error_log.counts
        eventually(lambda: counts["connection refused"] == 2 * MOST_HTTP_CONNECTIONS)
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
