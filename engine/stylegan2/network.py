"""The StyleGAN2 generator: mapping z -> w, synthesis W+ -> picture.

**Convention:** pictures are (N, 3, R, R), RGB, about [-1, 1]; w is (N, w_dim); W+ is (N, num_ws, w_dim), one
w for each layer, coarse to fine. Names of parameters are those of NVIDIA's checkpoints.

Source: Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, 2020 (skip architecture,
configuration F); parameter scaling (equalised learning rate) from Karras et al., *Progressive Growing of
GANs*, 2018, section 4.1.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from engine.stylegan2.operations import SLOPE, SQRT2, clamped, leaky_relu, modulated_convolution, upsample
from engine.stylegan2.settings import LR_MULTIPLIER

NoiseMode = Literal["const", "random", "none"]


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """Pictures (N, 3, R, R) in [-1, 1] -> uint8 (N, R, R, 3) on the CPU, as they are written and judged."""
    levels = (images.detach().float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().cpu()


class FullyConnected(nn.Module):
    """y = x W^T + b with weights scaled at run time by lr_mult / sqrt(inputs). (N, I) -> (N, O)."""

    def __init__(self, inputs: int, outputs: int, lr_mult: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_mult)
        self.bias = nn.Parameter(torch.full([outputs], bias / lr_mult))
        self.weight_gain = lr_mult / math.sqrt(inputs)
        self.bias_gain = lr_mult

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.bias * self.bias_gain, x, (self.weight * self.weight_gain).T)


class Mapping(nn.Module):
    """z (N, z_dim) -> w (N, w_dim); `w_avg` is the running mean of w, the latent of the median face."""

    w_avg: torch.Tensor

    def __init__(self, z_dim: int, w_dim: int, layers: int, lr_multiplier: float) -> None:
        super().__init__()
        self.layers = layers
        for i in range(layers):
            inputs = z_dim if i == 0 else w_dim
            self.add_module(f"fc{i}", FullyConnected(inputs, w_dim, lr_mult=lr_multiplier))
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        for i in range(self.layers):
            x = leaky_relu(self.get_submodule(f"fc{i}")(x))
        return x


class StyledConvolution(nn.Module):
    """Affine style, modulated 3x3 convolution, noise, bias, leaky ReLU: (N, I, H, W) -> (N, O, H', W')."""

    noise_const: torch.Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        w_dim: int,
        resolution: int,
        conv_clamp: float | None,
        up: bool = False,
    ) -> None:
        super().__init__()
        self.up, self.conv_clamp = up, conv_clamp
        self.affine = FullyConnected(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: torch.Tensor, w: torch.Tensor, noise_mode: NoiseMode) -> torch.Tensor:
        # The gain of the activation is in what goes into it, where there are fewer numbers to multiply.
        bias = (SQRT2 * self.bias).to(x.dtype)
        x = modulated_convolution(x, self.weight, self.affine(w), bias, up=self.up, gain=SQRT2)
        if noise_mode == "const":
            x = x + (SQRT2 * self.noise_strength * self.noise_const).to(x.dtype)
        elif noise_mode == "random":
            noise = torch.randn(len(x), 1, *x.shape[2:], device=x.device)
            x = x + (SQRT2 * self.noise_strength * noise).to(x.dtype)
        return clamped(F.leaky_relu(x, SLOPE), self.conv_clamp)


class ToRGB(nn.Module):
    """Feature maps -> colour, without demodulation: (N, I, H, W) -> (N, 3, H, W)."""

    def __init__(self, inputs: int, w_dim: int, conv_clamp: float | None) -> None:
        super().__init__()
        self.conv_clamp = conv_clamp
        self.affine = FullyConnected(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.weight_gain = 1 / math.sqrt(inputs)

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        styles = self.affine(w) * self.weight_gain
        x = modulated_convolution(x, self.weight, styles, demodulate=False)
        return clamped(x.float() + self.bias[:, None, None], self.conv_clamp)


class SynthesisBlock(nn.Module):
    """One resolution: (two) convolutions, and the picture so far, enlarged and added to."""

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, resolution: int, conv_clamp: float | None
    ) -> None:
        super().__init__()
        self.first = inputs == 0
        if self.first:
            self.const = nn.Parameter(torch.randn(outputs, resolution, resolution))
        else:
            self.conv0 = StyledConvolution(inputs, outputs, w_dim, resolution, conv_clamp, up=True)
        self.conv1 = StyledConvolution(outputs, outputs, w_dim, resolution, conv_clamp)
        self.torgb = ToRGB(outputs, w_dim, conv_clamp)

    def forward(
        self,
        x: torch.Tensor | None,
        image: torch.Tensor | None,
        ws: list[torch.Tensor],
        noise_mode: NoiseMode,
        dtype: torch.dtype,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`ws`: one (N, w_dim) for each convolution and one for the colours."""
        if x is None or image is None:
            x = self.const.to(dtype).expand(len(ws[0]), -1, -1, -1)
            x = self.conv1(x, ws[0], noise_mode)
            return x, self.torgb(x, ws[1])
        x = self.conv1(self.conv0(x, ws[0], noise_mode), ws[1], noise_mode)
        return x, upsample(image) + self.torgb(x, ws[2])


