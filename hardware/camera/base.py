"""What a camera is here: something that can be opened again and again, and gives pictures with their time."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from engine.common.arrays import Pixels
from engine.common.errors import MachineError
from hardware.camera.settings import CameraSettings


class CameraState(StrEnum):
    """How a camera is, as the one who has to repair it sees it."""

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
    """A camera is not there, or does not do what cameras do. `state` says which of the two."""

    def __init__(self, state: CameraState, message: str) -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a camera.

    image: uint8 (H, W, 3) RGB. captured_s: when it was taken, on the monotonic clock (of a camera that is
    pulled: on the clock it was given). index: ascends from picture to picture; the same index is the same
    picture.
    """

    image: Pixels
    captured_s: float
    index: int

    def age_s(self, now_s: float) -> float:
        """Seconds since the picture was taken."""
        return now_s - self.captured_s


class Camera(Protocol):
    """A camera that is open. Used and closed by one thread only."""

    @property
    def name(self) -> str:
        """What it is called, for people."""

    @property
    def live(self) -> bool:
        """Whether it looks at the world: two equal pictures, or a black one, then mean that it is broken."""

    def read(self) -> Frame:
        """Waits for the next picture. Raises CameraError; may as well never come back."""

    def close(self) -> None: ...


class PulledCamera(Camera, Protocol):
    """A camera that knows its picture of every moment."""

    def frame_at(self, time_s: float) -> Frame:
        """The picture `time_s` seconds after the beginning; its `captured_s` counts from there, too."""


class Source(Protocol):
    """Where a camera comes from."""

    def open(self, settings: CameraSettings) -> Camera:
        """Raises CameraError where it cannot be opened now; may as well never come back."""


class PulledSource(Protocol):
    """Where a camera comes from that knows its picture of every moment."""

    def open(self, settings: CameraSettings) -> PulledCamera:
        """Raises CameraError where it cannot be opened now."""


@dataclass(frozen=True)
class CameraHealth:
    """How a camera does, without anything of its pictures.

    rate_hz: pictures that came in per second of late, 0 before the second one. size_px: width and height of
    the pictures as handed out, None before the first. reopened: how often it had to be opened again.
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
    """What the stage sees of a camera, whether a thread reads it or it is pulled on a virtual clock."""

    def latest(self) -> Frame | None:
        """The newest picture, turned, cropped and mirrored; None where there is none that is new enough.

        Its pixels are not to be written to. Never waits for the camera, never raises.
        """

    def camera_health(self) -> CameraHealth:
        """How the camera does right now."""

    def apply(self, settings: CameraSettings) -> None:
        """From now on these settings."""

    def stop(self) -> None:
        """Lets go of the camera and of its last picture, within 0.2 s."""
