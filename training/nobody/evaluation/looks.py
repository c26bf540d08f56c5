"""How frequent looks are among samples: faces found, lightness of the skin, beards, long hair."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from engine.faces.analyser import FaceAnalyser
from training.nobody.dataset import read_parameters

CHEEKS = ((0.31, 0.39), (0.61, 0.69)), (0.57, 0.65)  # of the FFHQ crop: columns of both, rows
BEARDS = {"full", "goatee", "chin", "moustache"}
LONG_HAIR = {"long", "wavy", "bangs", "curly_long"}
Array = NDArray[Any]


def share_with_one_face(finder: FaceAnalyser, pictures: Array) -> float:
    """How many of uint8 (N, R, R, 3) hold exactly one face."""
    return float(
        np.mean([len(finder.find(picture)) == 1 for picture in tqdm(pictures, "faces", leave=False)])
    )


def skin_lightness(pictures: Array) -> Array:
    """CIE L* (N,) of the cheeks, mean over both; the light counts with the skin."""
    size = pictures.shape[1]
    columns, (top, bottom) = CHEEKS
    rows = slice(round(top * size), round(bottom * size))
    cheeks = [pictures[:, rows, round(left * size) : round(right * size)] for left, right in columns]
    both = np.concatenate([cheek.reshape(len(pictures), -1, 3) for cheek in cheeks], axis=1)
    return cv2.cvtColor(both.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0].mean(1)


class Probe:
    """Tells a look from a small picture, linearly: taught on renders, whose looks are known.

    `auc`: how well it ranks renders it was not taught, over five folds. 0.5 is guessing, and its shares mean
    nothing then.
    """

    COMPONENTS, FOLDS, RIDGE = 64, 5, 1.0

    def __init__(self, pictures: Array, labels: Array) -> None:
        """Pictures uint8 (N, R, R, 3) and labels bool (N,)."""
        features = self._small(pictures)
        self.mean = features.mean(0)
        _, scale, axes = np.linalg.svd(features - self.mean, full_matrices=False)
        kept = slice(0, min(self.COMPONENTS, len(pictures) // 4))
        self.axes = axes[kept] / (scale[kept, None] / np.sqrt(len(pictures)) + 1e-6)
        inputs = self._inputs(features)
        fold = np.random.default_rng(0).permutation(len(labels)) % self.FOLDS
        scores = np.empty(len(labels))
        for i in range(self.FOLDS):
            scores[fold == i] = inputs[fold == i] @ self._fit(inputs[fold != i], labels[fold != i])
        self.weights = self._fit(inputs, labels)
        ranks = scores.argsort().argsort() + 1.0
        positive, negative = labels.sum(), (~labels).sum()
        self.auc = float((ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * negative))
        self.threshold = float(np.quantile(scores, 1 - labels.mean()))

    def share(self, pictures: Array) -> float:
        """How many of the pictures it gives the look."""
        return float((self._inputs(self._small(pictures)) @ self.weights > self.threshold).mean())

    @staticmethod
    def _small(pictures: Array) -> Array:
        small = [cv2.resize(p, (24, 24), interpolation=cv2.INTER_AREA) for p in pictures]
        return np.stack(small).reshape(len(pictures), -1) / 255.0

    def _inputs(self, features: Array) -> Array:
        return np.column_stack([(features - self.mean) @ self.axes.T, np.ones(len(features))])

    def _fit(self, inputs: Array, labels: Array) -> Array:
        return np.linalg.solve(inputs.T @ inputs + self.RIDGE * np.eye(inputs.shape[1]), inputs.T @ labels)


def looks(renders: Path, names: Sequence[str]) -> dict[str, Array]:
    """Which renders have a beard, and long hair: bool (N,) each, from the parameters they were made from."""
    parameters = read_parameters(renders)
    identities = [parameters[name]["identity"] for name in names]
    return {
        "beard": np.array([i["beard"] in BEARDS for i in identities]),
        "long hair": np.array([i["style"] in LONG_HAIR for i in identities]),
    }
