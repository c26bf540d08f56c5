"""The training by regression at toy size, and what is done to its generators."""

import argparse
import copy
import json
import sys
from pathlib import Path

import pytest
import torch

from engine.common.errors import UsageError
from engine.stylegan2.checkpoint import load_generator, save_generator
from engine.stylegan2.network import Generator
from tests.conftest import REPO
from training.nobody import encode, regress
from training.nobody.generators import (
    clear_noise_maps,
    fill_empty_noise_maps,
    new_generator,
    rescale_truncation,
    set_w_avg,
)
from training.nobody.regression import pairs


def test_a_run_learns_goes_on_grows_and_becomes_a_generator(
    renders: Path, head_assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "SHAPES", 1)
    run = tmp_path / "run"

    def trained(
        resolution: int, minutes: float, last_block: bool = False, run: Path = run, start: Path | None = None
    ) -> list[dict]:
        regress.train(
            argparse.Namespace(
                renders=renders, run=run, assets=head_assets, resolution=resolution,
                minutes=minutes, batch=8, rate=0.006, threads=1, report_s=1000, bfloat16=False,
                last_block=last_block, start=start, psi=0.7,
            )
        )  # fmt: skip
        return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]

    trained(8, 0.02)
    log = trained(8, 0.15)
    assert log[1]["images"] > log[0]["images"] and log[1]["loss"] < log[0]["loss"]
    before = load_checkpoint(run)
    trained(8, 1e-4)  # one batch
    after, name = load_checkpoint(run), "synthesis.b8.conv1.weight"
    gone, left = ((after[which][name] - before["average"][name]).norm() for which in ("average", "generator"))
    assert 0 < gone < 0.3 * left, "the average goes on, it does not begin anew"

    before = load_checkpoint(run)
    log = trained(16, 0.0)
    assert log[3]["images"] == log[2]["images"], "no time, no picture"
    assert torch.equal(load_checkpoint(run)["codes"], before["codes"])

    before = load_checkpoint(run)
    trained(16, 0.02, last_block=True)
    after = load_checkpoint(run)
    assert torch.equal(after["codes"], before["codes"])
    moved = {
        name for name, tensor in before["average"].items() if not torch.equal(tensor, after["average"][name])
    }
    assert moved and all(name.startswith("synthesis.b16.") for name in moved - {"mapping.w_avg"})

    exported = tmp_path / "nobody.safetensors"
    regress.export(argparse.Namespace(run=run, export=exported, psi=0.7))
    generator = load_generator(exported)
    assert generator.resolution == 16
    w = generator.mapping(torch.randn(4000, generator.z_dim))
    assert torch.allclose(w.mean(0), generator.mapping.w_avg, atol=0.1 * float(w.std()))

    trained(16, 0.0, run=tmp_path / "another", start=exported)
    begun = copy.deepcopy(generator)
    begun.load_state_dict(load_checkpoint(tmp_path / "another")["generator"])
    z = torch.randn(4, generator.z_dim)
    with torch.no_grad():
        shown, learned = generator(z, 0.7, noise_mode="none"), begun(z, noise_mode="none")
    assert torch.allclose(shown, learned, atol=1e-3), "it goes on with what had been learned"
    trained(16, 0.0, start=exported)
    assert torch.equal(load_checkpoint(run)["codes"], before["codes"]), "a run that is there goes on"

    kept = (run / "checkpoint.pt").read_bytes()
    with pytest.raises(UsageError, match="does not fit a generator of 8 px"):
        trained(8, 0.0)
    assert (run / "checkpoint.pt").read_bytes() == kept, "finer blocks are not lost"
    trained(8, 0.0, run=tmp_path / "smaller", start=exported)
    assert "synthesis.b16.conv1.weight" not in load_checkpoint(tmp_path / "smaller")["generator"]
    deeper = Generator(generator.z_dim, 512, 8, channel_base=8192, channel_max=256, mapping_layers=3)
    save_generator(deeper, tmp_path / "deeper.safetensors", "deeper")
    with pytest.raises(UsageError, match="with 2 mapping layers"):
        trained(8, 0.0, run=tmp_path / "other", start=tmp_path / "deeper.safetensors")


def test_there_is_nothing_to_export_of_a_folder_without_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["renders.tar", str(tmp_path), "--export", str(tmp_path / "out.safetensors")]
    monkeypatch.setattr(sys, "argv", ["regress.py", *words])
    assert regress.main() == 2
    assert encode.main([str(REPO / "weights" / "nobody.safetensors"), *words]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and "checkpoint.pt: is not there" in told[0] and "encoder.pt: is not" in told[1]


def test_widening_moves_truncation_and_changes_no_picture() -> None:
    torch.manual_seed(0)
    generator = new_generator(z_dim=16, resolution=8)
    set_w_avg(generator)
    wide = copy.deepcopy(generator)
    rescale_truncation(wide, 0.7)
    z = torch.randn(4, 16)
    with torch.no_grad():
        for before, after in ((0.0, 0.0), (1.0, 0.7), (1.3, 0.91)):
            assert torch.allclose(generator(z, before), wide(z, after), atol=1e-4)
        assert not torch.allclose(generator(z, 0.7), wide(z, 0.7), atol=1e-2)


def test_empty_noise_changes_no_picture_and_training_begins_without_it() -> None:
    torch.manual_seed(0)
    generator = new_generator(z_dim=16, resolution=8)
    quiet = copy.deepcopy(generator)
    clear_noise_maps(quiet)
    z = torch.randn(2, 16)
    with torch.no_grad():
        assert torch.equal(generator(z), quiet(z))
        assert not torch.equal(quiet(z), quiet(z, noise_mode="random"))
        fill_empty_noise_maps(quiet)
        assert torch.equal(generator(z), quiet(z)) and torch.equal(quiet(z), quiet(z, noise_mode="random"))
        used = copy.deepcopy(generator)
        used.synthesis.get_parameter("b8.conv1.noise_strength").fill_(0.2)
        fill_empty_noise_maps(used)
        assert used.synthesis.get_parameter("b8.conv1.noise_strength") == 0.2


def load_checkpoint(run: Path) -> dict:
    return torch.load(run / "checkpoint.pt", weights_only=True)
