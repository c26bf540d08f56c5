"""Outputs by their names: opened with the card, left with the card."""

import numpy as np
import pytest

from engine.common.errors import MachineError, UsageError
from installation.live.output import HEIGHT_PX, WIDTH_PX
from installation.live.outputs import open_output, opened
from tests.support.recorded_camera import record_cameras

CARD = np.full((HEIGHT_PX, WIDTH_PX, 3), 20, np.uint8)
FACE = np.full((HEIGHT_PX, WIDTH_PX, 3), 200, np.uint8)


def test_the_card_is_the_first_and_the_last_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = record_cameras(monkeypatch)
    with pytest.raises(KeyboardInterrupt), opened(["/dev/null", "/dev/zero"], CARD) as outputs:
        for output in outputs:
            output.show(FACE)
        raise KeyboardInterrupt
    assert [camera.settings["device"] for camera in cameras] == ["/dev/null", "/dev/zero"]
    for camera in cameras:
        card, face, last = camera.frames
        assert np.array_equal(card, last) and not np.array_equal(card, face) and camera.closed


def test_one_that_cannot_be_opened_closes_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = record_cameras(monkeypatch)
    with pytest.raises(MachineError, match="no such"), opened(["/dev/null", "/dev/video99"], CARD):
        pytest.fail("it was opened")
    assert cameras[0].closed


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is no output"),
        ("window", "is no output"),
        ("page:x", "has no port"),
        ("page:127.0.0.1:", "has no port"),
        ("page:0", "no browser opens this port"),
        ("page:6000", "no browser opens this port"),
        ("page:65536", "no browser opens this port"),
    ],
)
def test_names_that_name_nothing_are_said_in_one_line(name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as error:
        open_output(name)
    assert "\n" not in str(error.value)
