"""A perceptual distance without a network: nothing to download, nothing trained.

Source: Laparra et al., *Perceptual image quality assessment using a normalized Laplacian pyramid*, 2016:
bands of a Laplacian pyramid of the luminance, divided by the local contrast, as the early visual system
does. Colour is compared in the low-pass pictures, where the eye sees it.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F

LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue in the luminance (ITU-R BT.601)
CONTRAST_FLOOR = 0.06  # of the range [-1, 1]; below it a difference is grain
MIN_SIZE_PX = 4


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
