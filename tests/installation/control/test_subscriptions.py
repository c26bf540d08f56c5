"""Which values subscribers are sent, when, and for how long; on real sockets."""

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from installation.control.protocol.packets import parse
from installation.workers.supervision import Condition
from tests.support.headless_stage import HeadlessStage, eventually, headless_stage
from tests.support.judge_kit import verdict
from tests.support.osc_clients import OscJs, osc_js, oscdump, oscsend


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
