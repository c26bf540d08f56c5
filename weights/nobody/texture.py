"""An adversary for textures: it sees patches only, and tells drawn ones from rendered ones.

A regression answers what no number tells with a mean: skin without pores, hair without strands. An adversary
that sees no more than a patch asks for such texture, and leaves to the pairs who it is that is drawn. It is
small (a twentieth of the generator's work), and learns from a few thousand pictures.

Sources: Isola et al., *Image-to-Image Translation with Conditional Adversarial Networks*, 2017 (patches
beside an L1 loss); Wang et al., *High-Resolution Image Synthesis and Semantic Manipulation with Conditional
GANs*, 2018 (two scales); Miyato et al., *Spectral Normalization*, 2018; Esser et al., *Taming Transformers*,
2021, eq. 7 (its weight follows the other loss's gradient).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchAdversary(nn.Module):
    """Pictures (N, 3, R, R) -> one logit a patch, (N, P): of 38 px, and of 76 px at half resolution."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.scales = nn.ModuleList([self._scale(channels) for _ in range(2)])

    @staticmethod
    def _scale(channels: int) -> nn.Sequential:
        widths = [3, channels, 2 * channels, 4 * channels]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1)), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, 1, 1)))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        logits = [self.scales[0](pictures), self.scales[1](F.avg_pool2d(pictures, 2))]
        return torch.cat([part.flatten(1) for part in logits], 1)


def adversary_loss(adversary: PatchAdversary, rendered: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """The hinge loss by which the adversary learns to tell them apart."""
    return F.relu(1 - adversary(rendered)).mean() + F.relu(1 + adversary(drawn.detach())).mean()


def texture_gradient(adversary: PatchAdversary, drawn: torch.Tensor) -> torch.Tensor:
    """How each drawn picture (N, 3, R, R) would have to change for the adversary; per picture of length 1."""
    seen = drawn.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(-adversary(seen).mean(1).sum(), seen)
    return F.normalize(gradient.flatten(1), dim=1).view_as(gradient)
