"""OSC on real sockets, spoken by liblo and osc.js, to a control whose frames go on meanwhile."""

import contextlib
import logging
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psutil
import pytest
import requests
from pythonosc import slip

from engine.common.errors import UsageError
from installation.cli.osc import default_registry
from installation.control.protocol.address_space import COMMANDS, OUTPUTS
from installation.control.protocol.documentation import markdown_page, terminal_listing
from installation.control.protocol.packets import encode, parse
from installation.settings.configuration import load
from installation.settings.parameters import Kind, Outside
from installation.settings.phase import Phase
from installation.visit.events import BlackoutChanged, Halted, ShowClosed, ShowOpened, Skipped, WokeUp
from installation.workers.supervision import Condition
from tests.conftest import REPO
from tests.support.headless_stage import HeadlessStage, Rehearsed, eventually, headless_stage
from tests.support.judge_kit import verdict
from tests.support.osc_clients import OscJs, osc_js, oscdump, oscsend

FLOOD = REPO / "benchmarks" / "flood.py"
TAGS = {Kind.FLOAT: "f", Kind.INT: "i", Kind.TEXT: "s", Kind.COLOUR: "s", Kind.CHOICE: "s"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[HeadlessStage]:
    with headless_stage(tmp_path) as running:
        yield running


@pytest.fixture
def client(stage: HeadlessStage) -> Iterator[OscJs]:
    with osc_js(stage.port) as connected:
        yield connected


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
        ("ground", "s", "#A0B1C2", "#a0b1c2"), ("way", "s", "fro", "fro"), ("glow", "i", 1, 1.0),
        ("glow", "d", 0.25, 0.25),
    ]:  # fmt: skip
        assert client.ask(f"/scene/rehearsed/{address}", (tag, value)) == (really,), address


