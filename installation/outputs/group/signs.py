"""A group portrait with the sign of its owner's choice below each face, and as the stage shows it."""

from collections.abc import Callable

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
AROUND_SHARE, MOST_PX = 0.16, 1024
# So many widths of a face are between two faces there, at most.
GAP_WIDTHS = 0.35
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
    """The faces with their signs in a black square, and what the binding judges say of each.

    People who stand far apart come together: most of the black columns between their faces are left out.
    """
    picture, origin = with_signs(portrait), portrait.origin
    is_shown = (picture.any(axis=2) | origin.any(axis=2)).astype(np.uint8)
    widths = [float(np.ptp(face.outline[:, 0])) for face in portrait.faces if face.outline is not None]
    gap_px = round(GAP_WIDTHS * float(np.mean(widths))) if widths else 0
    near = cv2.dilate(is_shown.max(axis=0, keepdims=True), np.ones((1, 2 * (gap_px // 2) + 1), np.uint8))
    columns = near[0] > 0 if widths else np.ones(picture.shape[1], bool)
    cut = _square(is_shown[:, columns])
    faces = tuple(_face(face) for face in portrait.faces)
    return GroupView(cut(picture[:, columns]), cut(origin[:, columns]), faces)


def _face(face: PublishedFace) -> GroupFace:
    same = None if face.appears is Decision.ANONYMOUS else face.same
    return GroupFace(face.choice, face.appears, same)


def _square(is_shown: Pixels) -> Callable[[Pixels], Pixels]:
    """Cuts a square of at most `MOST_PX` about what is shown, uint8 (H, W) above 0, out of pictures uint8
    (H, W, 3); what lies beyond them is black, as the rest is."""
    x, y, width, height = cv2.boundingRect(is_shown) if is_shown.any() else (0, 0, *is_shown.shape[::-1])
    side = (1 + AROUND_SHARE) * max(width, height)
    size_px = min(MOST_PX, round(side))
    scale, middle_x, middle_y = size_px / side, x + width / 2, y + height / 2
    place = np.array([[scale, 0, size_px / 2 - scale * middle_x], [0, scale, size_px / 2 - scale * middle_y]])

    def cut(picture: Pixels) -> Pixels:
        source = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 0.7 else picture
        return np.asarray(cv2.warpAffine(source, place, (size_px, size_px)), np.uint8)

    return cut
