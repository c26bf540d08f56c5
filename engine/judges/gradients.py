"""A judge's distances with gradients, for the search that has to move them (`engine.finders.nearest`).

The steps of `Judge.describe` in torch: gain and JPEG, reduction, one warp, the network. Gain, JPEG and the
rounding to 8 bit are *straight-through* (Bengio et al., 2013): the forward value is exactly the picture that
the judge would be shown, the gradient that of the gain alone. Embeddings agree with the judge's own to about
0.01.
"""

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.common.device import brought_to
from engine.judges.base import Affine, Judge
from engine.judges.crops import compose, density_px
from engine.judges.judging import Reference
from engine.judges.perturbations import Perturbation, displacement, expose
from engine.stylegan2.network import to_uint8

CPU = torch.device("cpu")


class DifferentiableJudge:
    """One judge on one sitter, through its network."""

    def __init__(
        self,
        judge: Judge,
        network: nn.Module,
        reference: Reference,
        device: torch.device = CPU,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """`network` as `Judge.network_with_gradients` gives it: the judge's own, which stays where it is.

        device: of the pictures that will be judged. dtype: of the feature maps; bfloat16 moves dlib's
        distances by up to 0.003, so it serves to find a direction, not to judge.
        """
        self._dtype = dtype
        self._judge, self._alignment = judge, reference.alignment
        self._network = brought_to(network, device)
        self._reference = torch.from_numpy(reference.embedding).to(device)

    def distances(self, picture: Tensor, changes: Sequence[Perturbation]) -> Tensor:
        """Picture (1, 3, R, R) in [-1, 1] -> distances (K,) under K perturbations, in the judge's metric."""
        crops = torch.cat([self._crop(picture, change) for change in changes])
        fast = self._dtype is not torch.float32
        with torch.autocast(crops.device.type, self._dtype) if fast else nullcontext():
            embeddings = self._network(crops).float()
        if self._judge.metric == "euclidean":
            return torch.linalg.vector_norm(embeddings - self._reference, dim=1)
        return 1 - F.cosine_similarity(embeddings, self._reference[None])

    def _crop(self, picture: Tensor, change: Perturbation) -> Tensor:
        """One crop (1, 3, crop_px, crop_px), RGB, 0 to 255."""
        shown = torch.from_numpy(expose(to_uint8(picture)[0].numpy(), change)).to(picture.device)
        smooth = (picture.float() * 127.5 + 128) * change.gain
        quantised = smooth + (shown.permute(2, 0, 1)[None].float() - smooth).detach()
        size_px = density_px(self._alignment)
        if size_px < quantised.shape[-1]:
            means = _area_means(quantised.shape[-1], size_px).to(quantised.device)
            quantised = means @ quantised @ means.T
        crop_px = self._judge.crop_px
        grid = _grid(compose(displacement(change, crop_px), self._alignment), crop_px).to(quantised.device)
        return F.grid_sample(quantised, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _area_means(size: int, smaller: int) -> Tensor:
    """(smaller, size): each row takes the mean over its share of a line, as `crops.reduce_to` does."""
    edges = np.linspace(0, size, smaller + 1)
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return torch.from_numpy((np.clip(overlap, 0, None) * smaller / size).astype(np.float32))


def _grid(alignment: Affine, crop_px: int) -> Tensor:
    """Where each pixel of the crop looks, (1, crop_px, crop_px, 2), in torch's coordinates from -1 to 1."""
    from_torch = np.array([[crop_px / 2, 0, crop_px / 2], [0, crop_px / 2, crop_px / 2], [0, 0, 1]])
    to_unit = np.linalg.inv(np.vstack([alignment, [0, 0, 1]]))
    to_torch = np.array([[2.0, 0, -1], [0, 2, -1], [0, 0, 1]])
    theta = torch.from_numpy((to_torch @ to_unit @ from_torch)[:2]).float()
    return F.affine_grid(theta[None], [1, 3, crop_px, crop_px], align_corners=False)
