"""One encoder and two decoders: whoever decodes with B's decoder puts B's face on A's expression.

**Convention:** a side is "a" or "b". Pictures are float (N, 3, S, S) RGB in [0, 1], S = `Layout.side_px`; a
decoder's answers have the mask as a fourth channel where the layout has one.
"""

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
# A pixel of what the linear code is made of is the mean of so many squared.
COARSE = 4


def other(side: Side) -> Side:
    """The other one of the two."""
    return "b" if side == "a" else "a"


class Code(NamedTuple):
    """What a picture is encoded as. maps: float (N, bottleneck, H, W). linear: float (N, principal)."""

    maps: torch.Tensor
    linear: torch.Tensor


class TwoDecoders(nn.Module):
    """The network of a layout. means: of each side the mean picture and mask, (4, S, S). looks, draws: of
    each side how its pictures become the linear code, and the code a picture. All of these are 0 until set.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.channels = 4 if layout.mask else 3
        self.encoder = _encoder(layout)
        self.decoders = nn.ModuleDict({side: _decoder(layout, self.channels) for side in SIDES})
        self.means = _fixed(4, layout.side_px, layout.side_px)

        seen, drawn = 3 * (layout.side_px // COARSE) ** 2, self.channels * layout.side_px**2
        self.looks = _fixed(seen, layout.principal)
        self.draws = _fixed(layout.principal, drawn)

    def set_mean(self, side: Side, mean: torch.Tensor) -> None:
        """Of one person the mean picture and mask, float (4, S, S)."""
        self.means[side].data.copy_(mean)

    def encode(self, pictures: torch.Tensor, side: Side) -> Code:
        """Pictures of one person -> their code."""
        if not self.layout.from_mean:
            return Code(self.encoder(pictures), pictures.new_zeros(len(pictures), 0))
        differing = pictures - self.means[side][:3]
        return Code(self.encoder(SPREAD * differing), coarse(differing) @ self.looks[side])

    def decode(self, code: Code, side: Side) -> torch.Tensor:
        """Answers of a decoder (N, 3 or 4, S, S); with `from_mean` they may lie a little outside [0, 1]."""
        drawn = self.decoders[side](code.maps)
        if self.layout.from_mean:
            linear = (code.linear @ self.draws[side]).view(drawn.shape)
            return self.means[side][: self.channels] + linear + drawn / SPREAD
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
    last = nn.Conv2d(wide, channels, 5, padding=2)
    if layout.from_mean:  # the first answer is the mean picture
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


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