WRONG = [
    ("/scene/rehearsed/glow", (("s", "bright"),), "wrong type"),
    ("/scene/rehearsed/glow", (("f", 0.1), ("f", 0.2)), "one value"),
    ("/scene/rehearsed/hint", (("s", "x" * 4000),), "too long"),
    ("/scene/rehearsed/hint", (("s", "\x1b[2J"),), "control characters"),
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


# --- TCP ---


def test_liblo_sets_over_tcp_with_the_length_in_front(stage: HeadlessStage) -> None:
    oscsend(stage.tcp_port, "/scene/rehearsed/glow", "f", "0.125", transport="tcp")
    eventually(lambda: stage.value("rehearsed/glow") == 0.125)


def test_a_stream_is_cut_into_packets_wherever_it_is_cut_on_the_way(stage: HeadlessStage) -> None:
    answer = encode("/scene/rehearsed/turns", 3)
    for framed, answered in (
        # SLIP with one END between packets, with two, and with ENDs and escapes inside.
        (slip.encode(encode("/ping")) + slip.encode(TURNS)[1:], slip.encode(answer)),
        (slip.encode(encode("/ping")) + slip.encode(TURNS), slip.encode(answer)),
        (slip.encode(encode("/none", -0x3F240040)) + slip.encode(TURNS), slip.encode(answer)),
        (encode("/ping") + slip.END + TURNS + slip.END, slip.encode(answer)),
        (led_by_length(encode("/ping")) + led_by_length(TURNS), led_by_length(answer)),
    ):
        with socket.create_connection(("127.0.0.1", stage.tcp_port), timeout=10) as connection:
            for byte in framed:
                connection.sendall(bytes([byte]))
            got = b""
            while not got.endswith(answered):
                got += connection.recv(1024)


def test_a_broken_stream_is_closed_and_counted(stage: HeadlessStage) -> None:
    for broken in (b"\xc0\xdbx\xc0", b"\xc0" + b"x" * 20_000, b"\x00\x7f\xff\xff" + b"x"):
        with socket.create_connection(("127.0.0.1", stage.tcp_port), timeout=10) as connection:
            connection.sendall(broken)
            assert connection.recv(10) == b""
    eventually(lambda: stage.control._error_log.counts["malformed stream"] == 3)
    assert stage.control.services[1].health.condition is Condition.OK


def test_a_page_from_elsewhere_cannot_post_packets(stage: HeadlessStage) -> None:
    """Browsers let every page post to every port; no check of names and origins protects this one."""
    packet = slip.encode(encode("/show/panic"))
    with contextlib.suppress(requests.ConnectionError):
        requests.post(f"http://127.0.0.1:{stage.tcp_port}/", data=packet, timeout=10)
    eventually(lambda: stage.control._error_log.counts["malformed stream"] == 1)
    stage.wait_frames(3)
    assert stage.happened == []


def test_over_tcp_nothing_is_lost(stage: HeadlessStage) -> None:
    with socket.create_connection(("127.0.0.1", stage.tcp_port), timeout=30) as connection:
        packets = (encode("/scene/rehearsed/turns", number) for number in range(1, 10_001))
        connection.sendall(b"".join(map(slip.encode, packets)))
        eventually(lambda: stage.value("rehearsed/turns") == 10_000)
    assert stage.registry.set_to("rehearsed/turns") == list(range(1, 10_001))


def test_who_goes_without_a_word_does_not_keep_a_place_over_tcp(stage: HeadlessStage) -> None:
    """Nothing tells of a cable that is pulled but asking: what the system does for this connection."""
    with socket.create_connection(("127.0.0.1", stage.tcp_port)) as connection:
        connection.send(slip.END)
        ends = (stage.tcp_port, connection.getsockname()[1])

        def timer() -> str:
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
                _, here, there, _, _, timer, *_ = line.split()
                if tuple(int(end.partition(":")[2], 16) for end in (here, there)) == ends:
                    return timer.partition(":")[0]
            return ""

        eventually(lambda: timer() == "02", within_s=5)  # keepalive


def test_who_is_not_on_the_list_is_not_connected(tmp_path: Path) -> None:
    with (
        headless_stage(tmp_path, allow=["10.0.0.0/8"]) as stage,
        socket.create_connection(("127.0.0.1", stage.tcp_port), timeout=10) as connection,
    ):
        assert connection.recv(10) == b""


TURNS = encode("/scene/rehearsed/turns")


def led_by_length(packet: bytes) -> bytes:
    return struct.pack(">i", len(packet)) + packet


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


# --- feedback ---


def test_a_lease_ends_unless_it_is_renewed(stage: HeadlessStage, client: OscJs) -> None:
    heard: list[str] = []
    for _ in range(5):
        client.send("/subscribe", ("f", 4.0))
        beats = heard.count("/heartbeat")
        while heard.count("/heartbeat") < beats + 2:
            heard.append(client.receive()[0])
    # How everything is comes once: a lease that had ended meanwhile would begin with it again.
    assert heard.count("/done") == 5 and heard.count("/visit/phase") == 1
    eventually(lambda: client.silent(1.5))
    client.send("/subscribe", ("f", 600.0))
    client.receive("/heartbeat")
    client.send("/unsubscribe")
    client.receive("/done")
    eventually(lambda: client.silent(1.5))


def test_a_fader_does_not_fight_itself(stage: HeadlessStage, client: OscJs) -> None:
    """Its own echo comes once it rests, with where it ended up; others follow meanwhile."""
    with oscdump() as other:
        oscsend(stage.port, "/subscribe", "fi", "60", str(other.port))
        client.send("/subscribe", ("f", 60.0))
        client.receive("/heartbeat")
        eventually(lambda: other.told("/heartbeat"))
        for step in range(40):
            client.send("/scene/rehearsed/glow", ("f", step / 20))
            time.sleep(0.02)
        while client.receive("/scene/rehearsed/glow")[1] != (1.0,):
            pass
        eventually(lambda: other.told("/scene/rehearsed/glow")[-1].endswith("f 1.000000"))
        assert len(other.told("/scene/rehearsed/glow")) > 2


def test_what_changes_every_frame_is_told_once_a_frame(stage: HeadlessStage, client: OscJs) -> None:
    client.send("/subscribe", ("f", 60.0))
    client.receive("/heartbeat")
    heard: list[tuple[str, tuple]] = []
    for step in range(1, 30):
        stage.status = replace(stage.status, t=step / 32)
        time.sleep(0.03)
    stage.status = replace(stage.status, verdict=verdict(0.625))
    while not heard or heard[-1][0] != "/border/crossed":
        heard.append(client.receive("/border/t", "/border/crossed"))
    assert heard[-1] == ("/border/crossed", (0, pytest.approx(29 / 32)))
    told = [arguments[0] for address, arguments in heard if address == "/border/t"]
    assert told == sorted(told) and len(set(told)) == len(told) > 2
    assert client.ask("/border/verdict") == ("dlib", 0, 0.625)


def test_those_named_in_the_configuration_hear_without_asking(tmp_path: Path) -> None:
    with oscdump() as dump, headless_stage(tmp_path, send_to=[f"127.0.0.1:{dump.port}"]):
        eventually(lambda: len(dump.told("/heartbeat")) >= 2)


def test_those_named_hear_everything_though_the_port_is_free_late(
    tmp_path: Path,
) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as desk,
    ):
        other.bind(("127.0.0.1", 0))
        desk.bind(("127.0.0.1", 0))
        desk.settimeout(20)
        port, desk_port = other.getsockname()[1], desk.getsockname()[1]
        stage = HeadlessStage(tmp_path, osc_port=port, send_to=[f"127.0.0.1:{desk_port}"])
        udp = stage.control.services[0]
        udp.start()
        eventually(lambda: udp.health.condition is Condition.WAITING)
        for frame in range(10):
            stage.control.publish(stage.status, time.monotonic() + frame)
        other.close()
        eventually(lambda: udp.health.condition is Condition.OK)
        stage.control.publish(stage.status, time.monotonic() + 20)
        heard = {parse(desk.recv(65_535))[0].messages[0].address for _ in stage.registry.parameters}
        udp.stop()
    assert len(heard) == len(stage.registry.parameters)


