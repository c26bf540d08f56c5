"""Each judge against the original it stands for."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import cv2
import dlib
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from engine.common.errors import UsageError, WeightsError
from engine.faces.landmarks import Landmarks
from engine.faces.proportions import LENGTHS, proportions
from engine.judges.base import Judge
from engine.judges.crops import cut, density_px
from engine.judges.five_points import TEMPLATE, five_point_alignment
from engine.judges.judging import judge_pictures, make_reference
from engine.judges.networks.dlib_network import load_network
from engine.judges.networks.onnx_model import OnnxModel
from engine.judges.perturbations import Perturbation, perturbations
from engine.judges.registry import EMBEDDED, JUDGES, panel
from engine.judges.verifiers.anthropometry import AnthropometryJudge
from engine.judges.verifiers.dlib import CHIP_PADDING, FACE_BOX, DlibJudge, weights_folder
from engine.judges.verifiers.onnx import OnnxJudge
from engine.judges.verifiers.sface import SFaceJudge
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.pipeline.portrayal import portray
from engine.stylegan2.network import Generator
from installation.settings.configuration import Configuration, Judging, Search
from installation.workers.models import ModelBundle

f32 = partial(np.array, dtype=np.float32)
NO_LANDMARKS = np.zeros((478, 2), np.float32)


@pytest.fixture(scope="module")
def judge() -> DlibJudge:
    return DlibJudge()


@pytest.fixture(scope="module")
def portraits(people) -> list[np.ndarray]:
    """All shots, uint8 (256, 256, 3) RGB, by person."""
    paths = [path for shots in people.values() for path in shots]
    return [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths]


@pytest.fixture(scope="module")
def crops(judge, portraits) -> np.ndarray:
    """A hundred faces as the judge sees them: every shot, and some of them mirrored and shifted."""
    found = [cut(picture, judge.align(picture, NO_LANDMARKS), 150) for picture in portraits]
    found += [np.roll(crop[:, ::-1], 3, axis=0) for crop in found]
    return np.stack(found[:100])


# --- dlib ---


def test_network_equals_dlibs_own_on_a_hundred_faces(judge, crops):
    original = dlib.face_recognition_model_v1(
        str(weights_folder() / "dlib_face_recognition_resnet_model_v1.dat")
    )
    expected = np.array([original.compute_face_descriptor(crop) for crop in crops])
    assert len(crops) == 100
    assert np.abs(judge.embed(crops) - expected).max() < 1e-4


def test_descriptors_do_not_depend_on_the_batch(judge, crops):
    together = judge.embed(crops[:37])
    alone = np.concatenate([judge.embed(crop[None]) for crop in crops[:37]])
    assert np.abs(together - alone).max() < 1e-5


def test_gradient_points_where_the_distance_falls(judge, crops):
    face = torch.from_numpy(crops[:1]).permute(0, 3, 1, 2).float().requires_grad_()
    goal = torch.from_numpy(judge.embed(crops[4:5]))
    distance = (judge.network(face) - goal).norm()
    distance.backward()
    assert face.grad is not None and face.grad.abs().max() > 0
    step = face.detach() - 2 * face.grad / face.grad.abs().mean()
    assert (judge.network(step) - goal).norm() < distance
    assert all(weight.grad is None for weight in judge.network.parameters())


def test_alignment_is_dlibs_face_chip(judge, portraits):
    predictor = dlib.shape_predictor(str(weights_folder() / "shape_predictor_5_face_landmarks.dat"))
    for picture in portraits[::7]:
        points = predictor(picture, dlib.rectangle(*(round(edge * 256) for edge in FACE_BOX)))
        chip = dlib.get_face_chip_details(points, 150, CHIP_PADDING)
        alignment = judge.align(picture, NO_LANDMARKS)
        corners = np.array([[chip.rect.left(), chip.rect.top()], [chip.rect.right(), chip.rect.bottom()]])
        middle = corners.mean(axis=0)
        turn = np.array([[np.cos(chip.angle), -np.sin(chip.angle)], [np.sin(chip.angle), np.cos(chip.angle)]])
        placed = ((corners - middle) @ turn.T + middle + 0.5) / 256 @ alignment[:, :2].T + alignment[:, 2]
        assert placed == pytest.approx(np.array([[0.5, 0.5], [149.5, 149.5]]), abs=1e-6)
        theirs = dlib.get_face_chip(picture, points, 150, CHIP_PADDING).astype(int)
        assert np.abs(theirs - cut(picture, alignment, 150)).mean() < 0.6  # dlib rounds down


def test_face_box_serves_as_well_as_dlibs_detector(judge, portraits):
    predictor = dlib.shape_predictor(str(weights_folder() / "shape_predictor_5_face_landmarks.dat"))
    detector = dlib.get_frontal_face_detector()
    gaps = []
    for picture in portraits[::4]:
        boxes = detector(picture, 1)
        if len(boxes) == 1:
            crop = cut(picture, judge.align(picture, NO_LANDMARKS), 150)
            chip = dlib.get_face_chip(picture, predictor(picture, boxes[0]), 150, CHIP_PADDING)
            gaps.append(np.linalg.norm(np.subtract(*judge.embed(np.stack([crop, chip])))))
    assert len(gaps) > 8
    assert np.median(gaps) < 0.1


def test_broken_weights_are_refused(tmp_path):
    name = "dlib_face_recognition_resnet_model_v1.dat"
    good = (weights_folder() / name).read_bytes()
    with pytest.raises(WeightsError, match="cannot be read"):
        load_network(tmp_path / name)
    broken = {
        "cut short": good[:1_000_000],
        "empty": b"",
        "another network": (weights_folder() / "mmod_human_face_detector.dat").read_bytes(),
        "another shape": good.replace(b"\x01\x96\x01\x96", b"\x01\x95\x01\x96", 1),
        "text": b"not a network",
        "a layer renamed": good.replace(b"\x0aavg_pool_2", b"\x0amax_pool_2", 1),
    }
    for what, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match="is not dlib's"):
            load_network(tmp_path / name)
            pytest.fail(what)
    with pytest.raises(WeightsError):
        DlibJudge(weights=tmp_path)


# --- anthropometry ---


@pytest.fixture(scope="module")
def bertillon() -> AnthropometryJudge:
    return AnthropometryJudge()


def test_proportions_ignore_size_place_and_turning():
    mesh = np.random.RandomState(0).uniform(0, 1, (478, 3))
    angle = 0.3
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    assert proportions(3 * mesh @ turn.T + 7) == pytest.approx(proportions(mesh))
    assert proportions(mesh).shape == (len(LENGTHS),)


def test_anthropometry_tells_some_people_apart_and_never_binds(bertillon, portraits):
    assert not bertillon.binding
    reference = make_reference(bertillon, [(portraits[0], NO_LANDMARKS)])
    itself, *others = judge_pictures(bertillon, reference, [portraits[0], *portraits[4::4]], k=4)
    assert itself.same and itself.distance < 0.6
    assert sum(other.same for other in others) <= len(others) / 2


def test_anthropometry_sees_no_face_where_there_is_none(bertillon, portraits):
    reference = make_reference(bertillon, [(portraits[0], NO_LANDMARKS)])
    grey = np.full((256, 256, 3), 128, np.uint8)
    (verdict,) = judge_pictures(bertillon, reference, [grey], k=2)
    assert verdict.distance == np.inf and not verdict.same
    with pytest.raises(Exception, match="sees no face"):
        make_reference(bertillon, [(grey, NO_LANDMARKS)])


# --- ONNX: ArcFace, SFace and anything configured ---


def embedder(path: Path, batch: int | str = "N", px: int = 112, size: int = 16) -> Path:
    """A small random convolutional embedder, stored as ONNX."""
    random = np.random.RandomState(0)
    kernel = random.randn(8, 3, 7, 7).astype(np.float32) / 12
    matrix = random.randn(8 * 49, size).astype(np.float32) / 20
    nodes = [
        helper.make_node(
            "Conv", ["data", "kernel"], ["c"], kernel_shape=[7, 7], strides=[4, 4], pads=[3, 3, 3, 3]
        ),
        helper.make_node("Tanh", ["c"], ["t"]),
        helper.make_node("AveragePool", ["t"], ["p"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["p"], ["f"], axis=1),
        helper.make_node("MatMul", ["f", "matrix"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "embedder",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [batch, 3, px, px])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, size])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(matrix, "matrix")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    return embedder(tmp_path_factory.mktemp("onnx") / "embedder.onnx")


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Pictures of 112 px with structure, uint8 (40, 112, 112, 3)."""
    random = np.random.RandomState(1)
    small = random.randint(0, 256, (40, 8, 8, 3), np.uint8)
    return np.stack([cv2.resize(face, (112, 112), interpolation=cv2.INTER_CUBIC) for face in small])


