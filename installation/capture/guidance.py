"""Capture guidance: what to ask the visitor to do before the camera.

Pure: a measured face and the frame's size in, one instruction out. What a face must have is decided by
`engine.faces.acceptance`, as for photographs; added here is where it stands in the frame. Directions are
those of the frame as it is shown, a mirror: a visitor who is asked to go left goes to their own left.
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

# Hysteresis: a face that was not ready must keep every limit by this factor before it is, so that a face at a
# limit does not make the guidance flicker.
RESERVE = 1.1

_GUIDANCE_FOR = {
    FaceRefusal.SEVERAL: Guidance.ONE_AT_A_TIME,
    FaceRefusal.TOO_SMALL: Guidance.NEARER,
    FaceRefusal.CUT_OFF: Guidance.FARTHER,
    FaceRefusal.TURNED_AWAY: Guidance.LOOK_HERE,
    FaceRefusal.TOO_DARK: Guidance.MORE_LIGHT,
    FaceRefusal.BLURRED: Guidance.HOLD_STILL,
}
# These are mentioned before the face's position in the frame, all others after it.
_BEFORE_POSITION = (FaceRefusal.SEVERAL, FaceRefusal.TOO_SMALL)


def advise(
    face: Face, others: Sequence[Box], size_px: tuple[int, int], values: CaptureParameters, was_ready: bool
) -> Guidance:
    """The first thing that is wrong with this face in a frame of `size_px` (width, height), or READY.

    others: boxes of other faces, as `FaceAnalyser.glance` gives them. was_ready: whether the result for the
    frame before was READY; if not, every limit must be kept with a reserve.
    """
    reserve = 1.0 if was_ready else RESERVE
    shorter_px = min(size_px)
    smallest_px = reserve * max(face_limits(values).min_face_px, values.far_share * shorter_px)
    limits = replace(_with_reserve(face_limits(values), reserve), min_face_px=smallest_px)
    next_face_px = max((x1 - x0 for x0, _, x1, _ in others), default=0.0) / BOX_WIDTH_RATIO
    reasons = refusals(face, next_face_px, limits)
    if reasons and reasons[0] in _BEFORE_POSITION:
        return _GUIDANCE_FOR[reasons[0]]
    if face.face_px > values.near_share * shorter_px / reserve:
        return Guidance.FARTHER
    may_retreat = face.face_px > 1.5 * smallest_px
    # A share of the portrait may lie beyond the frame and is filled in, unless the face itself is cut off.
    outside_share = 0.0 if FaceRefusal.CUT_OFF in reasons else values.outside_share / reserve
    if (step := _step_into(face, size_px, outside_share, may_retreat)) is not None:
        return step
    return _GUIDANCE_FOR[reasons[0]] if reasons else Guidance.READY


def _step_into(
    face: Face, size_px: tuple[int, int], outside_share: float, may_retreat: bool
) -> Guidance | None:
    """Where to go so that the portrait lies within the frame, or None where it does.

    outside_share: how much of the portrait's side may lie outside. may_retreat: whether the face is large
    enough to step back. Nobody can change the height of a wheelchair or of a child: whoever is too low or too
    high is asked to step back for as long as that helps, because it moves every face towards the height of
    the lens.
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
    """The limits made stricter by a factor."""
    return replace(
        limits,
        min_inside_share=min(1.0, limits.min_inside_share * reserve),
        max_yaw_deg=limits.max_yaw_deg / reserve,
        max_pitch_deg=limits.max_pitch_deg / reserve,
        min_sharpness=limits.min_sharpness * reserve,
        min_brightness=limits.min_brightness * reserve,
    )


@dataclass
class GuidanceDelay:
    """Keeps the shown guidance from flickering: a new one is shown only once it has held for a while.

    READY is shown at once.
    """

    shown: Guidance = Guidance.NOBODY
    _pending: Guidance = Guidance.NOBODY
    _since_s: float = 0.0

    def update(self, guidance: Guidance, at_s: float, delay_s: float) -> Guidance:
        """Takes the guidance for the frame at `at_s`; returns what is shown."""
        if guidance is not self._pending:
            self._pending, self._since_s = guidance, at_s
        if guidance is Guidance.READY or at_s - self._since_s >= delay_s:
            self.shown = guidance
        return self.shown
