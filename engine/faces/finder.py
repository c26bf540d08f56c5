"""Faces in a photograph: where they are, how they are held and lit, and which one can be portrayed.

MediaPipe's two face detectors find them, its face mesh of 478 points measures them; the models come inside
the mediapipe package (Bazarevsky et al., *BlazeFace*, 2019; Kartynnik et al., *Real-time Facial Surface
Geometry from Monocular Video on Mobile GPUs*, 2019; Grishchenko et al., *Attention Mesh*, 2020).

**Convention:** points are (x, y) in pixels of the photograph, y downwards, with (0, 0) at the outer corner of
the top-left pixel. "left" and "right" are the picture's, not the sitter's.
"""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.errors import NoUsableFace
from engine.common.native_output import native_stderr_silenced
from engine.faces.alignment import LEFT_EYE, RIGHT_EYE, crop_ffhq

Box = tuple[float, float, float, float]

# Points of the mesh. The oval runs from the top of the forehead over the picture's right side and the chin.
FOREHEAD, CHIN, LEFT_CHEEK, RIGHT_CHEEK = 10, 152, 234, 454
FACE_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
# Corresponding points on the left and the right half: eyes, brows, cheeks, nose, mouth, jaw.
MIRRORED_LEFT = (33, 133, 70, 234, 127, 132, 50, 129, 61, 93, 58, 172)
MIRRORED_RIGHT = (263, 362, 300, 454, 356, 361, 280, 358, 291, 323, 288, 397)

# The long-range detector finds 95 % of the faces that are 12 % as wide as its picture, 80 % at 10 %, half
# at 8 % (19 faces pasted into another photograph). So smaller faces need tiles, and a face of 20 % or more
# shows that none of comparable size was missed.
COMPLETE_FROM_SHARE = 0.2
SMALLEST_TILE_PX = 512
# The mesh looks at a square around the face, twice as wide as the face and at most this large: it needs 192
# px, and takes its samples without smoothing.
MESH_INPUT_PX = 512
# The width of the detectors' boxes over `Face.face_px`: 0.95 to 1.42 on 60 faces, median 1.10 (short range)
# and 1.16 (long range).
DETECTED_WIDTH = 1.15
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