def configured(path: Path, **more) -> OnnxModel:
    return OnnxModel(name="mine", file=path, threshold=0.6, source="a test", **more)


@pytest.mark.parametrize("name", ["arcface-l", "arcface-s"])
def test_arcface_feeds_its_network_as_insightface_does(name, network, faces):
    from insightface.model_zoo.arcface_onnx import ArcFaceONNX

    (judge,) = panel([name], {name: network})
    theirs = ArcFaceONNX(str(network)).get_feat([face[..., ::-1] for face in faces])
    assert judge.embed(faces) == pytest.approx(theirs, abs=1e-5)
    assert (judge.metric, judge.threshold, judge.binding) == ("cosine", 0.6, True)


def test_onnx_batches_give_what_single_pictures_give(network, faces, tmp_path):
    free = OnnxJudge(configured(network))
    together = free.embed(faces)
    assert together.shape == (40, 16) and together.dtype == np.float32
    assert np.concatenate([free.embed(face[None]) for face in faces]) == pytest.approx(together, abs=1e-5)
    for batch in (1, 3):
        fixed = OnnxJudge(configured(embedder(tmp_path / f"{batch}.onnx", batch)))
        assert fixed.embed(faces) == pytest.approx(together, abs=1e-5)


def test_onnx_configuration_says_how_the_input_is_made(network, faces):
    rgb = OnnxJudge(configured(network)).embed(faces)
    bgr = OnnxJudge(configured(network, colour_order="bgr"))
    assert bgr.embed(np.ascontiguousarray(faces[..., ::-1])) == pytest.approx(rgb, abs=1e-6)
    assert np.abs(bgr.embed(faces) - rgb).max() > 1e-3
    unscaled = OnnxJudge(configured(network, mean=0, std=1)).embed(faces)
    assert np.abs(unscaled - rgb).max() > 1e-3


