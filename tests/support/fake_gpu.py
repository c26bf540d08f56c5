"""A fake GPU: its tensors report another device, hold real numbers, and mix with no CPU tensors.

    with fake_gpu() as gpu:
        network.to(gpu)

What CUDA refuses is refused: an operation on tensors of both sides (single numbers apart), and numpy's look
into a tensor there. Random numbers drawn there are refused too, as they would not be the CPU's, but where
a program is told that it may. What is computed is computed on the CPU, so results can be compared.

PyTorch's own FakeTensorMode would do for what has no gradients; with them it aborts the process where PyTorch
is built without CUDA. These tensors say that their device is `meta`, which every build knows, and which
autograd runs in the thread that asks.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

GPU = torch.device("meta")
CARRYING = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
LOOKING = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default)


class DeviceMismatch(RuntimeError):
    """Something that a GPU would refuse."""


class GpuTensor(torch.Tensor):
    """A tensor on the fake GPU; its numbers are in `held`, a tensor on the CPU."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "GpuTensor":
        one: GpuTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=GPU,
        )
        one.held = held
        return one

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):  # type: ignore[override]
        return _run(operation, args, kwargs or {})


@contextmanager
def fake_gpu(may_draw: bool = False, waits: list[str] | None = None) -> Iterator[torch.device]:
    """The device, as long as it is there.

    Args:
        may_draw: lets random numbers be drawn there; they are the CPU's.
        waits: takes the name of each operation for which a program waits until a GPU has come so far.
    """
    with _FromLists(), _Everywhere(may_draw, waits):
        yield GPU


class _Everywhere(TorchDispatchMode):
    """Sees also what is made there without a tensor from there."""

    def __init__(self, may_draw: bool, waits: list[str] | None) -> None:
        super().__init__()
        self.may_draw, self.waits = may_draw, waits

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = _run(operation, args, kwargs or {}, self.may_draw)
        if self.waits is not None and _waits(operation, args, result):
            self.waits.append(str(operation))
        return result


class _FromLists(TorchFunctionMode):
    """Numbers out of Python are carried over; left alone, PyTorch would take none along to `meta`."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function is torch.Tensor.new_tensor:
            tensor, numbers = args
            return torch.tensor(numbers, **{"dtype": tensor.dtype} | kwargs).to(tensor.device)
        if function is torch.tensor and "device" in kwargs:
            device = kwargs.pop("device")
            return torch.tensor(*args, **kwargs).to(device)
        return function(*args, **kwargs)


def _waits(operation: Any, args: Sequence[Any], result: Any) -> bool:
    """Whether something crosses over: a copy, a number that is looked at, or the one of `where` that lies on
    the other side, which CUDA carries over (most operations take such a number along)."""
    sides = {
        isinstance(one, GpuTensor)
        for one in pytree.tree_leaves((args, result))
        if isinstance(one, torch.Tensor)
    }
    crossing = operation in CARRYING or operation is torch.ops.aten.where.self
    return (crossing and len(sides) == 2) or (operation in LOOKING and True in sides)


def _run(operation: Any, args: Sequence[Any], kwargs: dict[str, Any], may_draw: bool = False) -> Any:
    tensors = [one for one in pytree.tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
    there = [one for one in tensors if isinstance(one, GpuTensor)]
    here = [one for one in tensors if not isinstance(one, GpuTensor)]
    if kwargs.get("device") is not None:
        goes_there = torch.device(kwargs["device"]).type == GPU.type
        kwargs = kwargs | {"device": torch.device("cpu")}
    elif operation is torch.ops.aten.copy_.default:
        goes_there = isinstance(args[0], GpuTensor)
    else:
        goes_there = bool(there)
    if there and operation not in CARRYING and any(one.dim() for one in here):
        raise DeviceMismatch(f"{operation} of tensors on both sides: {[tuple(one.shape) for one in tensors]}")
    if goes_there and not may_draw and torch.Tag.nondeterministic_seeded in operation.tags:
        raise DeviceMismatch(f"{operation} draws random numbers that are not the CPU's")
    own = {id(one.held): one for one in there}
    args, kwargs = pytree.tree_map_only(GpuTensor, lambda one: one.held, (args, kwargs))
    result = operation(*args, **kwargs)
    if not goes_there:
        return result
    # What is changed in place stays the same tensor.
    return pytree.tree_map_only(
        torch.Tensor, lambda one: own[id(one)] if id(one) in own else GpuTensor(one), result
    )
