"""A judge so simple that a test knows what it will say."""

import numpy as np

from engine.common.arrays import Pixels
from engine.judges.base import Affine, Embeddings, Judge, Metric, OperatingPoint
from engine.judges.verdict import Verdict

NO_LANDMARKS = np.zeros((478, 2), np.float32)


class Brightness(Judge):
    """Knows the sitter by the mean grey level alone; below `dark` it sees no face."""

    metric: Metric = "euclidean"
    crop_px = 16

    def __init__(
        self, threshold: float, dark: float = 0.0, name: str = "brightness", binding: bool = True
    ) -> None:
        self.point, self.dark = OperatingPoint("own", threshold, "a test"), dark
        self.name, self.binding = name, binding

    def align(self, portrait: Pixels, landmarks: np.ndarray) -> Affine:
        return np.array([[16.0, 0, 0], [0, 16.0, 0]])

    def embed(self, crops: Pixels) -> Embeddings:
        levels = crops.reshape(len(crops), -1).mean(axis=1)
        return np.where(levels < self.dark, np.nan, levels)[:, None].astype(np.float32)


def grey(level: int) -> Pixels:
    """An even picture."""
    return np.full((32, 32, 3), level, np.uint8)


def verdict(distance: float, threshold: float = 0.6, error: float = 0.0, judge: str = "dlib") -> Verdict:
    """A verdict with this distance and standard error; an infinite distance: of a picture without a face."""
    measured = bool(np.isfinite(distance))
    return Verdict(judge, threshold, distance, measured, distance, error, int(measured))
