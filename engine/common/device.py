"""The device that the networks compute on, chosen once from the configuration.

The generator is moved to the device, and everything computed with it goes to `Generator.device`. Random
numbers are drawn on the CPU and moved there, so that a seed gives the same numbers on every device. Pictures
come back as uint8 arrays where they are judged or shown.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import torch
from torch import nn

from engine.common.errors import MachineError

Network = TypeVar("Network", bound=nn.Module)


def choose(wanted: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """The device of that name; `auto` is CUDA where PyTorch finds it, else the CPU.

    Raises MachineError where CUDA is wanted and not to be had.
    """
    if wanted == "cpu" or not torch.cuda.is_available():
        if wanted == "cuda":
            raise MachineError(
                'search.device is "cuda", but PyTorch finds no CUDA here: `./kiosk doctor` says why, '
                'or set it to "auto"'
            )
        return torch.device("cpu")
    # Verdicts depend on exact float32 results, and on the same algorithms each time.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    return torch.device("cuda", 0)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device does so natively: GPUs from Ampere on, and CPUs with AVX512-BF16."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def brought_to(network: Network, device: torch.device) -> Network:
    """The network itself for a CPU without bfloat16; else a copy on the device in channels-last memory
    format, which makes convolutions fast there; with AVX2 it makes them slower."""
    if device.type == "cpu" and not multiplies_bfloat16(device):
        return network
    moved = copy.deepcopy(network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


@contextmanager
def within_memory() -> Iterator[None]:
    """Turns PyTorch's out-of-memory error into a MachineError of one line."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise MachineError(
            "The GPU's memory is not enough: close what else uses it, take a smaller generator, "
            'or set search.device = "cpu"'
        ) from None
