"""Follows one sitter from frame to frame, says what to ask of them, and keeps the frames of the portrait.

Used by one thread; no clock of its own, so that the same frames at the same times give the same answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.acceptance import is_acceptable
from engine.faces.alignment import ffhq_quad
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import BOX_WIDTH_RATIO, Box
from engine.faces.measurement import Face, measure_face, measure_pose
from hardware.camera.base import Frame
from installation.capture.guidance import Words, advise
from installation.capture.identity_check import IdentityCheck, Place, middle
from installation.stage.view import Guidance, Sighting
from installation.visit.events import AnotherFace, Event, FaceSeen, PortraitRefused, PortraitTaken
from installation.visit.face_limits import face_limits
from installation.visit.parameters import CaptureParameters

# A face that cannot be the sitter's has taken the sitter's place once the sitter is gone for so long: who
# turns to a friend turns back sooner. Much smaller faces are in the background, and take nobody's place.
TAKES_PLACE_AFTER_S = 2.0
BACKGROUND_SHARE = 2 / 3
# Before the portrait, whoever has been clearly larger for so long is the sitter instead.
GIVES_WAY_AFTER_S = 0.5
# After so long unseen, the sitter is looked for in the whole picture again.
LOST_AFTER_S = 0.5
# The face is compared with itself this often: in every frame it would cost half as much as finding it.
COMPARE_EVERY_S = 0.09
# Others are looked for this often, a part of the picture at a time, and remembered until all parts are seen.
GLANCE_EVERY_S = 0.2
OTHERS_FOR_S = 1.0
# What of the picture goes with the portrait: its square, and this share of its side around it, from which the
# alignment continues it.
MARGIN_SHARE = 0.2


@dataclass(frozen=True)
class _Stranger:
    """A face that cannot be the sitter's: there while the sitter is not, since when, and last seen when."""

    since_s: float
    last_s: float


@dataclass
class _Taking:
    """A portrait being taken: `kept` has sharpness and crop, the sharpest first."""

    visit_id: int
    until_s: float | None = None
    kept: list[tuple[float, Pixels]] = field(default_factory=list)