def test_who_is_not_on_the_list_is_not_answered(tmp_path: Path) -> None:
    with headless_stage(tmp_path, allow=["10.0.0.0/8"]) as stage, osc_js(stage.port) as client:
        client.send("/ping")
        client.send("/show/panic")
        assert client.silent()
        assert stage.happened == []


# --- the show ---


SHOW = [
    ("/show/start", (), [BlackoutChanged(False), ShowOpened()]),
    ("/show/stop", (), [Halted(), ShowClosed()]),
    ("/show/blackout", (("T", True),), [Halted(), BlackoutChanged(True)]),
    ("/show/blackout", (("f", 0.0),), [BlackoutChanged(False)]),
    ("/show/next", (("f", 1.0),), [Skipped()]),
    ("/show/next", (("f", 0.0),), []),  # the button is let go
    ("/show/next", (("I", None),), [Skipped()]),
    ("/show/go", (("s", "attract"),), [Halted()]),
    ("/show/go", (("s", "jury"),), [Skipped()]),
    ("/show/panic", (), [Halted(), ShowClosed(), BlackoutChanged(True)]),
]


def test_the_show_is_told(stage: HeadlessStage, client: OscJs) -> None:
    for address, arguments, happens in SHOW:
        stage.happened.clear()
        client.send(address, *arguments)
        client.send("/ping")
        if happens:
            assert client.receive("/done")[1][0] == address
        client.receive("/pong")
        eventually(lambda happens=happens: stage.happened == happens)  # type: ignore[misc]
    assert client.ask("/show/blackout") == (False,)


def test_only_visitors_lead_where_their_word_is_needed(stage: HeadlessStage, client: OscJs) -> None:
    stage.status = replace(stage.status, phase=Phase.ATTRACT)
    eventually(lambda: client.ask("/visit/phase")[0] == "attract")
    for phase in ("portrait", "search", "border", "jury", "doppelganger", "farewell"):
        client.send("/show/go", ("s", phase))
        assert "only a visitor" in client.receive("/error")[1][1]
    client.send("/show/go", ("s", "consent"))
    client.receive("/done")
    eventually(lambda: stage.happened == [WokeUp()])


# --- presets and files ---


