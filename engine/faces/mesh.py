"""MediaPipe's face mesh of 478 points, with irises, run on a square around a face.

Sources: Kartynnik et al., *Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs*, 2019;
Grishchenko et al., *Attention Mesh: High-fidelity Face Mesh Prediction in Real-time*, 2020. The model comes
inside the mediapipe package. `engine.faces.landmarks` names its points.
"""

import os
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.common.native_output import native_stderr_silenced
from engine.faces.detector import Box, box_centre

# The mesh looks at a square around the face, twice as wide as the face and at most this large: it needs 192
# px, and takes its samples without smoothing.
INPUT_PX = 512


class FaceMesh:
    """The mesh, loaded once. Not to be shared between threads.

    Standard error goes nowhere while it is made, as in `engine.faces.mediapipe_detector`.
    """

    def __init__(self) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")
        with native_stderr_silenced():
            from mediapipe.python.solutions.face_mesh import FaceMesh as MediaPipeFaceMesh

            self._network = MediaPipeFaceMesh(static_image_mode=True, refine_landmarks=True, max_num_faces=4)
            # It writes its messages on first use, one of them only for a face; so a mesh that takes anything
            # for a face is run on the empty picture, too.
            blank = np.zeros((128, 128, 3), np.uint8)
            self._network.process(blank)
            with MediaPipeFaceMesh(
                static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.0
            ) as accepts_anything:
                accepts_anything.process(blank)

    def measure(self, photograph: Pixels, box: Box) -> NDArray[np.float64] | None:
        """The mesh of the face in or near this box, such as `Face.box_px` of the frame before.

        photograph: uint8 (H, W, 3) RGB. Returns float64 (478, 3): x, y and depth in pixels of the photograph,
        depth growing away from the camera; None where the mesh finds no face. Takes 7 ms.
        """
        side_px = 2 * max(box[2] - box[0], box[3] - box[1])
        square, origin, scale = _square_around(photograph, box_centre(box), side_px)
        found = self._network.process(square).multi_face_landmarks or ()
        meshes = [_mesh_points(mesh, len(square)) for mesh in found]
        if not meshes:
            return None
        middle = len(square) / 2
        off_centre_px = [float(np.hypot(*(mesh[:, :2].mean(axis=0) - middle))) for mesh in meshes]
        nearest = int(np.argmin(off_centre_px))
        if off_centre_px[nearest] > middle / 2:
            return None  # a neighbour's face
        points: NDArray[np.float64] = meshes[nearest] * scale
        points[:, :2] += origin
        return points

    def close(self) -> None:
        """Frees what the mesh holds."""
        self._network.close()


def _mesh_points(mesh: Any, side_px: int) -> NDArray[np.float64]:
    return np.array([(point.x, point.y, point.z) for point in mesh.landmark], np.float64) * side_px


def _square_around(
    photograph: Pixels, centre: tuple[float, float], side_px: float
) -> tuple[Pixels, NDArray[np.float64], float]:
    """A square of the photograph, black beyond its ends, at most `INPUT_PX` wide.

    Square, because the mesh's projection is wrong for other shapes. Returns the square (S, S, 3), its
    top-left corner (x, y) in the photograph, and how many pixels of the photograph one of its own stands for.
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
    scale = max(1.0, side / INPUT_PX)
    if scale > 1:
        square = cv2.resize(square, (INPUT_PX, INPUT_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(square, np.uint8), np.array([left, top], np.float64), scale