class Tracker:
    """One sitter before the camera, until `erase`: whoever is first, or comes nearer before the portrait.

    sighting: the sitter in the newest frame, None where there is none. face: what is measured on it, until
    the portrait is taken.
    """

    def __init__(self, finder: FaceAnalyser) -> None:
        self._finder = finder
        self._taking: _Taking | None = None
        self._forget()

    def erase(self) -> None:
        """Overwrites the pictures kept, and drops everything measured; whoever is seen next is the sitter."""
        if self._taking is not None:
            wipe([picture for _, picture in self._taking.kept])
        self._taking = None
        self._forget()

    def _forget(self) -> None:
        self.sighting: Sighting | None = None
        self.face: Face | None = None
        self._index: int | None = None
        self._place: Place | None = None
        self._words = Words()
        self._content = False
        self._portrayed = False
        self._ended = False
        self._glances = 0
        self._glanced_s = -np.inf
        self._others: list[tuple[float, Box]] = []
        self._stranger: _Stranger | None = None
        self._continuity = IdentityCheck()
        self._compared_s = -np.inf

    def take(self, visit_id: int) -> None:
        """Keeps the best of the next frames."""
        self._taking = _Taking(visit_id)

    def look(
        self, frame: Frame | None, now_s: float, values: CaptureParameters, anybody: bool = False
    ) -> tuple[list[Event], list[Pixels]]:
        """What is to be said of this frame, and the portrait if it is complete with it, the sharpest first.

        None where the camera has no frame. The frame of the last time is not looked at again; but time has
        passed. anybody: all that is asked is whether somebody is there.
        """
        events: list[Event] = []
        if frame is None:
            self.sighting = None
        elif frame.index != self._index and not self._ended:
            self._index = frame.index
            events += self._notice(frame) if anybody else self._see(frame, values)
        if self._taking is None:
            return events, []
        if self._taking.until_s is None:
            self._taking.until_s = now_s + values.take_s
        if now_s < self._taking.until_s:
            return events, []
        taken, pictures = self._taking, self._acceptable(values)
        self._taking = None
        self._portrayed = bool(pictures)
        self.face = None
        answer = PortraitTaken(taken.visit_id) if pictures else PortraitRefused(taken.visit_id)
        return [*events, answer], pictures

    # --- the sitter ---

    def _see(self, frame: Frame, values: CaptureParameters) -> list[Event]:
        at_s, picture = frame.captured_s, frame.image
        points = self._find(picture, at_s)
        if points is None:
            self.face, self._content = None, False
            self.sighting = Sighting(self._words.hear(Guidance.NOBODY, at_s, values.words_s))
            return [self._end()] if self._is_replaced(at_s) else []
        pose = measure_pose(points)
        self._stranger = None
        self._place = Place.of(points, at_s)
        if at_s - self._compared_s >= COMPARE_EVERY_S:
            self._compared_s = at_s
            if self._continuity.is_broken_by(picture, points, pose, at_s):
                return [self._end()]
        size_px = picture.shape[1], picture.shape[0]
        guidance = Guidance.READY
        if not self._portrayed:
            # After the portrait, only the head's turn is needed, at half the cost.
            self._look_around(picture, at_s)
            if self._gives_way(values):
                return self._see(frame, values)
            self.face = measure_face(picture, points)
            others = [box for _, box in self._others]
            guidance = advise(self.face, others, size_px, values, self._content)
            self._content = guidance is Guidance.READY
            if self._content:
                self._keep(picture, self.face, values)
            guidance = self._words.hear(guidance, at_s, values.words_s)
        self.sighting = Sighting(guidance, _shares(self._place.box, size_px), pose.yaw)
        return [FaceSeen(usable=self._content)]

    def _find(self, picture: Pixels, at_s: float) -> NDArray[np.float64] | None:
        """The mesh of the sitter, or of whoever is largest where there is no sitter yet."""
        if self._place is not None and at_s - self._place.at_s < LOST_AFTER_S:
            points = self._finder.mesh(picture, self._place.box)
            if points is not None and self._is_sitter(Place.of(points, at_s)):
                return points
        for box in self._glance(picture, at_s):
            width_px = (box[2] - box[0]) / BOX_WIDTH_RATIO
            seen = Place(box, width_px, at_s)
            if self._is_sitter(seen):
                points = self._finder.mesh(picture, box)
                if points is not None:
                    return points
            elif self._place is not None and width_px > BACKGROUND_SHARE * self._place.width_px:
                known = self._stranger is not None and at_s - self._stranger.last_s < OTHERS_FOR_S
                since_s = self._stranger.since_s if self._stranger and known else at_s
                self._stranger = _Stranger(since_s, at_s)
        return None

    def _is_sitter(self, seen: Place) -> bool:
        if self._place is None:
            return True
        # The longer a sitter is gone, the further away they may be; but not once somebody else is there.
        until_s = seen.at_s if self._stranger is None else self._stranger.since_s
        return self._place.reaches(seen, until_s - self._place.at_s)

    def _gives_way(self, values: CaptureParameters) -> bool:
        """Whether somebody else is the sitter from now on, because they are nearer."""
        assert self._place is not None
        limit_px = face_limits(values).clearly_largest_ratio * self._place.width_px * BOX_WIDTH_RATIO
        larger = [(seen_s, box) for seen_s, box in self._others if box[2] - box[0] > limit_px]
        if self._taking is not None or not larger or larger[-1][0] - larger[0][0] < GIVES_WAY_AFTER_S:
            return False
        seen_s, box = larger[-1]
        words = self._words
        self._forget()
        self._words = words
        self._place = Place(box, (box[2] - box[0]) / BOX_WIDTH_RATIO, seen_s)
        return True

    def _is_replaced(self, at_s: float) -> bool:
        stranger = self._stranger
        return (
            stranger is not None
            and stranger.last_s == at_s
            and at_s - stranger.since_s >= TAKES_PLACE_AFTER_S
        )

    def _end(self) -> AnotherFace:
        """Nothing of the other face is kept or looked at."""
        self.erase()
        self._ended = True
        return AnotherFace()

    # --- the others ---

    def _notice(self, frame: Frame) -> list[Event]:
        """Of whoever is there, who need not have agreed, only the detector's boxes, and those not kept."""
        boxes = self._finder.glance(frame.image, self._glances)
        self._glances += 1
        return [FaceSeen()] if boxes else []

    def _look_around(self, picture: Pixels, at_s: float) -> None:
        if at_s - self._glanced_s >= GLANCE_EVERY_S:
            self._glance(picture, at_s)
        assert self._place is not None
        own = self._place.box
        self._others = [(seen_s, box) for seen_s, box in self._others if not _overlap(box, own)]

    def _glance(self, picture: Pixels, at_s: float) -> Sequence[Box]:
        """The boxes of the faces in one part of the picture; those of others are remembered for a second."""
        boxes = self._finder.glance(picture, self._glances)
        self._glances += 1
        self._glanced_s = at_s
        recent = [(seen_s, box) for seen_s, box in self._others if at_s - seen_s < OTHERS_FOR_S]
        self._others = recent + [(at_s, box) for box in boxes]
        return boxes

    # --- the portrait ---

    def _keep(self, picture: Pixels, face: Face, values: CaptureParameters) -> None:
        if self._taking is None:
            return
        kept = self._taking.kept
        if len(kept) >= values.frames and face.sharpness <= kept[-1][0]:
            return
        kept.append((face.sharpness, _surroundings(picture, face)))
        kept.sort(key=lambda each: each[0], reverse=True)
        wipe([left_out for _, left_out in kept[values.frames :]])
        del kept[values.frames :]

    def _acceptable(self, values: CaptureParameters) -> list[Pixels]:
        """The kept pictures that the engine will accept; the others are overwritten."""
        assert self._taking is not None
        good: list[Pixels] = []
        for _, picture in self._taking.kept:
            if is_acceptable(self._finder.find(picture)):
                good.append(picture)
            else:
                wipe([picture])
        return good


def wipe(pictures: Sequence[Pixels]) -> None:
    """Overwrites pictures of our own."""
    for picture in pictures:
        picture.fill(0)


def _overlap(one: Box, other: Box) -> bool:
    """Whether the centre of either lies within the other."""
    (x, y), (u, v) = middle(one), middle(other)
    within = other[0] <= x <= other[2] and other[1] <= y <= other[3]
    return within or (one[0] <= u <= one[2] and one[1] <= v <= one[3])


def _shares(box: Box, size_px: tuple[int, int]) -> Box:
    width, height = size_px
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _surroundings(picture: Pixels, face: Face) -> Pixels:
    """A copy of what the portrait needs of the picture, and nothing beyond."""
    quad = ffhq_quad(face.landmarks)
    margin_px = MARGIN_SHARE * np.hypot(*(quad[1] - quad[0]))
    height, width = picture.shape[:2]
    left, top = np.clip(quad.min(axis=0) - margin_px, 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(
        np.ceil(quad.max(axis=0) + margin_px), [left + 1, top + 1], [width, height]
    ).astype(int)
    return picture[top:bottom, left:right].copy()
