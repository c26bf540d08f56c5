"""A virtual camera of Video4Linux (v4l2loopback): other programs find it as they find a real one."""

import os

import cv2

from engine.common.arrays import Pixels
from engine.common.errors import MachineError, printable
from hardware.loopback_driver import LOAD


class VirtualCamera:
    """An open virtual camera of one fixed size and rate: programs that watch it want no other.

    device: its path, such as /dev/video9. width_px must be even. backend: of pyvirtualcam, by its name.
    Raises MachineError where pyvirtualcam, the device or its driver is missing.
    """

    def __init__(
        self, device: str, width_px: int, height_px: int, rate_hz: float, backend: str = "v4l2loopback"
    ) -> None:
        self._device = printable(device)
        try:
            from pyvirtualcam import Camera, PixelFormat
        except ImportError:
            raise MachineError(
                f"{self._device}: pyvirtualcam is missing; `./kiosk doctor` names the command."
            ) from None
        if not os.path.exists(device):
            raise MachineError(
                f"{self._device}: no such virtual camera. Make one: {LOAD}; `./kiosk doctor` says what that "
                "needs."
            )
        try:
            self._camera = Camera(
                width_px, height_px, rate_hz, fmt=PixelFormat.I420, device=device, backend=backend
            )
        except RuntimeError as error:
            reason = printable(error).rpartition("backend: ")[2].rstrip(".")
            raise MachineError(
                f"{self._device}: cannot be written to ({reason}). Name a camera of v4l2loopback "
                "that no other program writes to."
            ) from None

    def __str__(self) -> str:
        return f"{self._device}: choose it as camera in other programs."

    def show(self, picture: Pixels) -> None:
        """Shows a picture, uint8 (H, W, 3) RGB, as YUV 4:2:0. Raises MachineError where that fails."""
        try:
            self._camera.send(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420))
        except RuntimeError as error:
            raise MachineError(
                f"{self._device}: takes no more pictures ({printable(error)}). Start again."
            ) from None

    def close(self) -> None:
        """Closes it. The driver goes on showing the last picture to whoever still watches."""
        self._camera.close()