def test_presets_are_saved_listed_and_faded_in(stage: HeadlessStage, client: OscJs, tmp_path: Path) -> None:
    client.ask("/scene/rehearsed/glow", ("f", 0.875))
    client.ask("/scene/rehearsed/needle", ("F", False))
    client.send("/preset/save", ("s", "night"))
    assert client.receive("/done")[1] == ("/preset/save", "night")
    assert (tmp_path / "presets" / "night.toml").read_text().count("=") == 2
    for address, tag, value in (("glow", "f", 0.125), ("needle", "T", True), ("turns", "i", 5)):
        client.ask(f"/scene/rehearsed/{address}", (tag, value))
    client.send("/preset/list")
    assert client.receive("/preset/list")[1] == ("night",)
    stage.registry.history.clear()
    client.send("/preset/load", ("s", "night"), ("f", 1.0))
    assert client.receive("/done")[1] == ("/preset/load", "night")
    eventually(lambda: stage.value("rehearsed/glow") == 0.875)
    glow = stage.registry.set_to("rehearsed/glow")
    assert len(glow) > 2 and glow == sorted(glow)
    # Before the next scene begins, only what glides has changed.
    assert (stage.registry.of(Rehearsed).needle, stage.registry.of(Rehearsed).turns) == (True, 5)
    stage.begin_scene()
    assert (stage.registry.of(Rehearsed).needle, stage.registry.of(Rehearsed).turns) == (False, 3)


def test_what_is_sent_after_a_preset_wins_over_it(stage: HeadlessStage, client: OscJs) -> None:
    client.send("/preset/save", ("s", "plain"))
    client.receive("/done")
    client.ask("/scene/rehearsed/glow", ("f", 1.0))
    client.send_bundle(
        None,
        ("/preset/load", ("s", "plain")),
        ("/scene/rehearsed/turns", ("i", 9)),
        ("/preset/save", ("s", "more")),
    )
    assert client.receive("/done")[1] == ("/preset/load", "plain")
    assert client.receive("/done")[1] == ("/preset/save", "more")
    assert (stage.value("rehearsed/glow"), stage.value("rehearsed/turns")) == (0.5, 9)
    client.send("/preset/load", ("s", "plain"))
    client.send("/preset/load", ("s", "more"))
    eventually(lambda: stage.value("rehearsed/turns") == 9)
    client.ask("/scene/rehearsed/glow", ("f", 0.875))
    client.send_bundle(None, ("/preset/load", ("s", "plain"), ("f", 0.2)), ("/show/panic",))
    assert client.receive("/done")[1] == ("/preset/load", "plain")
    time.sleep(0.5)
    assert stage.value("rehearsed/glow") == 0.875, "panic stops the fade"


def test_a_broken_preset_gives_way_to_the_last_good_one(
    stage: HeadlessStage, client: OscJs, tmp_path: Path
) -> None:
    for glow in (0.25, 0.75):
        client.ask("/scene/rehearsed/glow", ("f", glow))
        client.send("/preset/save", ("s", "day"))
        client.receive("/done")
    (tmp_path / "presets" / "day.toml").write_text("[rehearsed\n")
    client.send("/preset/list")
    client.receive("/preset/list")
    client.send("/preset/load", ("s", "day"))
    assert "day.toml.1 is used" in client.receive("/error")[1][1]
    eventually(lambda: stage.value("rehearsed/glow") == 0.25)


def test_what_is_saved_is_there_at_the_next_start(tmp_path: Path) -> None:
    with headless_stage(tmp_path) as stage, osc_js(stage.port) as client:
        client.ask("/scene/rehearsed/ride_s", ("f", 60.0))
        client.send("/config/save")
        assert client.receive("/done")[1] == ("/config/save", "saved")
    with headless_stage(tmp_path) as stage:
        assert stage.registry.of(Rehearsed).ride_s == 60


def test_a_full_disk_is_told_and_nothing_else_happens(
    stage: HeadlessStage, client: OscJs, tmp_path: Path
) -> None:
    (tmp_path / "presets").write_text("a file where the folder should be")
    client.send("/preset/save", ("s", "night"))
    assert "cannot be saved" in client.receive("/error")[1][1]
    client.send("/ping")
    client.receive("/pong")


# --- cues ---

CUES = """
[[cue]]
at = 10:00:00
send = [["/show/start"], ["/scene/rehearsed/turns", 10]]
[[cue]]
at = 18:00:00
send = [["/show/stop"], ["/scene/rehearsed/turns", 18]]
[[cue]]
phase = "jury"
every = 2
send = [["/scene/rehearsed/glow", 0.25]]
"""


