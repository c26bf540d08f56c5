"""Where the networks compute: chosen once, from one word of the configuration; all else follows its tensors.

The generator is brought to the device, and what is computed beside it goes to `Generator.device`. Random
numbers are drawn on the CPU and carried there, so that a seed means the same everywhere. Pictures come back
as uint8 where they are judged or shown.
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
    """The device of that name; `auto` is CUDA where PyTorch sees it.

    Raises MachineError where CUDA is wanted and not to be had.
    """
    if wanted == "cpu" or not torch.cuda.is_available():
        if wanted == "cuda":
            raise MachineError(
                'search.device is "cuda", but PyTorch finds no CUDA here: `./kiosk doctor` says why, '
                'or set it to "auto"'
            )
        return torch.device("cpu")
    # Float32 is what is judged, so it has to be that; and the same algorithms are taken each time.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    return torch.device("cuda", 0)


def brought_to(network: Network, device: torch.device) -> Network:
    """The network itself on the CPU, where it is loaded; elsewhere a copy of it there, with channels last,
    which is how convolutions in half precision are fast."""
    if device.type == "cpu":
        return network
    moved = copy.deepcopy(network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


@contextmanager
def within_memory() -> Iterator[None]:
    """Says in one line where the GPU's memory is not enough. Raises MachineError."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise MachineError(
            "The GPU's memory is not enough: close what else uses it, take a smaller generator, "
            'or set search.device = "cpu"'
        ) from None
