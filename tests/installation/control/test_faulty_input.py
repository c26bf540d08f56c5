"""Fuzzed packets and a flood of packets."""

import logging
import random
import socket
import struct
import subprocess
import sys
import time

import psutil
import pytest

from installation.control.protocol.packets import encode
from tests.conftest import REPO
from tests.support.headless_stage import HeadlessStage, eventually
from tests.support.osc_clients import OscJs

FLOOD = REPO / "benchmarks" / "flood.py"


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
