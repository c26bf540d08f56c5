"""TensorFlow.js graph models as torch modules, so that recognisers published in that form can be asked and
can give gradients, without TensorFlow.

Only the operators that the recognisers of `engine.judges.verifiers.tfjs` are made of; anything else is
refused. TensorFlow keeps pictures as (N, H, W, C), torch as (N, C, H, W): constants along the last axis are
turned.

Source: the model format, https://www.tensorflow.org/js/guide/models_and_layers (a JSON file with the graph
and the list of weights, which lie one after the other, little-endian, in the files it names), and the
operators' definitions in TensorFlow's API documentation.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.common.errors import WeightsError

Node = Mapping[str, Any]
Operator = Callable[[Node, list[Tensor]], Tensor]


class TfjsGraph(nn.Module):
    """Pictures (N, 3, H, W) -> the output of one node of a graph, (N, D); frozen."""

    def __init__(self, path: Path, output: str) -> None:
        """`path`: the model's JSON file, its weights beside it; `output`: the node's name.

        Raises WeightsError where a file is missing, damaged, or has an operator that is not known here.
        """
        super().__init__()
        try:
            description = json.loads(path.read_text("utf-8"))
            nodes = {node["name"]: node for node in description["modelTopology"]["node"]}
            for name, value in _constants(description["weightsManifest"], path.parent).items():
                self.register_buffer(_buffer(name), value)
            self._order = _needed(nodes, output)
        except OSError as error:
            raise WeightsError(
                f"{path}: cannot be read ({error.strerror}): `./kiosk weights list`"
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(
                f"{path}: no TensorFlow.js model as it is expected here ({error!r})"
            ) from error
        unknown = sorted({node["op"] for node in self._order} - OPERATORS.keys() - {"Placeholder", "Const"})
        if unknown:
            raise WeightsError(f"{path}: the operator {unknown[0]} is not known here")
        self._output = output
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        # Convolutions of this layout take a quarter of the time on a processor.
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        values: dict[str, Tensor] = {}
        for node in self._order:
            name = node["name"]
            if node["op"] == "Placeholder":
                values[name] = pictures
            elif node["op"] == "Const":
                values[name] = self.get_buffer(_buffer(name))
            else:
                values[name] = OPERATORS[node["op"]](node, [values[i] for i in _inputs(node)])
        return values[self._output].flatten(1)


def _buffer(name: str) -> str:
    """The name of a constant's buffer: torch allows no dots in it."""
    return "constant " + name.replace(".", "/")


def _inputs(node: Node) -> list[str]:
    """The names of the nodes whose outputs a node takes; each node here has one output."""
    return [name.removesuffix(":0") for name in node.get("input", []) if not name.startswith("^")]


def _needed(nodes: Mapping[str, Node], output: str) -> list[Node]:
    """The nodes that `output` depends on, each behind those it depends on itself."""
    order: dict[str, Node] = {}
    waiting = [output]
    while waiting:
        node = nodes[waiting[-1]]
        missing = [name for name in _inputs(node) if name not in order]
        if missing and len(waiting) > len(nodes):
            raise ValueError("a node depends on itself")
        waiting.extend(missing)
        if not missing:
            order.setdefault(waiting.pop(), node)
    return list(order.values())


def _constants(manifest: list[dict[str, Any]], folder: Path) -> dict[str, Tensor]:
    """The weights of a model by name: float32, or int64 for whole numbers, in TensorFlow's shapes."""
    constants = {}
    for group in manifest:
        content = b"".join((folder / name).read_bytes() for name in group["paths"])
        counts = [int(np.prod(entry["shape"])) for entry in group["weights"]]
        kinds = [np.dtype(_stored_type(entry)) for entry in group["weights"]]
        ends = np.cumsum([0, *(n * kind.itemsize for n, kind in zip(counts, kinds, strict=True))])
        if ends[-1] != len(content):
            raise ValueError(f"weights of {len(content)} bytes, not {ends[-1]}")
        for entry, kind, (begin, end) in zip(group["weights"], kinds, pairwise(ends), strict=True):
            values = np.frombuffer(content[begin:end], kind).reshape(entry["shape"])
            whole = kind == np.int32
            constants[entry["name"]] = torch.from_numpy(values.astype(np.int64 if whole else np.float32))
    return constants


def _stored_type(entry: Mapping[str, Any]) -> str:
    """`float32` or `int32`, little-endian. Raises ValueError for weights stored in another way."""
    if "quantization" in entry or entry["dtype"] not in ("float32", "int32"):
        raise ValueError(f"{entry['name']} is stored as {entry.get('quantization', entry['dtype'])}")
    return "<f4" if entry["dtype"] == "float32" else "<i4"


# --- operators: (node, inputs) -> output -----------------------------------------------------------------


def _same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """What padding `SAME` adds before and behind an axis; the odd one goes behind."""
    over = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return over // 2, over - over // 2


def _convolve(node: Node, inputs: list[Tensor], depthwise: bool) -> Tensor:
    picture, kernel = inputs
    kernel = kernel.permute(2, 3, 0, 1) if depthwise else kernel.permute(3, 2, 0, 1)
    attributes = node["attr"]
    _, down, along, _ = (int(stride) for stride in attributes["strides"]["list"]["i"])
    if b64decode(attributes["padding"]["s"]) == b"SAME":
        height, width = picture.shape[-2:]
        rows, columns = kernel.shape[-2:]
        picture = F.pad(picture, [*_same_padding(width, columns, along), *_same_padding(height, rows, down)])
    groups = picture.shape[1] if depthwise else 1
    return F.conv2d(picture, kernel.contiguous(), stride=(down, along), groups=groups)


def _pairwise(operation: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """An operator of two inputs, of which a constant along the channels is turned to torch's order."""

    def channels(x: Tensor, other: Tensor) -> Tensor:
        return x.reshape(-1, 1, 1) if other.ndim == 4 and x.ndim == 1 and x.numel() > 1 else x

    return lambda _, x: operation(channels(x[0], x[1]), channels(x[1], x[0]))


def _pad(_: Node, inputs: list[Tensor]) -> Tensor:
    (_, _), rows, columns, (_, _) = inputs[1].tolist()
    return F.pad(inputs[0], [*columns, *rows])


def _flatten(_: Node, inputs: list[Tensor]) -> Tensor:
    """`Reshape` to (N, D) in TensorFlow's order, in which the channels vary fastest."""
    x = inputs[0]
    return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)


OPERATORS: dict[str, Operator] = {
    "Add": _pairwise(torch.add),
    "AddV2": _pairwise(torch.add),
    "Conv2D": lambda node, x: _convolve(node, x, depthwise=False),
    "DepthwiseConv2dNative": lambda node, x: _convolve(node, x, depthwise=True),
    "MatMul": lambda _, x: x[0] @ x[1],
    "Maximum": _pairwise(torch.maximum),
    "Mean": lambda _, x: x[0].mean(dim=(2, 3)),
    "Minimum": _pairwise(torch.minimum),
    "Mul": _pairwise(torch.mul),
    "Pad": _pad,
    "Relu": lambda _, x: x[0].relu(),
    "Reshape": _flatten,
    "Sub": _pairwise(torch.sub),
}
