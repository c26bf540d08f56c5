"""Finds the faces in a photograph and measures them: a face detector, the face mesh, and the measurements.

**Convention:** points are (x, y) in pixels of the photograph, y downwards, with (0, 0) at the outer corner of
the top-left pixel. Left and right are the picture's, not the sitter's.
"""

import math
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.detector import Box, FaceDetector, Region, box_centre, box_contains
from engine.faces.detectors import DetectorChoice
from engine.faces.measurement import Face, measure_face
from engine.faces.mesh import FaceMesh

# Detectors miss faces that are small in their region (`FaceDetector.detect`). So smaller faces need tiles,
# and a face of this share of a tile's side shows that none of comparable size was missed.
COMPLETE_FROM_SHARE = 0.2
SMALLEST_TILE_PX = 512


class FaceAnalyser:
    """A detector and the mesh, loaded once. A context manager; not to be shared between threads.

    detector: the default one where none is given; closed with the analyser. Making one takes about two
    seconds, for the import of mediapipe.
    """

    def __init__(self, detector: FaceDetector | None = None) -> None:
        self._detector = detector or DetectorChoice().open()
        self._mesh = FaceMesh()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees the networks."""
        self._detector.close()
        self._mesh.close()

    def find(self, photograph: Pixels) -> list[Face]:
        """Photograph uint8 (H, W, 3) RGB, upright -> its faces, the largest first.

        The whole photograph is searched first, then ever smaller tiles of it, until a face is found that is
        large in its tile. Faces much smaller than the largest may be left out.
        """
        faces: list[Face] = []
        for side_px in _tile_sides(max(photograph.shape[:2])):
            for box in self._detect(photograph, side_px):
                if any(box_contains(face.box_px, box_centre(box)) for face in faces):
                    continue
                face = self._measure(photograph, box)
                if face and not any(box_contains(known.box_px, box_centre(face.box_px)) for known in faces):
                    faces.append(face)
            if any(face.face_px >= COMPLETE_FROM_SHARE * side_px for face in faces):
                break
        return sorted(faces, key=lambda face: face.face_px, reverse=True)

    def glance(self, photograph: Pixels, number: int) -> list[Box]:
        """A quick look at a part of the photograph, another one for each `number` in turn -> boxes of faces.

        The parts are the whole and then squares as wide as its shorter side; boxes are the detector's own,
        `BOX_WIDTH_RATIO` times as wide as `Face.face_px`, the widest first, one a face. 5 to 9 ms.
        """
        height, width = photograph.shape[:2]
        parts = [(0, 0, width, height), *_tiles(width, height, min(height, width))]
        detections = sorted(self._detector.detect(photograph, parts[number % len(parts)]), reverse=True)
        boxes: list[Box] = []
        for _, box in detections:
            if not any(box_contains(known, box_centre(box)) for known in boxes):
                boxes.append(box)
        return sorted(boxes, key=lambda box: box[2] - box[0], reverse=True)

    def mesh(self, photograph: Pixels, box: Box) -> NDArray[np.float64] | None:
        """The mesh (478, 3) of the face in or near this box, or None; see `FaceMesh.measure`."""
        return self._mesh.measure(photograph, box)

    def _detect(self, photograph: Pixels, side_px: int) -> list[Box]:
        """Boxes in pixels of the photograph, the surest first; the same face may be there more than once."""
        height, width = photograph.shape[:2]
        detections = [
            detection
            for tile in _tiles(width, height, side_px)
            for detection in self._detector.detect(photograph, tile)
        ]
        return [box for _, box in sorted(detections, reverse=True)]

    def _measure(self, photograph: Pixels, box: Box) -> Face | None:
        """The face in this box, or None where the mesh finds none."""
        points = self.mesh(photograph, box)
        return None if points is None else measure_face(photograph, points)


def open_analyser(detector: DetectorChoice) -> FaceAnalyser:
    """An analyser with this detector. Raises what `DetectorChoice.open` raises."""
    return FaceAnalyser(detector.open())


def _tile_sides(longest_px: int) -> Iterator[int]:
    side_px = longest_px
    yield side_px
    while (side_px := side_px // 2) >= SMALLEST_TILE_PX:
        yield side_px


def _tiles(width: int, height: int, side_px: int) -> Iterator[Region]:
    """Squares of `side_px` that overlap by half or more and cover the picture: left, top, right, bottom."""

    def starts(length: int) -> list[int]:
        rest = max(0, length - side_px)
        return np.linspace(0, rest, 1 + math.ceil(2 * rest / side_px)).round().astype(int).tolist()

    for top in starts(height):
        for left in starts(width):
            yield left, top, min(left + side_px, width), min(top + side_px, height)
