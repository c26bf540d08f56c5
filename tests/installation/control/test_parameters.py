"""Parameters over OSC, spoken by liblo and osc.js: set, read, refused, reached by patterns and in bundles."""

import socket
import struct
import time
from dataclasses import replace

import pytest

from installation.control.protocol.packets import encode
from installation.settings.parameters import Kind, Outside
from installation.settings.phase import Phase
from installation.visit.events import BlackoutChanged, Halted, ShowClosed
from tests.support.headless_stage import HeadlessStage, eventually
from tests.support.judge_kit import verdict
from tests.support.osc_clients import OscJs, osc_js, oscdump, oscsend

TAGS = {Kind.FLOAT: "f", Kind.INT: "i", Kind.TEXT: "s", Kind.COLOUR: "s", Kind.CHOICE: "s"}


def collect(client: OscJs, addresses: set[str]) -> dict[str, tuple]:
    """The next answer from each of the addresses."""
    found: dict[str, tuple] = {}
    while set(found) != addresses:
        address, arguments = client.receive(*addresses, "/error")
        key = arguments[0] if address == "/error" else address
        found[key] = ("/error",) if address == "/error" else arguments
    return found


# --- parameters ---


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_every_parameter_is_read_set_to_its_bounds_and_beyond(stage: HeadlessStage, transport: str) -> None:
    with osc_js(stage.port if transport == "udp" else stage.tcp_port, transport) as client:
        read_set_and_exceed_everything(stage, client)


def read_set_and_exceed_everything(stage: HeadlessStage, client: OscJs) -> None:
    every = stage.registry.parameters
    osc = {f"/scene/{address}": parameter for address, parameter in every.items()}
    for address in osc:
        client.send(address)
    answers = collect(client, set(osc))
    for address, parameter in osc.items():
        assert answers[address][0] == pytest.approx(parameter.default), address

    numbers = {address: each for address, each in osc.items() if each.minimum is not None}
    for beyond, bound in ((0, "minimum"), (-1, "minimum"), (0, "maximum"), (1, "maximum")):
        for address, parameter in numbers.items():
            client.send(address, (TAGS[parameter.kind], getattr(parameter, bound) + beyond))
        answers = collect(client, set(numbers))
        for address, parameter in numbers.items():
            if beyond and parameter.outside is Outside.REFUSE:
                assert answers[address] == ("/error",), address
            else:
                assert answers[address][0] == pytest.approx(getattr(parameter, bound), rel=1e-6), address
            assert stage.value(parameter.address) == getattr(parameter, bound)

    for address, tag, value, really in [
        ("needle", "F", False, False), ("needle", "T", True, True), ("needle", "f", 0.0, False),
        ("turns", "f", 4.4, 4), ("turns", "h", {"high": 0, "low": 5}, 5), ("hint", "s", "näher", "näher"),
        ("hint", "s", "顔を見せて", "顔を見せて"), ("hint", "s", "أرنا وجهك 👀", "أرنا وجهك 👀"),
        ("ground", "s", "#A0B1C2", "#a0b1c2"), ("way", "s", "fro", "fro"), ("glow", "i", 1, 1.0),
        ("glow", "d", 0.25, 0.25),
    ]:  # fmt: skip
        assert client.ask(f"/scene/rehearsed/{address}", (tag, value)) == (really,), address


WRONG = [
    ("/scene/rehearsed/glow", (("s", "bright"),), "wrong type"),
    ("/scene/rehearsed/glow", (("f", 0.1), ("f", 0.2)), "one value"),
    ("/scene/rehearsed/hint", (("s", "x" * 4000),), "too long"),
    ("/scene/rehearsed/hint", (("s", "\x1b[2J"),), "control characters"),
    ("/scene/rehearsed/hint", (("s", "tilt \ue000"),), "No typeface has U+E000. Leave it out."),
    ("/scene/rehearsed/way", (("s", "__import__('os')"),), "choices"),
    ("/scene/rehearsed/nothing", (("f", 0.1),), "unknown address"),
    ("/scene/*/nothing", (), "unknown address"),
    ("/" + "x" * 4000, (), "unknown address"),
    ("/visit/phase", (("s", "border"),), "only be read"),
    ("/border/crossed", (), "nothing is known"),
    ("/preset/load", (("s", "../secret"),), "no such preset"),
    ("/preset/save", (("s", "../secret"),), "preset's name"),
    ("/preset/load", (("s", "none"),), "no such preset"),
    ("/preset/save", (("i", 3),), "wrong type"),
    ("/show/go", (("s", "jury"), ("i", 1)), "takes phase"),
    ("/show/go", (("s", "search"),), "only a visitor"),
    ("/show/go", (), "takes phase"),
    ("/preset/load", (), "takes name fade_s"),
    ("/show/next", (("s", "now"),), "takes nothing"),
    ("/subscribe", (("f", 10.0), ("i", 9001), ("i", 1)), "takes lease_s port"),
]


