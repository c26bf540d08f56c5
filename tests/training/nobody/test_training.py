"""The adversarial training of the generator made of nobody, at toy size, and the figures it is judged by."""

import argparse
import itertools
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from engine.common.errors import UsageError
from engine.stylegan2.checkpoint import load_generator, save_generator
from engine.stylegan2.network import Generator, Synthesis
from tests.conftest import REPO
from tests.support.fake_gpu import fake_gpu
from training.nobody import evaluate, train
from training.nobody.augment import MAX_P, AdaptiveProbability, augment
from training.nobody.compose import COMPOSITION_DIMS, compose, compose_as_photographed, held_out, load_cutouts
from training.nobody.discriminator import Discriminator, TwiceDifferentiable, with_group_deviation


def arguments(renders: Path, run: Path, **changed: object) -> argparse.Namespace:
    run.mkdir(exist_ok=True)
    usual = {
        "renders": renders, "run": run, "start": None, "resolution": 16, "minutes": 0.5, "batch": 4,
        "rate": 0.0025, "gamma": 1.0, "path_length": 0.0, "device": "cpu", "float32": True, "compile": False,
        "threads": 1, "seed": 0, "start_truncation": 0.7,
    }  # fmt: skip
    return argparse.Namespace(**(usual | changed))


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(before[name], after[name]) for name in before)