def test_cosine_distance_and_mean(network):
    judge = OnnxJudge(configured(network))
    a, b = f32([1, 0]), f32([[2, 0], [0, 5], [-3, 0]])
    assert judge.distance(b, a) == pytest.approx([0, 1, 2])
    # Long embeddings weigh no more than short ones.
    assert judge.centre(f32([[10, 0], [0, 1]])) == pytest.approx([np.sqrt(0.5) / np.sqrt(2)] * 2)


def test_five_points_land_on_the_template():
    landmarks = np.zeros((478, 2), np.float32)
    angle, scale = 0.2, 2.5
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks[list(Landmarks.FIVE_POINTS)] = TEMPLATE @ turn.T + [90, 60]
    portrait = np.zeros((512, 512, 3), np.uint8)
    alignment = five_point_alignment(portrait, landmarks)
    placed = landmarks[list(Landmarks.FIVE_POINTS)] / 512 @ alignment[:, :2].T + alignment[:, 2]
    assert placed == pytest.approx(TEMPLATE, abs=1e-3)
    assert density_px(alignment) == pytest.approx(512 / scale, abs=1)


def test_arcface_alignment_is_insightfaces(portraits):
    from insightface.utils.face_align import norm_crop

    picture = portraits[0]
    landmarks = np.zeros((478, 2), np.float32)
    landmarks[list(Landmarks.FIVE_POINTS)] = f32([[98, 112], [158, 113], [128, 148], [104, 182], [152, 183]])
    theirs = norm_crop(picture, landmarks[list(Landmarks.FIVE_POINTS)] - 0.5, 112)
    mine = cut(picture, five_point_alignment(picture, landmarks), 112)
    inside = slice(8, -8)
    assert np.abs(theirs.astype(int) - mine)[inside, inside].mean() < 0.5


def test_sface_goes_through_opencv(faces, tmp_path):
    network = embedder(tmp_path / "sface.onnx", batch=1)  # as OpenCV's own is
    (judge,) = panel(["sface"], {"sface": network})
    theirs = cv2.FaceRecognizerSF.create(str(network), "")
    expected = np.concatenate(
        [theirs.feature(np.ascontiguousarray(face[..., ::-1])).copy() for face in faces[:5]]
    )
    assert judge.embed(faces[:5]) == pytest.approx(expected)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    assert judge.threshold == pytest.approx(1 - 0.363)


