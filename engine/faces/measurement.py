"""What is measured on a face, from its mesh and from its picture in FFHQ framing.

**Convention:** points are (x, y) in pixels of the photograph, y downwards, with (0, 0) at the outer corner of
the top-left pixel. Left and right are the picture's, not the sitter's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.alignment import Portrait, crop_ffhq
from engine.faces.detector import Box
from engine.faces.landmarks import Landmarks

# Sharpness and light are measured on the FFHQ crop of this size.
MEASURED_PX = 128


class HeadPose(NamedTuple):
    """Angles in degrees, 0 for a face held upright and straight into the camera.

    yaw: positive towards the right edge of the picture. pitch: positive upwards. roll: positive clockwise.
    Yaw and pitch are those of the head set upright, so turning the photograph changes the roll alone.
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True)
class Face:
    """One face and what is measured on it.

    landmarks: float32 (478, 2), the mesh in pixels of the photograph; points 468 to 477 are the irises.
    box_px: (x0, y0, x1, y1) around the mesh; it may reach beyond the photograph.
    face_px: width of the face in pixels, the distance in space between the outermost points of both cheeks,
        so that turning the head does not change it. The FFHQ crop is 1.6 to 2.0 times as wide.
    inside_share: see `measure_inside_share`.
    pose_deg: see `HeadPose`.
    sharpness: see `measure_sharpness`.
    brightness: see `measure_brightness`.
    eyes_open: see `measure_eyes_open`.
    """

    landmarks: NDArray[np.float32]
    box_px: Box
    face_px: float
    inside_share: float
    pose_deg: HeadPose
    sharpness: float
    brightness: float
    eyes_open: float


def measure_face(photograph: Pixels, points: NDArray[np.float64]) -> Face:
    """Photograph uint8 (H, W, 3) RGB and its mesh, float (478, 3): x, y and depth in pixels -> `Face`."""
    landmarks = points[:, :2].astype(np.float32)
    crop = crop_ffhq(photograph, landmarks, MEASURED_PX)
    inside = outlined_area(crop, Landmarks.FACE_OVAL)
    eyes = outlined_area(crop, Landmarks.LEFT_LIDS) | outlined_area(crop, Landmarks.RIGHT_LIDS)
    return Face(
        landmarks=landmarks,
        box_px=measure_box(points),
        face_px=measure_width(points),
        inside_share=measure_inside_share(landmarks, (photograph.shape[1], photograph.shape[0])),
        pose_deg=measure_pose(points),
        sharpness=measure_sharpness(crop.image, inside),
        brightness=measure_brightness(crop.image, inside, eyes),
        eyes_open=measure_eyes_open(landmarks),
    )


def measure_box(points: NDArray[np.float64]) -> Box:
    """Mesh (478, 3) in pixels -> `Face.box_px`."""
    (x0, y0), (x1, y1) = points[:, :2].min(axis=0).tolist(), points[:, :2].max(axis=0).tolist()
    return x0, y0, x1, y1


def measure_width(points: NDArray[np.float64]) -> float:
    """Mesh (478, 3) in pixels -> `Face.face_px`."""
    return float(np.linalg.norm(points[Landmarks.LEFT_CHEEK] - points[Landmarks.RIGHT_CHEEK]))


def measure_inside_share(landmarks: NDArray[np.floating[Any]], size_px: tuple[int, int]) -> float:
    """Mesh (478, 2), and the photograph's width and height -> the share of the mesh that lies in it, 0 to 1.

    The mesh goes on where the photograph ends, and the crop mirrors what is there: half a face would become
    another person. Measured on 5 photographs cut off from the left, the right, above and below: without a
    tenth of the face 0.92 to 0.99, without a fifth 0.83 to 0.95, without three tenths 0.55 to 0.91. Eyes and
    mouth hold most of the points: a lost forehead or chin weighs less than a lost eye. The limit of 0.9 lets
    a tight portrait pass.
    """
    return float(((landmarks >= 0) & (landmarks <= size_px)).all(axis=1).mean())


def measure_pose(points: NDArray[np.float64]) -> HeadPose:
    """Mesh (478, 3) in pixels -> the angles of the head.

    The head's own axes: x from the left to the right half of the face, the mean over twelve pairs of
    points; y from forehead to chin, square to x. On 1,200 renders of known pose (yaw to 34 degrees, pitch
    to 18) yaw follows the truth with a slope of 0.95 and deviates by 1.6 degrees (standard deviation),
    pitch with 0.95 and 4.5 degrees, because foreheads and chins slope differently from person to person.
    """
    x = (points[list(Landmarks.RIGHT_HALF)] - points[list(Landmarks.LEFT_HALF)]).mean(axis=0)
    x /= np.linalg.norm(x)
    y = points[Landmarks.CHIN] - points[Landmarks.FOREHEAD_TOP]
    y -= x * (x @ y)
    forward = -np.cross(x, y / np.linalg.norm(y))  # depth grows away from the camera: forward is negative
    roll = math.atan2(x[1], x[0])
    sideways = math.cos(roll) * forward[0] + math.sin(roll) * forward[1]
    upwards = math.sin(roll) * forward[0] - math.cos(roll) * forward[1]
    yaw, pitch = math.atan2(sideways, -forward[2]), math.asin(float(np.clip(upwards, -1, 1)))
    return HeadPose(math.degrees(yaw), math.degrees(pitch), math.degrees(roll))


