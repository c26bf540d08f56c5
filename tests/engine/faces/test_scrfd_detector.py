"""SCRFD's decoding, on a network made here: nine outputs like the real one's, computed from the picture.

The real files (det_10g.onnx, det_500m.onnx) are fetched by hand and are not at hand here. insightface's own
class reads the same network, and both must find the same boxes.
"""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engine.common.arrays import Pixels
from engine.common.errors import UsageError, WeightsError
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import BOX_WIDTH_RATIO, box_centre, box_contains
from engine.faces.detectors import DetectorChoice
from engine.faces.scrfd_detector import INPUT_PX, MIN_SCORE, ScrfdDetector, suppress_overlapping

# A cell whose red channel is bright is a face; its box reaches so many strides from the anchor.
REACH = (1.0, 2.0, 3.0, 4.0)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("scrfd") / "det.onnx")


def write_network(path: Path, outputs: int = 9, input_px: int | str = "side") -> Path:
    """For each stride: the mean red of a cell as the scores of its two anchors, fixed boxes, no key points.

    The second anchor's score is 0.9 times that of the first one.
    """
    nodes, constants, results = [], [], []

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    red = constant("red", np.array([1, 0, 0], np.float32).reshape(1, 3, 1, 1))
    nodes += [
        helper.make_node("Mul", ["input", red], ["coloured"]),
        helper.make_node("ReduceSum", ["coloured", constant("one", np.array([1]))], ["level"], keepdims=1),
    ]
    anchors = constant("anchors", np.array([[1.0, 0.9]], np.float32))
    kinds: dict[str, list[str]] = {"score": [], "box": [], "points": []}
    for stride in (8, 16, 32):
        cells = (INPUT_PX // stride) ** 2 * 2
        nodes += [
            helper.make_node(
                "AveragePool", ["level"], [f"mean{stride}"], kernel_shape=[stride] * 2, strides=[stride] * 2
            ),
            helper.make_node(
                "Reshape", [f"mean{stride}", constant(f"cells{stride}", np.array([-1, 1]))], [f"flat{stride}"]
            ),
            helper.make_node("Mul", [f"flat{stride}", anchors], [f"both{stride}"]),
            helper.make_node(
                "Reshape", [f"both{stride}", constant(f"all{stride}", np.array([-1, 1]))], [f"score{stride}"]
            ),
        ]
        for kind, row in (("box", REACH), ("points", (0.0,) * 10)):
            rows = np.tile(np.array(row, np.float32), (cells, 1))
            nodes.append(
                helper.make_node("Identity", [constant(f"{kind}s{stride}", rows)], [f"{kind}{stride}"])
            )
        for kind, names in kinds.items():
            names.append(f"{kind}{stride}")
    for name in [*kinds["score"], *kinds["box"], *kinds["points"]][:outputs]:
        results.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    entrance = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, input_px, input_px])
    graph = helper.make_graph(nodes, "scrfd", [entrance], results, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def spots(*places: tuple[int, int], width: int = INPUT_PX, height: int = INPUT_PX) -> Pixels:
    """Black, with red squares of 8 px at these places (x, y)."""
    picture = np.zeros((height, width, 3), np.uint8)
    for x, y in places:
        picture[y : y + 8, x : x + 8, 0] = 255
    return picture


def whole(picture: Pixels) -> tuple[int, int, int, int]:
    return 0, 0, picture.shape[1], picture.shape[0]


def test_a_box_lies_about_its_anchor_and_is_scaled_to_the_common_width(network: Path) -> None:
    picture = spots((320, 160))
    (found,) = ScrfdDetector(network).detect(picture, whole(picture))
    left, top, right, bottom = 320 - 8, 160 - 16, 320 + 24, 160 + 32
    assert found.score == pytest.approx((255 - 127.5) / 128)
    assert box_centre(found.box_px) == pytest.approx(((left + right) / 2, (top + bottom) / 2))
    assert found.box_px[2] - found.box_px[0] == pytest.approx(BOX_WIDTH_RATIO * (right - left))
    assert found.box_px[3] - found.box_px[1] == pytest.approx(BOX_WIDTH_RATIO * (bottom - top))


def test_nothing_below_the_score_and_nothing_of_another_colour(network: Path) -> None:
    picture = spots((320, 160))
    picture[160:168, 320:328, 0] = 127.5 + 128 * (MIN_SCORE - 0.02)
    assert ScrfdDetector(network).detect(picture, whole(picture)) == []
    assert ScrfdDetector(network).detect(picture[..., ::-1], whole(picture)) == []


def test_a_region_is_answered_in_pixels_of_the_photograph(network: Path) -> None:
    detector = ScrfdDetector(network)
    photograph = spots((704, 496), width=1280, height=800)
    (alone,) = detector.detect(spots((64, 24)), (0, 0, INPUT_PX, INPUT_PX))
    found, *_ = detector.detect(photograph, (640, 480, 640 + 320, 480 + 320))
    # The region is enlarged to twice its size, so that a spot becomes four cells of the smallest stride.
    assert box_contains(found.box_px, (708, 500))
    assert found.box_px[2] - found.box_px[0] == pytest.approx((alone.box_px[2] - alone.box_px[0]) / 2)


@pytest.mark.parametrize("size", [(INPUT_PX, INPUT_PX), (1280, 720), (600, 900), (333, 200)])
def test_the_same_boxes_as_insightface(network: Path, size: tuple[int, int]) -> None:
    import onnxruntime
    from insightface.model_zoo.scrfd import SCRFD

    random = np.random.default_rng(1)
    width, height = size
    picture = spots(width=width, height=height)
    for _ in range(12):
        x, y, side = (
            int(random.integers(width - 90)),
            int(random.integers(height - 90)),
            int(random.integers(20, 90)),
        )
        picture[y : y + side, x : x + side, 0] = random.integers(200, 256)
    theirs = SCRFD(session=onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"]))
    expected, _ = theirs.detect(picture[..., ::-1], input_size=(INPUT_PX, INPUT_PX))
    found = ScrfdDetector(network).detect(picture, whole(picture))
    assert len(found) == len(expected) > 3
    ours = np.array(
        [
            [*box_centre(each.box_px), (each.box_px[2] - each.box_px[0]) / BOX_WIDTH_RATIO, each.score]
            for each in found
        ]
    )
    x0, y0, x1, y1, scores = expected.T
    reference = np.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, scores], axis=1)
    np.testing.assert_allclose(ours, reference, rtol=1e-4, atol=1e-3)


