"""Any face embedder stored as ONNX.

An `OnnxModel` names the file, how a crop becomes its input, the metric and the threshold with its source;
five points on the ArcFace template align the face. Runs in onnxruntime, on CUDA where its provider is. The
ArcFace judges are made of it; a program that uses the library may hand others to `panel`, a configuration
cannot name them yet.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt
from torch import Tensor, nn

from engine.common.arrays import Pixels
from engine.faces.onnx_session import open_session
from engine.judges.base import Affine, Embeddings, Judge, Metric, OperatingPoint
from engine.judges.five_points import TEMPLATE_PX, five_point_alignment
from engine.judges.onnx_torch import NotConverted, OnnxNetwork

BATCH = 32
PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class OnnxModel(BaseModel):
    """How to feed one ONNX embedder and how to read it.

    input: (N, 3, input_px, input_px), (grey level - mean) / std, channels in `colour_order`. threshold:
    largest distance that means *same*, in `metric`. source: where the threshold comes from. fmr: the false
    match rate there, where known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    path: Path
    threshold: PositiveFloat
    source: str
    metric: Metric = "cosine"
    fmr: float | None = None
    input_px: PositiveInt = TEMPLATE_PX
    mean: float = 127.5
    std: PositiveFloat = 127.5
    colour_order: Literal["rgb", "bgr"] = "rgb"
    binding: bool = True


class OnnxJudge(Judge):
    """A judge around one ONNX file."""

    def __init__(self, model: OnnxModel) -> None:
        """Raises WeightsError if the file is missing, is no ONNX model or does not take such pictures."""
        self.name = model.name
        self.metric = model.metric
        self.crop_px = model.input_px
        self.binding = model.binding
        self.point = OperatingPoint("configured", model.threshold, model.source, model.fmr)
        self._model = model
        self._session = open_session(
            model.path, f"the network of the judge {model.name}", model.input_px, PROVIDERS
        )
        self._network: nn.Module | None = None  # made when first wanted
        # A free dimension is a name or None; a model exported for one picture takes one at a time.
        count = self._session.get_inputs()[0].shape[0]
        self._batch = count if isinstance(count, int) else None

    def align(self, portrait: Pixels, landmarks: NDArray[np.float32]) -> Affine:
        return five_point_alignment(portrait, landmarks, self.crop_px)

    def embed(self, crops: Pixels) -> Embeddings:
        size = self._batch or BATCH
        return np.concatenate(
            [self._run(crops[start : start + size]) for start in range(0, len(crops), size)]
        )

    def network_with_gradients(self) -> nn.Module | None:
        if self._network is None:
            try:
                network = OnnxNetwork(self._model.path)
                network.try_out(self.crop_px)
            except NotConverted:
                return None
            self._network = FromLevels(network, self._model)
        return self._network

    def _run(self, crops: Pixels) -> Embeddings:
        count = len(crops)
        if self._batch is not None and count < self._batch:
            crops = np.concatenate([crops, np.repeat(crops[-1:], self._batch - count, axis=0)])
        if self._model.colour_order == "bgr":
            crops = crops[..., ::-1]
        images = (crops.astype(np.float32) - self._model.mean) / np.float32(self._model.std)
        feed = {self._session.get_inputs()[0].name: np.ascontiguousarray(images.transpose(0, 3, 1, 2))}
        (output,) = self._session.run([self._session.get_outputs()[0].name], feed)
        return np.asarray(output, dtype=np.float32).reshape(len(crops), -1)[:count]


class FromLevels(nn.Module):
    """Pictures float RGB (N, 3, H, W), 0 to 255 -> what the network takes, and its output."""

    def __init__(self, network: nn.Module, model: OnnxModel) -> None:
        super().__init__()
        self.network, self.mean, self.std = network, model.mean, model.std
        self.flipped = model.colour_order == "bgr"

    def forward(self, pictures: Tensor) -> Tensor:
        ordered = pictures.flip(1) if self.flipped else pictures
        return self.network((ordered - self.mean) / self.std)