class Synthesis(nn.Module):
    """W+ (N, num_ws, w_dim) -> pictures (N, 3, R, R)."""

    def __init__(
        self, w_dim: int, resolution: int, channel_base: int, channel_max: int, conv_clamp: float | None
    ) -> None:
        super().__init__()
        self.resolutions = [2**i for i in range(2, int(math.log2(resolution)) + 1)]
        self.num_ws = 2 * len(self.resolutions)
        channels = {r: min(channel_base // r, channel_max) for r in self.resolutions}
        for r in self.resolutions:
            block = SynthesisBlock(channels.get(r // 2, 0), channels[r], w_dim, r, conv_clamp)
            self.add_module(f"b{r}", block)

    def noise_layers(self) -> dict[str, StyledConvolution]:
        """The layers that add noise, by name, coarse to fine."""
        return {name: layer for name, layer in self.named_modules() if isinstance(layer, StyledConvolution)}

    def forward(
        self, ws: torch.Tensor, noise_mode: NoiseMode = "const", dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Draws the pictures; feature maps are kept in `dtype`, colours always in float32.

        The first block uses w 0 and 1, each further block three: its colours share a w with the next
        block's first convolution.
        """
        x, image, first = None, None, 0
        for r in self.resolutions:
            count = 2 if r == 4 else 3
            block_ws = [ws[:, i] for i in range(first, first + count)]
            x, image = self.get_submodule(f"b{r}")(x, image, block_ws, noise_mode, dtype)
            first += count - 1
        assert image is not None
        return image


class Generator(nn.Module):
    """StyleGAN2 of any resolution from 4 to 1024.

    channels at resolution r are min(channel_base // r, channel_max): FFHQ-1024 is (32768, 512) with 8
    mapping layers; the embedded generator made of nobody is (8192, 256).

    `lr_multiplier` scales the weights of the mapping at run time. `conv_clamp` limits what every convolution
    gives, after its activation, to [-conv_clamp, conv_clamp]: NVIDIA trains networks with half-precision
    blocks with 256 (Karras et al. 2020b, appendix D), and such a network draws with it in float32 too.
    """

    def __init__(
        self,
        z_dim: int = 512,
        w_dim: int = 512,
        resolution: int = 256,
        channel_base: int = 8192,
        channel_max: int = 256,
        mapping_layers: int = 8,
        lr_multiplier: float = LR_MULTIPLIER,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.z_dim, self.w_dim, self.resolution = z_dim, w_dim, resolution
        self.channel_base, self.channel_max, self.mapping_layers = channel_base, channel_max, mapping_layers
        self.lr_multiplier, self.conv_clamp = lr_multiplier, conv_clamp
        self.mapping = Mapping(z_dim, w_dim, mapping_layers, lr_multiplier)
        self.synthesis = Synthesis(w_dim, resolution, channel_base, channel_max, conv_clamp)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.mapping.w_avg.device

    @property
    def num_ws(self) -> int:
        """How many w a picture takes: two a resolution."""
        return self.synthesis.num_ws

    def broadcast(self, w: torch.Tensor) -> torch.Tensor:
        """w (N, w_dim) -> W+ (N, num_ws, w_dim), the same w in each layer."""
        return w[:, None, :].expand(-1, self.num_ws, -1)

    def truncate(self, ws: torch.Tensor, psi: float, cutoff: int | None = None) -> torch.Tensor:
        """Pulls W+ towards the median face: w_avg + psi * (w - w_avg), in the first `cutoff` layers only
        where one is given (Karras et al. 2019, appendix B)."""
        truncated = self.mapping.w_avg.lerp(ws, psi)
        return truncated if cutoff is None else torch.cat([truncated[:, :cutoff], ws[:, cutoff:]], dim=1)

    def forward(self, z: torch.Tensor, psi: float = 1.0, noise_mode: NoiseMode = "const") -> torch.Tensor:
        """z (N, z_dim) -> pictures (N, 3, R, R)."""
        ws = self.broadcast(self.mapping(z))
        return self.synthesis(self.truncate(ws, psi), noise_mode)
