"""The discriminator is the published one, computed faster."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from training.nobody.adversarial.discriminator import Discriminator, TwiceDifferentiable, with_group_deviation


def published_logits(network: Discriminator, images: torch.Tensor) -> torch.Tensor:
    """The discriminator step by step as published: filter, then stride; each activation with its own gain."""

    def layer(x: torch.Tensor, convolution: Any, gain: float, stride: int = 1, act: bool = True):
        weight, bias = convolution.weight, convolution.bias
        kernel = weight.shape[-1]
        pad = kernel // 2 if kernel < 4 else 0
        if stride == 2:
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
            blur = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
            x, pad = F.conv2d(F.pad(x, [(kernel + 1) // 2] * 4), blur, groups=x.shape[1]), 0
        x = F.conv2d(x, weight / math.sqrt(weight[0].numel()), bias, stride=stride, padding=pad)
        return (F.leaky_relu(x, 0.2) * math.sqrt(2) if act else x) * gain

    x = layer(images, network.from_rgb, 1.0)
    for block in network.blocks.values():
        skip = layer(x, block.skip, math.sqrt(0.5), stride=2, act=False)
        x = skip + layer(layer(x, block.conv0, 1.0), block.conv1, math.sqrt(0.5), stride=2)
    x = layer(layer(with_group_deviation(x), network.conv, 1.0), network.fc, 1.0)
    return layer(x, network.out, 1.0, act=False).flatten()


def test_folded_discriminator_is_the_published_one() -> None:
    torch.manual_seed(0)
    network = Discriminator(32, channel_base=512, channel_max=32)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    images = torch.randn(8, 3, 32, 32)
    torch.testing.assert_close(network(images), published_logits(network, images), atol=1e-4, rtol=1e-4)


def test_second_derivatives_are_pytorchs_and_take_no_kernel_as_large_as_a_map(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """cuDNN is slow with such a kernel, or has no algorithm."""

    class Kernels(TorchDispatchMode):
        largest = 0

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            if operation is torch.ops.aten.convolution.default:
                self.largest = max(self.largest, args[1].shape[-1])
            return operation(*args, **(kwargs or {}))

    def penalised() -> tuple[dict[str, torch.Tensor], int]:
        network.zero_grad()
        with Kernels() as kernels:
            (slope,) = torch.autograd.grad(network(images).sum(), images, create_graph=True)
            slope.square().sum().backward()
        gradients = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
        return gradients, kernels.largest

    torch.manual_seed(0)
    network = Discriminator(32, channel_base=256, channel_max=16)
    images = torch.randn(4, 3, 32, 32).requires_grad_(True)
    own, largest = penalised()
    assert largest == 6
    monkeypatch.setattr(TwiceDifferentiable, "apply", F.conv2d)
    pytorchs, largest = penalised()
    assert largest == 32 and own.keys() == pytorchs.keys()
    for name, gradient in own.items():
        torch.testing.assert_close(gradient, pytorchs[name], atol=1e-4, rtol=1e-3)


def test_bfloat16_of_the_large_maps_changes_little() -> None:
    torch.manual_seed(0)
    network = Discriminator(128, channel_base=1024, channel_max=32)
    images = torch.rand(4, 3, 128, 128) * 2 - 1
    exact, half = network(images), network(images, torch.bfloat16)
    assert half.dtype == torch.float32 and not torch.equal(exact, half)
    torch.testing.assert_close(half, exact, atol=0.02, rtol=0.02)


def test_group_deviation_sees_pictures_that_are_all_alike() -> None:
    alike, different = torch.ones(8, 2, 4, 4), torch.randn(8, 2, 4, 4)
    assert with_group_deviation(alike)[:, 2].max() < 1e-3
    assert with_group_deviation(different)[:, 2].min() > 0.1