@dataclass(frozen=True)
class FaceLimits:
    """What a face must have to be portrayed. Where the numbers come from is said with each measure.

    min_face_px: a match needs about 40 px of honest detail over the FFHQ crop; 64 px of face are about 120
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
    min_eyes_open: float = 0.13
    clearly_largest_ratio: float = 1.5


class FaceAnalyser:
    """MediaPipe's detectors and mesh, loaded once. A context manager; not to be shared between threads.

    Making one takes about two seconds, for the import of mediapipe. It keeps the library's start-up
    messages off the terminal by sending standard error nowhere for that time.
    """

    def __init__(self) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")
        with native_stderr_silenced():
            from mediapipe.python.solutions.face_detection import FaceDetection
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._near = FaceDetection(model_selection=0, min_detection_confidence=0.5)
            self._far = FaceDetection(model_selection=1, min_detection_confidence=0.5)
            self._mesh = FaceMesh(static_image_mode=True, refine_landmarks=True, max_num_faces=4)
            # They write their messages on first use, one of them only for a face; so a mesh that takes
            # anything for a face sees the empty picture too.
            blank = np.zeros((128, 128, 3), np.uint8)
            with FaceMesh(
                static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.0
            ) as credulous:
                for graph in (self._near, self._far, self._mesh, credulous):
                    graph.process(blank)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for graph in (self._near, self._far, self._mesh):
            graph.close()

    def find(self, photograph: NDArray[np.uint8]) -> list[Face]:
        """Photograph uint8 (H, W, 3) RGB, upright -> its faces, the largest first.

        The whole photograph is searched first, then ever smaller tiles of it, until a face is found that is
        large in its tile. Faces much smaller than the largest may be left out.
        """
        faces: list[Face] = []
        for side_px in _tile_sides(max(photograph.shape[:2])):
            for box in self._detect(photograph, side_px):
                if any(_holds(face.box_px, _centre(box)) for face in faces):
                    continue
                face = self._measure(photograph, box)
                if face and not any(_holds(known.box_px, _centre(face.box_px)) for known in faces):
                    faces.append(face)
            if any(face.face_px >= COMPLETE_FROM_SHARE * side_px for face in faces):
                break
        return sorted(faces, key=lambda face: face.face_px, reverse=True)

    def glance(self, photograph: NDArray[np.uint8], number: int) -> list[Box]:
        """A quick look at a part of the photograph, another one for each `number` in turn -> boxes of faces.

        The parts are the whole and then squares as wide as its shorter side; boxes are the detectors' own,
        `DETECTED_WIDTH` times as wide as `Face.face_px`, the widest first, one a face. 5 to 9 ms.
        """
        height, width = photograph.shape[:2]
        parts = [(0, 0, width, height), *_tiles(width, height, min(height, width))]
        detections = sorted(self._detect_in(photograph, parts[number % len(parts)]), reverse=True)
        boxes: list[Box] = []
        for _, box in detections:
            if not any(_holds(known, _centre(box)) for known in boxes):
                boxes.append(box)
        return sorted(boxes, key=lambda box: box[2] - box[0], reverse=True)

    def mesh(self, photograph: NDArray[np.uint8], box: Box) -> NDArray[np.float64] | None:
        """The mesh of the face in or near this box, such as `Face.box_px` of the picture before.

        Float (478, 3), x, y and depth in pixels of the photograph; None where the mesh sees no face. 7 ms.
        """
        side_px = 2 * max(box[2] - box[0], box[3] - box[1])
        square, origin, scale = _square_around(photograph, _centre(box), side_px)
        found = self._mesh.process(square).multi_face_landmarks or ()
        meshes = [_mesh_points(mesh, len(square)) for mesh in found]
        if not meshes:
            return None
        middle = len(square) / 2
        off_centre_px = [float(np.hypot(*(mesh[:, :2].mean(axis=0) - middle))) for mesh in meshes]
        nearest = int(np.argmin(off_centre_px))
        if off_centre_px[nearest] > middle / 2:
            return None  # the neighbour's
        points: NDArray[np.float64] = meshes[nearest] * scale
        points[:, :2] += origin
        return points

    def _detect(self, photograph: NDArray[np.uint8], side_px: int) -> list[Box]:
        """Boxes in pixels of the photograph, the surest first; the same face may be there more than once."""
        height, width = photograph.shape[:2]
        tiles = _tiles(width, height, side_px)
        detections = [found for tile in tiles for found in self._detect_in(photograph, tile)]
        return [box for _, box in sorted(detections, reverse=True)]

    def _detect_in(
        self, photograph: NDArray[np.uint8], tile: tuple[int, int, int, int]
    ) -> Iterator[tuple[float, Box]]:
        """Scores and boxes, in pixels of the photograph, of the faces in a tile of it."""
        left, top, right, bottom = tile
        whole = (right - left, bottom - top) == (photograph.shape[1], photograph.shape[0])
        part = np.ascontiguousarray(photograph[top:bottom, left:right])
        for detector in (self._near, self._far) if whole else (self._far,):
            for detection in detector.process(part).detections or ():
                box = detection.location_data.relative_bounding_box
                x0, y0 = left + box.xmin * (right - left), top + box.ymin * (bottom - top)
                x1, y1 = x0 + box.width * (right - left), y0 + box.height * (bottom - top)
                yield detection.score[0], (x0, y0, x1, y1)

    def _measure(self, photograph: NDArray[np.uint8], box: Box) -> Face | None:
        """The face in this box, or None where the mesh sees none."""
        points = self.mesh(photograph, box)
        return None if points is None else measure_face(photograph, points)


def measure_face(photograph: NDArray[np.uint8], points: NDArray[np.float64]) -> Face:
    """Photograph uint8 (H, W, 3) RGB and its mesh, float (478, 3): x, y and depth in pixels -> `Face`."""
    landmarks = points[:, :2].astype(np.float32)
    crop = crop_ffhq(photograph, landmarks, MEASURED_PX)
    inside = _oval(crop.landmarks)
    return Face(
        landmarks=landmarks,
        box_px=measure_box(points),
        face_px=measure_width(points),
        inside_share=measure_inside_share(landmarks, (photograph.shape[1], photograph.shape[0])),
        pose_deg=measure_pose(points),
        sharpness=measure_sharpness(crop.image, inside),
        brightness=measure_brightness(crop.image, inside),
        eyes_open=measure_eyes_open(landmarks),
    )


def measure_box(points: NDArray[np.float64]) -> Box:
    """Mesh (478, 3) in pixels -> `Face.box_px`."""
    (x0, y0), (x1, y1) = points[:, :2].min(axis=0).tolist(), points[:, :2].max(axis=0).tolist()
    return x0, y0, x1, y1


def measure_width(points: NDArray[np.float64]) -> float:
    """Mesh (478, 3) in pixels -> `Face.face_px`."""
    return float(np.linalg.norm(points[LEFT_CHEEK] - points[RIGHT_CHEEK]))


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
    x = (points[list(MIRRORED_RIGHT)] - points[list(MIRRORED_LEFT)]).mean(axis=0)
    x /= np.linalg.norm(x)
    y = points[CHIN] - points[FOREHEAD]
    y -= x * (x @ y)
    forward = -np.cross(x, y / np.linalg.norm(y))  # depth grows away from the camera: forward is negative
    roll = math.atan2(x[1], x[0])
    sideways = math.cos(roll) * forward[0] + math.sin(roll) * forward[1]
    upwards = math.sin(roll) * forward[0] - math.cos(roll) * forward[1]
    yaw, pitch = math.atan2(sideways, -forward[2]), math.asin(float(np.clip(upwards, -1, 1)))
    return HeadPose(math.degrees(yaw), math.degrees(pitch), math.degrees(roll))


def measure_sharpness(crop: NDArray[np.uint8], inside: NDArray[np.bool_]) -> float:
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


def measure_brightness(crop: NDArray[np.uint8], inside: NDArray[np.bool_]) -> float:
    """FFHQ crop uint8 (S, S, 3) RGB and its face, bool (S, S) -> how light its lightest parts are, 0 to 100.

    CIE L* at the 95th percentile over the face, eyes and teeth included. Not the mean: the mean measures
    the skin, the lightest parts (whites of the eyes, sheen, the lit side) measure the light.

    Measured in good light: 1,200 renders, skins of albedo under 8 % 39 to 82 (median 50), over 40 % from 66
    (median 74); five photographs 59 to 87. At a quarter of the light (two stops under) the darkest of the
    renders still have 20.6; at 1/16 the photographs have 16 to 24, at 1/32 9 to 16. So the limit of 20
    leaves the darkest skin two stops of reserve and refuses every face that is five stops under.
    """
    lightness = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0]
    return float(np.percentile(lightness[inside], 95))


def measure_eyes_open(landmarks: NDArray[np.floating[Any]]) -> float:
    """Mesh (478, 2) -> eye aspect ratio of the eye that is less open.

    The mean height of the gap between the lids over its width, at six points (Soukupová and Čech, *Real-Time
    Eye Blink Detection using Facial Landmarks*, 2016). Measured on 56 renders and 5 photographs: 0.17 to
    0.36, where 0.19 is a hearty laugh; with the lids drawn shut over the eyes 0.01 to 0.21 (median 0.10). The
    limit of 0.13 refuses 77 % of those and 0.4 % of 1,200 renders with open eyes (squinting). It is low on
    purpose: to ask somebody with narrow eyes to open them is worse than to portray a blink.
    """
    return min(_aspect_ratio(landmarks[list(LEFT_EYE)]), _aspect_ratio(landmarks[list(RIGHT_EYE)]))


def choose_sitter(faces: Sequence[Face], limits: FaceLimits = FaceLimits()) -> Face:
    """The face to portray: the only one, or the clearly largest, if it keeps the limits.

    `faces` are sorted, the largest first. Raises NoUsableFace, its message one line for the sitter.
    """
    if not faces:
        raise NoUsableFace(
            "none", "No face was found: bring the whole face into the picture, upright and in good light."
        )
    sitter = faces[0]
    yaw, pitch, _ = sitter.pose_deg
    if len(faces) > 1 and sitter.face_px < limits.clearly_largest_ratio * faces[1].face_px:
        raise NoUsableFace(
            "several", "Several faces are about equally large: let one person come closer or crop it."
        )
    if sitter.face_px < limits.min_face_px:
        raise NoUsableFace(
            "too_small",
            f"The face is only {sitter.face_px:.0f} pixels wide and needs {limits.min_face_px:.0f}: "
            "come closer, or give a larger picture.",
        )
    if sitter.inside_share < limits.min_inside_share:
        raise NoUsableFace("cut_off", "Part of the face is outside the picture: bring all of it inside.")
    if abs(yaw) > limits.max_yaw_deg or abs(pitch) > limits.max_pitch_deg:
        raise NoUsableFace("turned_away", "The face is turned away: look straight into the camera.")
    if sitter.brightness < limits.min_brightness:
        raise NoUsableFace("too_dark", "The face is in the dark: turn it towards a window or a lamp.")
    if sitter.sharpness < limits.min_sharpness:
        raise NoUsableFace("blurred", "The face is blurred: hold still, and see that the lens is clean.")
    if sitter.eyes_open < limits.min_eyes_open:
        raise NoUsableFace("eyes_closed", "The eyes are closed: open them and try once more.")
    return sitter


def _aspect_ratio(eye: NDArray[np.floating[Any]]) -> float:
    """Six points in the order of `engine.faces.alignment.LEFT_EYE`: corner, two above, corner, two below."""
    height = np.hypot(*(eye[1] - eye[5])) + np.hypot(*(eye[2] - eye[4]))
    return float(height / (2 * np.hypot(*(eye[0] - eye[3]))))


def _oval(landmarks: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The face's area in its measured crop, bool (128, 128)."""
    area = np.zeros((MEASURED_PX, MEASURED_PX), np.uint8)
    cv2.fillPoly(area, [np.rint(landmarks[list(FACE_OVAL)] - 0.5).astype(np.int32)], (1,))
    return area.astype(bool)


