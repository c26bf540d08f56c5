"""A perceptual distance by the feature maps of the generator's own encoder."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from engine.stylegan2.encoder import INPUT_PX, Encoder


class EncoderFeatures:
    """Compares the feature maps of two pictures. Implements `Distance`.

    As in LPIPS (`engine.perceptual.lpips`) the features of each position are scaled to length one before they
    are compared; the scales count alike. The encoder was trained to locate pictures in the generator, not
    on people's judgements of similarity, nor on identities; docs/search.md says how well it ranks pictures.
    """

    sees_px = INPUT_PX

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def features(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Pictures (N, 3, R, R) -> maps (N, C, H, W) of unit vectors, fine to coarse."""
        return [F.normalize(x, dim=1) for x in self.encoder.features(images)]

    def towards(self, target: torch.Tensor, weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        aims = self.features(target)
        weights = [F.interpolate(weight, size=aim.shape[2:], mode="area") for aim in aims]

        def distance(images: torch.Tensor) -> torch.Tensor:
            total = torch.zeros(len(images), device=images.device)
            for found, aim, counts in zip(self.features(images), aims, weights, strict=True):
                miss = (found - aim).square().sum(dim=1, keepdim=True)
                total = total + (miss * counts).mean(dim=(1, 2, 3)) / counts.mean()
            return total / len(aims)

        return distance
