"""What a face detector is here: it finds the boxes of faces in a region of a photograph.

`engine.faces.detectors` lists the implementations. The face mesh (`engine.faces.mesh`) then measures what
they have found, whichever was used.

**Convention:** points are (x, y) in pixels of the photograph, y downwards, with (0, 0) at the outer corner of
the top-left pixel.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in pixels of the photograph; it may reach beyond it."""

Region = tuple[int, int, int, int]
"""A part of a photograph: left, top, right, bottom in pixels; right and bottom are exclusive."""

BOX_WIDTH_RATIO = 1.15
"""The width of a detector's boxes over `Face.face_px`.

MediaPipe's give 0.95 to 1.42 on 60 faces, median 1.10 (short range) and 1.16 (long range). A detector whose
own boxes are narrower or wider scales them to this.
"""


class Detection(NamedTuple):
    """A face that was detected. score: 0 to 1, the surest is 1. box_px: about `BOX_WIDTH_RATIO` face widths
    wide."""

    score: float
    box_px: Box


class DetectedHead(NamedTuple):
    """A face that was detected, with six of its points.

    score, box_px: as of `Detection`. points_px: float64 (6, 2), the places of `HeadPoints`.
    """

    score: float
    box_px: Box
    points_px: NDArray[np.float64]


class HeadPoints:
    """Rows of `DetectedHead.points_px`; left and right are the picture's."""

    LEFT_EYE, RIGHT_EYE, NOSE, MOUTH, LEFT_EAR, RIGHT_EAR = range(6)


class FaceDetector(Protocol):
    """Finds faces. Loaded once; not to be shared between threads."""

    def detect(self, photograph: Pixels, region: Region) -> Sequence[Detection]:
        """Photograph uint8 (H, W, 3) RGB -> the faces in a region of it, in any order.

        The same face may be there more than once. Faces much smaller than a tenth of the region may be
        missing.
        """

    def close(self) -> None:
        """Frees what the detector holds."""


def box_centre(box: Box) -> tuple[float, float]:
    """The centre (x, y) of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def box_contains(box: Box, point: tuple[float, float]) -> bool:
    """Whether a point (x, y) lies in a box or on its edge."""
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