def _mesh_points(mesh: Any, side_px: int) -> NDArray[np.float64]:
    return np.array([(point.x, point.y, point.z) for point in mesh.landmark], np.float64) * side_px


def _tile_sides(longest_px: int) -> Iterator[int]:
    side_px = longest_px
    yield side_px
    while (side_px := side_px // 2) >= SMALLEST_TILE_PX:
        yield side_px


def _tiles(width: int, height: int, side_px: int) -> Iterator[tuple[int, int, int, int]]:
    """Squares of `side_px` that overlap by half or more and cover the picture: left, top, right, bottom."""

    def starts(length: int) -> list[int]:
        rest = max(0, length - side_px)
        return np.linspace(0, rest, 1 + math.ceil(2 * rest / side_px)).round().astype(int).tolist()

    for top in starts(height):
        for left in starts(width):
            yield left, top, min(left + side_px, width), min(top + side_px, height)


def _square_around(
    photograph: NDArray[np.uint8], centre: tuple[float, float], side_px: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64], float]:
    """A square of the photograph, black beyond its ends, at most `MESH_INPUT_PX` wide.

    Square, because the mesh's projection is wrong for other shapes. Returns the square (S, S, 3), its
    top-left corner (x, y) in the photograph and the pixels of the photograph that one of its own stands
    for.
    """
    height, width = photograph.shape[:2]
    side = max(1, round(side_px))
    left, top = round(centre[0] - side / 2), round(centre[1] - side / 2)
    right, bottom = left + side, top + side
    square = cv2.copyMakeBorder(
        photograph[max(0, top) : max(0, bottom), max(0, left) : max(0, right)],
        *(max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width)),
        cv2.BORDER_CONSTANT,
    )
    scale = max(1.0, side / MESH_INPUT_PX)
    if scale > 1:
        square = cv2.resize(square, (MESH_INPUT_PX, MESH_INPUT_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(square, np.uint8), np.array([left, top], np.float64), scale


def _centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