def test_what_is_wrong_is_refused_with_a_reason(stage: HeadlessStage, client: OscJs) -> None:
    for address, arguments, reason in WRONG:
        client.send(address, *arguments)
        refused, why = client.receive("/error")[1]
        assert reason in why and len(refused) <= 60, address
    # JSON has neither of these: they go by hand.
    huge = b"/scene/rehearsed/turns\x00\x00,h\x00\x00" + struct.pack(">q", -(2**63))
    for packet, why_not in (
        (encode("/scene/rehearsed/glow", float("nan")), b"not a finite number"),
        (encode("/scene/rehearsed/glow", float("-inf")), b"not a finite number"),
        (huge, b"too large"),
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.settimeout(10)
            other.sendto(packet, ("127.0.0.1", stage.port))
            answer = other.recv(4096)
        assert answer.startswith(b"/error") and why_not in answer
    stage.wait_frames(2)  # events reach `happened` after the answer
    assert stage.happened == [] and stage.registry.changes() == {}


def test_patterns_reach_every_parameter_they_match(stage: HeadlessStage, client: OscJs) -> None:
    client.send("/scene/visit/{jury,farewell}_s", ("f", 20.0))
    answers = [client.receive() for _ in range(2)]
    assert answers == [("/scene/visit/jury_s", (20.0,)), ("/scene/visit/farewell_s", (20.0,))]
    client.send("/scene/rehearsed/*")
    assert [client.receive()[0].rpartition("/")[2] for _ in range(8)] == [
        "glow", "ride_s", "turns", "tilt_deg", "needle", "hint", "ground", "way",
    ]  # fmt: skip


def test_patterns_ask_and_set_but_do_nothing_else(stage: HeadlessStage, client: OscJs) -> None:
    """Who explores with patterns must not start a panic on the way."""
    for pattern in ("/*/*", "/show/*", "/{show,preset,config}/{panic,stop,save}", "/*"):
        client.send(pattern)
    client.send("/ping")
    client.receive("/pong")
    stage.wait_frames(2)  # events reach `happened` after the answer
    assert stage.happened == [] and stage.registry.history == []


def test_what_was_told_of_a_visit_is_forgotten_with_it(stage: HeadlessStage, client: OscJs) -> None:
    stage.status = replace(stage.status, verdict=verdict(0.625))
    eventually(lambda: client.ask("/border/crossed")[0] == 0)
    assert {client.ask("/jury/verdict")[0], client.receive("/jury/verdict")[1][0]} == {
        "dlib",
        "anthropometry",
    }
    stage.status = replace(stage.status, phase=Phase.ATTRACT, t=None, verdict=None, jury=())
    eventually(lambda: client.ask("/border/t") == (-1.0,))
    for address in ("/border/verdict", "/border/crossed", "/jury/verdict"):
        assert client.ask(address) == (address, "nothing is known yet.")
    client.send("/subscribe", ("f", 60.0))
    heard: list[str] = []
    while heard.count("/heartbeat") < 2:
        heard.append(client.receive()[0])
    assert "/border/t" in heard
    assert not any(each.startswith(("/border/v", "/border/c", "/jury")) for each in heard)


def test_liblo_sets_and_hears(stage: HeadlessStage) -> None:
    with oscdump() as dump:
        oscsend(stage.port, "/subscribe", "fi", "60", str(dump.port))
        eventually(lambda: dump.told("/scene/rehearsed/way"))
        oscsend(stage.port, "/scene/rehearsed/glow", "f", "7")
        oscsend(stage.port, "/scene/rehearsed/hint", "s", "look up")
        oscsend(stage.port, "/scene/rehearsed/needle", "F")
        eventually(lambda: '/scene/rehearsed/hint s "look up"' in dump.lines)
        eventually(lambda: "/scene/rehearsed/glow f 1.000000" in dump.lines)
        eventually(lambda: any(line.startswith("/scene/rehearsed/needle F") for line in dump.lines))
        eventually(lambda: len(dump.told("/heartbeat")) >= 2)
        assert '/visit/phase ss "border" "the border is found, or its absence"' in dump.lines
        assert '/border/verdict sif "dlib" 1 0.500000' in dump.lines
        assert len(dump.told("/jury/verdict")) == 2
        assert dump.told("/health/service") == [
            '/health/service ssss "camera" "waiting to try again" "no frames." "Check the camera\'s cable."'
        ]


# --- bundles ---


def test_a_bundle_applies_together_and_in_order(stage: HeadlessStage, client: OscJs) -> None:
    changes = [("/scene/rehearsed/turns", ("i", number)) for number in range(1, 101)]
    client.send_bundle(None, *changes)
    eventually(lambda: stage.value("rehearsed/turns") == 100)
    assert stage.registry.history == [("rehearsed/turns", number) for number in range(1, 101)]


def test_dated_bundles_wait_late_ones_do_not(stage: HeadlessStage, client: OscJs) -> None:
    due_s = time.time() + 5.0
    client.send_bundle(due_s, ("/scene/rehearsed/turns", ("i", 2)))
    client.send_bundle(time.time() + 60.0, ("/scene/rehearsed/turns", ("i", 60)))
    client.send_bundle(time.time() - 3600.0, ("/scene/rehearsed/turns", ("i", 1)))
    eventually(lambda: stage.registry.history == [("rehearsed/turns", 1)])
    eventually(lambda: len(stage.registry.history) == 2)
    assert time.time() > due_s - 0.1
    assert stage.registry.history[-1] == ("rehearsed/turns", 2)
    client.send_bundle(time.time() + 3600.0, ("/scene/rehearsed/turns", ("i", 3600)))
    assert "clocks" in client.receive("/error")[1][1]
    for number in range(300):
        client.send_bundle(time.time() + 60.0, ("/scene/rehearsed/turns", ("i", number)))
    assert "wait already" in client.receive("/error")[1][1]
    client.send("/show/panic")
    assert client.receive("/done")[1] == ("/show/panic", "panic")
    eventually(client.silent)
    eventually(lambda: stage.happened[-3:] == [Halted(), ShowClosed(), BlackoutChanged(True)])
    client.send_bundle(time.time() + 60.0, ("/scene/rehearsed/turns", ("i", 9)))
    assert client.silent(), "panic has made room"
    assert len(stage.registry.history) == 2
