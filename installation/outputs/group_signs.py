"""The sign of its owner's choice below each face of a group portrait."""

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.live.crowd.decision import Decision
from engine.live.frame import Array
from engine.pipeline.group_portrait import GroupPortrait

# A sign is a share of the face's width across, at least so many pixels, and hangs that share below the chin.
SIGN_SHARE, MIN_SIGN_PX, GAP_SHARE = 0.1, 8.0, 0.12
_SHIFT = 4  # bits after the point in what OpenCV draws


def with_signs(portrait: GroupPortrait) -> Pixels:
    """The picture with the sign of its owner's choice below each face: a disc is real, two discs are a
    doppelgänger, a ring is anonymous."""
    picture = portrait.picture.copy()
    for face in portrait.faces:
        if face.outline is not None:
            _draw_sign(picture, face.choice, face.outline)
    return picture


def _draw_sign(picture: Pixels, choice: Decision, outline: Array) -> None:
    height, width = picture.shape[:2]
    face_px = float(np.ptp(outline[:, 0]))
    radius = max(SIGN_SHARE * face_px, MIN_SIGN_PX) / 2
    x = float(np.clip(outline[:, 0].mean(), 2 * radius, width - 2 * radius))
    y = float(np.clip(outline[:, 1].max() + GAP_SHARE * face_px, 0, height - 1.5 * radius))

    def disc(at_x: float, thickness: int) -> None:
        centre = round(at_x * 2**_SHIFT), round(y * 2**_SHIFT)
        size = round(radius * 2**_SHIFT)
        cv2.circle(picture, centre, size, (255, 255, 255), thickness, cv2.LINE_AA, _SHIFT)

    match choice:
        case Decision.REAL:
            disc(x, cv2.FILLED)
        case Decision.DOPPELGANGER:
            disc(x - 1.3 * radius, cv2.FILLED)
            disc(x + 1.3 * radius, cv2.FILLED)
        case Decision.ANONYMOUS:
            disc(x, max(1, round(radius / 4)))
