"""People before a camera on a virtual clock, for tests of the tracker."""

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from hardware.camera.base import Frame
from installation.capture.tracker_service import TrackerService
from installation.stage.view import Guidance
from installation.visit.events import (
    AnotherFace,
    Event,
)

RATE_HZ = 15
WIDTH, HEIGHT = 1280, 720
# The face in the astronaut's picture: its middle and its width, in pixels of 512.
FACE_X, FACE_Y, FACE_PX = 223, 115, 92


class Room:
    """A camera on a virtual clock: each `show` is the next frame. closely: as `Tracker.look` takes it."""

    def __init__(self, watcher: TrackerService) -> None:
        self.watcher = watcher
        self.closely = True
        self.index = 0

    @property
    def now_s(self) -> float:
        return self.index / RATE_HZ

    def show(self, picture: Pixels | None, seconds: float = 1 / RATE_HZ) -> list[Event]:
        """The same view for some time, each frame with noise of its own, as a sensor has it."""
        events: list[Event] = []
        for _ in range(round(seconds * RATE_HZ)):
            self.index += 1
            frame = None
            if picture is not None:
                noise = np.random.default_rng(self.index).integers(-3, 4, picture.shape, np.int16)
                noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
                frame = Frame(noisy, self.now_s, self.index)
            self.watcher.look(frame, self.now_s, self.closely)
            events += self.watcher.poll()
        return events

    @property
    def asks(self) -> Guidance | None:
        return self.watcher.sighting.guidance if self.watcher.sighting else None


def wall(width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    return np.full((height, width, 3), (88, 92, 96), np.uint8)


def before(room: Pixels, picture: Pixels, x: float, y: float, scale: float) -> Pixels:
    """The room with a picture in it, its middle at (x, y); what lies outside is cut off."""
    height, width = room.shape[:2]
    h, w = picture.shape[:2]
    move = np.array([[scale, 0, x - scale * w / 2], [0, scale, y - scale * h / 2]])
    shrunk = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 0.7 else picture
    return np.asarray(
        cv2.warpAffine(shrunk, move, (width, height), room.copy(), borderMode=cv2.BORDER_TRANSPARENT),
        np.uint8,
    )


def astronaut_at(picture: Pixels, x: float, y: float, face_px: float, room: Pixels | None = None) -> Pixels:
    """The astronaut's face, `face_px` wide, with its middle at (x, y)."""
    scale = face_px / FACE_PX
    return before(
        wall() if room is None else room,
        picture,
        x + scale * (256 - FACE_X),
        y + scale * (256 - FACE_Y),
        scale,
    )


# Names of people other than the sitter, among the photographs of the tests.
OTHERS = ("biden", "biden2", "obama", "obama2", "000203_0", "000210_0")


def is_other(events: list[Event]) -> bool:
    return any(isinstance(event, AnotherFace) for event in events)


def person_at(finder: FaceAnalyser, picture: Pixels, x: float, y: float, face_px: float) -> Pixels:
    """A person before the wall, with the face where it is asked for."""
    face = finder.find(picture)[0]
    scale = face_px / face.face_px
    x0, y0, x1, y1 = face.box_px
    h, w = picture.shape[:2]
    return before(wall(), picture, x + scale * (w - x0 - x1) / 2, y + scale * (h - y0 - y1) / 2, scale)
