"""Regression of renders from their numbers: warps to other shapes, latents that follow them, a small run."""

import argparse
import copy
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from engine.common.errors import UsageError
from engine.stylegan2.checkpoint import load_generator, save_generator
from engine.stylegan2.network import Generator
from tests.conftest import REPO, shared
from training.nobody import encode, regress, train
from training.nobody.latents import ONE_SIDED_SHAPES, LatentSpace, read_parameters
from training.nobody.render.body.head import pose_head, shape_head
from training.nobody.render.description.person import Person
from training.nobody.render.description.population import draw_person
from training.nobody.render.description.shot import Shot, draw_shot
from training.nobody.render.scene.camera import solve_camera
from training.nobody.reshape import GRID, SkinModel, another_shape, warp_fields, warped

SEED = 20_300
NOSE_TIP, CHIN = 30, 8


@pytest.fixture(scope="module")
def model() -> SkinModel:
    return SkinModel(shared("nobody/assets"))


@pytest.fixture(scope="module")
def parameters() -> dict:
    return read_parameters(shared("nobody/renders.tar"))


@pytest.fixture(scope="module")
def space(parameters: dict) -> LatentSpace:
    return LatentSpace([parameters[name] for name in sorted(parameters)])


def landmarks(model: SkinModel, person: Person, shot: Shot) -> np.ndarray:
    """(68, 2) in picture widths."""
    posed = pose_head(model, shape_head(model, person, shot), shot)
    return solve_camera(posed[model.landmarks], shot.distance).project(posed[model.landmarks])


def test_a_field_says_where_each_place_of_the_face_was(model: SkinModel) -> None:
    person, shot = draw_person(SEED), draw_shot(SEED, 0)
    shape = another_shape(person, np.random.default_rng(3), likeness=0.0)
    (field,) = warp_fields(model, person, shot, shape[None]).astype(float)
    before = landmarks(model, person, shot)
    after = landmarks(model, dataclasses.replace(person, shape=shape), shot)
    inner = slice(17, 68)  # the outline of the jaw is half hidden
    places = after[inner, ::-1].T * GRID - 0.5
    found = after[inner] + np.stack([map_coordinates(part, places, order=1) for part in field], 1)
    moved, missed = (
        np.linalg.norm(after - before, axis=1)[inner],
        np.linalg.norm(found - before[inner], axis=1),
    )
    assert moved.max() > 0.02
    assert np.median(missed) < 0.3 * np.median(moved)


def test_a_persons_own_shape_leaves_the_picture_as_it_is(model: SkinModel) -> None:
    person, shot = draw_person(SEED), draw_shot(SEED, 0)
    assert np.allclose(another_shape(person, np.random.default_rng(0), likeness=1.0), person.shape)
    field = torch.from_numpy(warp_fields(model, person, shot, person.shape[None]))
    cutouts = torch.randint(0, 255, (1, 4, 64, 64), dtype=torch.uint8)
    assert torch.equal(warped(cutouts, field), cutouts)


def test_other_shapes_are_as_varied_as_people_are() -> None:
    random = np.random.default_rng(0)
    people = [draw_person(seed) for seed in range(SEED, SEED + 300)]
    own = np.stack([person.shape for person in people]).std(0)
    for likeness in (0.0, 0.6):
        others = np.stack([another_shape(person, random, likeness) for person in people]).std(0)
        assert 0.9 < np.median(others / own) < 1.1


def test_latents_are_near_standard_normal_also_of_mirrored_and_reshaped_people(space: LatentSpace) -> None:
    shapes = np.stack([draw_person(seed).shape for seed in range(len(space.normal))])
    for normal in (space.normal, space.mirrored(space.normal), space.with_shapes(space.normal, shapes)):
        z = space.latents(normal)
        assert z.dtype == np.float32 and abs(z.mean()) < 0.05 and 0.9 < z.std() < 1.15


