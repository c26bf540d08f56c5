"""Face detection with MediaPipe's two BlazeFace networks, which come inside the mediapipe package.

Source: Bazarevsky et al., *BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs*, 2019. The
short-range network is for faces within 2 m and looks at whole photographs only; the long-range one looks at
every region. The long-range one finds 95 % of the faces that are 12 % as wide as its region, 80 % at 10 %,
half at 8 % (19 faces pasted into another photograph).
"""

import os
from pathlib import Path

import numpy as np

from engine.common.arrays import Pixels
from engine.common.native_output import native_stderr_silenced
from engine.faces.detector import DetectedHead, Detection, Region

MIN_SCORE = 0.5


class MediaPipeDetector:
    """A `FaceDetector`. Not to be shared between threads.

    Making the first one takes about two seconds, for the import of mediapipe. The library's start-up messages
    are kept off the terminal by sending standard error nowhere for that time.
    """

    def __init__(self) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")
        with native_stderr_silenced():
            from mediapipe.python.solutions.face_detection import FaceDetection

            self._short_range = FaceDetection(model_selection=0, min_detection_confidence=MIN_SCORE)
            self._long_range = FaceDetection(model_selection=1, min_detection_confidence=MIN_SCORE)
            # They write their messages on first use.
            for network in (self._short_range, self._long_range):
                network.process(np.zeros((128, 128, 3), np.uint8))

    def detect(self, photograph: Pixels, region: Region) -> list[Detection]:
        return [Detection(head.score, head.box_px) for head in self.detect_heads(photograph, region)]

    def detect_heads(self, photograph: Pixels, region: Region) -> list[DetectedHead]:
        """Like `detect`, with six points of each face."""
        left, top, right, bottom = region
        width, height = right - left, bottom - top
        is_whole = (width, height) == (photograph.shape[1], photograph.shape[0])
        part = np.ascontiguousarray(photograph[top:bottom, left:right])
        heads = []
        for network in (self._short_range, self._long_range) if is_whole else (self._long_range,):
            for detection in network.process(part).detections or ():
                box = detection.location_data.relative_bounding_box
                x0, y0 = left + box.xmin * width, top + box.ymin * height
                x1, y1 = x0 + box.width * width, y0 + box.height * height
                points = [
                    (left + point.x * width, top + point.y * height)
                    for point in detection.location_data.relative_keypoints
                ]
                heads.append(DetectedHead(detection.score[0], (x0, y0, x1, y1), np.array(points, np.float64)))
        return heads

    def close(self) -> None:
        self._short_range.close()
        self._long_range.close()


def build(weights: Path | None) -> MediaPipeDetector:
    """For `engine.faces.detectors`; its networks come with the package, so that `weights` is None."""
    return MediaPipeDetector()
