"""Tracks one sitter from frame to frame, decides what to ask of them, and keeps the frames of the portrait.

In each frame: find the sitter's face (near its last position with the mesh alone, else with the detector),
check that it is still the same person (`installation.capture.identity_check`), look for larger faces, measure
the face, and decide on the guidance (`installation.capture.guidance`). While a portrait is being taken, the
best acceptable frames are kept, cut out around the face: sharp, with the eyes open wide, and no blink.

Used by one thread. It has no clock of its own: the same frames at the same times give the same results.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.acceptance import is_acceptable
from engine.faces.alignment import ffhq_quad
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import BOX_WIDTH_RATIO, Box, box_centre, box_contains
from engine.faces.measurement import Face, measure_face, measure_pose
from engine.live.crowd.outline import draw_face, outline_of
from hardware.camera.base import Frame
from installation.capture.blinks import BlinkDetector
from installation.capture.expression_follower import ExpressionFollower, FollowedExpression
from installation.capture.guidance import GuidanceDelay, advise
from installation.capture.identity_check import FacePosition, IdentityCheck
from installation.stage.view import Guidance, Sighting
from installation.visit.events import AnotherFace, Event, FaceSeen, PortraitRefused, PortraitTaken
from installation.visit.face_limits import face_limits
from installation.visit.parameters import CaptureParameters

# The sitter counts as replaced once another face has been there for so long without the sitter's: somebody
# who turns to a friend turns back sooner. A face narrower than this share of the sitter's is background.
REPLACED_AFTER_S = 2.0
BACKGROUND_SHARE = 2 / 3
# Before the portrait, another face that has been clearly larger for so long becomes the sitter's.
LARGER_FACE_WINS_AFTER_S = 0.5
# After so long without a mesh, the sitter is looked for in the whole frame again.
LOST_AFTER_S = 0.5
# Where the sitter need only be there, a frame is looked at this long after the one they were last found in.
PRESENCE_EVERY_S = 0.2
# How often the identity is checked: in every frame it would cost half as much as finding the face.
IDENTITY_CHECK_EVERY_S = 0.09
# How often other faces are looked for, in one part of the frame at a time, and for how long they are
# remembered: until all parts have been searched.
GLANCE_EVERY_S = 0.2
OTHERS_REMEMBERED_S = 1.0
# A kept frame is cut to the portrait's square and this share of its side around it, which the alignment needs
# to continue the picture beyond its edge.
MARGIN_SHARE = 0.2
# Of the kept frames, those with the eyes less open than this share of the widest are left out: the mesh shows
# shut lids as 0.58 of the opening, and half-shut ones as 0.82 (`engine.faces.measurement.measure_eyes_open`).
WIDE_OPEN_SHARE = 0.75


@dataclass(frozen=True)
class _OtherFace:
    """A face that cannot be the sitter's, seen while the sitter's is not.

    since_s, last_s: when it was first and last seen, on the camera's clock.
    """

    since_s: float
    last_s: float


@dataclass
class _PortraitCapture:
    """A portrait being taken.

    until_s: when it is complete; None before the first frame. kept: quality (`_quality`) and picture, uint8
    (H, W, 3) RGB, cut out around the face; the best first.
    """

    visit_id: int
    until_s: float | None = None
    kept: list[tuple[float, Pixels]] = field(default_factory=list)


class Tracker:
    """Tracks one sitter until `erase`.

    The sitter is whoever is seen first; before the portrait, somebody who is clearly larger takes over.

    sighting: the sitter in the newest frame; None where there is no frame. face: what is measured on the
    sitter's face, until the portrait is taken; None where no face was found. expression: while it is
    followed, what the newest frame shows of it. released: the newest frame, black but for the sitter's face,
    which alone may be shown, and only where it is certain to be the sitter's; None where nobody is tracked or
    no frame comes.
    """

    def __init__(self, analyser: FaceAnalyser) -> None:
        self._analyser = analyser
        self._capture: _PortraitCapture | None = None
        self._follower: ExpressionFollower | None = None
        self.expression: FollowedExpression | None = None
        self._reset()

    def erase(self) -> None:
        """Overwrites the kept pictures and drops all measurements; whoever is seen next is the new sitter."""
        if self._capture is not None:
            wipe([picture for _, picture in self._capture.kept])
        self._capture = None
        self.follow(False)
        self._reset()

    def _reset(self) -> None:
        self.sighting: Sighting | None = None
        self.face: Face | None = None
        self.released: Frame | None = None
        self._index: int | None = None
        self._position: FacePosition | None = None
        self._guidance_delay = GuidanceDelay()
        self._blinks = BlinkDetector()
        self._was_ready = False
        self._has_portrait = False
        self._ended = False
        self._glances = 0
        self._glanced_s = -np.inf
        self._others: list[tuple[float, Box]] = []
        self._other_face: _OtherFace | None = None
        self._identity_check = IdentityCheck()
        self._identity_checked_s = -np.inf

    def take(self, visit_id: int) -> None:
        """Starts to keep the best of the next frames, for `CaptureParameters.take_s`."""
        self._capture = _PortraitCapture(visit_id)

    def follow(self, on: bool) -> None:
        """Begins to follow the sitter's expression, from a new neutral; or ends it, and erases all of it."""
        if self._follower is not None:
            self._follower.erase()
        self._follower, self.expression = ExpressionFollower() if on else None, None

    def look(
        self,
        frame: Frame | None,
        now_s: float,
        values: CaptureParameters,
        anybody: bool = False,
        closely: bool = True,
    ) -> tuple[list[Event], list[Pixels]]:
        """Processes one frame; returns events, and the portrait's pictures where it is complete by now.

        frame: None where the camera has none. A frame that was processed before is not processed again, but a
        portrait that is being taken may be complete by now.
        now_s: the stage's clock.
        anybody: only detect whether anybody is there; nothing is measured.
        closely: every frame counts. Else it is enough to know that the sitter is still there: while that is
        certain, frames are left out (`PRESENCE_EVERY_S`).

        Returns the portrait as uint8 (H, W, 3) RGB, the best picture first; empty where there is none.
        """
        events: list[Event] = []
        if frame is None:
            self.sighting = self.released = None
        elif frame.index != self._index and not self._ended and (closely or self._is_due(frame)):
            self._index = frame.index
            events += self._detect_anybody(frame) if anybody else self._track(frame, values)
        if self._capture is None:
            return events, []
        if self._capture.until_s is None:
            self._capture.until_s = now_s + values.take_s
        if now_s < self._capture.until_s:
            return events, []
        taken, pictures = self._capture, self._accepted_pictures()
        self._capture = None
        self._has_portrait = bool(pictures)
        self.face = None
        answer = PortraitTaken(taken.visit_id) if pictures else PortraitRefused(taken.visit_id)
        return [*events, answer], pictures

    # --- the sitter ---

    def _is_due(self, frame: Frame) -> bool:
        """Whether the sitter was not found shortly before this frame, or may have become somebody else."""
        if self._position is None or self._identity_check.is_doubtful:
            return True
        return frame.captured_s - self._position.at_s >= PRESENCE_EVERY_S

    def _track(self, frame: Frame, values: CaptureParameters) -> list[Event]:
        """Finds and measures the sitter in a new frame, and sets `sighting` and `face`."""
        at_s, picture = frame.captured_s, frame.image
        points = self._find(picture, at_s)
        self.released = None
        if points is None:
            self.released = _released(frame, None)
            self._follow(None, frame)
            self.face, self._was_ready = None, False
            self.sighting = Sighting(self._guidance_delay.update(Guidance.NOBODY, at_s, values.words_s))
            return [self._end()] if self._is_replaced(at_s) else []
        pose = measure_pose(points)
        self._other_face = None
        self._position = FacePosition.from_mesh(points, at_s)
        if at_s - self._identity_checked_s >= IDENTITY_CHECK_EVERY_S:
            self._identity_checked_s = at_s
            if self._identity_check.is_someone_else(picture, points, pose, at_s):
                return [self._end()]
        self._follow(points, frame)
        size_px = picture.shape[1], picture.shape[0]
        guidance = Guidance.READY
        if not self._has_portrait:
            # After the portrait, only the head's yaw is needed, at half the cost.
            self._look_for_others(picture, at_s)
            if self._hand_over_to_larger_face(values):
                return self._track(frame, values)
            self.face = measure_face(picture, points)
            others = [box for _, box in self._others]
            guidance = advise(self.face, others, size_px, values, self._was_ready)
            self._was_ready = guidance is Guidance.READY
            if not self._blinks.is_blink(self.face.eyes_open, at_s) and self._was_ready:
                self._keep(frame, self.face, values)
            guidance = self._guidance_delay.update(guidance, at_s, values.words_s)
        self.sighting = Sighting(guidance, _relative(self._position.box, size_px), pose.yaw)
        # While it may be somebody else's face, it is not shown.
        self.released = _released(frame, None if self._identity_check.is_doubtful else points)
        return [FaceSeen(usable=self._was_ready)]

    def _follow(self, points: NDArray[np.float64] | None, frame: Frame) -> None:
        """Updates `expression`, while it is followed."""
        if self._follower is not None:
            self.expression = self._follower.step(points, frame)

    def _find(self, picture: Pixels, at_s: float) -> NDArray[np.float64] | None:
        """The mesh (478, 3) of the sitter, or of whoever is largest where there is no sitter yet."""
        if self._position is not None and at_s - self._position.at_s < LOST_AFTER_S:
            points = self._analyser.mesh(picture, self._position.box)
            if points is not None and self._can_be_sitter(FacePosition.from_mesh(points, at_s)):
                return points
        for box in self._glance(picture, at_s):
            width_px = (box[2] - box[0]) / BOX_WIDTH_RATIO
            found = FacePosition(box, width_px, at_s)
            if self._can_be_sitter(found):
                points = self._analyser.mesh(picture, box)
                if points is not None:
                    return points
            elif self._position is not None and width_px > BACKGROUND_SHARE * self._position.width_px:
                known = self._other_face is not None and at_s - self._other_face.last_s < OTHERS_REMEMBERED_S
                since_s = self._other_face.since_s if self._other_face and known else at_s
                self._other_face = _OtherFace(since_s, at_s)
        return None

    def _can_be_sitter(self, found: FacePosition) -> bool:
        """Whether the sitter can have moved there since they were last seen; anybody, before that."""
        if self._position is None:
            return True
        # In the first moments of an absence the sitter may be further away the longer they last, but not any
        # more once somebody else is there.
        until_s = found.at_s if self._other_face is None else self._other_face.since_s
        return self._position.can_reach(found, until_s - self._position.at_s)

    def _hand_over_to_larger_face(self, values: CaptureParameters) -> bool:
        """Before the portrait: makes somebody who is clearly nearer the sitter; whether that was done."""
        assert self._position is not None
        limit_px = face_limits(values).clearly_largest_ratio * self._position.width_px * BOX_WIDTH_RATIO
        larger = [(seen_s, box) for seen_s, box in self._others if box[2] - box[0] > limit_px]
        if self._capture is not None or not larger or larger[-1][0] - larger[0][0] < LARGER_FACE_WINS_AFTER_S:
            return False
        seen_s, box = larger[-1]
        guidance_delay = self._guidance_delay
        self._reset()
        self._guidance_delay = guidance_delay
        self._position = FacePosition(box, (box[2] - box[0]) / BOX_WIDTH_RATIO, seen_s)
        return True

    def _is_replaced(self, at_s: float) -> bool:
        other = self._other_face
        return other is not None and other.last_s == at_s and at_s - other.since_s >= REPLACED_AFTER_S

    def _end(self) -> AnotherFace:
        """Ends the tracking: nothing of the other person's face is kept or measured."""
        self.erase()
        self._ended = True
        return AnotherFace()

    # --- other people ---

    def _detect_anybody(self, frame: Frame) -> list[Event]:
        """FaceSeen where there is a face. Nobody need have agreed to this: only boxes, and none is kept."""
        boxes = self._analyser.glance(frame.image, self._glances)
        self._glances += 1
        return [FaceSeen()] if boxes else []

    def _look_for_others(self, picture: Pixels, at_s: float) -> None:
        """Updates `_others`, without the sitter's own box."""
        if at_s - self._glanced_s >= GLANCE_EVERY_S:
            self._glance(picture, at_s)
        assert self._position is not None
        own = self._position.box
        self._others = [(seen_s, box) for seen_s, box in self._others if not _overlap(box, own)]

    def _glance(self, picture: Pixels, at_s: float) -> Sequence[Box]:
        """The boxes of the faces in the next part of the frame, also remembered in `_others`."""
        boxes = self._analyser.glance(picture, self._glances)
        self._glances += 1
        self._glanced_s = at_s
        recent = [(seen_s, box) for seen_s, box in self._others if at_s - seen_s < OTHERS_REMEMBERED_S]
        self._others = recent + [(at_s, box) for box in boxes]
        return boxes

    # --- the portrait ---

    def _keep(self, frame: Frame, face: Face, values: CaptureParameters) -> None:
        """Keeps the frame where it is among the best; overwrites the one that falls out."""
        if self._capture is None:
            return
        kept, quality = self._capture.kept, _quality(face)
        if len(kept) >= values.frames and quality <= kept[-1][0]:
            return
        kept.append((quality, _cut_out(frame, face)))
        kept.sort(key=lambda each: each[0], reverse=True)
        wipe([dropped for _, dropped in kept[values.frames :]])
        del kept[values.frames :]

    def _accepted_pictures(self) -> list[Pixels]:
        """The kept pictures that the engine will accept, but those with the eyes less open than in others.

        The rest are overwritten.
        """
        assert self._capture is not None
        openings: list[float] = []
        for _, picture in self._capture.kept:
            faces = self._analyser.find(picture)
            openings.append(faces[0].eyes_open if is_acceptable(faces) else -np.inf)
        narrowest = WIDE_OPEN_SHARE * max(openings, default=0.0)
        accepted: list[Pixels] = []
        for (_, picture), opening in zip(self._capture.kept, openings, strict=True):
            if np.isfinite(opening) and opening >= narrowest:
                accepted.append(picture)
            else:
                wipe([picture])
        return accepted