def test_cues_follow_the_clock_and_the_visit(tmp_path: Path) -> None:
    (tmp_path / "cues.toml").write_text(CUES)
    stage = HeadlessStage(tmp_path)
    stage.control._cue_player._played_until = datetime(2026, 3, 2, 12)  # as if begun a week before this
    stage.wall_clock = lambda: datetime(2026, 3, 9, 12)
    with stage:
        eventually(lambda: stage.happened == [Halted(), ShowClosed(), BlackoutChanged(False), ShowOpened()])
        assert stage.value("rehearsed/turns") == 10, "what the clock brought last"
        stage.wall_clock = lambda: datetime(2026, 3, 9, 18)
        eventually(lambda: stage.happened[4:] == [Halted(), ShowClosed()])
        assert stage.value("rehearsed/turns") == 18
        stage.wall_clock = lambda: datetime(2026, 3, 9, 12)  # it was ahead
        eventually(
            lambda: stage.happened[6:] == [Halted(), ShowClosed(), BlackoutChanged(False), ShowOpened()]
        )
        assert stage.value("rehearsed/turns") == 10
        for visit in (800, 900):
            stage.status = replace(stage.status, phase=Phase.BORDER, visit=visit)
            stage.wait_frames(2)
        stage.status = replace(stage.status, phase=Phase.JURY)
        eventually(lambda: stage.value("rehearsed/glow") == 0.25)


def test_a_cue_list_is_read_anew_and_a_broken_one_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "cues.toml").write_text("[[cue]]\nat = 10:00:00\n")
    with headless_stage(tmp_path) as stage, osc_js(stage.port) as client:
        client.send("/cue/load")
        assert "cue.0.send: Field required" in client.receive("/error")[1][1]
        (tmp_path / "cues.toml").write_text(CUES)
        client.send("/cue/load")
        assert client.receive("/done")[1] == ("/cue/load", "3 cues")


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ('["/preset/laod", "day"]', "/preset/laod: unknown address"),
        ('["/show/stop", "now"]', "/show/stop: takes nothing"),
        ('["/preset/load", "day", "10"]', "fade_s: wrong type"),
        ('["/visit/phase", "jury"]', "can only be read"),
        ('["/scene/rehearsed/glow"]', "takes one value"),
        ('["/scene/rehearsed/way", "up"]', "not among the choices"),
        ('["/scene/*/glows", 1]', "/scene/*/glows: unknown address"),
    ],
)
def test_a_cue_that_would_be_refused_is_told_before_its_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sent: str, fault: str
) -> None:
    right = '["/show/stop"], ["/show/next", 1], ["/preset/load", "to be saved", 3], ["/scene/*/glow", 0.25]'
    (tmp_path / "cues.toml").write_text(f"[[cue]]\nphase = 'jury'\nsend = [{right}, {sent}]\n")
    with headless_stage(tmp_path) as stage, osc_js(stage.port) as client:
        assert [
            fault in line and "cue.0.send.4" in line for line in caplog.messages if "cues.toml" in line
        ] == [True]
        client.send("/cue/load")
        assert fault in client.receive("/error")[1][1]
        stage.status = replace(stage.status, phase=Phase.JURY)
        # What is right in it holds, patterns too.
        eventually(lambda: stage.happened == [Halted(), ShowClosed(), Skipped()])
        assert stage.value("rehearsed/glow") == 0.25


# --- bad weather ---


def fuzzed(number: int) -> bytes:
    """Packet `number` of a series that is always the same: noise, truncated, mutated, hostile."""
    dice = random.Random(number)
    good = encode(f"/scene/rehearsed/{dice.choice(['glow', 'turns', 'hint'])}", dice.random(), "x", 3)
    match number % 5:
        case 0:
            return dice.randbytes(dice.randrange(200))
        case 1:
            return good[: dice.randrange(len(good))]
        case 2:
            return b"/" + "".join(dice.choices("*?[]{}!a-/,", k=100)).encode() + b"\x00\x00\x00"
        case 3:
            return b"#bundle\x00" + dice.randbytes(8) + struct.pack(">i", dice.randrange(-99, 99)) + good
        case _:
            mutated = bytearray(good)
            mutated[dice.randrange(len(mutated))] = dice.randrange(256)
            return bytes(mutated)