def test_of_boxes_that_overlap_the_surest_stays() -> None:
    boxes = np.array([[0, 0, 99, 99], [10, 0, 109, 99], [300, 0, 399, 99]], np.float32)
    assert suppress_overlapping(np.array([0.6, 0.9, 0.7], np.float32), boxes) == [1, 2]
    assert suppress_overlapping(np.zeros(0, np.float32), np.zeros((0, 4), np.float32)) == []


def test_files_that_are_no_such_network(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    for path, said in [
        (tmp_path / "missing.onnx", "is not there"),
        (tmp_path / "text.onnx", "no readable ONNX model"),
        (write_network(tmp_path / "few.onnx", outputs=3), "3 outputs"),
        (write_network(tmp_path / "small.onnx", input_px=320), "not pictures"),
    ]:
        with pytest.raises(WeightsError, match=said) as refused:
            ScrfdDetector(path)
        assert "\n" not in str(refused.value)


def test_it_is_opened_by_its_name_with_its_file(network: Path) -> None:
    for name, pack in (("scrfd-l", "buffalo_l"), ("scrfd-s", "buffalo_s")):
        assert isinstance(DetectorChoice(name, network).open(), ScrfdDetector)
        with pytest.raises(WeightsError, match=f"{name} has no weights yet: .* weights fetch {pack}"):
            DetectorChoice(name).open()
    with pytest.raises(UsageError, match="no face detector 'scrfd'"):
        DetectorChoice("scrfd", network).open()


def test_the_mesh_measures_what_this_detector_finds(network: Path, astronaut: Pixels) -> None:
    """The astronaut's face lies about (224, 112); its box is pretended by a red spot beside it."""
    with FaceAnalyser() as usual:
        (expected,) = usual.find(astronaut)

    class Pretended(ScrfdDetector):
        def detect(self, photograph, region):
            x0, y0, x1, y1 = expected.box_px
            return [found._replace(box_px=(x0, y0, x1, y1)) for found in super().detect(photograph, region)]

    marked = astronaut.copy()
    marked[8:20, 8:20] = (255, 0, 0)
    with FaceAnalyser(Pretended(network)) as analyser:
        faces = analyser.find(marked)
    assert len(faces) == 1
    assert faces[0].face_px == pytest.approx(expected.face_px, rel=0.05)
