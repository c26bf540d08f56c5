"""A source of NDI, received by another process as other programs receive it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.common.errors import MachineError
from hardware.ndi_sender import NdiSender
from tests.support.ndi_receiver import write_configuration

WIDTH_PX, HEIGHT_PX, RATE_HZ = 1280, 720, 30
LEFT, RIGHT, CARD = (200, 40, 60), (30, 90, 180), 10


def test_another_program_receives_the_pictures_and_last_the_card(tmp_path: Path) -> None:
    write_configuration(tmp_path)
    picture = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    picture[:, : WIDTH_PX // 2], picture[:, WIDTH_PX // 2 :] = LEFT, RIGHT
    name = f"Test {os.getpid()}"
    sender = NdiSender(name, WIDTH_PX, HEIGHT_PX, RATE_HZ)
    assert f"({name}) in programs" in str(sender)
    receiver = subprocess.Popen(
        [sys.executable, "-m", "tests.support.ndi_receiver", name],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"NDI_CONFIG_DIR": str(tmp_path)},
    )
    lines: list[list[Any]] = []

    def read() -> None:
        assert receiver.stdout is not None
        for line in receiver.stdout:
            lines.append(json.loads(line))

    reader = Thread(target=read, daemon=True)
    reader.start()
    with receiver:
        until_s = time.monotonic() + 40
        while not sender.watchers and time.monotonic() < until_s:
            sender.show(picture)
            time.sleep(1 / RATE_HZ)
        for _ in range(RATE_HZ // 2):
            sender.show(picture)
            time.sleep(1 / RATE_HZ)
        # A receiver may lag by seconds on a busy machine; when it has got to the card, nothing else follows.
        until_s = time.monotonic() + 20
        while not (lines and is_card(lines[-1])) and time.monotonic() < until_s:
            sender.show(np.full_like(picture, CARD))
            time.sleep(1 / RATE_HZ)
        sender.close()
    reader.join(10)
    assert len(lines) >= 5 and all(line[:3] == [WIDTH_PX, HEIGHT_PX, RATE_HZ] for line in lines)
    assert np.abs(np.subtract(lines[0][3:], (LEFT, RIGHT))).max() <= 12
    assert is_card(lines[-1]), "the last picture is not the card"


def is_card(line: list[Any]) -> bool:
    return bool(np.abs(np.subtract(line[3:], CARD)).max() <= 12)


def test_what_is_missing_taken_or_closed_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    name = f"Taken {os.getpid()}"
    sender = NdiSender(name, WIDTH_PX, HEIGHT_PX, RATE_HZ)
    sender.show(np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8))
    capfd.readouterr()
    with pytest.raises(MachineError, match="may have this name: give ndi:NAME with another one") as error:
        NdiSender(name, WIDTH_PX, HEIGHT_PX, RATE_HZ)
    assert "\n" not in str(error.value) and capfd.readouterr() == ("", "")
    sender.close()
    with pytest.raises(MachineError, match="takes no more pictures"):
        sender.show(np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8))
    sender.close()
    monkeypatch.setitem(sys.modules, "cyndilib.sender", None)
    with pytest.raises(MachineError, match=r"cyndilib is missing; `./kiosk doctor`"):
        NdiSender(name, WIDTH_PX, HEIGHT_PX, RATE_HZ)


def test_a_source_that_takes_no_more_pictures_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"Closing {os.getpid()}"
    sender = NdiSender(name, WIDTH_PX, HEIGHT_PX, RATE_HZ)
    sender.show(np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8))

    def fail(_: NdiSender, picture: Pixels) -> None:
        raise MachineError("no more")

    with monkeypatch.context() as failing, pytest.raises(MachineError, match="no more"):
        failing.setattr(NdiSender, "watchers", 1)
        failing.setattr(NdiSender, "show", fail)
        sender.close()
    NdiSender(name, WIDTH_PX, HEIGHT_PX, RATE_HZ).close()  # the name is free again
