"""A judge that compares lengths of the face, as the police did in the 1880s.

Alphonse Bertillon identified people by a dozen lengths of body and head taken with callipers ("Instructions
signalétiques", 1885/1893). This judge takes those that a picture shows and a smile does not change, on
MediaPipe's 478-point mesh, and compares their proportions. It is weak: at its threshold it accepts one
stranger in four and rejects one sitter in four (`OPERATING_POINTS`). It is shown in the jury and is never
binding.
"""

import os
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.common.native_output import native_stderr_silenced
from engine.faces.proportions import LENGTHS, proportions
from engine.judges.base import Affine, Embeddings, Judge, Metric, OperatingPoint

OPERATING_POINTS = {
    "equal-error": OperatingPoint(
        "equal-error",
        1.77,
        "equal error rate on 14 rendered people: 84 pairs of one person, 1,456 of strangers",
        0.23,
        0.23,
    ),
}


class AnthropometryJudge(Judge):
    """Proportions of the face. At a distance of 1 they differ as two shots of one person usually do.

    Its crop is the whole picture, and it finds the mesh in each crop anew, so its alignment is no more than
    the scale. Where no face is found, the embedding is NaN.
    """

    name = "anthropometry"
    metric: Metric = "euclidean"
    crop_px = 256
    binding = False

    def __init__(self, point: OperatingPoint = OPERATING_POINTS["equal-error"]) -> None:
        self.point = point
        os.environ.setdefault("GLOG_minloglevel", "2")
        with native_stderr_silenced():
            import mediapipe  # takes a second; only this judge needs it

            self._face_mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1)
            self._mesh(
                np.zeros((self.crop_px, self.crop_px, 3), np.uint8)
            )  # its threads write to stderr at first use
        self._fresh = True

    def align(self, portrait: Pixels, landmarks: NDArray[np.float32]) -> Affine:
        return np.array([[self.crop_px, 0, 0], [0, self.crop_px, 0]], dtype=np.float64)

    def embed(self, crops: Pixels) -> Embeddings:
        deviations = np.array([deviation for _, deviation in LENGTHS.values()])
        unknown = np.full(len(LENGTHS), np.nan)
        with (
            native_stderr_silenced() if self._fresh else nullcontext()
        ):  # its graph writes to stderr at the first face
            meshes = [self._mesh(crop) for crop in crops]
        self._fresh = False
        rows = [unknown if mesh is None else proportions(mesh) / deviations for mesh in meshes]
        return (np.stack(rows) / np.sqrt(len(LENGTHS))).astype(np.float32)

    def _mesh(self, crop: Pixels) -> NDArray[np.float64] | None:
        found = self._face_mesh.process(crop).multi_face_landmarks
        return np.array([[p.x, p.y, p.z] for p in found[0].landmark]) if found else None


def build(name: str, point: OperatingPoint, weights: Path | None) -> AnthropometryJudge:
    """For the registry; it has no weights of its own."""
    return AnthropometryJudge(point)