def wipe(pictures: Sequence[Pixels]) -> None:
    """Overwrites pictures, uint8 (H, W, 3), with zeros."""
    for picture in pictures:
        picture.fill(0)


def _quality(face: Face) -> float:
    """By what the frames of one sitter are ranked: sharpness, and the opening of the eyes.

    Their product, so that it does not matter how wide anybody's eyes are; the opening squared, because the
    mesh shows only a part of what the lids do.
    """
    return face.sharpness * face.eyes_open**2


def _overlap(a: Box, b: Box) -> bool:
    """Whether the centre of either box lies within the other."""
    return box_contains(b, box_centre(a)) or box_contains(a, box_centre(b))


def _relative(box: Box, size_px: tuple[int, int]) -> Box:
    """A box in pixels -> the same in shares of the picture's width and height, 0 to 1."""
    width, height = size_px
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _released(frame: Frame, points: NDArray[np.float64] | None) -> Frame:
    """The frame, black but for the face of a mesh (478, 3): nobody else in it has agreed to be shown."""
    image = np.zeros_like(frame.image)
    if points is not None:
        draw_face(frame.image, outline_of(points), image)
    return replace(frame, image=image)


def _cut_out(frame: Frame, face: Face) -> Pixels:
    """A copy of the part of the frame that the portrait's alignment needs, and nothing beyond.

    As photographed: here a mirrored frame is turned back, and only here. So the mirror stays on the screen,
    and all that is searched, judged, shown and given away shows the sitter as others see them.
    """
    picture = frame.image
    quad = ffhq_quad(face.landmarks)
    margin_px = MARGIN_SHARE * np.hypot(*(quad[1] - quad[0]))
    height, width = picture.shape[:2]
    left, top = np.clip(quad.min(axis=0) - margin_px, 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(
        np.ceil(quad.max(axis=0) + margin_px), [left + 1, top + 1], [width, height]
    ).astype(int)
    part = picture[top:bottom, left:right]
    return np.asarray(cv2.flip(part, 1)) if frame.is_mirrored else part.copy()