def test_a_whole_verdict_with_an_onnx_judge(network, portraits):
    judge = OnnxJudge(configured(network))
    landmarks = np.zeros((478, 2), np.float32)
    landmarks[list(Landmarks.FIVE_POINTS)] = f32([[98, 112], [158, 113], [128, 148], [104, 182], [152, 183]])
    reference = make_reference(judge, [(portraits[0], landmarks)])
    itself, other = judge_pictures(judge, reference, [portraits[0], portraits[4]])
    assert itself.distance < other.distance


def test_missing_or_wrong_onnx_is_told_in_one_line(tmp_path):
    text = tmp_path / "text.onnx"
    text.write_text("not a network")
    for make in (lambda path: OnnxJudge(configured(path)), SFaceJudge):
        for path in (tmp_path / "nowhere.onnx", text):
            with pytest.raises(WeightsError) as caught:
                make(path)
            assert path.name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(WeightsError, match="not pictures"):
        OnnxJudge(configured(embedder(tmp_path / "small.onnx"), input_px=96))


# --- the panel ---


def test_embedded_panel_has_a_binding_judge_and_one_more():
    judges = panel()
    assert [judge.name for judge in judges] == list(EMBEDDED) == ["dlib", "anthropometry"]
    assert [judge.binding for judge in judges] == [True, False]
    assert all(isinstance(judge, Judge) and judge.threshold_source for judge in judges)


def test_thresholds_are_named_operating_points_or_the_curators_own(network):
    strict, weak = panel(
        ["dlib", "mine"], thresholds={"dlib": "fmr-1e-3", "mine": 0.3}, configured=[configured(network)]
    )
    assert (strict.threshold, strict.fmr) == (0.545, 1e-3)
    assert (weak.threshold, weak.threshold_source) == (0.3, "set by the curator")
    assert panel(["dlib"])[0].fmr == 0.0057


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"names": ["facenet"]}, "no judge 'facenet'"),
        ({"names": []}, "at least one"),
        ({"names": ["dlib"], "thresholds": {"dlib": "fmr-1e-9"}}, "no operating point"),
        ({"names": ["dlib"], "thresholds": {"dlib": -1.0}}, "above 0"),
        ({"names": ["dlib"], "thresholds": {"dlib": float("inf")}}, "above 0"),
        ({"names": ["dlib"], "thresholds": {"dlib": float("nan")}}, "above 0"),
        ({"names": ["dlib"], "thresholds": {"dlip": 0.5}}, "no judge 'dlip'"),
    ],
)
def test_wrong_panels_are_refused(arguments, what):
    with pytest.raises(UsageError, match=what):
        panel(**arguments)


def test_a_visit_is_refused_where_no_judge_binds(astronaut):
    own = Search(threads=torch.get_num_threads())
    with pytest.raises(UsageError, match="a judge that binds: beside anthropometry name one of dlib, "):
        ModelBundle(Configuration(search=own, judging=Judging(panel=["anthropometry"])))
    small = Generator(z_dim=16, w_dim=16, resolution=16, channel_base=128, channel_max=8)
    with pytest.raises(UsageError, match="a judge that binds"):
        portray([astronaut], small, panel(["anthropometry"]), NormalisedLaplacianPyramid())


def test_the_registry_says_of_the_judges_what_they_are():
    for judge in panel():
        entry = JUDGES[judge.name]
        assert (judge.metric, judge.binding) == (entry.metric, entry.binding)
        assert judge.point == next(iter(entry.points.values()))


def test_the_registry_loads_no_judge_until_one_is_built():
    program = (
        "import sys; from engine.judges.registry import JUDGES, files_of; files_of(JUDGES); "
        "sys.exit(', '.join({'torch', 'dlib', 'cv2', 'onnxruntime', 'mediapipe'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_judges_without_their_weights_say_what_to_fetch():
    for name, known in JUDGES.items():
        if known.weights:
            with pytest.raises(WeightsError, match=f"weights fetch {known.weights[0]}"):
                panel([name])


def test_every_perturbation_reaches_the_judge(judge, portraits):
    alignment = judge.align(portraits[0], NO_LANDMARKS)
    seen = judge.describe(portraits[:2], alignment, [Perturbation(), *perturbations(0, 5)])
    assert seen.shape == (2, 6, 128)
    gaps = np.linalg.norm(seen[:, 1:] - seen[:, :1], axis=-1)
    assert (gaps > 0.01).all() and (gaps < 0.5).all()
