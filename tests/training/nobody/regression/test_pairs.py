"""Latents of renders, and renders warped to other shapes."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from tests.support.renders import RENDERS
from training.nobody.dataset import read_parameters
from training.nobody.regression.latents import ONE_SIDED_SHAPES, LatentSpace
from training.nobody.regression.reshape import GRID, SkinModel, another_shape, warp_fields, warped
from training.nobody.render.archive import parameters_of
from training.nobody.render.body.head import pose_head, shape_head
from training.nobody.render.description.person import Person
from training.nobody.render.description.population import draw_person
from training.nobody.render.description.shot import Shot, draw_shot
from training.nobody.render.scene.camera import solve_camera

SEED = 20_300
NOSE_TIP, CHIN = 30, 8


@pytest.fixture(scope="module")
def model(head_assets: Path) -> SkinModel:
    return SkinModel(head_assets)


@pytest.fixture(scope="module")
def parameters() -> dict:
    """As many people as the whole archive has: those in the repository, the others drawn from their seeds."""
    names = [f"{seed:06d}_0" for seed in range(20_000, 21_098)]
    return {name: parameters_of(name) for name in names} | read_parameters(RENDERS)


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