def measure_sharpness(crop: Pixels, inside: NDArray[np.bool_]) -> float:
    """FFHQ crop uint8 (128, 128, 3) RGB and its face, bool (128, 128) -> sharpness, 0.3 to 0.8 when sharp.

    The standard deviation of the luma's second difference, across or down, whichever is smaller, divided by
    the standard deviation of the luma itself. Of fixed size, so that a large photograph gains nothing;
    divided, so that dark skin or soft light loses nothing; the smaller of two directions, because motion
    blurs only one.

    Measured on 56 renders and 5 photographs: sharp 0.30 to 0.83. Shrunk and enlarged again, median (5th
    percentile): 64 px 0.21 (0.15), 48 px 0.16 (0.12), 40 px 0.12 (0.09), 32 px 0.10 (0.07), 24 px 0.08
    (0.06). Gaussian blur of 1 % of the crop 0.11 to 0.16, of 1.6 % 0.08; motion over 6 % 0.10 to 0.14, over
    10 % 0.08 to 0.11. The limit of 0.10 is where 40 px of detail begin to be lost. Noise passes for detail:
    a blurred picture with noise of 8 grey levels reaches 0.43.
    """
    luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # Without its rim: the outline before another ground is no detail of the face.
    core = cv2.erode(inside.astype(np.uint8), np.ones((9, 9))).astype(bool)
    across = cv2.filter2D(luma, -1, np.array([[1.0, -2.0, 1.0]]))[core]
    down = cv2.filter2D(luma, -1, np.array([[1.0], [-2.0], [1.0]]))[core]
    return float(min(across.std(), down.std()) / max(float(luma[core].std()), 1.0))


def measure_brightness(
    crop: Pixels, inside: NDArray[np.bool_], eyes: NDArray[np.bool_] | None = None
) -> float:
    """FFHQ crop uint8 (S, S, 3) RGB, its face and its eyes, bool (S, S) -> how light it is, 0 to 100.

    CIE L* at the 95th percentile over each area, of which the highest counts. The eyes are measured by their
    brightest channel as well: stage light of one colour, blue most of all, has little luminance, and is light
    enough to see by. In white light that changes little, since the whites of the eyes have no colour. Not the
    mean over the face: it measures the skin, where the lightest parts (sheen, the lit side, the whites of the
    eyes) measure the light. The eyes are an area of their own, since their whites are equally light in all
    people, and too small to reach the 95th percentile of a face.

    Over face and eyes, of the 20 darkest and the 20 lightest of 156 renders and 5 photographs:

        light    darkest skin   lightest skin   photographs    darkest skin, without the eyes
        all      60 to 93       75 to 81        58 to 87       39 to 50
        1/8      22 to 38       29 to 32        21 to 35       12 to 17
        1/16     14 to 27       20 to 22        13 to 25        6 to 10
        1/32      8 to 18       13 to 15         7 to 16        3 to 5

    So the limit of 20 lies between three and five stops below good light on every skin. Where no white of the
    eye is seen, the darkest skin has a reserve of two stops.
    """
    in_white = _lightness(crop)
    in_any_colour = _lightness(np.repeat(crop.max(axis=2, keepdims=True), 3, axis=2))
    measured = [(in_white, inside)]
    if eyes is not None:
        measured += [(in_white, eyes), (in_any_colour, eyes)]
    return max(float(np.percentile(lightness[area], 95)) for lightness, area in measured if area.any())


def _lightness(image: Pixels) -> NDArray[np.float32]:
    """uint8 (H, W, 3) RGB -> CIE L*, 0 to 100, float32 (H, W)."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0])


def measure_eyes_open(landmarks: NDArray[np.floating[Any]]) -> float:
    """Mesh (478, 2) -> eye aspect ratio of the eye that is wider open.

    The mean height of the gap between the lids over its width, at six points (Soukupová and Čech, *Real-Time
    Eye Blink Detection using Facial Landmarks*, 2016). Of the wider one, because a blink shuts both; a wink,
    a patch or a drooping lid does not count.

    It compares a face with itself and nobody with anybody: 156 renders and 5 photographs have 0.21 to 0.48,
    and people with narrow open eyes less than others with shut ones. The mesh follows the lids in part: drawn
    down to a half, a quarter and nothing of the opening they measure 0.82, 0.69 and 0.58 of it (medians).
    """
    return max(eye_aspect_ratio(landmarks[list(eye)]) for eye in (Landmarks.LEFT_EYE, Landmarks.RIGHT_EYE))


def eye_aspect_ratio(eye: NDArray[np.floating[Any]]) -> float:
    """Six points (6, 2) or (6, 3), in the order of `Landmarks.LEFT_EYE`: corner, two above, corner, two below
    -> the mean height of the gap between the lids over its width."""
    height = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
    return float(height / (2 * np.linalg.norm(eye[0] - eye[3])))


def outlined_area(crop: Portrait, outline: Sequence[int]) -> NDArray[np.bool_]:
    """The part of an FFHQ crop, bool (S, S), within these points of its mesh (`Landmarks.FACE_OVAL`)."""
    area = np.zeros(crop.image.shape[:2], np.uint8)
    cv2.fillPoly(area, [np.rint(crop.landmarks[list(outline)] - 0.5).astype(np.int32)], (1,))
    return area.astype(bool)
