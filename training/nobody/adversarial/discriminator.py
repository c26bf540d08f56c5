"""The discriminator of StyleGAN2: picture -> how real it looks. Needed to train, never by the installation.

Residual blocks, minibatch standard deviation, equalised learning rate; as in Karras et al., *Analyzing and
Improving the Image Quality of StyleGAN*, 2020 (section 4 and appendix B), and Karras et al., *Progressive
Growing of GANs*, 2018 (section 3). Two things are computed differently, with the same result and fewer passes
over memory, which is what bounds the speed on a GPU:

- the low-pass filter before a stride is folded into the convolution's own weights (3x3 and [1, 3, 3, 1] give
  6x6; 1x1 gives 4x4), which also avoids depthwise convolutions;
- the gain sqrt(2) of an activation is taken into the weights of the layer that reads it.

Its convolutions have second derivatives that are ordinary convolutions (`TwiceDifferentiable`), as R1 needs.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_weight

ACTIVATION_GAIN = math.sqrt(2)
HALF_PRECISION_FROM_PX = 64
STD_GROUP = 4


class TwiceDifferentiable(torch.autograd.Function):
    """`F.conv2d`, whose gradient has a gradient that a GPU computes as fast as any other.

    PyTorch's own second derivative of a convolution is one with kernels as large as feature maps, for which
    cuDNN has nothing fast (compare `conv2d_gradfix` of StyleGAN2-ADA). The first derivative written as a
    transposed convolution has the usual ones.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        stride: int,
        padding: int,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        to_x = to_weight = to_bias = None
        if ctx.needs_input_grad[0]:
            to_x = F.conv_transpose2d(gradient, weight, None, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            to_weight = conv2d_weight(x, weight.shape, gradient, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[2]:
            to_bias = gradient.sum(dim=(0, 2, 3))
        return to_x, to_weight, to_bias, None, None


class Convolution(nn.Module):
    """Square convolution, scaled at run time by gain / sqrt(fan-in); with `down` low-passed and halved.

    (N, I, H, W) -> (N, O, H, W), with `down` (N, O, H/2, W/2). An even kernel is not padded: one of 4 turns
    4x4 into 1x1.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, gain: float, bias: bool = True, down: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale = gain / math.sqrt(inputs * kernel**2)
        self.padding = kernel // 2 if kernel % 2 else 0
        self.down = down

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight * self.scale
        bias = None if self.bias is None else self.bias.to(x.dtype)
        stride, padding = 1, self.padding
        if self.down:
            weight, stride, padding = low_passed(weight), 2, self.padding + 1
        convolved: torch.Tensor = TwiceDifferentiable.apply(x, weight.to(x.dtype), bias, stride, padding)
        return convolved


def low_passed(weight: torch.Tensor) -> torch.Tensor:
    """Weights (O, I, k, k) -> (O, I, k+3, k+3): those of filtering with [1, 3, 3, 1] / 8 first.

    Linear in the k x k numbers of each plane, so a product with one small matrix.
    """
    outputs, inputs, kernel, _ = weight.shape
    taps = weight.new_full([4], 1 / 8)  # filled where the weights are: to carry a list there takes a wait
    taps[1:3] = 3 / 8
    units = torch.eye(kernel**2, device=weight.device).reshape(-1, 1, kernel, kernel)
    spread = F.conv2d(units, torch.outer(taps, taps)[None, None], padding=3)
    return (weight.flatten(2) @ spread.flatten(1)).reshape(outputs, inputs, kernel + 3, kernel + 3)


class ResidualBlock(nn.Module):
    """(N, I, H, W) -> (N, O, H/2, W/2). `input_gain` is what the input still lacks of its own gain."""

    def __init__(self, inputs: int, outputs: int, input_gain: float) -> None:
        super().__init__()
        self.conv0 = Convolution(inputs, inputs, 3, gain=input_gain)
        self.conv1 = Convolution(inputs, outputs, 3, gain=ACTIVATION_GAIN, down=True)
        self.skip = Convolution(inputs, outputs, 1, gain=input_gain * math.sqrt(0.5), bias=False, down=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The gain sqrt(2) of this activation and the sqrt(1/2) of the sum cancel.
        return F.leaky_relu(self.conv1(F.leaky_relu(self.conv0(x), 0.2)), 0.2) + self.skip(x)


def with_group_deviation(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> (N, C+1, H, W): adds how much pictures differ within groups of `STD_GROUP`.

    Neighbours in groups are `N / STD_GROUP` places apart; a batch that does not divide is one group.
    """
    n, _, height, width = x.shape
    group = STD_GROUP if n % STD_GROUP == 0 else n
    grouped = x.reshape(group, n // group, *x.shape[1:])
    deviation = (grouped.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    return torch.cat([x, deviation.repeat(group).reshape(n, 1, 1, 1).expand(-1, -1, height, width)], dim=1)


class Discriminator(nn.Module):
    """Pictures (N, 3, R, R) in [-1, 1] -> logits (N,); positive means real.

    channels at resolution r are min(channel_base // r, channel_max).
    """

    def __init__(self, resolution: int, channel_base: int = 16384, channel_max: int = 256) -> None:
        super().__init__()
        channels = {2**i: min(channel_base // 2**i, channel_max) for i in range(2, resolution.bit_length())}
        self.resolution, self.channel_base, self.channel_max = resolution, channel_base, channel_max
        self.from_rgb = Convolution(3, channels[resolution], 1, gain=1.0)
        self.blocks = nn.ModuleDict()
        for r in sorted(channels, reverse=True)[:-1]:
            gain = ACTIVATION_GAIN if r == resolution else 1.0
            self.blocks[f"b{r}"] = ResidualBlock(channels[r], channels[r // 2], gain)
        last = channels[4]
        self.conv = Convolution(last + 1, last, 3, gain=1.0)
        self.fc = Convolution(last, last, 4, gain=ACTIVATION_GAIN)
        self.out = Convolution(last, 1, 1, gain=ACTIVATION_GAIN)

    def forward(self, images: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """`dtype` is that of the feature maps of 64 px and more; smaller ones are float32 always."""
        x = images.contiguous(memory_format=torch.channels_last)
        x = x.to(dtype if self.resolution >= HALF_PRECISION_FROM_PX else torch.float32)
        x = F.leaky_relu(self.from_rgb(x), 0.2)
        for name, block in self.blocks.items():
            x = block(x if int(name[1:]) >= HALF_PRECISION_FROM_PX else x.float())
        x = F.leaky_relu(self.conv(with_group_deviation(x.float())), 0.2)
        x = F.leaky_relu(self.fc(x), 0.2)
        return self.out(x)[:, 0, 0, 0]
