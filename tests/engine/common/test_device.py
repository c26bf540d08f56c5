"""Where the networks compute: the choice, and that nothing is left behind on the CPU.

GpuTensor is no GPU here: a fake one (`fake_gpu.py`) refuses what a GPU would refuse.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.gpu import steps
from benchmarks.gpu.graphs import drawing, search_step
from benchmarks.gpu.panel import random_layers
from benchmarks.gpu.visit import visits
from engine.border.continuum import Continuum
from engine.common import device
from engine.common.arrays import Pixels
from engine.common.errors import MachineError
from engine.faces.analyser import FaceAnalyser
from engine.finders import towards_others
from engine.finders.base import JudgeConstraint
from engine.finders.nearest import NearestFinder, NearestSettings, search_nearest
from engine.finders.registry import make_finders
from engine.inversion.projection import (
    Place,
    SearchSettings,
    Step,
    draw,
    fast_dtype,
    guess_place,
    median_face,
    search_latent,
    tune,
)
from engine.judges.base import Judge
from engine.judges.gradients import DifferentiableJudge
from engine.judges.judging import make_reference
from engine.judges.networks.dlib_network import read_layers
from engine.judges.networks.onnx_model import OnnxModel
from engine.judges.verifiers.dlib import DlibJudge, weights_folder
from engine.judges.verifiers.onnx import OnnxJudge
from engine.perceptual.distance import Distance
from engine.perceptual.encoder_features import EncoderFeatures
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.perceptual.lpips import LPIPS
from engine.perceptual.visible_change import VisibleChange
from engine.pipeline import people
from engine.pipeline.curves import JUDGED_PICTURES
from engine.pipeline.portrayal import Portrayal
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2 import network
from engine.stylegan2.encoder import Encoder
from engine.stylegan2.network import Generator, to_uint8
from engine.stylegan2.operations import upsample
from installation.settings.configuration import Configuration, Judging, Search
from installation.workers import models
from installation.workers.models import ModelBundle
from tests.conftest import REPO
from tests.engine.judges.test_gradients import CHANGES, MESH, recogniser, signed
from tests.support.fake_gpu import DeviceMismatch, GpuTensor, fake_gpu
from tests.support.judge_kit import Tints

CPU = torch.device("cpu")

# --- the choice


@pytest.fixture
def flags() -> Iterator[None]:
    """PyTorch's own settings, put back afterwards."""
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolutions.allow_tf32, products.allow_tf32, convolutions.deterministic
    yield
    convolutions.allow_tf32, products.allow_tf32, convolutions.deterministic = before


@pytest.mark.parametrize(
    ("wanted", "there", "found"),
    [("auto", True, "cuda:0"), ("auto", False, "cpu"), ("cpu", True, "cpu"), ("cuda", True, "cuda:0")],
)
def test_the_choice(monkeypatch, flags, wanted, there, found) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert device.choose(wanted) == torch.device(found)
    assert found == "cpu" or not torch.backends.cudnn.allow_tf32


def test_cuda_that_is_not_there_is_said_in_one_line(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MachineError, match=r'search\.device is "cuda".*kiosk doctor') as caught:
        ModelBundle(Configuration(search=Search(device="cuda")))
    assert caught.value.exit_code == 5 and "\n" not in str(caught.value)


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_half_precision_only_where_the_gpu_has_it(monkeypatch, native, dtype) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert fast_dtype(torch.device("cuda")) is dtype


