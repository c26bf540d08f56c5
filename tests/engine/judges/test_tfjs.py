"""TensorFlow.js recognisers: a small graph against what TensorFlow defines, and wrong files."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.common.errors import WeightsError
from engine.judges.base import OperatingPoint
from engine.judges.networks.tfjs_graph import TfjsGraph
from engine.judges.verifiers.tfjs import TfjsJudge, TfjsModel

POINT = OperatingPoint("test", 0.5, "a test")


def node(name: str, op: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "input": list(inputs), "attr": attributes}


def window(padding: bytes, stride: int) -> dict[str, Any]:
    strides = {"list": {"i": ["1", str(stride), str(stride), "1"]}}
    return {"padding": {"s": b64encode(padding).decode()}, "strides": strides}


def write(folder: Path, nodes: list[dict[str, Any]], weights: dict[str, np.ndarray]) -> Path:
    """A model in TensorFlow.js's form."""
    constants = [node(name, "Const") for name in weights]
    entries = [
        {"name": name, "shape": list(value.shape), "dtype": str(value.dtype)}
        for name, value in weights.items()
    ]
    model = {
        "modelTopology": {"node": [*constants, *nodes]},
        "weightsManifest": [{"paths": ["small.bin"], "weights": entries}],
    }
    (folder / "small.bin").write_bytes(b"".join(value.tobytes() for value in weights.values()))
    path = folder / "small.json"
    path.write_text(json.dumps(model))
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A convolution with stride 2, another of single channels, a bias, ReLU6, and a matrix."""
    random = np.random.RandomState(0)
    weights = {
        "kernel": random.randn(3, 3, 3, 4).astype(np.float32) * 0.1,
        "single": random.randn(3, 3, 4, 1).astype(np.float32),
        "bias": random.randn(4).astype(np.float32),
        "zero": np.zeros((), np.float32),
        "six": np.full((), 6, np.float32),
        "shape": np.array([-1, 64], np.int32),
        "matrix": random.randn(64, 16).astype(np.float32),
    }
    nodes = [
        node("picture", "Placeholder"),
        node("a", "Conv2D", "picture", "kernel", **window(b"SAME", 2)),
        node("b", "DepthwiseConv2dNative", "a", "single", **window(b"VALID", 1)),
        node("c", "AddV2", "b", "bias"),
        node("d", "Maximum", "c", "zero"),
        node("e", "Minimum", "d", "six"),
        node("f", "Reshape", "e", "shape"),
        node("g", "MatMul", "f", "matrix"),
        node("unused", "Softmax", "g"),
    ]
    return write(tmp_path, nodes, weights)


def as_tensorflow_defines_it(small: Path, picture: np.ndarray) -> np.ndarray:
    """(12, 12, 3) -> (16,), with loops, in TensorFlow's own order of axes."""
    weights = {
        name.removeprefix("constant "): value.numpy() for name, value in TfjsGraph(small, "g").named_buffers()
    }
    padded = np.pad(picture, ((0, 1), (0, 1), (0, 0)))  # SAME: 12 to 6 with stride 2 lacks one, behind
    a = np.zeros((6, 6, 4))
    for y, x in np.ndindex(6, 6):
        a[y, x] = np.einsum("ijc,ijco", padded[2 * y : 2 * y + 3, 2 * x : 2 * x + 3], weights["kernel"])
    b = np.zeros((4, 4, 4))
    for y, x in np.ndindex(4, 4):
        b[y, x] = np.einsum("ijc,ijc->c", a[y : y + 3, x : x + 3], weights["single"][..., 0])
    return np.clip(b + weights["bias"], 0, 6).reshape(-1) @ weights["matrix"]


def test_a_graph_computes_what_tensorflow_defines(small: Path) -> None:
    pictures = np.random.RandomState(1).rand(3, 12, 12, 3).astype(np.float32) * 10
    found = TfjsGraph(small, "g")(torch.from_numpy(pictures).permute(0, 3, 1, 2))
    expected = np.stack([as_tensorflow_defines_it(small, picture) for picture in pictures])
    assert found.numpy() == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_judge_feeds_it_as_it_is_told_and_has_gradients(small: Path) -> None:
    crops = np.random.RandomState(2).randint(0, 256, (10, 12, 12, 3), np.uint8)
    judge = TfjsJudge(TfjsModel("small", small, "g", 12, (10.0, 20.0, 30.0), "bgr"), POINT)
    fed = crops[..., ::-1].astype(np.float32) - np.array([10, 20, 30], np.float32)
    expected = TfjsGraph(small, "g")(torch.from_numpy(fed.copy()).permute(0, 3, 1, 2)).numpy()
    assert judge.embed(crops) == pytest.approx(expected, rel=1e-4, abs=1e-3)
    pictures = torch.from_numpy(crops).permute(0, 3, 1, 2).float().requires_grad_()
    judge.network_with_gradients()(pictures).sum().backward()
    assert pictures.grad is not None and pictures.grad.abs().sum() > 0


def test_wrong_files_are_refused_in_one_line(small: Path) -> None:
    described = json.loads(small.read_text())

    def refusal(output: str = "g") -> str:
        with pytest.raises(WeightsError) as refused:
            TfjsGraph(small, output)
        return str(refused.value)

    assert "operator Softmax is not known" in refusal("unused")
    assert "no TensorFlow.js model" in refusal("nowhere")
    content = (small.parent / "small.bin").read_bytes()
    (small.parent / "small.bin").write_bytes(content[:-4])
    assert f"weights of {len(content) - 4} bytes, not {len(content)}" in refusal()
    (small.parent / "small.bin").unlink()
    assert "cannot be read (No such file or directory)" in refusal()
    described["weightsManifest"][0]["weights"][0]["quantization"] = {"dtype": "uint8"}
    small.write_text(json.dumps(described))
    (small.parent / "small.bin").write_bytes(content)
    assert "kernel is stored as" in refusal()
    small.write_text("<html>")
    assert "no TensorFlow.js model" in refusal()
