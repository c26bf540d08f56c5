"""Whether a face can be portrayed: the one place where that is decided.

Photographs are refused with `choose_sitter`, the visitor before the camera is guided by the same reasons
(`installation.capture.guidance`), and the pictures kept for a portrait are checked with `is_acceptable`.

Lids refuse nobody: how far somebody opens their eyes is a matter of who they are (docs/acceptance.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.common.errors import FaceRefusal, NoUsableFace
from engine.faces.measurement import Face

# Below this, `eyes_note` has a line. On 161 faces: 0.21 and more as they are; with the lids drawn down to a
# quarter 0.06 to 0.32, where 2 are below; drawn shut 0.04 to 0.31, where 9 are.
NOTED_EYES_OPEN = 0.10


@dataclass(frozen=True)
class FaceLimits:
    """What a face must have to be portrayed. Each function of `engine.faces.measurement` says where its limit
    comes from.

    min_face_px: a match needs about 40 px of real detail over the FFHQ crop; 64 px of face are about 120
        px of crop, which leaves that much even where the lens or the compression takes half.
    max_yaw_deg, max_pitch_deg: beyond them one eye or the chin is hidden, and the mesh guesses. Training
        pictures of FFHQ thin out there too.
    clearly_largest_ratio: the sitter's face must be this many times as wide as the next. 1.5 is somebody who
        stands half as far again from the camera; two people side by side differ by less.
    """

    min_face_px: float = 64.0
    min_inside_share: float = 0.9
    max_yaw_deg: float = 40.0
    max_pitch_deg: float = 30.0
    min_sharpness: float = 0.10
    min_brightness: float = 20.0
    clearly_largest_ratio: float = 1.5


def refusals(face: Face, next_face_px: float, limits: FaceLimits) -> list[FaceRefusal]:
    """All reasons why a face cannot be portrayed, the one to mention first at the beginning; empty: it can.

    next_face_px: width of the next largest face of the same picture; 0 where there is none.
    """
    yaw, pitch, _ = face.pose_deg
    checks = {
        FaceRefusal.SEVERAL: face.face_px < limits.clearly_largest_ratio * next_face_px,
        FaceRefusal.TOO_SMALL: face.face_px < limits.min_face_px,
        FaceRefusal.CUT_OFF: face.inside_share < limits.min_inside_share,
        FaceRefusal.TURNED_AWAY: abs(yaw) > limits.max_yaw_deg or abs(pitch) > limits.max_pitch_deg,
        FaceRefusal.TOO_DARK: face.brightness < limits.min_brightness,
        FaceRefusal.BLURRED: face.sharpness < limits.min_sharpness,
    }
    return [reason for reason, fails in checks.items() if fails]


def refusals_of_all(faces: Sequence[Face], limits: FaceLimits = FaceLimits()) -> list[FaceRefusal]:
    """The reasons why the largest of these faces cannot be portrayed. faces: the largest first."""
    if not faces:
        return [FaceRefusal.NONE]
    return refusals(faces[0], faces[1].face_px if len(faces) > 1 else 0.0, limits)


def is_acceptable(faces: Sequence[Face], limits: FaceLimits = FaceLimits()) -> bool:
    """Whether a picture with these faces, the largest first, gives a portrait."""
    return not refusals_of_all(faces, limits)


def choose_sitter(faces: Sequence[Face], limits: FaceLimits = FaceLimits()) -> Face:
    """The face to portray: the only one, or the clearly largest, if it keeps the limits.

    faces: the largest first. Raises NoUsableFace; its message is one line for the person who gave the
    photograph.
    """
    if reasons := refusals_of_all(faces, limits):
        raise NoUsableFace(reasons[0], _message(reasons[0], faces, limits))
    return faces[0]


def eyes_note(face: Face) -> str | None:
    """One line for whoever gave the photograph where its eyes may be shut; None where they are open.

    Only a note: below `NOTED_EYES_OPEN` lie shut eyes and narrow ones.
    """
    if face.eyes_open >= NOTED_EYES_OPEN:
        return None
    return (
        f"The eyes may be shut in this photograph (opening {face.eyes_open:.2f} of their width): "
        "if they are, give another one."
    )


def _message(reason: FaceRefusal, faces: Sequence[Face], limits: FaceLimits) -> str:
    if reason is FaceRefusal.TOO_SMALL:
        return (
            f"The face is only {faces[0].face_px:.0f} pixels wide and needs {limits.min_face_px:.0f}: "
            "come closer, or give a larger picture."
        )
    return _MESSAGES[reason]


_MESSAGES = {
    FaceRefusal.NONE: "No face was found: bring the whole face into the picture, upright and in good light.",
    FaceRefusal.SEVERAL: "Several faces are about equally large: let one person come closer or crop it.",
    FaceRefusal.CUT_OFF: "Part of the face is outside the picture: bring all of it inside.",
    FaceRefusal.TURNED_AWAY: "The face is turned away: look straight into the camera.",
    FaceRefusal.TOO_DARK: "The face is in the dark: turn it towards a window or a lamp.",
    FaceRefusal.BLURRED: "The face is blurred: hold still, and see that the lens is clean.",
}