def is_at_rest(stage: HeadlessStage) -> bool:
    """Whether all that was sent has been dealt with: what is asked for now is not dropped."""

    def seen() -> tuple[int, int]:
        return len(stage.registry.history), stage.control._error_log.counts.total()

    before = seen()
    time.sleep(0.3)
    return seen() == before


def log_bytes(records: list[logging.LogRecord]) -> int:
    return sum(len(record.getMessage()) + 40 for record in records)


def test_twenty_thousand_fuzzed_packets(
    stage: HeadlessStage, client: OscJs, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(20_000):
            sender.sendto(fuzzed(number), ("127.0.0.1", stage.port))
            if number % 200 == 199:
                time.sleep(0.02)
    eventually(lambda: is_at_rest(stage))
    assert client.ask("/scene/rehearsed/needle") == (True,)
    assert stage.fault is None and stage.happened == []
    assert log_bytes(caplog.records) < 10_000
    eventually(lambda: client.ask("/health/dropped")[0] > 5000)


def test_a_flood_neither_piles_up_nor_changes_the_order(
    stage: HeadlessStage, client: OscJs, caplog: pytest.LogCaptureFixture
) -> None:
    """Thousands of messages a second, while a bundle waits and a preset fades; memory stays what it was."""
    client.send_bundle(time.time() + 60, ("/scene/rehearsed/needle", ("F", False)))
    client.send("/preset/save", ("s", "here"))
    client.receive("/done")
    client.ask("/scene/rehearsed/glow", ("f", 1.0))
    client.send("/preset/load", ("s", "here"), ("f", 5.0))
    stage.registry.history.clear()
    flood = subprocess.Popen([sys.executable, FLOOD, "5000", "15000", str(stage.port)])
    eventually(lambda: len(stage.registry.history) > 3000)
    memory_before = psutil.Process().memory_info().rss
    assert flood.wait(60) == 0
    eventually(lambda: is_at_rest(stage))
    assert client.ask("/scene/rehearsed/needle") == (True,)
    turns = stage.registry.set_to("rehearsed/turns")
    assert turns == sorted(turns), "the order is kept"
    assert turns[-1] > 10_000 and len(turns) > 5000
    assert psutil.Process().memory_info().rss - memory_before < 30e6
    assert log_bytes(caplog.records) < 10_000


# --- what is written about it ---


def test_every_command_is_carried_out_and_no_address_is_used_twice() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = HeadlessStage(Path(folder))
        assert set(stage.control._dispatcher._actions) == {command.address for command in COMMANDS}
        stage.control.close()
    every = [each.address for each in (*COMMANDS, *OUTPUTS)]
    assert len(set(every)) == len(every)


def test_the_documentation_is_current() -> None:
    """Otherwise: ./kiosk osc --markdown > docs/osc.md"""
    assert (REPO / "docs" / "osc.md").read_text("utf-8") == markdown_page(default_registry()) + "\n"


def test_the_documentation_is_complete() -> None:
    registry = default_registry()
    written, listed = markdown_page(registry), terminal_listing(registry)
    for address in [*registry.parameters, *(each.address for each in (*COMMANDS, *OUTPUTS))]:
        assert f"`{address}`" in written and address in listed


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ('address = "everywhere"', "address"),
        ('allow = ["10.0.0.0/99"]', "allow"),
        ('allow = ["*"]', "allow"),
        ('send_to = ["10.0.0.7"]', "send_to"),
        ('send_to = ["10.0.0.7:0"]', "send_to"),
        ('send_to = ["qlab:53001"]', "send_to"),
        ("osc_port = 70000", "osc_port"),
        ('pasword = "x"', "pasword"),
    ],
)
def test_a_wrong_configuration_is_told_before_anything_starts(tmp_path: Path, entry: str, wrong: str) -> None:
    (tmp_path / "kiosk.toml").write_text(f"[control]\n{entry}\n")
    with pytest.raises(UsageError, match=rf"control\.{wrong}"):
        load(tmp_path / "kiosk.toml")
