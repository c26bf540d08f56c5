"""OSC over TCP: both framings, broken streams, and who may connect."""

import contextlib
import socket
import struct
from pathlib import Path

import requests
from pythonosc import slip

from installation.control.protocol.packets import encode
from installation.workers.supervision import Condition
from tests.support.headless_stage import HeadlessStage, eventually, headless_stage
from tests.support.osc_clients import oscsend

TURNS = encode("/scene/rehearsed/turns")


def led_by_length(packet: bytes) -> bytes:
    return struct.pack(">i", len(packet)) + packet


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
