"""Protocols of cameras: a source can be opened again and again, an open camera gives frames with their time.

A driver implements `Source` and `Camera`. What the main loop reads is a `Feed`: a driver read by a thread
(`installation.capture.camera_service`), or one that is polled on a virtual clock (`hardware.camera.pulled`).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from engine.common.arrays import Pixels
from engine.common.errors import MachineError
from hardware.camera.settings import CameraSettings


class CameraState(StrEnum):
    """The state of a camera, in terms of what a person has to do about it."""

    OPENING = "opening"
    RUNNING = "running"
    MISSING = "missing"
    REFUSED = "refused"
    HUNG = "hung"
    OLD = "old pictures"
    BLACK = "black pictures"
    RESIZED = "another size"
    GARBAGE = "no pictures"
    STUCK = "stuck"
    STOPPED = "stopped"

    @property
    def what_to_do(self) -> str:
        """One line for the person in charge."""
        return _WHAT_TO_DO[self]


_WHAT_TO_DO = {
    CameraState.OPENING: "Wait: the camera is being opened.",
    CameraState.RUNNING: "Nothing to do.",
    CameraState.MISSING: "Plug the camera in, and look at both ends of its cable: it is found by itself.",
    CameraState.REFUSED: "Close other programs that use the camera; put this user into the group `video`.",
    CameraState.HUNG: "Wait half a minute; if it stays, pull the camera's plug and put it back.",
    CameraState.OLD: "Pull the camera's plug and put it back; if that does not last, change cable or port.",
    CameraState.BLACK: "Take the cap or cover off the lens, and look at light and exposure.",
    CameraState.RESIZED: "Nothing to do; if it stays, close other programs that use the camera.",
    CameraState.GARBAGE: "Change the cable or the port; for a file, copy it again.",
    CameraState.STUCK: "Pull the camera's plug and put it back; if that does not help, restart the computer.",
    CameraState.STOPPED: "Start the camera again.",
}


class CameraError(MachineError):
    """A camera is not there, or does not work as it should. `state` says what is wrong."""

    def __init__(self, state: CameraState, message: str) -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a camera.

    image: uint8 (H, W, 3) RGB. captured_s: when it was taken, in seconds of the monotonic clock (of a camera
    that is polled: of the clock it was given). index: ascends from frame to frame; the same index is the same
    frame. is_mirrored: whether left and right are exchanged; of a driver's own frames they never are.
    """

    image: Pixels
    captured_s: float
    index: int
    is_mirrored: bool = False

    def age_s(self, now_s: float) -> float:
        """Seconds since the frame was taken."""
        return now_s - self.captured_s


class Camera(Protocol):
    """A camera that is open. Used and closed by one thread only."""

    @property
    def name(self) -> str:
        """Its name, for people."""

    @property
    def live(self) -> bool:
        """Whether it is a real camera: two equal frames, or a black one, then mean that it is broken."""

    def read(self) -> Frame:
        """Waits for the next frame. Raises CameraError; may hang for ever."""

    def close(self) -> None: ...


class PulledCamera(Camera, Protocol):
    """A camera that can give its frame at any moment, for a virtual clock."""

    def frame_at(self, time_s: float) -> Frame:
        """The frame `time_s` seconds after the beginning; its `captured_s` counts from there, too."""


class Source(Protocol):
    """Opens a camera."""

    def open(self, settings: CameraSettings) -> Camera:
        """Raises CameraError where it cannot be opened now; may hang for ever."""


class PulledSource(Protocol):
    """Opens a camera that can give its frame at any moment."""

    def open(self, settings: CameraSettings) -> PulledCamera:
        """Raises CameraError where it cannot be opened now."""


@dataclass(frozen=True)
class CameraHealth:
    """The health of a camera, without anything of its frames.

    size_px: width and height of the frames as handed out; None before the first one. rate_hz: frames per
    second, over the last ones; 0 before the second one. reopened: how often it had to be opened again.
    """

    state: CameraState
    camera: str
    size_px: tuple[int, int] | None
    rate_hz: float
    reopened: int

    @property
    def what_to_do(self) -> str:
        return self.state.what_to_do


class Feed(Protocol):
    """A camera as the main loop reads it: whether a thread reads it, or it is polled on a virtual clock."""

    def latest(self) -> Frame | None:
        """The newest frame, rotated, cropped and mirrored; None where there is none that is new enough.

        Its pixels must not be written to. Never waits for the camera, never raises.
        """

    def camera_health(self) -> CameraHealth:
        """The camera's health right now."""

    def apply(self, settings: CameraSettings) -> None:
        """Uses these settings from now on."""

    def stop(self) -> None:
        """Releases the camera and its last frame, within 0.2 s."""
