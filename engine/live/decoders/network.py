"""One encoder and two decoders: whoever decodes with B's decoder puts B's face on A's expression.

**Convention:** a side is "a" or "b". Pictures are float (N, 3, S, S) RGB in [0, 1], S = `Layout.side_px`; a
decoder's answers have the mask as a fourth channel where the layout has one.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from engine.live.decoders.layout import Layout

Side = Literal["a", "b"]
SIDES: tuple[Side, Side] = ("a", "b")
LEAK = 0.1
# By which differences from a mean picture are multiplied: their standard deviation is about its inverse.
SPREAD = 6.0
# Pictures are compared with the known poses in pixels that are the mean of so many squared.
COARSE = 4


def other(side: Side) -> Side:
    """The other one of the two."""
    return "b" if side == "a" else "a"


class Code(NamedTuple):
    """What a picture is encoded as. maps: float (N, bottleneck, H, W). shares: float (N, poses), of
    which known poses it is mixed; may be a little negative."""

    maps: torch.Tensor
    shares: torch.Tensor


class TwoDecoders(nn.Module):
    """The network of a layout.

    means: of each side the mean picture and mask, (4, S, S). poses: of each side its coarse picture in each
    known pose, (poses, D). focus: what its coarse pixels are multiplied by to be compared with these, (D,).
    ways: from resemblance to shares, (poses, poses). draws: what differs from the mean picture in each known
    pose, (poses, C S S). All of these are 0 until set (`engine.live.decoders.known_poses`).
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.channels = 4 if layout.mask else 3
        self.encoder = _encoder(layout)
        self.decoders = nn.ModuleDict({side: _decoder(layout, self.channels) for side in SIDES})
        if layout.from_mean:
            self._begin_at_mean()
        self.means = _fixed(4, layout.side_px, layout.side_px)

        seen = 3 * (layout.side_px // COARSE) ** 2
        self.focus = _fixed(seen)
        self.poses = _fixed(layout.poses, seen)
        self.ways = _fixed(layout.poses, layout.poses)
        self.draws = _fixed(layout.poses, self.channels * layout.side_px**2)

    def _begin_at_mean(self) -> None:
        """Weights that keep the variance of what passes through them, which the defaults reduce layer by
        layer. The last ones are 0, so that the first answer is the mean picture."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                linear = isinstance(layer, nn.Linear)
                nn.init.kaiming_normal_(layer.weight, LEAK, nonlinearity="linear" if linear else "leaky_relu")
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
        for decoder in self.decoders.values():
            assert isinstance(decoder, nn.Sequential) and isinstance(decoder[-1], nn.Conv2d)
            nn.init.zeros_(decoder[-1].weight)

    def set_mean(self, side: Side, mean: torch.Tensor) -> None:
        """Of one person the mean picture and mask, float (4, S, S)."""
        self.means[side].data.copy_(mean)

    def encode(self, pictures: torch.Tensor, side: Side) -> Code:
        """Pictures of one person -> their code."""
        if not self.layout.from_mean:
            return Code(self.encoder(pictures), pictures.new_zeros(len(pictures), 0))
        differing = pictures - self.means[side][:3]
        with _in_float32(pictures.device):
            alike = resemblance(coarse(differing) * self.focus[side], self.poses[side])
            shares = alike @ self.ways[side]
        return Code(self.encoder(SPREAD * differing), shares)

    def decode(self, code: Code, side: Side) -> torch.Tensor:
        """Answers of a decoder (N, 3 or 4, S, S); with `from_mean` they may lie a little outside [0, 1]."""
        drawn = self.decoders[side](code.maps)
        if self.layout.from_mean:
            with _in_float32(drawn.device):
                known = (code.shares @ self.draws[side]).view(drawn.shape)
            return self.means[side][: self.channels] + known + drawn / SPREAD
        return torch.sigmoid(drawn)

    def forward(self, pictures: torch.Tensor, seen: Side, drawn: Side) -> torch.Tensor:
        """Pictures of one person as the decoder of one of the two draws them."""
        return self.decode(self.encode(pictures, seen), drawn)


def _fixed(*shape: int) -> nn.ParameterDict:
    """For each side numbers that are set and stored, and not trained."""
    return nn.ParameterDict({side: nn.Parameter(torch.zeros(shape), requires_grad=False) for side in SIDES})


def coarse(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures (N, 3, S, S) -> their coarse pixels (N, D)."""
    return F.avg_pool2d(pictures, COARSE).flatten(1)


def resemblance(pictures: torch.Tensor, poses: torch.Tensor) -> torch.Tensor:
    """(N, D), (M, D) -> (N, M), 0 to 1: a Gaussian of the distance."""
    squares = pictures.square().sum(dim=1)[:, None] + poses.square().sum(dim=1)
    return torch.exp(-(squares - 2 * pictures @ poses.T).clamp(min=0))


def _in_float32(device: torch.device) -> AbstractContextManager[object]:
    """Ends autocasting: small differences of large numbers do not survive bfloat16."""
    return nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)


def _encoder(layout: Layout) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for wider in layout.encoder:
        layers += [nn.Conv2d(channels, wider, 5, stride=2, padding=2), nn.LeakyReLU(LEAK)]
        channels = wider
    side = layout.side_px >> len(layout.encoder)
    layers += [
        nn.Flatten(),
        nn.Linear(channels * side * side, layout.dense),
        nn.Linear(layout.dense, channels * side * side),
        nn.Unflatten(1, (channels, side, side)),
        *_doubled(channels, layout.bottleneck),
    ]
    return nn.Sequential(*layers)


def _decoder(layout: Layout, channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    wide = layout.bottleneck
    for narrower in layout.decoder:
        layers += _doubled(wide, narrower)
        wide = narrower
    return nn.Sequential(*layers, nn.Conv2d(wide, channels, 5, padding=2))


def _doubled(channels: int, narrower: int) -> tuple[nn.Module, ...]:
    """A layer that doubles the side by pixel shuffle (Shi et al., 2016)."""
    return nn.Conv2d(channels, 4 * narrower, 3, padding=1), nn.LeakyReLU(LEAK), nn.PixelShuffle(2)


def as_pictures(answers: torch.Tensor) -> torch.Tensor:
    """A decoder's answers (N, C, S, S) -> uint8 (N, S, S, C) on the CPU."""
    scaled = answers.detach().float().clamp(0, 1).mul(255).round()
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu()


def as_input(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 (N, C, S, S) -> float in [0, 1]."""
    return pictures.float() / 255


def downsized(pictures: torch.Tensor, side_px: int) -> torch.Tensor:
    """Pictures (N, C, S, S) with another side."""
    return F.interpolate(pictures, size=(side_px, side_px), mode="bilinear", antialias=True)
