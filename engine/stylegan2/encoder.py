"""The encoder: estimates from one picture the latent in W+ that the generator would draw it from.

A residual network (He et al., *Deep Residual Learning for Image Recognition*, 2016) from the picture to
W+, as in Richardson et al., *Encoding in Style*, 2021, but small: a few milliseconds on one CPU core. It
is trained on the generator's own samples and on renders of people who do not exist
(`training.nobody.encode`), so it belongs to one generator, whose sha256 its file names. Its feature
maps also make a perceptual distance (`engine.perceptual.encoder_features`). It is no judge: it was
not trained on identities.

**Convention:** pictures are (N, 3, R, R), RGB, [-1, 1], in the FFHQ framing; they are reduced to 128 px.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import nn

from engine.common.errors import InvalidWeights
from engine.common.weights_file import check_state, reporting_weights_errors, save_weights

INPUT_PX = 128
CHANNELS = (32, 80, 128, 192, 192)  # at 64, 32, 16, 8 and 4 px
HIDDEN = 256


class ResidualBlock(nn.Module):
    """(N, I, H, W) -> (N, O, H, W), with stride 2 (N, O, H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm0 = nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False) if inputs != outputs else nn.Identity()
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm1(self.conv1(F.leaky_relu(self.norm0(self.conv0(x)), 0.1)))
        x = self.skip(x if self.stride == 1 else F.avg_pool2d(x, self.stride))
        return F.leaky_relu(x + y, 0.1)


class Encoder(nn.Module):
    """Picture -> offset from w_avg in W+, one w for each of the generator's `num_ws` layers.

    Each layer's offset is a sum of the same `directions` of w, each with its own share.
    """

    basis: torch.Tensor

    def __init__(self, num_ws: int, w_dim: int, directions: int) -> None:
        super().__init__()
        self.num_ws, self.w_dim, self.directions = num_ws, w_dim, directions
        self.stem = nn.Conv2d(3, CHANNELS[0], 3, 2, 1)
        self.blocks = nn.ModuleList(
            ResidualBlock(inputs, outputs, stride=1 if i == 0 else 2)
            for i, (inputs, outputs) in enumerate(zip((CHANNELS[0], *CHANNELS), CHANNELS, strict=False))
        )
        last_px = INPUT_PX // 2 ** len(CHANNELS)
        self.hidden = nn.Linear(CHANNELS[-1] * last_px**2, HIDDEN)
        self.shares = nn.Linear(HIDDEN, num_ws * directions)
        self.register_buffer("basis", torch.zeros(directions, w_dim))

    def features(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps (N, C, H, W) at 64, 32, 16, 8 and 4 px; larger pictures are shrunk by area."""
        x = (
            pictures
            if pictures.shape[-1] == INPUT_PX
            else F.interpolate(pictures, (INPUT_PX,) * 2, mode="area")
        )
        x = F.leaky_relu(self.stem(x.contiguous(memory_format=torch.channels_last)), 0.1)
        maps = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        return maps

    def coordinates(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, num_ws, directions): how far to go along each direction, in standard deviations of w there."""
        last = self.features(pictures)[-1]
        shares = self.shares(F.leaky_relu(self.hidden(last.flatten(1)), 0.1))
        return cast(torch.Tensor, shares.unflatten(1, (self.num_ws, self.directions)))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, num_ws, w_dim): what to add to w_avg."""
        return self.coordinates(pictures) @ self.basis


@dataclass(frozen=True)
class EncoderMetadata:
    """The metadata of an encoder's file."""

    name: str
    generator_sha256: str
    num_ws: int
    w_dim: int
    directions: int


def save_encoder(encoder: Encoder, path: Path, name: str, generator_sha256: str) -> None:
    """Writes an encoder as safetensors in float16, with the sha256 of the generator that it belongs to."""
    metadata = EncoderMetadata(name, generator_sha256, encoder.num_ws, encoder.w_dim, encoder.directions)
    state = {key: tensor for key, tensor in encoder.state_dict().items() if tensor.is_floating_point()}
    save_weights(state, path, {"encoder": json.dumps(vars(metadata))}, torch.float16)


def load_encoder(path: Path) -> tuple[Encoder, EncoderMetadata]:
    """The encoder in a file, frozen, in float32, on the CPU, and the file's metadata.

    Raises:
        WeightsError: the file is missing, damaged, or no encoder.
    """
    with reporting_weights_errors(path), safe_open(path, framework="pt") as file:
        recorded = json.loads((file.metadata() or {}).get("encoder", "null"))
        if not isinstance(recorded, dict) or recorded.keys() != EncoderMetadata.__dataclass_fields__.keys():
            raise InvalidWeights(
                "a safetensors file, but not of an encoder (its metadata has no whole 'encoder')"
            )
        metadata = EncoderMetadata(**recorded)
        if not all(
            type(n) is int and 0 < n <= 4096 for n in (metadata.num_ws, metadata.w_dim, metadata.directions)
        ):
            raise InvalidWeights(f"its metadata describes no encoder: {metadata}")
        encoder = Encoder(metadata.num_ws, metadata.w_dim, metadata.directions)
        own = encoder.state_dict()
        expected = {key: tensor.shape for key, tensor in own.items() if tensor.is_floating_point()}
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        check_state(state, expected, path.stat().st_size)
        encoder.load_state_dict({key: tensor.float() for key, tensor in state.items()}, strict=False)
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return encoder.eval().requires_grad_(False), metadata
