"""Follows several people before the camera, and takes the photograph of all of them.

What each has decided about their own face belongs to their track. The picture that may be shown has the faces
of those only who decided to be seen, and nobodies for all others (`engine.live.crowd.publisher`). Used by one
thread; it has no clock of its own.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from engine.common.arrays import Pixels
from engine.faces.detector import Box, box_centre
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.live.crowd.bank import Bank
from engine.live.crowd.decision import Decision
from engine.live.crowd.head import box_width, turn_of
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.publisher import Publisher
from engine.live.crowd.stand_ins import StandIns
from engine.live.crowd.tracks import Track
from hardware.camera.base import Frame
from installation.visit.events import Event, FaceSeen, PortraitRefused, PortraitTaken
from installation.visit.gathering import Head

# The photograph is the first frame in which all who have decided are found; without one for so long, it is
# refused.
TAKE_LIMIT_S = 2.0
# Frames that come sooner after the one that was looked at are left out, and nothing of them is shown: looking
# at six people takes 66 to 72 ms of a core, and every third frame of thirty a second is looked at.
LOOKED_EVERY_S = 0.075

Decided = tuple[tuple[Box, Decision], ...]
"""Where in a photograph people are, in pixels, and what each has decided."""


@dataclass(frozen=True, eq=False)
class GroupPhotograph:
    """image: uint8 (H, W, 3) RGB, as photographed, whoever is in it."""

    image: Pixels
    decided: Decided


@dataclass(frozen=True, eq=False)
class Gathered:
    """The newest frame that was looked at. released: what may be shown of it. heads: who is there."""

    released: Frame
    heads: tuple[Head, ...]
    boxes: dict[int, Box]  # of each track, in pixels


class GroupTracker:
    """Looks at frame after frame until `close`. gathered: None before the first one, and after `erase`."""

    def __init__(self) -> None:
        self._lookout, self._stand_ins = Lookout(MediaPipeDetector()), StandIns()
        self._publisher = Publisher(self._lookout, FaceMesh(), self._stand_ins)
        self._index: int | None = None
        self._looked_s = -math.inf
        self._taking: tuple[int, float | None] | None = None  # visit, until when
        self.gathered: Gathered | None = None
        self.photograph: GroupPhotograph | None = None

    def erase(self) -> None:
        """Forgets everybody, and overwrites the photograph."""
        self._publisher.camera_changed()
        self._index = self._taking = self.gathered = None
        self._looked_s = -math.inf
        if self.photograph is not None:
            self.photograph.image.fill(0)
        self.photograph = None

    def close(self) -> None:
        """Erases, and frees the networks."""
        self.erase()
        self._lookout.close()

    def show_nobodies(self, bank: Bank) -> None:
        """Draws these in the place of whoever has not decided to be seen, from the next frame on."""
        self._stand_ins.bank = bank

    def decide(self, number: int, decision: Decision | None) -> None:
        """What the person of a track wants; None takes it back."""
        self._publisher.decide(number, decision)

    def take(self, visit_id: int) -> None:
        """Takes the photograph as soon as everybody who has decided is found in one frame."""
        self._taking = visit_id, None

    def look(self, frame: Frame | None) -> list[Event]:
        """Processes a frame, if it is a new one; returns events. None: the camera has none."""
        if frame is None or frame.index == self._index or frame.captured_s - self._looked_s < LOOKED_EVERY_S:
            return []
        self._looked_s = frame.captured_s
        self._index, now_s = frame.index, frame.captured_s
        picture = self._publisher.publish(frame.image, now_s)
        tracks = self._publisher.crowd.tracks
        self.gathered = Gathered(
            replace(frame, image=picture),
            tuple(_head(track, now_s) for track in tracks),
            {track.number: track.head.box_px for track in tracks},
        )
        events: list[Event] = [FaceSeen()] if any(track.found_s == now_s for track in tracks) else []
        return events + self._take(frame, tracks)

    def _take(self, frame: Frame, tracks: tuple[Track, ...]) -> list[Event]:
        if self._taking is None:
            return []
        visit_id, until_s = self._taking
        until_s = frame.captured_s + TAKE_LIMIT_S if until_s is None else until_s
        self._taking = visit_id, until_s
        decided = [track for track in tracks if track.decision is not None]
        found = [track for track in tracks if track.found_s == frame.captured_s]
        if found and all(track in found for track in decided):
            self._taking = None
            self.photograph = _photograph(frame, decided)
            return [PortraitTaken(visit_id)]
        if frame.captured_s < until_s:
            return []
        self._taking = None
        return [PortraitRefused(visit_id)]


def _head(track: Track, now_s: float) -> Head:
    (x, _), box = box_centre(track.head.box_px), track.head.box_px
    yaw_deg = turn_of(track.head).yaw
    return Head(track.number, yaw_deg, x, box_width(box), track.decision, track.found_s == now_s)


def _photograph(frame: Frame, decided: list[Track]) -> GroupPhotograph:
    """As others see the people: a mirrored frame is turned back."""
    width = float(frame.image.shape[1])
    image = np.array(frame.image[:, ::-1] if frame.is_mirrored else frame.image)
    places: list[tuple[Box, Decision]] = []
    for track in decided:
        assert track.decision is not None
        x0, y0, x1, y1 = track.head.box_px
        box = (width - x1, y0, width - x0, y1) if frame.is_mirrored else (x0, y0, x1, y1)
        places.append((box, track.decision))
    return GroupPhotograph(image, tuple(places))
