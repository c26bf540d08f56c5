"""The adversarial training at toy size: its steps, its starts, and the command."""

import argparse
import itertools
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from engine.common.errors import UsageError
from engine.stylegan2.checkpoint import load_generator, save_generator
from engine.stylegan2.network import Generator, Synthesis
from tests.conftest import REPO
from tests.support.fake_gpu import fake_gpu
from training.nobody import train
from training.nobody.adversarial import trainer
from training.nobody.adversarial.trainer import AdversarialTraining, evenly_spaced


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


def test_training_moves_both_networks_and_goes_on_where_it_ended(renders: Path, tmp_path: Path) -> None:
    args = arguments(renders, tmp_path / "run", path_length=2.0)
    training = AdversarialTraining(args)
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
    resumed = AdversarialTraining(args)
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
        training = AdversarialTraining(arguments(renders, tmp_path / "run", device=str(gpu), path_length=2.0))
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
    training = AdversarialTraining(arguments(renders, tmp_path / "run"))
    training.compile()
    before = copied(training.discriminator)
    training.step()
    assert changed(before, copied(training.discriminator))


def test_growing_keeps_the_pictures_and_gives_the_discriminator_a_head_start(
    renders: Path, tmp_path: Path
) -> None:
    small = AdversarialTraining(arguments(renders, tmp_path / "run"))
    small.save()
    large = AdversarialTraining(arguments(renders, tmp_path / "run", resolution=32))
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
        AdversarialTraining(arguments(renders, tmp_path / "run", start=tmp_path / "given.safetensors"))


def test_a_new_run_starts_from_a_given_generator(renders: Path, tmp_path: Path) -> None:
    given = Generator(40, 512, 16, 8192, 256, mapping_layers=3)
    save_generator(given, tmp_path / "given.safetensors", "given", half=False)
    training = AdversarialTraining(arguments(renders, tmp_path / "run", start=tmp_path / "given.safetensors"))
    assert training.generator_from_image > 0
    z = torch.randn(4, 40)
    with torch.no_grad():
        torch.testing.assert_close(training.generator(z), given(z, psi=0.7), atol=1e-4, rtol=1e-4)
    for name, tensor in given.synthesis.state_dict().items():
        if ".affine." not in name:
            assert torch.equal(tensor, training.generator.synthesis.state_dict()[name]), name
    assert not training.average_ramps
    training.save()
    resumed = AdversarialTraining(arguments(renders, tmp_path / "run", start=tmp_path / "given.safetensors"))
    torch.testing.assert_close(resumed.generator(z), given(z, psi=0.7), atol=0.05, rtol=0.05)
    assert not resumed.average_ramps


def test_the_generator_warms_up_when_it_begins_to_move(renders: Path, tmp_path: Path) -> None:
    """After the head start the discriminator is warm, and the generator is not."""
    training = AdversarialTraining(arguments(renders, tmp_path / "run"))
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
    training = AdversarialTraining(arguments(renders, tmp_path / "run"))
    assert training.average_ramps
    training.average_ramps = ramps
    bias = next(training.average.parameters())
    next(training.generator.parameters()).data.copy_(bias + 1)
    before = bias.clone()
    training._move_average()  # its half-life: a twentieth of 4 pictures, or 20,000
    assert float((bias - before).mean()) == pytest.approx(1.0 if ramps else 1.4e-4, rel=0.05)


def test_the_discriminator_compares_those_it_is_asked_about_in_its_usual_groups() -> None:
    cutouts = torch.arange(1143)
    assert evenly_spaced(cutouts, 57).tolist()[::55] == [0, 1142] and len(evenly_spaced(cutouts, 57)) == 56
    assert len(evenly_spaced(cutouts[:3], 64)) == 3 and len(evenly_spaced(cutouts[:7], 64)) == 4


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
    AdversarialTraining(arguments(renders, tmp_path / "run")).save()
    stored = (tmp_path / "run" / "generator.safetensors").read_bytes()
    with pytest.raises(SystemExit, match="no longer finite"):
        command(renders, tmp_path / "run", "--rate", "1e30")
    assert (tmp_path / "run" / "generator.safetensors").read_bytes() == stored


def test_a_network_that_broke_after_its_loss_was_told_is_not_saved(
    renders: Path, tmp_path: Path, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    AdversarialTraining(arguments(renders, tmp_path / "run")).save()
    stored = (tmp_path / "run" / "discriminator-1-of-1.safetensors").read_bytes()

    def broken(training: AdversarialTraining) -> None:
        training.steps += 1
        training.discriminator.out.weight.data.fill_(math.nan)

    monkeypatch.setattr(AdversarialTraining, "step", broken)
    monkeypatch.setattr(trainer, "HEAD_START_KIMG", math.inf)
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
