"""Any face embedder stored as ONNX.

`OnnxModel` says how it is fed and read; five points of the face on a template align it. Runs in onnxruntime,
on CUDA where its provider is. The ArcFace judges are made of it, and those that a configuration adds as
`[judges.NAME]`.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.common.arrays import Pixels
from engine.faces.onnx_session import open_session
from engine.judges.base import Affine, Embeddings, Judge, Metric, OperatingPoint
from engine.judges.five_points import align_points, five_point_alignment
from engine.judges.networks.onnx_model import OnnxModel
from engine.judges.networks.onnx_torch import NotConverted, OnnxNetwork

BATCH = 32
PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class OnnxJudge(Judge):
    """A judge around one ONNX file."""

    def __init__(self, model: OnnxModel) -> None:
        """Raises WeightsError if the file is missing, is no ONNX model or does not take such pictures."""
        self.name = model.name
        self.metric: Metric = model.metric
        self.crop_px = model.input_px
        self.binding = model.binding
        self.point = OperatingPoint("configured", model.threshold, model.source, model.fmr)
        self._model = model
        self._session = open_session(
            model.file, f"the network of the judge {model.name}", model.input_px, PROVIDERS
        )
        self._mean, self._std = (np.asarray(each, np.float32) for each in (model.mean, model.std))
        self._network: nn.Module | None = None  # made when first wanted
        self.not_converted: str | None = None  # why it has no gradients, once they were wanted
        # A free dimension is a name or None; a model exported for one picture takes one at a time.
        count = self._session.get_inputs()[0].shape[0]
        self._batch = count if isinstance(count, int) else None

    def align(self, portrait: Pixels, landmarks: NDArray[np.float32]) -> Affine:
        template = self._model.template
        if template is None:
            return five_point_alignment(portrait, landmarks, self.crop_px)
        return align_points(portrait, landmarks, np.array(template))

    def embed(self, crops: Pixels) -> Embeddings:
        size = self._batch or BATCH
        return np.concatenate(
            [self._run(crops[start : start + size]) for start in range(0, len(crops), size)]
        )

    def network_with_gradients(self) -> nn.Module | None:
        if self._network is None:
            try:
                network = OnnxNetwork(self._model.file)
                network.try_out(self.crop_px)
            except NotConverted as error:
                self.not_converted = str(error)
                return None
            self._network = FromLevels(network, self._model)
        return self._network

    def _run(self, crops: Pixels) -> Embeddings:
        count = len(crops)
        if self._batch is not None and count < self._batch:
            crops = np.concatenate([crops, np.repeat(crops[-1:], self._batch - count, axis=0)])
        if self._model.colour_order == "bgr":
            crops = crops[..., ::-1]
        images = (crops.astype(np.float32) - self._mean) / self._std
        feed = {self._session.get_inputs()[0].name: np.ascontiguousarray(images.transpose(0, 3, 1, 2))}
        (output,) = self._session.run([self._session.get_outputs()[0].name], feed)
        return np.asarray(output, dtype=np.float32).reshape(len(crops), -1)[:count]


class FromLevels(nn.Module):
    """Pictures float RGB (N, 3, H, W), 0 to 255 -> what the network takes, and its output."""

    def __init__(self, network: nn.Module, model: OnnxModel) -> None:
        super().__init__()
        self.network, self.flipped = network, model.colour_order == "bgr"
        self.register_buffer("mean", torch.tensor(model.mean).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(model.std).reshape(-1, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        ordered = pictures.flip(1) if self.flipped else pictures
        return self.network((ordered - self.get_buffer("mean")) / self.get_buffer("std"))
