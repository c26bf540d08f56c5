"""SFace, OpenCV's verifier (Zhong et al., 2021; model of opencv_zoo, Apache 2.0), through
FaceRecognizerSF."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import nn

from engine.common.arrays import Pixels
from engine.common.errors import WeightsError
from engine.judges.base import Affine, Embeddings, Judge, Metric, OperatingPoint
from engine.judges.five_points import TEMPLATE_PX, five_point_alignment
from engine.judges.networks.onnx_torch import NotConverted, OnnxNetwork

OPERATING_POINTS = {
    "maker": OperatingPoint("maker", 0.637, "cosine 0.363 of opencv_zoo, its best on LFW; FMR not published"),
}


class SFaceJudge(Judge):
    """OpenCV's verifier; one face at a time, which is how FaceRecognizerSF takes them."""

    name = "sface"
    metric: Metric = "cosine"
    crop_px = TEMPLATE_PX
    binding = True

    def __init__(self, path: Path, point: OperatingPoint = OPERATING_POINTS["maker"]) -> None:
        """`path`: face_recognition_sface_2021dec.onnx. Raises WeightsError if it is missing or no such
        model."""
        self.point, self._path = point, path
        self._network: nn.Module | None = None  # made when first wanted
        if not path.is_file():
            raise WeightsError(f"{path}, the network of the judge sface, is missing: `./kiosk weights list`")
        try:
            self._recogniser = cv2.FaceRecognizerSF.create(str(path), "")
        except cv2.error as error:
            raise WeightsError(
                f"{path}, the network of the judge sface, is no readable ONNX model"
            ) from error

    def align(self, portrait: Pixels, landmarks: NDArray[np.float32]) -> Affine:
        return five_point_alignment(portrait, landmarks)

    def embed(self, crops: Pixels) -> Embeddings:
        # feature() returns a view of the network's output, which the next call overwrites.
        rows = [self._recogniser.feature(np.ascontiguousarray(crop[..., ::-1])).copy() for crop in crops]
        return np.concatenate(rows).astype(np.float32)

    def network_with_gradients(self) -> nn.Module | None:
        """FaceRecognizerSF feeds grey levels, RGB, as they are; the network scales them itself."""
        if self._network is None:
            try:
                network = OnnxNetwork(self._path)
                network.try_out(self.crop_px)
            except NotConverted:
                return None
            self._network = network
        return self._network


def build(name: str, point: OperatingPoint, weights: Path | None) -> SFaceJudge:
    """For the registry."""
    assert weights is not None
    return SFaceJudge(weights, point)