def test_the_renders_own_shapes_give_their_own_latents(space: LatentSpace, parameters: dict) -> None:
    shapes = np.array([parameters[name]["identity"]["c"] for name in sorted(parameters)])
    # Equal numbers lie anywhere among their equals, and at the limit of shapes there are many.
    missed = np.abs(space.with_shapes(space.normal, shapes) - space.normal)
    assert (missed < 0.02).mean() > 0.97


def test_mirroring_twice_changes_nothing(space: LatentSpace) -> None:
    mirrored = space.mirrored(space.normal)
    assert not np.allclose(mirrored, space.normal)
    assert np.allclose(space.mirrored(mirrored), space.normal)


def test_mirrored_numbers_tell_of_the_mirrored_picture(model: SkinModel) -> None:
    person, shot = draw_person(SEED), dataclasses.replace(draw_shot(SEED, 0), yaw=0.3)
    signs = np.ones(100)
    signs[list(ONE_SIDED_SHAPES)] = -1
    turned = dataclasses.replace(person, shape=person.shape * signs, asymmetry=-person.asymmetry)
    turned_shot = dataclasses.replace(
        shot, yaw=-shot.yaw, roll=-shot.roll, gaze=(-shot.gaze[0], shot.gaze[1])
    )
    here, there = landmarks(model, person, shot), landmarks(model, turned, turned_shot)
    for place in (NOSE_TIP, CHIN):
        assert np.allclose(here[place] * [-1, 1] + [1, 0], there[place], atol=0.01)
    assert abs(here[NOSE_TIP, 0] - 0.5) > 0.02  # this face is turned aside


def test_a_lamp_that_is_not_there_is_not_told_by_its_place(space: LatentSpace, parameters: dict) -> None:
    there = np.array(
        [any(light[2] == 30 for light in parameters[n]["shot"]["lights"]) for n in sorted(parameters)]
    )
    column = space.normal[:, space.names.index("rim_light0")]
    assert 0.1 < there.mean() < 0.9
    assert abs(column[there].mean() - column[~there].mean()) < 0.2


def test_a_run_learns_goes_on_grows_and_becomes_a_generator(
    renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regress, "SHAPES", 1)
    run = tmp_path / "run"

    def trained(
        resolution: int, minutes: float, last_block: bool = False, run: Path = run, start: Path | None = None
    ) -> list[dict]:
        regress.train(
            argparse.Namespace(
                renders=renders, run=run, assets=shared("nobody/assets"), resolution=resolution,
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
    generator = regress.new_generator(z_dim=16, resolution=8)
    regress.set_w_avg(generator)
    wide = copy.deepcopy(generator)
    regress.widen(wide, 0.7)
    z = torch.randn(4, 16)
    with torch.no_grad():
        for before, after in ((0.0, 0.0), (1.0, 0.7), (1.3, 0.91)):
            assert torch.allclose(generator(z, before), wide(z, after), atol=1e-4)
        assert not torch.allclose(generator(z, 0.7), wide(z, 0.7), atol=1e-2)


def test_empty_noise_changes_no_picture_and_training_begins_without_it() -> None:
    torch.manual_seed(0)
    generator = regress.new_generator(z_dim=16, resolution=8)
    quiet = copy.deepcopy(generator)
    regress.silence(quiet)
    z = torch.randn(2, 16)
    with torch.no_grad():
        assert torch.equal(generator(z), quiet(z))
        assert not torch.equal(quiet(z), quiet(z, noise_mode="random"))
        train.fill_empty_noise(quiet)
        assert torch.equal(generator(z), quiet(z)) and torch.equal(quiet(z), quiet(z, noise_mode="random"))
        used = copy.deepcopy(generator)
        used.synthesis.get_parameter("b8.conv1.noise_strength").fill_(0.2)
        train.fill_empty_noise(used)
        assert used.synthesis.get_parameter("b8.conv1.noise_strength") == 0.2


def load_checkpoint(run: Path) -> dict:
    return torch.load(run / "checkpoint.pt", weights_only=True)