def copied(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


# --- networks and augmentation ---


def published_logits(network: Discriminator, images: torch.Tensor) -> torch.Tensor:
    """The discriminator step by step as published: filter, then stride; each activation with its own gain."""

    def layer(x: torch.Tensor, convolution: Any, gain: float, stride: int = 1, act: bool = True):
        weight, bias = convolution.weight, convolution.bias
        kernel = weight.shape[-1]
        pad = kernel // 2 if kernel < 4 else 0
        if stride == 2:
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
            blur = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
            x, pad = F.conv2d(F.pad(x, [(kernel + 1) // 2] * 4), blur, groups=x.shape[1]), 0
        x = F.conv2d(x, weight / math.sqrt(weight[0].numel()), bias, stride=stride, padding=pad)
        return (F.leaky_relu(x, 0.2) * math.sqrt(2) if act else x) * gain

    x = layer(images, network.from_rgb, 1.0)
    for block in network.blocks.values():
        skip = layer(x, block.skip, math.sqrt(0.5), stride=2, act=False)
        x = skip + layer(layer(x, block.conv0, 1.0), block.conv1, math.sqrt(0.5), stride=2)
    x = layer(layer(with_group_deviation(x), network.conv, 1.0), network.fc, 1.0)
    return layer(x, network.out, 1.0, act=False).flatten()


def test_folded_discriminator_is_the_published_one() -> None:
    torch.manual_seed(0)
    network = Discriminator(32, channel_base=512, channel_max=32)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    images = torch.randn(8, 3, 32, 32)
    torch.testing.assert_close(network(images), published_logits(network, images), atol=1e-4, rtol=1e-4)


def test_second_derivatives_are_pytorchs_and_take_no_kernel_as_large_as_a_map(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """cuDNN is slow with such a kernel, or has no algorithm."""

    class Kernels(TorchDispatchMode):
        largest = 0

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            if operation is torch.ops.aten.convolution.default:
                self.largest = max(self.largest, args[1].shape[-1])
            return operation(*args, **(kwargs or {}))

    def penalised() -> tuple[dict[str, torch.Tensor], int]:
        network.zero_grad()
        with Kernels() as kernels:
            (slope,) = torch.autograd.grad(network(images).sum(), images, create_graph=True)
            slope.square().sum().backward()
        gradients = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
        return gradients, kernels.largest

    torch.manual_seed(0)
    network = Discriminator(32, channel_base=256, channel_max=16)
    images = torch.randn(4, 3, 32, 32).requires_grad_(True)
    own, largest = penalised()
    assert largest == 6
    monkeypatch.setattr(TwiceDifferentiable, "apply", F.conv2d)
    pytorchs, largest = penalised()
    assert largest == 32 and own.keys() == pytorchs.keys()
    for name, gradient in own.items():
        torch.testing.assert_close(gradient, pytorchs[name], atol=1e-4, rtol=1e-3)


def test_bfloat16_of_the_large_maps_changes_little() -> None:
    torch.manual_seed(0)
    network = Discriminator(128, channel_base=1024, channel_max=32)
    images = torch.rand(4, 3, 128, 128) * 2 - 1
    exact, half = network(images), network(images, torch.bfloat16)
    assert half.dtype == torch.float32 and not torch.equal(exact, half)
    torch.testing.assert_close(half, exact, atol=0.02, rtol=0.02)


def test_group_deviation_sees_pictures_that_are_all_alike() -> None:
    alike, different = torch.ones(8, 2, 4, 4), torch.randn(8, 2, 4, 4)
    assert with_group_deviation(alike)[:, 2].max() < 1e-3
    assert with_group_deviation(different)[:, 2].min() > 0.1


def test_augmentation_of_probability_0_changes_nothing() -> None:
    images = torch.rand(4, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(augment(images, torch.tensor(0.0)), images, atol=1e-5, rtol=0)


def test_augmentation_changes_pictures_and_lets_gradients_through() -> None:
    images = (torch.rand(8, 3, 32, 32) * 2 - 1).requires_grad_(True)
    augmented = augment(images, torch.tensor(1.0))
    assert ((augmented - images).abs().mean(dim=(1, 2, 3)) > 0.05).all()
    augmented.sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0


@pytest.mark.parametrize(("logit", "p"), [(1.0, MAX_P), (-1.0, 0.0)])
def test_probability_follows_the_sureness_of_the_discriminator(logit: float, p: float) -> None:
    probability = AdaptiveProbability(0.4, full_range_kimg=1.0, device=torch.device("cpu"))
    for _ in range(200):
        probability.observe(torch.full([8], logit))
    assert float(probability.p) == pytest.approx(p)


# --- pictures ---


def test_grounds_differ_and_faces_stay(renders: Path) -> None:
    _, cutouts = load_cutouts(renders, 64)
    same_person = cutouts[:1].expand(16, -1, -1, -1)
    pictures = compose_as_photographed(same_person, torch.Generator().manual_seed(0))
    assert pictures.shape == (16, 3, 64, 64) and pictures.abs().max() <= 1
    corner, nose = (
        pictures[:, :, :4, :4].mean(dim=(1, 2, 3)),
        pictures[:, :, 36:40, 30:34].mean(dim=(1, 2, 3)),
    )
    assert corner.std() > 2 * nose.std()
    again = compose_as_photographed(same_person, torch.Generator().manual_seed(0))
    assert torch.equal(pictures, again)


def test_compose_mirrors_where_its_draw_says_so(renders: Path) -> None:
    _, cutouts = load_cutouts(renders, 32)
    draw = torch.zeros(4, COMPOSITION_DIMS)
    draw[:, 6], mirrored = 1e-9, draw.clone()
    draw[:, 11], mirrored[:, 11] = 1, -1
    torch.testing.assert_close(compose(cutouts[:4], draw).flip(3), compose(cutouts[:4], mirrored))


def test_who_is_held_out_does_not_depend_on_who_else_there_is() -> None:
    names = [f"{i:06d}_0" for i in range(20000, 22000)]
    assert 60 < held_out(names).sum() < 140
    assert (held_out(names[::3]) == held_out(names)[::3]).all()


# --- checkpoints ---


def test_a_large_network_is_written_in_parts_and_read_again(tmp_path: Path) -> None:
    state = {f"t{i}": torch.randn(1024, 1024) for i in range(20)}
    train.save_in_parts(state, tmp_path, "d")
    files = list(tmp_path.iterdir())
    assert len(files) == 3 and all(path.stat().st_size < 16 * 2**20 for path in files)
    loaded = train.load_parts(tmp_path, "d")
    assert loaded.keys() == state.keys()
    torch.testing.assert_close(loaded["t7"].float(), state["t7"], atol=2e-3, rtol=1e-3)
    train.save_in_parts({"t0": state["t0"]}, tmp_path, "d")
    assert [path.name for path in tmp_path.iterdir()] == ["d-1-of-1.safetensors"]


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    train.save_in_parts({f"t{i}": torch.randn(1024, 1024) for i in range(20)}, tmp_path, "d")
    (tmp_path / "d-2-of-3.safetensors").unlink()
    with pytest.raises(UsageError, match="2 of 3"):
        train.load_parts(tmp_path, "d")


def test_files_of_the_real_size_stay_under_16_mib(tmp_path: Path) -> None:
    save_generator(Generator(512, 512, 256, 8192, 256, train.MAPPING_LAYERS), tmp_path / "g.safetensors", "g")
    train.save_in_parts(Discriminator(256).state_dict(), tmp_path, "d")
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 16 * 2**20


# --- training ---


def test_training_moves_both_networks_and_goes_on_where_it_ended(renders: Path, tmp_path: Path) -> None:
    args = arguments(renders, tmp_path / "run", path_length=2.0)
    training = train.Training(args)
    generator, discriminator = copied(training.generator), copied(training.discriminator)
    average = copied(training.average)
    for _ in range(5):
        training.step()
    reading = training.reading()
    assert {"loss_d", "loss_g", "r1", "path_length", "p", "r_t", "by_heart"} <= reading.keys()
    assert all(math.isfinite(value) for value in reading.values())
    assert changed(generator, copied(training.generator))
    assert changed(discriminator, copied(training.discriminator))
    assert changed(average, copied(training.average))
    training.save()

    loaded = load_generator(args.run / "generator.safetensors")
    assert loaded.resolution == 16 and loaded.mapping.w_avg.abs().sum() > 0
    assert loaded(torch.randn(2, loaded.z_dim)).isfinite().all()
    resumed = train.Training(args)
    assert resumed.images == 20 and resumed.generator_from_image == 20
    assert float(resumed.path_length) == pytest.approx(float(training.path_length))
    torch.testing.assert_close(
        resumed.discriminator.out.weight, training.discriminator.out.weight, atol=1e-3, rtol=1e-3
    )
    resumed.step()
    assert resumed.images == 24


def test_trains_on_a_gpu_and_waits_for_it_only_to_report(renders: Path, tmp_path: Path) -> None:
    """A fake one: nothing is left on the CPU, and steps follow each other without a look at results."""
    waits: list[str] = []
    with fake_gpu(may_draw=True, waits=waits) as gpu:
        training = train.Training(arguments(renders, tmp_path / "run", device=str(gpu), path_length=2.0))
        training.dtype = torch.bfloat16
        waits.clear()
        training.step()
        assert waits == []
        assert all(math.isfinite(value) for value in training.reading().values())
        assert waits
        training.save()
        assert {one.device for one in training.average.state_dict().values()} == {gpu}
    assert load_generator(tmp_path / "run" / "generator.safetensors").resolution == 16


def test_goes_on_without_compilation_where_it_fails(
    renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is compiled for drawing may still fail where a gradient is wanted."""

    def compiled(network: torch.nn.Module) -> Callable[..., torch.Tensor]:
        def call(*inputs: Any) -> torch.Tensor:
            if torch.is_grad_enabled() and isinstance(network, Synthesis):
                raise RuntimeError("the backward graph could not be compiled")
            return network(*inputs)

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    training = train.Training(arguments(renders, tmp_path / "run"))
    training.compile()
    before = copied(training.discriminator)
    training.step()
    assert changed(before, copied(training.discriminator))


def test_growing_keeps_the_pictures_and_gives_the_discriminator_a_head_start(
    renders: Path, tmp_path: Path
) -> None:
    small = train.Training(arguments(renders, tmp_path / "run"))
    small.save()
    large = train.Training(arguments(renders, tmp_path / "run", resolution=32))
    z = torch.randn(2, small.average.z_dim)
    with torch.no_grad():
        before = small.average(z, noise_mode="none")
        after = F.avg_pool2d(large.average(z, noise_mode="none"), 2)
    assert (before - after)[:, :, 2:-2, 2:-2].abs().mean() < 0.3 * before.std()  # enlarging blurs
    generator, discriminator = copied(large.generator), copied(large.discriminator)
    large.step()
    assert not changed(generator, copied(large.generator))
    assert changed(discriminator, copied(large.discriminator))


def test_a_run_does_not_shrink(renders: Path, tmp_path: Path) -> None:
    given = Generator(40, 512, 32, 8192, 256, mapping_layers=2)
    save_generator(given, tmp_path / "given.safetensors", "given")
    with pytest.raises(UsageError, match="32 px already"):
        train.Training(arguments(renders, tmp_path / "run", start=tmp_path / "given.safetensors"))


def test_a_new_run_starts_from_a_given_generator(renders: Path, tmp_path: Path) -> None:
    given = Generator(40, 512, 16, 8192, 256, mapping_layers=3)
    save_generator(given, tmp_path / "given.safetensors", "given", half=False)
    training = train.Training(arguments(renders, tmp_path / "run", start=tmp_path / "given.safetensors"))
    assert training.generator_from_image > 0
    z = torch.randn(4, 40)
    with torch.no_grad():
        torch.testing.assert_close(training.generator(z), given(z, psi=0.7), atol=1e-4, rtol=1e-4)
    for name, tensor in given.synthesis.state_dict().items():
        if ".affine." not in name:
            assert torch.equal(tensor, training.generator.synthesis.state_dict()[name]), name
    assert not training.average_ramps
    training.save()
    resumed = train.Training(arguments(renders, tmp_path / "run", start=tmp_path / "given.safetensors"))
    torch.testing.assert_close(resumed.generator(z), given(z, psi=0.7), atol=0.05, rtol=0.05)
    assert not resumed.average_ramps


def test_the_generator_warms_up_when_it_begins_to_move(renders: Path, tmp_path: Path) -> None:
    """After the head start the discriminator is warm, and the generator is not."""
    training = train.Training(arguments(renders, tmp_path / "run"))
    training.steps, training.generator_from_image = 500, 8
    rates = []
    for _ in range(4):
        training.step()
        optimisers = training.discriminator_optimiser, training.generator_optimiser
        rates.append([one.param_groups[0]["lr"] / one.defaults["lr"] for one in optimisers])
    assert [rate for rate, _ in rates] == [1.0] * 4
    assert [rate for _, rate in rates[2:]] == pytest.approx([0.01, 0.02])


@pytest.mark.parametrize("ramps", [True, False])
def test_the_average_of_what_was_taught_forgets_slowly(renders: Path, tmp_path: Path, ramps: bool) -> None:
    training = train.Training(arguments(renders, tmp_path / "run"))
    assert training.average_ramps
    training.average_ramps = ramps
    bias = next(training.average.parameters())
    next(training.generator.parameters()).data.copy_(bias + 1)
    before = bias.clone()
    training._move_average()  # its half-life: a twentieth of 4 pictures, or 20,000
    assert float((bias - before).mean()) == pytest.approx(1.0 if ramps else 1.4e-4, rel=0.05)


def test_the_discriminator_compares_those_it_is_asked_about_in_its_usual_groups() -> None:
    cutouts = torch.arange(1143)
    assert train.some_of(cutouts, 57).tolist()[::55] == [0, 1142] and len(train.some_of(cutouts, 57)) == 56
    assert len(train.some_of(cutouts[:3], 64)) == 3 and len(train.some_of(cutouts[:7], 64)) == 4


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the command on a clock on which every look takes one second."""

    def run(*words: object) -> int:
        seconds = itertools.count()
        monkeypatch.setattr(train, "elapsed_s", lambda: float(next(seconds)))
        monkeypatch.setattr(train, "REPORT_S", 8.0)
        monkeypatch.setattr(train, "SAVE_S", 12.0)
        usual = [
            "--resolution",
            "16",
            "--batch",
            "4",
            "--minutes",
            "0.45",
            "--device",
            "cpu",
            "--threads",
            "1",
        ]
        return train.main([str(word) for word in (*words[:2], *usual, *words[2:])])

    return run


def test_the_command_ends_in_time_and_writes_everything(
    renders: Path, tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert command(renders, run) == 0
    files = {
        "generator.safetensors",
        "discriminator-1-of-1.safetensors",
        "state.json",
        "log.jsonl",
        "samples.jpg",
    }
    assert {path.name for path in run.iterdir()} == files
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert len(log) > 1 and log[-1]["kimg"] == json.loads((run / "state.json").read_text())["images"] / 1000
    assert "ms_per_step" in capsys.readouterr().out.splitlines()[-len(log) - 1]
    assert command(renders, run) == 0
    assert json.loads((run / "state.json").read_text())["images"] > log[-1]["kimg"] * 1000


def test_a_run_that_breaks_keeps_its_last_checkpoint(
    renders: Path, tmp_path: Path, command: Callable[..., int]
) -> None:
    train.Training(arguments(renders, tmp_path / "run")).save()
    stored = (tmp_path / "run" / "generator.safetensors").read_bytes()
    with pytest.raises(SystemExit, match="no longer finite"):
        command(renders, tmp_path / "run", "--rate", "1e30")
    assert (tmp_path / "run" / "generator.safetensors").read_bytes() == stored


def test_a_network_that_broke_after_its_loss_was_told_is_not_saved(
    renders: Path, tmp_path: Path, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    train.Training(arguments(renders, tmp_path / "run")).save()
    stored = (tmp_path / "run" / "discriminator-1-of-1.safetensors").read_bytes()

    def broken(training: train.Training) -> None:
        training.steps += 1
        training.discriminator.out.weight.data.fill_(math.nan)

    monkeypatch.setattr(train.Training, "step", broken)
    monkeypatch.setattr(train, "HEAD_START_KIMG", math.inf)
    with pytest.raises(SystemExit, match="no longer finite"):
        command(renders, tmp_path / "run")
    assert (tmp_path / "run" / "discriminator-1-of-1.safetensors").read_bytes() == stored


def test_too_few_renders_are_refused(
    renders: Path, tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "few").mkdir()
    for path in sorted(renders.glob("*.webp"))[:5]:
        shutil.copy(path, tmp_path / "few")
    assert command(tmp_path / "few", tmp_path / "run") == 2
    assert "too few" in capsys.readouterr().err


# --- figures ---


@pytest.fixture(scope="session")
def people_twice(renders: Path) -> tuple[np.ndarray, np.ndarray]:
    """24 people as uint8 (24, 128, 128, 3), and the same people before other grounds and in other light."""
    _, cutouts = load_cutouts(renders, 128)
    random = torch.Generator().manual_seed(0)
    first, second = (
        evaluate.to_uint8(compose_as_photographed(cutouts[:24], random)).numpy() for _ in range(2)
    )
    return first, second


def test_training_renders_themselves_count_as_learned_by_heart(
    people_twice: tuple[np.ndarray, np.ndarray],
) -> None:
    (judge,) = evaluate.panel(["dlib"])
    (known, known_mirrored), (again, mirrored) = (
        evaluate.both_ways(judge, pictures) for pictures in people_twice
    )
    assert evaluate.share_learned_by_heart(again, mirrored, known) >= 0.9
    assert evaluate.share_alike(known, known_mirrored) <= 0.1
    twice = np.concatenate([known, again]), np.concatenate([known_mirrored, mirrored])
    assert evaluate.share_alike(*twice) >= 0.9
    assert evaluate.share_learned_by_heart(again[:12], mirrored[:12], known[12:]) <= 0.1
    assert evaluate.share_of_strangers(known) > 0.5
    assert evaluate.share_of_strangers(np.repeat(known[:1], 5, axis=0)) == 0


def test_frechet_distance_is_zero_for_the_same_and_grows_with_a_shift() -> None:
    features = np.random.default_rng(0).standard_normal((500, 16))
    assert evaluate.frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
    assert evaluate.frechet_distance(features, features + 0.5) == pytest.approx(16 * 0.25, rel=1e-6)
    assert evaluate.frechet_distance(features, 2 * features) > 1


def test_faces_are_counted_and_noise_has_none(people_twice: tuple[np.ndarray, np.ndarray]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (4, 128, 128, 3), dtype=np.uint8)
    with evaluate.FaceAnalyser() as finder:
        assert evaluate.share_with_one_face(finder, people_twice[0][:8]) == 1
        assert evaluate.share_with_one_face(finder, noise) == 0


def test_who_is_refused_last_is_told_too(tmp_path: Path) -> None:
    nobody = {"a wall": np.full((256, 256, 3), 128, np.uint8)}
    generator = Generator(16, 16, 16, channel_base=128, channel_max=8)
    rows = evaluate.search_all(generator, nobody, set(), tmp_path)
    assert rows[0]["refused"] and json.loads((tmp_path / "searches.json").read_text()) == rows


def test_skin_lightness_and_probe(renders: Path) -> None:
    names, cutouts = load_cutouts(renders, 64)
    pictures = evaluate.to_uint8(compose_as_photographed(cutouts, torch.Generator().manual_seed(0))).numpy()
    assert evaluate.skin_lightness(pictures // 2).mean() < evaluate.skin_lightness(pictures).mean() - 10
    long_hair = evaluate.looks(renders, names)["long hair"]
    probe = evaluate.Probe(pictures, long_hair)
    assert probe.auc > 0.85
    assert probe.share(pictures[long_hair]) > 0.6 > 0.2 > probe.share(pictures[~long_hair])


def test_search_figures_fail_where_a_match_is_far_or_a_border_missing() -> None:
    good = {"sitter": "a", "median": 0.7, "w_plus": 0.4, "tuned": None, "border_t": 0.3}
    photograph = {"sitter": "b", "median": 0.8, "w_plus": 0.55, "tuned": 0.3, "border_t": 0.4}
    refused = {"sitter": "c", "refused": "no face"}

    def failed(*rows: Mapping[str, Any]) -> list[str]:
        return [figure.name for figure in evaluate.search_figures(rows, 0.6) if figure.holds is False]

    assert failed(good, photograph) == []
    assert failed(good, photograph, refused) == ["sitters without a usable face"]
    far, no_border = good | {"w_plus": 0.52}, photograph | {"border_t": None}
    wanted = ["unseen renders, W+: largest distance at the match", "of them, with a border"]
    assert failed(far, no_border) == wanted


@pytest.mark.parametrize("program", ["train", "encode"])
def test_trains_where_there_is_no_opencv_and_no_renderer(program: str) -> None:
    """What docs/training.md counts up is enough."""
    code = f"""
import sys
sys.modules |= {{name: None for name in ("cv2", "scipy", "training.nobody.render", "mediapipe")}}
import training.nobody.{program}
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
