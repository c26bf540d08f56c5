"""A recogniser of one's own: dlib's network as an ONNX file, configured rightly and wrongly."""

import contextlib
import io
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from engine.common.errors import DoppelgangerError
from engine.judges.known_pair import load_known_pair
from engine.judges.networks.dlib_network import load_network
from engine.judges.perturbations import Perturbation
from engine.judges.verifiers.dlib import DlibJudge, weights_folder
from installation.cli.main import main
from installation.settings.configuration import load
from installation.settings.manifest import Manifest

# dlib's mean face (`engine.judges.verifiers.dlib`) has other points; these lie about where its
# alignment brings them.
TEMPLATE = "[[50.4, 66.0], [99.6, 66.0], [75.0, 93.0], [55.0, 118.0], [95.0, 118.0]]"
RIGHT = {
    "file": '"dlib.onnx"',
    "input_px": "150",
    "mean": "0.0",
    "std": "1.0",
    "template": TEMPLATE,
    "metric": '"euclidean"',
    "threshold": "0.6",
    "source": '"dlib\'s own"',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dlib.onnx: dlib's network, grey levels in, 128 numbers out; random.onnx: no recogniser at all."""
    folder = tmp_path_factory.mktemp("own")
    network = load_network(weights_folder() / "dlib_face_recognition_resnet_model_v1.dat")
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(
            network, (torch.zeros(1, 3, 150, 150),), str(folder / "dlib.onnx"), dynamo=False,
            input_names=["picture"], output_names=["embedding"],
            dynamic_axes={"picture": {0: "n"}, "embedding": {0: "n"}},
        )  # fmt: skip
    random = np.random.RandomState(0)
    nodes = [
        helper.make_node("AveragePool", ["picture"], ["p"], kernel_shape=[30, 30], strides=[30, 30]),
        helper.make_node("Flatten", ["p"], ["f"], axis=1),
        helper.make_node("MatMul", ["f", "matrix"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "random",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 150, 150])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 64])],
        [numpy_helper.from_array(random.randn(75, 64).astype(np.float32), "matrix")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "random.onnx"))
    return folder


def configured(folder: Path, name: str = "mine", **changes: str) -> Path:
    path = folder / "own.toml"
    entries = "\n".join(f"{key} = {value}" for key, value in (RIGHT | changes).items())
    path.write_text(f'[judging]\npanel = ["anthropometry", "{name}"]\n[judges.{name}]\n{entries}\n')
    return path


def check(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["judges", "check", "--config", str(path)])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_a_recogniser_of_ones_own_is_tried_and_lacks_gradients_by_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = check(configured(folder), capsys)
    assert code == 0 and "mine: two pictures of one person at 0." in said
    # Exported so, its padding is computed from the picture's size, which the converter does not follow.
    assert (
        "no gradients: dlib.onnx uses the operator Shape, which is not known here. The search probes" in said
    )


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"std": "255.0"}, 2, "takes two people for one"),
        ({"mean": "127.5", "std": "127.5"}, 2, "takes two people for one"),
        ({"threshold": "0.1"}, 2, "takes two pictures of one person for two people"),
        ({"metric": '"cosine"'}, 2, "takes two people for one"),
        ({"input_px": "112"}, 4, r"not pictures \(N, 3, 112, 112\)"),
        ({"file": '"random.onnx"', "metric": '"cosine"'}, 2, "is the file a recogniser"),
        ({"file": '"nowhere.onnx"'}, 4, "is not there"),
        ({"colour_order": '"grb"'}, 2, r"judges\.mine\.colour_order"),
        ({"threshold": "0"}, 2, r"judges\.mine\.threshold"),
        ({"template": "[[1, 2], [3, 4]]"}, 2, r"judges\.mine\.template"),
        ({"size": "150"}, 2, r"judges\.mine\.size"),
    ],
)
def test_a_wrong_configuration_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], code: int, said: str
) -> None:
    found, line = check(configured(folder, **changes), capsys)
    assert found == code and line.count("\n") == 1
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(line)


@pytest.mark.parametrize("name", ["dlib", "Mine", "1st"])
def test_names_of_other_judges_and_odd_names_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(DoppelgangerError, match="cannot be a judge's name"):
        load(configured(folder, name))


def test_the_panel_may_name_it_and_nothing_else(folder: Path) -> None:
    assert load(configured(folder)).judging.panel == ["anthropometry", "mine"]
    path = configured(folder)
    path.write_text(path.read_text().replace('"mine"]', '"yours"]'))
    with pytest.raises(DoppelgangerError, match=r"judging\.panel\.1: .*no judge 'yours'.* mine"):
        load(path)


def test_the_known_pair_lies_far_apart_for_dlib() -> None:
    """What `engine.judges.known_pair` says of it."""
    pair, judge = load_known_pair(Manifest.load().locate("known-pair")), DlibJudge()
    first, second, stranger = (
        judge.describe([picture], judge.align(picture, marks), [Perturbation()])[0, 0]
        for picture, marks in zip(pair.pictures, pair.landmarks, strict=True)
    )
    assert judge.distance(second, first) < 0.7 * judge.threshold
    assert judge.distance(stranger, first) > 1.3 * judge.threshold