def test_too_little_memory_is_said_in_one_line(monkeypatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ...")

    with pytest.raises(MachineError, match="GPU's memory is not enough") as caught, device.within_memory():
        full()
    assert "\n" not in str(caught.value)
    small = ModelBundle(Configuration(search=Search(threads=1), judging=Judging(panel=["dlib"])))
    monkeypatch.setattr(models, "portray", full)
    with pytest.raises(MachineError, match="GPU's memory is not enough"):
        small.portray([])
    monkeypatch.setattr(models, "load_generator", full)
    with pytest.raises(MachineError, match="GPU's memory is not enough"):
        ModelBundle(Configuration(search=Search(threads=1)))


@pytest.mark.slow
def test_the_benchmark_for_a_gpu_runs_where_little_is_installed() -> None:
    """With torch, numpy, Pillow, safetensors and opencv; what needs more is left out, and said to be."""
    code = """
import runpy, sys
for missing in ("dlib", "mediapipe", "scipy", "skimage", "pydantic", "onnx", "onnxruntime", "pygame"):
    sys.modules[missing] = None
sys.argv = ["gpu", "--device", "cpu", "--toy", "--minutes", "60"]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Left out: skimage is missing" in done.stdout and "across: left out" in done.stdout
    assert "dlib's network with random weights" in done.stdout
    assert "| float32 | plain | NormalisedLaplacianPyramid |" in done.stdout
    assert "s to the border (20 steps, 50 of tuning" in done.stdout
    assert "| 64 px | float32 | picture |" in done.stdout and "Failed" not in done.stdout


@pytest.mark.slow
def test_the_benchmark_for_a_gpu_times_whole_visits(capsys, monkeypatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    visits(CPU, toy=True, repeats=0, late=lambda share: False)
    text = capsys.readouterr().out
    embedded, random = text.split("| random weights, 64 px (no border) |")
    for part in (embedded, random):
        assert re.search(r"shutter to border\*\* \| \d", part)
        assert re.search(r"shutter to doppelgänger\*\* \| \d", part)
    assert "| nearest |" in embedded and "Border: t = " in embedded and "Border: none" in random


def test_the_benchmark_s_judge_costs_what_dlib_costs() -> None:
    """Where dlib is missing, a network of its architecture with random weights takes its place."""
    real = read_layers(weights_folder() / "dlib_face_recognition_resnet_model_v1.dat")
    shapes = [
        [(each.kind, each.numbers, each.weights.size) for each in one] for one in (real, random_layers())
    ]
    assert shapes[0] == shapes[1]


def test_the_benchmark_counts_what_a_visit_takes() -> None:
    assert (NearestSettings().steps, NearestSettings().k) == (steps.ACROSS, steps.ACROSS_K)
    assert JUDGED_PICTURES == steps.JUDGED_PICTURES
    assert PortrayalSettings().strip == Configuration().film.pictures == steps.STRIP


def test_what_is_recorded_has_its_inputs_written_to(generator) -> None:
    """The benchmark's works of fixed shapes, which CUDA graphs replay: what is written into their inputs is
    what they compute with."""
    other = median_face(generator).latent + 0.3 * torch.randn(1, generator.num_ws, 16)
    (picture,) = drawing(generator, torch.float32)(other)
    with torch.no_grad():
        assert torch.equal(picture, draw(generator, Place(other)))
    step = search_step(generator, torch.float32)
    shown, distance, gradient = step(other)
    assert torch.allclose(shown, picture, atol=1e-4)
    moved, nearer, _ = step(other - 0.01 * gradient / gradient.norm())
    assert nearer < distance and not torch.equal(moved, shown)


# --- the fake GPU refuses what a GPU refuses


def test_tensors_of_both_sides_do_not_mix() -> None:
    with fake_gpu() as gpu:
        there = torch.ones(2, 3, device=gpu, requires_grad=True)
        assert there.device == gpu and isinstance(there, GpuTensor)
        (slope,) = torch.autograd.grad((there * 2 + torch.tensor(1.0)).square().sum(), there)
        assert slope.device == gpu and slope.cpu().tolist() == [[12.0] * 3] * 2
        with pytest.raises(DeviceMismatch, match="both sides"):
            there + torch.ones(3)
        with pytest.raises(DeviceMismatch, match="both sides"):
            torch.nn.functional.linear(there, torch.ones(2, 3))
        with pytest.raises(DeviceMismatch, match="random"):
            torch.randn(3, device=gpu)
        with pytest.raises((RuntimeError, TypeError)):
            there.detach().numpy()


@pytest.mark.parametrize("where", ["network", "distance", "draw"])
def test_a_tensor_made_on_the_cpu_is_found(monkeypatch, generator, where) -> None:
    """The tests below would fail if somebody forgot to carry one over."""
    if where == "network":
        monkeypatch.setattr(network, "upsample", lambda x: upsample(x) + torch.zeros(3, 1, 1))
    if where == "draw":
        monkeypatch.setattr(torch, "zeros_like", lambda x, **_: torch.zeros(x.shape, requires_grad=True))

    def loss(pictures: torch.Tensor) -> torch.Tensor:
        away = pictures - torch.zeros(3, 1, 1) if where == "distance" else pictures
        return away.square().mean(dim=(1, 2, 3))

    with fake_gpu() as gpu, pytest.raises(DeviceMismatch, match="both sides"):
        next(search_latent(device.brought_to(generator, gpu), loss, SearchSettings(steps=2)))


@pytest.mark.parametrize("native", [False, True])
def test_a_processor_with_bfloat16_gets_a_copy_with_channels_last(monkeypatch, native: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    network = torch.nn.Conv2d(3, 5, 3)
    brought = device.brought_to(network, CPU)
    assert (brought is network) == (not native)
    assert brought.weight.is_contiguous(memory_format=torch.channels_last) == native
    assert torch.equal(brought.weight, network.weight)


# --- the way of a visit, on it


@pytest.fixture
def generator() -> Generator:
    """A small one that uses its noise, with the layout that it has on a GPU."""
    torch.manual_seed(4)
    small = Generator(z_dim=16, w_dim=16, resolution=32, channel_base=256, channel_max=16)
    small = small.requires_grad_(False).eval()
    small.synthesis.get_parameter("b16.conv1.noise_strength").fill_(0.3)
    small.mapping.w_avg.copy_(small.mapping(torch.randn(500, 16)).mean(dim=0))
    return small.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@pytest.fixture
def encoder(generator: Generator) -> Encoder:
    torch.manual_seed(5)
    small = Encoder(generator.num_ws, generator.w_dim, 4)
    small.basis.copy_(torch.randn(4, 16) / 10)
    return small.requires_grad_(False).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def distance(name: str, encoder: Encoder, where: torch.device) -> Distance:
    if name == "features":
        return EncoderFeatures(device.brought_to(encoder, where))
    if name == "lpips":
        torch.manual_seed(6)
        metric = LPIPS().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return device.brought_to(metric, where)
    return NormalisedLaplacianPyramid()


def searched(
    name: str, dtype: torch.dtype, generator: Generator, encoder: Encoder, where: torch.device
) -> Step:
    """The last step of a search and a tuning of a few steps, on that device."""
    generator, encoder = device.brought_to(generator, where), device.brought_to(encoder, where)
    assert generator.device == where
    target = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(7)).to(where)
    importance = torch.linspace(0.25, 1, 1024).view(1, 1, 32, 32).to(where)
    loss = distance(name, encoder, where).towards(target, importance)
    settings = SearchSettings(steps=6, tuning_steps=4, walk_steps=2, dtype=dtype)
    *_, found = search_latent(generator, loss, settings, guess_place(generator, encoder, target))
    assert "b16.conv1.noise_const" in found.place.offsets
    *_, tuned = tune(generator, loss, found.place, settings)
    return tuned


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["pyramid", "features", "lpips"])
def test_the_search_is_the_same_there(name, dtype, generator, encoder) -> None:
    here = searched(name, dtype, generator, encoder, CPU)
    with fake_gpu() as gpu:
        there = searched(name, dtype, generator, encoder, gpu)
        assert {one.device for one in (there.place.latent, *there.place.offsets.values())} == {gpu}
        assert there.loss == here.loss
        assert torch.equal(there.place.latent.cpu(), here.place.latent)
    assert type(there.picture) is torch.Tensor and torch.equal(there.picture, here.picture)


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> list[Judge]:
    path = recogniser(tmp_path_factory.mktemp("judges") / "any.onnx")
    return [DlibJudge(), OnnxJudge(OnnxModel(name="any", file=path, threshold=0.6, source="a test"))]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("size_px", [128, 256])  # as it is, and reduced first
def test_a_judge_is_differentiated_there_and_stays_here(judges, which, size_px, astronaut) -> None:
    import cv2

    judge = judges[which]
    own = judge.network_with_gradients()
    assert own is not None
    reference = make_reference(judge, [(astronaut, MESH)])
    picture = signed(cv2.resize(astronaut, (size_px, size_px), interpolation=cv2.INTER_AREA))

    def slope(where: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        seen = DifferentiableJudge(judge, own, reference, where)
        shown = picture.to(where).requires_grad_()
        distances = seen.distances(shown, CHANGES[:3] + CHANGES[-3:])
        (gradient,) = torch.autograd.grad(distances.mean(), shown)
        assert distances.device == gradient.device == where
        return distances.detach().cpu(), gradient.cpu()

    here = slope(CPU)
    with fake_gpu() as gpu:
        there = slope(gpu)
        assert {type(tensor) for tensor in own.state_dict().values()} == {torch.Tensor}  # the judge's own
    for a, b in zip(here, there, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-6)


def crossed(generator: Generator, where: torch.device, gradients: tuple[bool, ...]) -> tuple[Step, float]:
    """The last step of a search for the nearest picture, and the visible change it has come to."""
    generator = device.brought_to(generator, where)
    z = torch.randn(1, 16, generator=torch.Generator().manual_seed(8)).to(where)
    match = Place(generator.broadcast(generator.mapping(z)))
    picture = to_uint8(draw(generator, match))[0].numpy()
    importance = torch.linspace(0.25, 1, 1024).view(1, 1, 32, 32).to(where)
    with FaceAnalyser() as finder:
        change = VisibleChange(picture, importance, NormalisedLaplacianPyramid(), finder)
        constraints = []
        for i, known in enumerate(gradients):
            tints = Tints(f"judge {i}", 20.0, known)
            reference = make_reference(tints, [(picture, np.zeros((478, 2), np.float32))])
            constraints.append(JudgeConstraint(tints, reference, 20.2))
        settings = NearestSettings(steps=6, check_every=3)
        *_, last = search_nearest(generator, match, constraints, change, settings)
        return last, change.measure(last.picture.numpy()).total


@pytest.mark.parametrize("gradients", [(True, False), (True,)])
def test_the_shortest_way_across_is_the_same_there(generator, gradients) -> None:
    here, change_here = crossed(generator, CPU, gradients)
    with fake_gpu() as gpu:
        there, change_there = crossed(generator, gpu, gradients)
        assert there.place.latent.device == gpu
        assert torch.allclose(there.place.latent.cpu(), here.place.latent, rtol=1e-4, atol=1e-5)
    assert change_there == pytest.approx(change_here, rel=1e-3)


def test_pictures_of_places_come_back(monkeypatch, generator) -> None:
    """The continuum, the way towards other people, and these themselves."""
    monkeypatch.setattr(towards_others, "PEOPLE", 1)

    def found(where: torch.device) -> list[np.ndarray]:
        there = device.brought_to(generator, where)
        z = torch.randn(1, 16, generator=torch.Generator().manual_seed(9)).to(where)
        way = Continuum(there, median_face(there), Place(there.broadcast(there.mapping(z))))
        start = way.picture(0.5).astype(int)

        def apart(picture: Pixels) -> float:
            return float(np.abs(picture - start).mean())

        border = way.place(0.5)
        other = towards_others.nearest_towards_others(there, border, lambda p: [apart(p[0]) > 3], apart)
        assert other is not None
        assert people._random(there, 3).latent.device == where
        return [way.picture(0.3), other.picture]

    here = found(CPU)
    with fake_gpu() as gpu:
        there = found(gpu)
    assert all(np.array_equal(a, b) for a, b in zip(here, there, strict=True))


@pytest.mark.slow
def test_a_whole_visit_there(monkeypatch, astronaut) -> None:
    """With the embedded networks, from the photograph to the doppelgänger."""

    def visit() -> tuple[ModelBundle, Portrayal]:
        search = Search(steps=6, tuning="always", tuning_steps=3, threads=1)
        judging = Judging(panel=["dlib", "anthropometry"], perturbations=1)
        small = ModelBundle(
            Configuration(encoder="nobody-encoder", perceptual="features", search=search, judging=judging),
            for_stage=True,
        )
        nearest = NearestFinder(NearestSettings(steps=8, check_every=2))
        finders = (nearest, *make_finders(["on-the-way", "towards-others"]))
        still = replace(small.settings.search, dtype=torch.float32)
        small.settings = replace(small.settings, search=still, finders=finders, strip=4, nearest_strip=4)
        begun: list[Portrayal] = []
        found = small.portray([astronaut], on_part=begun.append)
        # First comes the leading judge's border, then the strip, then the doppelgänger, and last whom that
        # need not convince.
        assert [each.settled for each in begun] == [False, False, True]
        assert [[one.judge.name for one in each.judged] for each in begun] == [["dlib"]] * 3
        assert [one.judge.name for one in found.judged] == ["dlib", "anthropometry"]
        assert len(begun[0].strip.t) < len(begun[1].strip.t)
        assert begun[2].doppelganger is found.doppelganger
        assert begun[0].judged[0].curve == found.judged[0].curve
        return small, found

    here_bundle, here = visit()
    loaded = here_bundle.generator
    monkeypatch.setattr(models, "load_generator", lambda path: loaded)  # which uses `meta` itself
    with fake_gpu() as gpu:
        monkeypatch.setattr(models, "choose", lambda wanted: gpu)
        there_bundle, there = visit()
        assert there_bundle.encoder is not None
        assert there_bundle.generator.device == there_bundle.encoder.basis.device == gpu
        assert there.continuum.end.latent.device == gpu
    assert there.loss == pytest.approx(here.loss, rel=1e-3)
    assert np.abs(there.strip.pictures[-1].astype(int) - here.strip.pictures[-1]).max() <= 2
    assert (there.nearest is None) == (here.nearest is None)
