"""LPIPS with VGG-16: how different two pictures look, as people judge it.

Both pictures go through VGG-16; at five depths the features of each position are scaled to length one, and
their squared differences are weighted for each channel and averaged over the picture.

Source: Zhang et al., *The Unreasonable Effectiveness of Deep Features as a Perceptual Metric*, 2018,
section 3. The weights come as two public files: VGG-16 as torchvision has it, and the channel weights
("linear heads").
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from engine.common.errors import InvalidWeights
from engine.common.weights_file import check_state, load_torch, reporting_weights_errors

CHANNELS = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512, 512, 512)
TAPS = {3: 64, 8: 128, 15: 256, 22: 512, 29: 512}  # layer whose output is compared: its channels
MEAN = (-0.030, -0.088, -0.188)  # of the pictures VGG-16 learned from, RGB in [-1, 1]
DEVIATION = (0.458, 0.448, 0.450)
SEARCH_PX = 256


class LPIPS(nn.Module):
    """The distance, frozen. Gradients flow to the pictures only.

    Pictures are float (N, 3, H, W), RGB, in [-1, 1], each side at least 16 px.
    """

    sees_px = SEARCH_PX
    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.vgg = vgg16_layers()
        self.heads = nn.ParameterList(torch.ones(channels) for channels in TAPS.values())
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None])
        self.eval().requires_grad_(False)

    @classmethod
    def from_files(cls, vgg_path: Path, heads_path: Path) -> "LPIPS":
        """Reads `vgg16-397923af.pth` of torchvision and `weights-vgg16-lpips.pth` of torch-fidelity.

        Raises:
            WeightsError: a file is missing, damaged, malicious, or holds other weights.
        """
        metric = cls()
        vgg_state = metric.vgg.state_dict()
        with reporting_weights_errors(vgg_path):
            content = _state_dict(load_torch(vgg_path))
            state = {key[9:]: value for key, value in content.items() if key.startswith("features.")}
            shapes = {key: value.shape for key, value in vgg_state.items()}
            check_state(state, shapes, vgg_path.stat().st_size)
            metric.vgg.load_state_dict(state)
        with reporting_weights_errors(heads_path):
            state = _state_dict(load_torch(heads_path))
            names = [f"lin{i}.model.1.weight" for i in range(len(TAPS))]
            shapes = {name: torch.Size([1, c, 1, 1]) for name, c in zip(names, TAPS.values(), strict=True)}
            check_state(state, shapes, heads_path.stat().st_size)
            for name, head in zip(names, metric.heads, strict=True):
                if state[name].min() < 0:
                    raise InvalidWeights(f"{name} holds negative weights, which make no distance")
                head.copy_(state[name].flatten())
        return metric

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, D): the distance of two pictures is the squared length of the difference.

        D is about 122 for each pixel of a picture.
        """
        x = (images - self.mean) / self.deviation
        tapped = []
        heads = iter(self.heads)
        for i, layer in enumerate(self.vgg):
            x = layer(x)
            if i in TAPS:
                unit = x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + 1e-10)
                gain = next(heads).sqrt() / math.sqrt(x.shape[2] * x.shape[3])
                tapped.append((unit * gain[:, None, None]).flatten(1))
        return torch.cat(tapped, dim=1)

    def towards(self, target: torch.Tensor, weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """The distance to one picture, as the search wants it (`engine.perceptual.distance.Distance`).

        Pictures over 256 px are shrunk, as in Karras et al. 2020, appendix D. Where `weight` is small, a
        picture is moved towards the target before they are compared, so that differences there count less.
        """
        size = min(target.shape[-1], SEARCH_PX)

        def shrink(x: torch.Tensor) -> torch.Tensor:
            return x if x.shape[-1] == size else F.interpolate(x, size=(size, size), mode="area")

        aim, mask = shrink(target), shrink(weight)
        aim_features = self.features(aim)

        def distance(images: torch.Tensor) -> torch.Tensor:
            masked = torch.lerp(aim, shrink(images), mask)
            return (self.features(masked) - aim_features).square().sum(dim=1)

        return distance

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """The distance of each pair, (N, 3, H, W) twice -> (N,), 0 for equal pictures."""
        return (self.features(a) - self.features(b)).square().sum(dim=1)


def vgg16_layers() -> nn.Sequential:
    """The convolutional layers of VGG-16 up to the last tap, numbered as torchvision numbers them.

    Source: Simonyan & Zisserman, *Very Deep Convolutional Networks*, 2015, table 1, configuration D.
    """
    layers: list[nn.Module] = []
    inputs = 3
    for outputs in CHANNELS:
        if isinstance(outputs, int):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = outputs
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def _state_dict(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InvalidWeights("holds no weights by name")
    return content
