"""What to ask the visitor to do before the camera, from the same measurements as refusals of a photograph.

Pure: a measured face and the picture's size in, one thing to do out. Directions are those of the picture as
it is shown: a mirror, so a visitor who is asked to go left goes to their own left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.common.errors import FaceRefusal
from engine.faces.acceptance import FaceLimits, refusals
from engine.faces.alignment import ffhq_quad
from engine.faces.detector import BOX_WIDTH_RATIO, Box
from engine.faces.measurement import Face
from installation.stage.view import Guidance
from installation.visit.face_limits import face_limits
from installation.visit.parameters import CaptureParameters

# Whoever was asked to change something goes this much beyond the limit before the piece is content; a face
# that trembles at a limit would otherwise make the words tremble, too.
RESERVE = 1.1


_GUIDANCE_FOR = {
    FaceRefusal.SEVERAL: Guidance.ONE_AT_A_TIME,
    FaceRefusal.TOO_SMALL: Guidance.NEARER,
    FaceRefusal.CUT_OFF: Guidance.FARTHER,
    FaceRefusal.TURNED_AWAY: Guidance.LOOK_HERE,
    FaceRefusal.TOO_DARK: Guidance.MORE_LIGHT,
    FaceRefusal.BLURRED: Guidance.HOLD_STILL,
    FaceRefusal.EYES_CLOSED: Guidance.OPEN_EYES,
}
# These come before the face's place in the picture, all others after it.
_BEFORE_PLACE = (FaceRefusal.SEVERAL, FaceRefusal.TOO_SMALL)


def advise(
    face: Face, others: Sequence[Box], size_px: tuple[int, int], values: CaptureParameters, was_ready: bool
) -> Guidance:
    """The first thing that is wrong with this face in a picture of `size_px` (width, height), or READY.

    others: boxes of other faces, as `FaceAnalyser.glance` gives them. was_ready: whether the answer for the
    frame before was READY; if not, every limit is kept with a reserve.
    """
    reserve = 1.0 if was_ready else RESERVE
    shorter_px = min(size_px)
    smallest_px = reserve * max(face_limits(values).min_face_px, values.far_share * shorter_px)
    limits = replace(_with_reserve(face_limits(values), reserve), min_face_px=smallest_px)
    next_face_px = max((x1 - x0 for x0, _, x1, _ in others), default=0.0) / BOX_WIDTH_RATIO
    reasons = refusals(face, next_face_px, limits)
    if reasons and reasons[0] in _BEFORE_PLACE:
        return _GUIDANCE_FOR[reasons[0]]
    if face.face_px > values.near_share * shorter_px / reserve:
        return Guidance.FARTHER
    may_retreat = face.face_px > 1.5 * smallest_px
    # A face that is itself cut off is not helped by what may be made up around it.
    outside_share = 0.0 if FaceRefusal.CUT_OFF in reasons else values.outside_share / reserve
    if (step := _step_into(face, size_px, outside_share, may_retreat)) is not None:
        return step
    return _GUIDANCE_FOR[reasons[0]] if reasons else Guidance.READY


def _step_into(
    face: Face, size_px: tuple[int, int], outside_share: float, may_retreat: bool
) -> Guidance | None:
    """Where to go so that the portrait lies within the picture, or None where it does.

    A wheelchair or a child's height cannot be changed: whoever is too low or too high is asked to step back
    for as long as that helps, because it moves every face towards the height of the lens.
    """
    quad = ffhq_quad(face.landmarks)
    allowed_px = outside_share * np.hypot(*(quad[1] - quad[0]))
    left, above = (-quad.min(axis=0) > allowed_px).tolist()
    right, below = (quad.max(axis=0) - size_px > allowed_px).tolist()
    if (left and right) or (above and below):
        return Guidance.FARTHER
    if left or right:
        return Guidance.RIGHT if left else Guidance.LEFT
    if above or below:
        if may_retreat:
            return Guidance.FARTHER
        return Guidance.LOWER if above else Guidance.HIGHER
    return None


def _with_reserve(limits: FaceLimits, reserve: float) -> FaceLimits:
    """Not for the eyes: narrow ones cannot open wider."""
    return replace(
        limits,
        min_inside_share=min(1.0, limits.min_inside_share * reserve),
        max_yaw_deg=limits.max_yaw_deg / reserve,
        max_pitch_deg=limits.max_pitch_deg / reserve,
        min_sharpness=limits.min_sharpness * reserve,
        min_brightness=limits.min_brightness * reserve,
    )


@dataclass
class Words:
    """What is being said: something new only after it has been wrong for `words_s`; praise at once."""

    said: Guidance = Guidance.NOBODY
    _meant: Guidance = Guidance.NOBODY
    _since_s: float = 0.0

    def hear(self, guidance: Guidance, at_s: float, words_s: float) -> Guidance:
        """Takes what is wrong in the frame at `at_s` and returns what is said."""
        if guidance is not self._meant:
            self._meant, self._since_s = guidance, at_s
        if guidance is Guidance.READY or at_s - self._since_s >= words_s:
            self.said = guidance
        return self.said
