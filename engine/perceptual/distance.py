"""How different two pictures look, with nothing to download: what the search minimises without LPIPS.

No judges, and neither was ever told who is who.

Source of the first: Laparra et al., *Perceptual image quality assessment using a normalized Laplacian
pyramid*, 2016: bands of a Laplacian pyramid of the luminance, divided by the local contrast, as the
early visual system does. Colour is compared in the low-pass pictures, where the eye sees it.
"""

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F

from engine.stylegan2.encoder import SEEN_PX, Encoder

LUMA = (0.299, 0.587, 0.114)
CONTRAST_FLOOR = 0.06  # of the range [-1, 1]; below it a difference is grain
MIN_SIZE_PX = 4


class Distance(Protocol):
    """A perceptual distance, prepared once for a target picture."""

    @property
    def sees_px(self) -> int | None:
        """The side that larger pictures are shrunk to before they are compared; None where they are not."""
        ...

    def towards(self, target: torch.Tensor, weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """Target (1, 3, R, R) in [-1, 1] and importance (1, 1, R, R) -> function of pictures (N, 3, R, R)
        that gives distances (N,), differentiable, zero for the target itself."""
        ...


def _halve(x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(x, 2)


def _bands(image: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Pictures (N, 3, R, R) -> contrast-normalised luminance bands, and low-pass colours, fine to coarse."""
    bands, colours = [], []
    while image.shape[-1] >= 2 * MIN_SIZE_PX:
        coarse = _halve(image)
        luma = sum(c * image[:, i : i + 1] for i, c in enumerate(LUMA))
        assert isinstance(luma, torch.Tensor)
        enlarged = F.interpolate(_halve(luma), scale_factor=2, mode="bilinear", align_corners=False)
        band = luma - enlarged
        contrast = F.avg_pool2d(band.abs(), 5, stride=1, padding=2, count_include_pad=False)
        bands.append(band / (contrast + CONTRAST_FLOOR))
        colours.append(coarse)
        image = coarse
    return bands, colours


class NormalisedLaplacianPyramid:
    """The network-free distance. Implements `Distance`."""

    sees_px = None

    def towards(self, target: torch.Tensor, weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        bands, colours = _bands(target)
        weights = [weight]
        for _ in bands:
            weights.append(_halve(weights[-1]))

        def distance(images: torch.Tensor) -> torch.Tensor:
            total = torch.zeros(len(images), device=images.device)
            new_bands, new_colours = _bands(images)
            for level, (a, b, p, q) in enumerate(zip(bands, new_bands, colours, new_colours, strict=True)):
                structure = ((a - b).abs() * weights[level]).mean(dim=(1, 2, 3)) / weights[level].mean()
                colour = ((p - q).abs() * weights[level + 1]).mean(dim=(1, 2, 3)) / weights[level + 1].mean()
                total = total + structure + colour
            return total / len(bands)

        return distance


class EncoderFeatures:
    """Compares what the encoder's layers make of two pictures. Implements `Distance`.

    As in LPIPS (`engine.perceptual.lpips`) the features of each position are scaled to length one before they
    are compared; the scales count alike. The encoder learned to find pictures in the generator, and nothing
    about what people see or who is who; how well that ranks is told in docs/search.md.
    """

    sees_px = SEEN_PX

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
