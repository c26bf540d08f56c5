"""What a search learns of a judge: the same distances, with gradients, and networks converted from ONNX."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from engine.judges.gradients import DifferentiableJudge
from engine.judges.judging import make_reference
from engine.judges.networks.onnx_model import OnnxModel
from engine.judges.networks.onnx_torch import NotConverted, OnnxNetwork
from engine.judges.perturbations import WORST_CASE, perturbations
from engine.judges.verifiers.dlib import DlibJudge
from engine.judges.verifiers.onnx import OnnxJudge
from engine.judges.verifiers.sface import SFaceJudge

CHANGES = [*WORST_CASE, *perturbations(3, 6)]
MESH = np.random.RandomState(0).uniform(150, 350, (478, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def judge() -> DlibJudge:
    return DlibJudge()


def signed(picture: np.ndarray) -> torch.Tensor:
    return (torch.tensor(picture).permute(2, 0, 1)[None].float() - 127.5) / 127.5


@pytest.mark.parametrize("size_px", [128, 512])
def test_distances_are_the_judges_own(judge, astronaut, size_px):
    """128 px goes into the judge's crop as it is, 512 px is reduced first."""
    import cv2

    portrait = cv2.resize(astronaut, (size_px, size_px), interpolation=cv2.INTER_AREA)
    reference = make_reference(judge, [(astronaut, MESH)])
    own = judge.distance(judge.describe([portrait], reference.alignment, CHANGES)[0], reference.embedding)
    seen = DifferentiableJudge(judge, judge.network, reference).distances(signed(portrait), CHANGES)
    assert seen.detach().numpy() == pytest.approx(own, abs=0.01)
    assert own.std() > 0.02  # they do tell the perturbations apart


def test_gradient_tells_where_the_distance_grows(judge, astronaut):
    import cv2

    small = cv2.resize(astronaut, (128, 128), interpolation=cv2.INTER_AREA)
    reference = make_reference(judge, [(astronaut, MESH)])
    seen = DifferentiableJudge(judge, judge.network, reference)
    picture = signed(small).requires_grad_()
    before = seen.distances(picture, CHANGES).mean()
    (gradient,) = torch.autograd.grad(before, picture)
    after = seen.distances(picture.detach() + 0.02 * gradient / gradient.abs().max(), CHANGES).mean()
    assert after > before + 0.003


def recogniser(path: Path, last: str = "Gemm", batch: int | str = "N") -> Path:
    """A small random network of the operators that ArcFace's and SFace's networks consist of."""
    random = np.random.RandomState(0)
    weights = {
        "mean": np.float32(127.5),
        "scale": np.float32(1 / 128),
        "first": random.randn(8, 3, 3, 3) / 5,
        "first_bias": random.randn(8) / 5,
        "depth": random.randn(8, 1, 3, 3) / 3,
        "slope": np.abs(random.randn(8, 1, 1)) / 4,
        "gamma": random.rand(8) + 0.5,
        "beta": random.randn(8) / 5,
        "running_mean": random.randn(8) / 5,
        "running_variance": random.rand(8) + 0.5,
        "matrix": random.randn(16, 8 * 28 * 28) / 60,
        "matrix_bias": random.randn(16) / 5,
    }
    constants = [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in weights.items()]
    constants.append(numpy_helper.from_array(np.array([-1, 8 * 28 * 28], np.int64), "shape"))
    norm = ["gamma", "beta", "running_mean", "running_variance"]
    nodes = [
        helper.make_node("Sub", ["data", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["scaled"]),
        helper.make_node(
            "Conv",
            ["scaled", "first", "first_bias"],
            ["c"],
            kernel_shape=[3, 3],
            strides=[2, 2],
            pads=[1, 1, 1, 1],
        ),
        helper.make_node("PRelu", ["c", "slope"], ["p"]),
        helper.make_node("Conv", ["p", "depth"], ["d"], kernel_shape=[3, 3], group=8, pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["d", *norm], ["n"], epsilon=2e-5),
        helper.make_node("Add", ["n", "p"], ["a"]),
        helper.make_node("AveragePool", ["a"], ["q"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Dropout", ["q"], ["o"]),
        helper.make_node(
            "Reshape" if last == "Gemm" else "Flatten", ["o", "shape"][: 1 + (last == "Gemm")], ["f"]
        ),
        helper.make_node("Gemm", ["f", "matrix", "matrix_bias"], ["g"], transB=1, alpha=0.5),
    ]
    if last not in ("Gemm", "Flatten"):
        nodes.append(helper.make_node(last, ["g"], ["embedding"]))
    else:
        nodes[-1].output[0] = "embedding"
    graph = helper.make_graph(
        nodes,
        "recogniser",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [batch, 3, 112, 112])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, 16])],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


@pytest.mark.parametrize("last", ["Gemm", "Flatten"])
def test_converted_networks_equal_onnxruntime(tmp_path, last):
    path = recogniser(tmp_path / "recogniser.onnx", last)
    pictures = np.random.RandomState(1).uniform(0, 255, (5, 3, 112, 112)).astype(np.float32)
    (theirs,) = onnxruntime.InferenceSession(str(path)).run(None, {"data": pictures})
    ours = OnnxNetwork(path)(torch.from_numpy(pictures)).numpy()
    assert np.abs(ours - theirs).max() < 1e-4
    assert np.abs(theirs).max() > 0.1


def test_unknown_operators_are_refused_by_name(tmp_path):
    path = recogniser(tmp_path / "strange.onnx", "Erf")
    with pytest.raises(NotConverted, match=r"strange\.onnx uses the operator Erf"):
        OnnxNetwork(path)
    judge = OnnxJudge(OnnxModel(name="strange", file=path, threshold=0.6, source="a test"))
    assert judge.network_with_gradients() is None


