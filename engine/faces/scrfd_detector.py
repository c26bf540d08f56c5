"""Face detection with SCRFD: `det_10g.onnx` of insightface's buffalo_l, `det_500m.onnx` of its buffalo_s.

Source: Guo et al., *Sample and Computation Redistribution for Efficient Face Detection*, 2021.

Runs the file with onnxruntime alone, on the CPU. The decoding is tested against insightface's own class on a
small network with the same outputs; **the real files were not at hand, and have not been tried here.** Their
weights are for non-commercial research.

The network has, for each of the strides 8, 16 and 32, three outputs, all scores first, then all boxes, then
all key points (which are not used here). Each cell of a stride has two anchors at its top-left corner. A
score is 0 to 1; a box is the distance from the anchor to its left, top, right and bottom edge, in strides.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.common.errors import WeightsError
from engine.faces.detector import BOX_WIDTH_RATIO, Box, Detection, Region
from engine.faces.onnx_session import open_session

INPUT_PX = 640
STRIDES = (8, 16, 32)
ANCHORS = 2
MIN_SCORE = 0.5
MAX_OVERLAP = 0.4  # intersection over union; of two boxes that overlap more, the surer one stays
# The network is trained on WIDER FACE, whose boxes end at the outline of the face.
OWN_BOX_WIDTH_RATIO = 1.0


class ScrfdDetector:
    """A `FaceDetector`. Raises WeightsError where the file is missing or is not such a network."""

    def __init__(self, path: Path) -> None:
        self._session = open_session(path, "the face detector's network", INPUT_PX)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]
        if len(self._outputs) not in (2 * len(STRIDES), 3 * len(STRIDES)):
            raise WeightsError(f"{path} has {len(self._outputs)} outputs, not the 6 or 9 of an SCRFD network")

    def detect(self, photograph: Pixels, region: Region) -> list[Detection]:
        left, top, right, bottom = region
        scores, boxes = self._detect_in(photograph[top:bottom, left:right])
        widened = BOX_WIDTH_RATIO / OWN_BOX_WIDTH_RATIO
        return [
            Detection(float(scores[index]), _widened(boxes[index] + [left, top, left, top], widened))
            for index in suppress_overlapping(scores, boxes)
        ]

    def close(self) -> None:
        """Nothing to free before the session itself goes."""

    def _detect_in(self, picture: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores (N,) and boxes (N, 4) in pixels of the picture, the network's own."""
        square, scale = _letterbox(picture)
        blob = (square.astype(np.float32) - 127.5) / 128
        feed = {self._input: np.ascontiguousarray(blob.transpose(2, 0, 1)[None])}
        outputs = [np.asarray(each, np.float32) for each in self._session.run(self._outputs, feed)]
        scores, boxes = decode(outputs)
        return scores, boxes / scale


def build(weights: Path | None) -> ScrfdDetector:
    """For `engine.faces.detectors`, which gives the path of the network's file."""
    assert weights is not None
    return ScrfdDetector(weights)


def decode(outputs: list[NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The network's outputs -> scores (N,) from `MIN_SCORE` on, and boxes (N, 4) in pixels of its input.

    outputs: scores (cells * 2, 1) for each stride, then boxes (cells * 2, 4); with or without a leading
    dimension of 1. Further outputs are left out.
    """
    kept_scores, kept_boxes = [], []
    for number, stride in enumerate(STRIDES):
        scores = outputs[number].reshape(-1)
        distances = outputs[number + len(STRIDES)].reshape(-1, 4) * stride
        cells = INPUT_PX // stride
        y, x = np.divmod(np.arange(cells * cells, dtype=np.float32), cells)
        anchors = np.repeat(np.stack([x, y], axis=1) * stride, ANCHORS, axis=0)
        boxes = np.concatenate([anchors - distances[:, :2], anchors + distances[:, 2:]], axis=1)
        sure = scores >= MIN_SCORE
        kept_scores.append(scores[sure])
        kept_boxes.append(boxes[sure])
    return np.concatenate(kept_scores), np.concatenate(kept_boxes)


def suppress_overlapping(scores: NDArray[np.float32], boxes: NDArray[np.float32]) -> list[int]:
    """Scores (N,) and boxes (N, 4) in pixels -> indices of those that stay, the surest first (greedy NMS).

    Boxes count their last pixel in, as insightface's do.
    """
    x0, y0, x1, y1 = boxes.T
    areas = (x1 - x0 + 1) * (y1 - y0 + 1)
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        first, rest = order[0], order[1:]
        kept.append(int(first))
        width = np.maximum(0, np.minimum(x1[first], x1[rest]) - np.maximum(x0[first], x0[rest]) + 1)
        height = np.maximum(0, np.minimum(y1[first], y1[rest]) - np.maximum(y0[first], y0[rest]) + 1)
        shared = width * height
        order = rest[shared / (areas[first] + areas[rest] - shared) <= MAX_OVERLAP]
    return kept


def _letterbox(picture: Pixels) -> tuple[Pixels, float]:
    """The picture in the top-left corner of a black square of `INPUT_PX`, and the scale it has there."""
    height, width = picture.shape[:2]
    if height > width:
        size = (max(1, int(INPUT_PX * width / height)), INPUT_PX)
    else:
        size = (INPUT_PX, max(1, int(INPUT_PX * height / width)))
    square = np.zeros((INPUT_PX, INPUT_PX, 3), np.uint8)
    square[: size[1], : size[0]] = cv2.resize(np.ascontiguousarray(picture), size)
    return square, size[1] / height


def _widened(box: NDArray[np.float32], factor: float) -> Box:
    """The box about its centre, `factor` times as wide and high."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * factor
    (x0, y0), (x1, y1) = (centre - half).tolist(), (centre + half).tolist()
    return x0, y0, x1, y1
