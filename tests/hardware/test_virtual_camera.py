"""Virtual cameras, as far as they go without their driver: what is sent, and what is said."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.common.errors import MachineError
from hardware.loopback_driver import LoopbackDriver, loopback_driver, version_numbers
from hardware.virtual_camera import VirtualCamera
from tests.support.recorded_camera import record_cameras

SIZE = (64, 36, 30)


def test_pictures_are_sent_as_yuv_420_of_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = record_cameras(monkeypatch)
    picture = np.zeros((36, 64, 3), np.uint8)
    picture[:, :32], picture[:, 32:] = (200, 40, 60), (30, 90, 180)
    camera = VirtualCamera("/dev/null", *SIZE)
    camera.show(picture)
    camera.close()
    (sent,) = cameras[0].frames
    assert cameras[0].closed and sent.shape == (64 * 36 * 3 // 2,)
    assert {name: cameras[0].settings[name] for name in ("width", "height", "fps", "device")} == {
        "width": 64,
        "height": 36,
        "fps": 30,
        "device": "/dev/null",
    }
    seen = cv2.cvtColor(sent.reshape(54, 64), cv2.COLOR_YUV2RGB_I420)
    assert np.abs(seen.astype(int) - picture).max() <= 3


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for device, reason in (
        (tmp_path / "video9", "no such virtual camera. Make one: sudo modprobe v4l2loopback video_nr=9"),
        ("/dev/null", "could not be queried"),  # what pyvirtualcam finds
    ):
        with pytest.raises(MachineError, match=reason) as error:
            VirtualCamera(str(device), *SIZE)
        assert str(device) in str(error.value) and "\n" not in str(error.value)
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(MachineError, match=r"pyvirtualcam is missing; `./kiosk doctor`"):
        VirtualCamera("/dev/null", *SIZE)


def test_a_camera_that_is_lost_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = record_cameras(monkeypatch)
    camera = VirtualCamera("/dev/null", *SIZE)
    cameras[0].closed = True
    with pytest.raises(MachineError, match=r"/dev/null: takes no more pictures \(it is closed\)"):
        camera.show(np.zeros((36, 64, 3), np.uint8))


def test_the_driver_is_found_where_the_kernel_and_dkms_say(tmp_path: Path) -> None:
    module, devices, sources = tmp_path / "module", tmp_path / "devices", tmp_path / "src"
    release = tmp_path / "os-release"
    nothing = loopback_driver(module, devices, sources, release)
    assert nothing == LoopbackDriver(kernel=nothing.kernel) and nothing.kernel
    for folder in (module, devices / "video9", devices / "video10", sources / "v4l2loopback-0.12.7"):
        folder.mkdir(parents=True)
    (sources / "v4l2loopback-0.13.2").mkdir()
    (module / "version").write_text("0.13.2\n")
    release.write_text('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n')
    found = loopback_driver(module, devices, sources, release)
    assert (found.loaded, found.source, found.system) == ("0.13.2", "0.13.2", "debian 12")
    assert set(found.devices) == {"/dev/video9", "/dev/video10"}


def test_versions_are_compared_by_their_numbers() -> None:
    assert version_numbers("6.1.0-28-amd64") == (6, 1, 0) < (6, 8) < version_numbers("6.12.57+deb13-amd64")
    assert version_numbers("") == ()