def test_unknown_forms_of_operators_leave_a_judge_without_gradients(tmp_path):
    """They show once a picture goes through; such a judge is probed, and no visit ends for it."""
    path = recogniser(tmp_path / "padded.onnx", batch=1)
    model = onnx.load(str(path))
    (pool,) = [node for node in model.graph.node if node.op_type == "AveragePool"]
    pool.attribute.append(helper.make_attribute("ceil_mode", 1))
    onnx.save(model, str(path))
    with pytest.raises(NotConverted, match="automatic padding"):
        OnnxNetwork(path)(torch.zeros(1, 3, 112, 112))
    given = OnnxModel(name="padded", file=path, threshold=0.6, source="a test")
    for judge in (OnnxJudge(given), SFaceJudge(path)):
        assert judge.network_with_gradients() is None


@pytest.mark.parametrize(("name", "shape"), [("slope", [8]), ("shape", None)])
def test_forms_that_no_picture_goes_through_do_so_too(tmp_path, name, shape):
    """A slope for each channel as older exports have it, which OpenCV takes; a shape that does not fit."""
    path = recogniser(tmp_path / "older.onnx", batch=1)
    model = onnx.load(str(path))
    (tensor,) = [each for each in model.graph.initializer if each.name == name]
    value = numpy_helper.to_array(tensor)
    other = value.reshape(shape) if shape else np.array([-1, 7], np.int64)
    tensor.CopyFrom(numpy_helper.from_array(other, name))
    onnx.save(model, str(path))
    with pytest.raises(NotConverted, match="does not go through"):
        OnnxNetwork(path).try_out(112)
    if name == "slope":
        assert SFaceJudge(path).network_with_gradients() is None


def test_judges_of_onnx_have_the_same_embeddings_with_gradients(tmp_path):
    faces = np.random.RandomState(2).randint(0, 256, (4, 112, 112, 3), np.uint8)
    model = {"threshold": 0.6, "source": "a test", "colour_order": "bgr", "mean": 100.0, "std": 50.0}
    path = recogniser(tmp_path / "any.onnx")
    single = recogniser(tmp_path / "sface.onnx", "Flatten", batch=1)
    for judge in (OnnxJudge(OnnxModel(name="any", file=path, **model)), SFaceJudge(single)):
        network = judge.network_with_gradients()
        assert network is not None
        crops = torch.from_numpy(faces).permute(0, 3, 1, 2).float().requires_grad_()
        embeddings = network(crops)
        assert embeddings.detach().numpy() == pytest.approx(judge.embed(faces), abs=1e-4)
        embeddings.sum().backward()
        assert crops.grad is not None and crops.grad.abs().max() > 0


def test_cosine_distances_are_the_judges_own(tmp_path, astronaut):
    path = recogniser(tmp_path / "any.onnx")
    judge = OnnxJudge(OnnxModel(name="any", file=path, threshold=0.6, source="a test"))
    reference = make_reference(judge, [(astronaut, MESH)])
    own = judge.distance(judge.describe([astronaut], reference.alignment, CHANGES)[0], reference.embedding)
    network = judge.network_with_gradients()
    assert network is not None
    seen = DifferentiableJudge(judge, network, reference).distances(signed(astronaut), CHANGES)
    assert seen.detach().numpy() == pytest.approx(own, abs=0.01)


def test_operators_of_mobile_networks_have_gradients(tmp_path):
    """ReLU6 as both forms of Clip, hard swish, squeeze-and-excitation, means, and unit length."""
    random = np.random.RandomState(0)
    kernel = random.randn(16, 3, 8, 8).astype(np.float32) * 0.1
    nodes = [
        helper.make_node("Conv", ["data", "kernel"], ["a"], strides=[8, 8]),
        helper.make_node("Clip", ["a", "zero", "six"], ["b"]),
        helper.make_node("Clip", ["b", "", "six"], ["c"]),
        helper.make_node("HardSwish", ["c"], ["d"]),
        helper.make_node("ReduceMean", ["d"], ["e"], axes=[2, 3], keepdims=1),
        helper.make_node("HardSigmoid", ["e"], ["f"], alpha=0.2, beta=0.4),
        helper.make_node("Mul", ["d", "f"], ["g"]),
        helper.make_node("LeakyRelu", ["g"], ["h"], alpha=0.2),
        helper.make_node("Sigmoid", ["h"], ["i"]),
        helper.make_node("Concat", ["h", "i"], ["j"], axis=1),
        helper.make_node("ReduceMean", ["j"], ["k"], axes=[2, 3], keepdims=1),
        helper.make_node("Squeeze", ["k", "axes"], ["l"]),
        helper.make_node("Div", ["l", "six"], ["m"]),
        helper.make_node("Tanh", ["m"], ["n"]),
        helper.make_node("LpNormalization", ["n"], ["embedding"], axis=1, p=2),
    ]
    constants = {
        "kernel": kernel,
        "zero": np.float32(0),
        "six": np.float32(6),
        "axes": np.array([2, 3], np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "mobile",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [None, 3, 112, 112])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [None, 32])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    path = tmp_path / "mobile.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), str(path))
    judge = OnnxJudge(OnnxModel(name="mobile", file=path, threshold=0.6, source="a test"))
    network = judge.network_with_gradients()
    assert network is not None, judge.not_converted
    crops = random.randint(0, 256, (4, 112, 112, 3), np.uint8)
    pictures = torch.from_numpy(crops).permute(0, 3, 1, 2).float().requires_grad_()
    embeddings = network(pictures)
    assert embeddings.detach().numpy() == pytest.approx(judge.embed(crops), abs=1e-5)
    embeddings[:, 0].sum().backward()
    assert pictures.grad is not None and pictures.grad.abs().sum() > 0
