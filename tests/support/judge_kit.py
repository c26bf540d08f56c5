"""Judges so simple that a test knows what they will say."""

import numpy as np
import torch

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


class Tints(Judge):
    """Tells pictures apart by the colours of their upper and their lower half; with or without gradients."""

    metric: Metric = "euclidean"
    crop_px = 16

    def __init__(self, name: str, threshold: float, gradients: bool = True, binding: bool = True) -> None:
        self.name, self.gradients, self.binding = name, gradients, binding
        self.point = OperatingPoint("test", threshold, "a test")
        self.network = torch.nn.Sequential(torch.nn.AvgPool2d((8, 16)), torch.nn.Flatten())

    def align(self, portrait: Pixels, landmarks: np.ndarray) -> Affine:
        return np.array([[16.0, 0, 0], [0, 16, 0]])

    def embed(self, crops: Pixels) -> Embeddings:
        embeddings: Embeddings = self.network(torch.tensor(crops).permute(0, 3, 1, 2).float()).numpy()
        return embeddings

    def network_with_gradients(self) -> torch.nn.Module | None:
        return self.network if self.gradients else None
