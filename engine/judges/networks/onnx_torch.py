"""ONNX recognisers as torch modules, so that a search can have their gradients.

Only the operators that recognisers are usually made of (ArcFace's ResNets, SFace, MobileFaceNets, networks
with ReLU6, hard swish or squeeze-and-excitation), in the form those use; anything else is refused, and such
a judge is probed instead (`engine.finders.nearest`).

Source: the operators' specification, https://onnx.ai/onnx/operators, opset 7 and later.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Attributes = Mapping[str, Any]
Operator = Callable[[Attributes, list[Tensor]], Tensor]


class NotConverted(Exception):
    """The network has a part that is not known here; the message says which."""


def _both_sides(pads: list[int]) -> tuple[int, int]:
    top, left, bottom, right = pads
    if (top, left) != (bottom, right):
        raise NotConverted(f"padding {pads} is not the same on both sides")
    return top, left


def _plain_window(attributes: Attributes) -> None:
    if attributes.get("auto_pad", b"NOTSET") != b"NOTSET" or attributes.get("ceil_mode", 0):
        raise NotConverted("automatic padding")


def _conv(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    _plain_window(attributes)
    return F.conv2d(
        inputs[0],
        inputs[1],
        inputs[2] if len(inputs) > 2 else None,
        attributes.get("strides", [1, 1]),
        _both_sides(attributes.get("pads", [0] * 4)),
        attributes.get("dilations", [1, 1]),
        attributes.get("group", 1),
    )


def _max_pool(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    _plain_window(attributes)
    padding = _both_sides(attributes.get("pads", [0] * 4))
    return F.max_pool2d(inputs[0], attributes["kernel_shape"], attributes.get("strides", [1, 1]), padding)


def _pool(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    _plain_window(attributes)
    if any(attributes.get("pads", [])):
        raise NotConverted("a padded mean")
    return F.avg_pool2d(inputs[0], attributes["kernel_shape"], attributes.get("strides", [1, 1]))


def _normalise(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    x, scale, bias, mean, variance = inputs
    return F.batch_norm(x, mean, variance, scale, bias, eps=attributes.get("epsilon", 1e-5))


def _clip(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    """Its limits are attributes before opset 11, inputs since."""
    low, high = (
        float(inputs[i]) if len(inputs) > i and inputs[i].numel() else attributes.get(name)
        for i, name in ((1, "min"), (2, "max"))
    )
    return inputs[0] if low is None and high is None else inputs[0].clamp(low, high)


def _mean(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    axes = inputs[1].tolist() if len(inputs) > 1 else attributes.get("axes")
    if not axes:
        raise NotConverted("a mean over everything")
    return inputs[0].mean(dim=[int(axis) for axis in axes], keepdim=bool(attributes.get("keepdims", 1)))


def _squeeze(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    axes = inputs[1].tolist() if len(inputs) > 1 else attributes.get("axes")
    if not axes:
        raise NotConverted("Squeeze without axes")
    return inputs[0].squeeze(dim=[int(axis) for axis in axes])


def _unit_length(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    norm = torch.linalg.vector_norm(
        inputs[0], ord=attributes.get("p", 2), dim=attributes.get("axis", -1), keepdim=True
    )
    return inputs[0] / norm


def _hard_sigmoid(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    return (attributes.get("alpha", 0.2) * inputs[0] + attributes.get("beta", 0.5)).clamp(0, 1)


def _prelu(_: Attributes, inputs: list[Tensor]) -> Tensor:
    x, slope = inputs
    return torch.where(x < 0, x * slope, x)  # the slope is spread over the picture as ONNX says


def _gemm(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    a = inputs[0].T if attributes.get("transA", 0) else inputs[0]
    b = inputs[1].T if attributes.get("transB", 0) else inputs[1]
    y = attributes.get("alpha", 1.0) * (a @ b)
    return y + attributes.get("beta", 1.0) * inputs[2] if len(inputs) > 2 else y


def _reshape(_: Attributes, inputs: list[Tensor]) -> Tensor:
    x, shape = inputs
    sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(shape.tolist())]
    # A network exported for one picture says 1 where the number of pictures belongs.
    return x.reshape(len(x), *sizes[1:])


MISSING = torch.zeros(0)  # an optional input that is left out

OPERATORS: dict[str, Operator] = {
    "Add": lambda _, x: x[0] + x[1],
    "AveragePool": _pool,
    "BatchNormalization": _normalise,
    "Clip": _clip,
    "Concat": lambda attributes, x: torch.cat(x, dim=attributes["axis"]),
    "Conv": _conv,
    "Div": lambda _, x: x[0] / x[1],
    "Dropout": lambda _, x: x[0],
    "Flatten": lambda _, x: x[0].flatten(1),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda _, x: x[0].mean(dim=(2, 3), keepdim=True),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda _, x: F.hardswish(x[0]),
    "Identity": lambda _, x: x[0],
    "LeakyRelu": lambda attributes, x: F.leaky_relu(x[0], attributes.get("alpha", 0.01)),
    "LpNormalization": _unit_length,
    "MatMul": lambda _, x: x[0] @ x[1],
    "MaxPool": _max_pool,
    "Mul": lambda _, x: x[0] * x[1],
    "PRelu": _prelu,
    "ReduceMean": _mean,
    "Relu": lambda _, x: x[0].relu(),
    "Reshape": _reshape,
    "Sigmoid": lambda _, x: x[0].sigmoid(),
    "Squeeze": _squeeze,
    "Sub": lambda _, x: x[0] - x[1],
    "Tanh": lambda _, x: x[0].tanh(),
}


class OnnxNetwork(nn.Module):
    """One input, one output: (N, 3, H, W) -> (N, D), what onnxruntime computes, with gradients; frozen."""

    def __init__(self, path: Path) -> None:
        """Raises NotConverted, which names the first part that is not known."""
        super().__init__()
        import onnx  # half a second, and only where such a judge is on the panel
        from onnx import helper, numpy_helper

        graph = onnx.load(str(path)).graph
        self._constants: dict[str, str] = {}
        self._shapes: dict[
            str, Tensor
        ] = {}  # whole numbers, which are wanted on the CPU wherever the rest is
        for tensor in graph.initializer:
            self._keep(tensor.name, numpy_helper.to_array(tensor))
        self._nodes: list[tuple[Operator, Attributes, list[str], str]] = []
        for node in graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Constant" and "value" in attributes:
                self._keep(node.output[0], numpy_helper.to_array(attributes["value"]))
            elif node.op_type in OPERATORS:
                self._nodes.append((OPERATORS[node.op_type], attributes, list(node.input), node.output[0]))
            else:
                raise NotConverted(f"{path.name} uses the operator {node.op_type}, which is not known here")
        constants = self._constants | self._shapes
        self._input = next(i.name for i in graph.input if i.name not in constants)
        self._output = graph.output[0].name
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def try_out(self, size_px: int) -> None:
        """Raises NotConverted where an operator has a form that is not known: only a picture tells."""
        try:
            self(torch.zeros(1, 3, size_px, size_px))
        except NotConverted:
            raise
        except Exception as error:  # shapes that do not fit, attributes and inputs that are not there
            raise NotConverted(f"a picture does not go through it: {error}") from error

    def _keep(self, name: str, value: Any) -> None:
        if value.dtype.kind == "i":
            self._shapes[name] = torch.from_numpy(value.copy())
            return
        self._constants[name] = f"constant_{len(self._constants)}"
        self.register_buffer(self._constants[name], torch.from_numpy(value.copy()))

    def forward(self, pictures: Tensor) -> Tensor:
        values = self._shapes | {name: self.get_buffer(buffer) for name, buffer in self._constants.items()}
        values[self._input] = pictures
        for operator, attributes, inputs, output in self._nodes:
            values[output] = operator(attributes, [values[name] if name else MISSING for name in inputs])
        return values[self._output].flatten(1)
