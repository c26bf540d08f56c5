"""Recognisers published as TensorFlow.js graph models; see `engine.judges.networks.tfjs_graph`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.common.arrays import Pixels
from engine.judges.base import Affine, Embeddings, Judge, Metric, OperatingPoint
from engine.judges.five_points import five_point_alignment
from engine.judges.networks.tfjs_graph import TfjsGraph

BATCH = 8  # more no longer fit a core's cache: faceres then takes three times as long


@dataclass(frozen=True)
class TfjsModel:
    """One recogniser, and how it is fed: grey level - mean, channels in `colour_order`.

    path: the JSON file. output: the node whose output is the embedding. mean: a number for each channel, in
    that order.
    """

    name: str
    path: Path
    output: str
    crop_px: int
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    colour_order: Literal["rgb", "bgr"] = "rgb"


class TfjsJudge(Judge):
    """A recogniser by cosine distance, aligned on five points as ArcFace is."""

    metric: Metric = "cosine"
    binding = True

    def __init__(self, model: TfjsModel, point: OperatingPoint) -> None:
        """Raises WeightsError; see `TfjsGraph`."""
        self.name, self.crop_px, self.point = model.name, model.crop_px, point
        self._network = _FromLevels(TfjsGraph(model.path, model.output), model)

    def align(self, portrait: Pixels, landmarks: NDArray[np.float32]) -> Affine:
        return five_point_alignment(portrait, landmarks, self.crop_px)

    @torch.inference_mode()
    def embed(self, crops: Pixels) -> Embeddings:
        pictures = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float()
        return torch.cat([self._network(some) for some in pictures.split(BATCH)]).numpy()

    def network_with_gradients(self) -> nn.Module:
        return self._network


class _FromLevels(nn.Module):
    """Pictures float RGB (N, 3, H, W), 0 to 255 -> embeddings (N, D)."""

    def __init__(self, network: nn.Module, model: TfjsModel) -> None:
        super().__init__()
        self.network, self.flipped = network, model.colour_order == "bgr"
        self.register_buffer("mean", torch.tensor(model.mean).reshape(3, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        ordered = pictures.flip(1) if self.flipped else pictures
        return self.network(ordered - self.get_buffer("mean"))
