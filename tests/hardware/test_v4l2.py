"""Real cameras, as far as they go without one: devices, names, drivers."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from hardware.camera.base import CameraError, CameraState, Frame
from hardware.camera.settings import CameraSettings
from hardware.camera.v4l2 import Device, V4l2Source, devices, v4l2_properties
from installation.capture.camera_service import CameraService
from tests.support.camera_kit import FAST, QUICK, wait_until


class Machine:
    """A /sys/class/video4linux and a /dev of its own, with cameras to plug in."""

    def __init__(self, root: Path) -> None:
        self.sysfs, self.dev, self.sockets = root / "sys", root / "dev", root / "sockets"
        for folder in (self.sysfs, self.dev, self.sockets):
            folder.mkdir()

    def plug(self, number: int, name: str, socket: str, index: int = 0) -> None:
        node = self.sysfs / f"video{number}"
        node.mkdir()
        (node / "name").write_text(f"{name}\n")
        (node / "index").write_text(f"{index}\n")
        (self.sockets / socket).mkdir(exist_ok=True)
        (node / "device").symlink_to(self.sockets / socket)
        (self.dev / f"video{number}").touch()

    def unplug(self, number: int) -> None:
        node = self.sysfs / f"video{number}"
        for entry in node.iterdir():
            entry.unlink()
        node.rmdir()
        (self.dev / f"video{number}").unlink()


class Driver:
    """OpenCV's VideoCapture, giving blue pictures; `clock` is what the driver takes for the time."""

    def __init__(self, number: int, opens: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self.number, self.opens, self.clock = number, opens, clock
        self.properties: dict[int, float] = {}
        self.misses = 0
        self.released = False

    def isOpened(self) -> bool:  # OpenCV's name
        return self.opens

    def set(self, identifier: int, value: float) -> bool:
        self.properties[identifier] = value
        return identifier != cv2.CAP_PROP_EXPOSURE

    def get(self, identifier: int) -> float:
        return self.clock() * 1000 if identifier == cv2.CAP_PROP_POS_MSEC else 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.misses:
            self.misses -= 1
            return False, None
        blue = np.zeros((48, 64, 3), np.uint8)
        blue[..., 0] = 255
        return True, blue

    def release(self) -> None:
        self.released = True


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def source_of(machine: Machine, wanted: str) -> V4l2Source:
    return V4l2Source(wanted, machine.sysfs, machine.dev, Driver)


def test_devices_are_listed_without_those_that_give_no_pictures(machine: Machine):
    machine.plug(10, "HD Webcam", "usb1")
    machine.plug(2, "Logitech BRIO", "usb2")
    machine.plug(3, "Logitech BRIO", "usb2", index=1)
    assert devices(machine.sysfs) == [
        Device(2, "Logitech BRIO", str(machine.sockets / "usb2")),
        Device(10, "HD Webcam", str(machine.sockets / "usb1")),
    ]
    assert devices(machine.sysfs / "missing") == []


@pytest.mark.parametrize(
    ("wanted", "number"),
    [("0", 0), ("4", 4), ("/dev/video4", 4), ("name:logi", 2), ("name:BRIO", 2), ("name:webcam", 0)],
)
def test_a_device_is_found_by_number_path_and_name(machine: Machine, wanted: str, number: int):
    machine.plug(0, "HD Webcam", "usb1")
    machine.plug(2, "Logitech BRIO", "usb2")
    machine.plug(3, "Logitech BRIO", "usb2", index=1)
    machine.plug(4, "Another", "usb3")
    assert source_of(machine, wanted).find().number == number


def test_a_missing_device_is_told_with_those_that_are_there(machine: Machine):
    machine.plug(4, "HD Webcam", "usb1")
    with pytest.raises(CameraError, match=r"'name:Logitech'.*there: 4 \(HD Webcam\)") as missing:
        source_of(machine, "name:Logitech").find()
    assert missing.value.state is CameraState.MISSING


@pytest.mark.parametrize("wanted", ["0", "/dev/video0", "name:Logitech"])
def test_a_camera_is_found_again_under_another_number(machine: Machine, wanted: str):
    machine.plug(0, "Logitech", "usb1")
    machine.plug(5, "Other", "usb5")
    source = source_of(machine, wanted)
    source.open(CameraSettings()).close()
    machine.unplug(0)
    with pytest.raises(CameraError):
        source.open(CameraSettings())
    machine.plug(7, "Logitech", "usb1")  # the same socket
    assert source.open(CameraSettings()).name == "Logitech (/dev/video7)"
    machine.unplug(7)
    machine.plug(0, "Other too", "usb6")  # in its old place now, but not it
    machine.plug(8, "Logitech", "usb9")  # another socket
    assert source.find().number == 8


def test_the_twin_beside_it_is_not_taken_for_it(machine: Machine):
    machine.plug(0, "Logitech", "usb1")
    machine.plug(1, "Logitech", "usb2")
    source = source_of(machine, "0")
    source.open(CameraSettings()).close()
    machine.unplug(0)
    with pytest.raises(CameraError):
        source.find()
    machine.plug(3, "Logitech", "usb1")
    assert source.find().number == 3


def test_a_replacement_of_another_make_is_taken_at_the_number(machine: Machine):
    machine.plug(0, "Logitech", "usb1")
    source = source_of(machine, "0")
    source.open(CameraSettings()).close()
    machine.unplug(0)
    machine.plug(0, "New make", "usb1")
    assert source.open(CameraSettings()).name.startswith("New make")


def test_a_device_that_this_user_may_not_use(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.plug(0, "Logitech", "usb1")
    # Tests may run as root, who may use everything.
    monkeypatch.setattr(os, "access", lambda path, mode: path != machine.dev / "video0")
    with pytest.raises(CameraError, match="video") as refused:
        source_of(machine, "0").find()
    assert refused.value.state is CameraState.REFUSED


def test_a_device_that_does_not_open_is_released(machine: Machine):
    machine.plug(0, "Logitech", "usb1")
    driver = Driver(0, opens=False)
    source = V4l2Source("0", machine.sysfs, machine.dev, lambda number: driver)
    with pytest.raises(CameraError) as refused:
        source.open(CameraSettings())
    assert refused.value.state is CameraState.REFUSED and driver.released


def test_settings_become_properties_in_the_right_order():
    settings = CameraSettings(width_px=1920, height_px=1080, rate_hz=25, exposure_ms=12.5)
    assert v4l2_properties(settings) == [
        (cv2.CAP_PROP_FOURCC, 0x47504A4D),
        (cv2.CAP_PROP_FRAME_WIDTH, 1920),
        (cv2.CAP_PROP_FRAME_HEIGHT, 1080),
        (cv2.CAP_PROP_FPS, 25),
        (cv2.CAP_PROP_AUTO_EXPOSURE, 1),
        (cv2.CAP_PROP_EXPOSURE, 125),
    ]
    assert v4l2_properties(CameraSettings())[-1] == (cv2.CAP_PROP_AUTO_EXPOSURE, 3)


def test_a_picture_of_a_device_is_rgb_and_carries_the_driver_s_time(machine: Machine):
    machine.plug(0, "Logitech", "usb1")
    drivers: list[Driver] = []

    def opened(number: int, clock: Callable[[], float]) -> Frame:
        drivers.append(Driver(number, clock=clock))
        camera = V4l2Source("0", machine.sysfs, machine.dev, lambda n: drivers[-1]).open(CameraSettings())
        camera.read()
        frame = camera.read()
        camera.close()
        return frame

    frame = opened(0, lambda: time.monotonic() - 0.08)
    assert frame.image[0, 0].tolist() == [0, 0, 255] and frame.index == 1
    assert 0.08 <= frame.age_s(time.monotonic()) < 0.5
    for elsewhere in (lambda: 0.0, time.time):
        assert 0 <= opened(0, elsewhere).age_s(time.monotonic()) < 0.5
    assert all(driver.released for driver in drivers)


def test_a_few_damaged_pictures_are_skipped_and_many_are_a_lost_camera(machine: Machine):
    machine.plug(0, "Logitech", "usb1")
    driver = Driver(0)
    camera = V4l2Source("0", machine.sysfs, machine.dev, lambda number: driver).open(CameraSettings())
    driver.misses = 4
    assert camera.read().index == 0
    driver.misses = 100
    with pytest.raises(CameraError, match="look at its cable"):
        camera.read()


def test_a_driver_that_gives_its_last_picture_for_ever_is_seen_through(machine: Machine):
    # OpenCV reports success after its own timeout, with the picture and the time it had before.
    machine.plug(0, "Logitech", "usb1")
    stuck_s = time.monotonic()
    source = V4l2Source("0", machine.sysfs, machine.dev, lambda number: Driver(number, clock=lambda: stuck_s))
    with CameraService(source, FAST, QUICK) as feed:
        assert wait_until(lambda: feed.camera_health().state is CameraState.OLD)
        assert wait_until(lambda: feed.latest() is None)


def test_open_cv_itself_says_no_in_good_order(tmp_path: Path):
    """The one test through OpenCV: a device file that is none."""
    machine = Machine(tmp_path)
    free = next(number for number in range(60, 1000) if not Path(f"/dev/video{number}").exists())
    machine.plug(free, "None", "usb1")
    with pytest.raises(CameraError) as refused:
        V4l2Source(str(free), machine.sysfs, machine.dev).open(CameraSettings())
    assert refused.value.state is CameraState.REFUSED
