"""The few operations StyleGAN2 adds to ordinary convolutions, written with ordinary ones.

**Convention:** feature maps are (N, C, H, W); filters are symmetric, so correlation and convolution agree.

Source: Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, 2020, sections 2 and 3,
appendix B.
"""

import math

import torch
import torch.nn.functional as F

SQRT2 = math.sqrt(2)
SLOPE = 0.2  # of the leaky ReLU below zero


def leaky_relu(x: torch.Tensor) -> torch.Tensor:
    """Leaky ReLU of slope 0.2 with the gain sqrt(2) that keeps the variance. Any shape."""
    return F.leaky_relu(x, SLOPE) * SQRT2


def clamped(x: torch.Tensor, limit: float | None) -> torch.Tensor:
    """Limits any tensor to [-limit, limit]; None leaves it as it is."""
    return x if limit is None else x.clamp(-limit, limit)


def upsample(x: torch.Tensor) -> torch.Tensor:
    """Doubles (N, C, H, W) to (N, C, 2H, 2W) with the filter [1, 3, 3, 1] and zeros outside.

    That filter *is* bilinear interpolation; only the edge differs, hence the padding.
    """
    enlarged = F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear", align_corners=False)
    return enlarged[:, :, 2:-2, 2:-2]


def blur(x: torch.Tensor, gain: float) -> torch.Tensor:
    """Filters (N, C, H, W), one zero around it, with [1, 3, 3, 1]^2 / 64 * gain: (N, C, H-1, W-1)."""
    taps = x.new_full([4], 1 / 8)  # filled where x is: a list would be carried there, which takes a wait
    taps[1:3] = 3 / 8
    kernel = torch.outer(taps, taps * gain).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(x, kernel, padding=1, groups=x.shape[1])


def modulated_convolution(
    x: torch.Tensor,
    weight: torch.Tensor,
    styles: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    demodulate: bool = True,
    up: bool = False,
    gain: float = 1.0,
) -> torch.Tensor:
    """Convolution whose input channels are scaled by `styles`, one scale for each picture and channel.

    Args:
        x: (N, I, H, W).
        weight: (O, I, k, k), shared by the batch.
        styles: (N, I).
        bias: (O,), added to the output, if there is one; of x's dtype.
        demodulate: scale each output channel back to unit variance (section 2.2), times `gain`.
        up: double the resolution on the way (k = 3).

    Returns:
        (N, O, H, W), or (N, O, 2H, 2W) with `up`.

    The scales are applied to the feature maps, not to the weights: the weights stay one tensor for the whole
    batch, and a search with frozen weights needs no gradient of them. Of a single picture without gradients,
    or with those of the weights, they are applied to whichever has fewer numbers: in fine layers the weights.
    """
    scales_weights = len(x) == 1 and (weight.requires_grad or not torch.is_grad_enabled())
    if scales_weights and weight.numel() < x.numel():
        weight = weight * styles[0][:, None, None]
        if demodulate:
            energy = weight.square().sum(dim=(1, 2, 3), keepdim=True)
            weight = weight * (gain * (energy + 1e-8).rsqrt())
        return _convolution(x, weight, bias, up)
    x = x * styles[:, :, None, None].to(x.dtype)
    if not demodulate:
        return _convolution(x, weight, bias, up)
    energy = styles.square() @ weight.square().sum(dim=(2, 3)).T  # (N, O)
    scales = (gain * (energy + 1e-8).rsqrt())[:, :, None, None].to(x.dtype)
    x = _convolution(x, weight, None, up)
    return x * scales if bias is None else torch.addcmul(bias[:, None, None], x, scales)


def _convolution(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, up: bool) -> torch.Tensor:
    """(N, I, H, W) and (O, I, k, k) -> (N, O, H, W), or (N, O, 2H, 2W) with `up` (k = 3)."""
    weight = weight.to(x.dtype)
    if up:
        x = blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), gain=4.0)
        return x if bias is None else x + bias[:, None, None]
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
