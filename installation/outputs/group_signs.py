"""A group portrait with the sign of its owner's choice below each face, and as the stage shows it."""

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.live.crowd.decision import Decision
from engine.live.frame import Array
from engine.pipeline.group_portrait import GroupPortrait, PublishedFace
from installation.stage.view import GroupFace, GroupView

# A sign is a share of the face's width across, at least so many pixels, and hangs that share below the chin.
SIGN_SHARE, MIN_SIGN_PX, GAP_SHARE = 0.1, 8.0, 0.12
# On the stage and on phones the faces fill a square, with this much of their extent around them.
AROUND_SHARE, MOST_PX = 0.3, 1024
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


def group_view(portrait: GroupPortrait) -> GroupView:
    """The faces with their signs in a black square, and what the binding judges say of each."""
    return GroupView(_square(portrait), tuple(_face(face) for face in portrait.faces))


def _face(face: PublishedFace) -> GroupFace:
    verdicts = (face.verdicts or {}).values()
    asked = face.appears is not Decision.ANONYMOUS and bool(verdicts)
    return GroupFace(face.choice, face.appears, any(each.same for each in verdicts) if asked else None)


def _square(portrait: GroupPortrait) -> Pixels:
    """uint8 (S, S, 3) RGB, S at most `MOST_PX`; what lies beyond the photograph is black, as the rest is."""
    picture = with_signs(portrait)
    height, width = picture.shape[:2]
    outlines = [face.outline for face in portrait.faces if face.outline is not None]
    points = np.concatenate(outlines) if outlines else np.array([[0, 0], [width, height]], np.float32)
    low, high = points.min(axis=0), points.max(axis=0)
    side = (1 + AROUND_SHARE) * float((high - low).max())
    size_px = min(MOST_PX, max(round(side), 1))
    scale = size_px / side
    x, y = ((low + high) / 2).tolist()
    place = np.array([[scale, 0, size_px / 2 - scale * x], [0, scale, size_px / 2 - scale * y]])
    source = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 0.7 else picture
    return np.asarray(cv2.warpAffine(source, place, (size_px, size_px)), np.uint8)
